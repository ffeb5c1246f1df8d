"""The whole program on Pulumi's mocks: what it declares, without an engine and without AWS."""

import json
import runpy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks
from pulumi.runtime.mocks import MockMonitor

ROOT = Path(__file__).parent.parent.parent
PROJECT = "ai-video-codec-dashboard"
ACCOUNT = "123456789012"


@dataclass
class Program:
    """What a run of `__main__.py` has declared."""

    resources: list[MockResourceArgs] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    """What stays in AWS where the stack goes, as `aws:s3/bucket:Bucket site`."""
    imported: dict[str, str] = field(default_factory=dict)
    """The ids of things that were there before, likewise."""
    dependencies: dict[str, set[str]] = field(default_factory=dict)
    """What the engine deploys before a resource, as `aws:s3/bucket:Bucket site`, by the resource's type."""

    def all(self, type_: str) -> list[dict[str, Any]]:
        """The inputs of each resource of a type such as `aws:s3/bucket:Bucket`."""
        return [resource.inputs for resource in self.resources if resource.typ == type_]

    def one(self, type_: str, **inputs: Any) -> dict[str, Any]:
        """The inputs of the only resource of a type with these inputs."""
        found = [declared for declared in self.all(type_) if inputs.items() <= declared.items()]
        assert len(found) == 1, f"{len(found)} resources of {type_} with {inputs}"
        return found[0]

    def named(self, type_: str, name: str) -> dict[str, Any]:
        """The inputs of the only resource of a type with this name of Pulumi's."""
        (found,) = [resource.inputs for resource in self.resources if (resource.typ, resource.name) == (type_, name)]
        return found

    def policies(self) -> dict[str, list[dict[str, Any]]]:
        """The statements of each IAM and bucket policy, by resource name."""
        types = ("aws:iam/rolePolicy:RolePolicy", "aws:s3/bucketPolicy:BucketPolicy")
        return {
            resource.name: json.loads(resource.inputs["policy"])["Statement"]
            for resource in self.resources
            if resource.typ in types
        }


class RecordingMocks(Mocks):
    """Answers as AWS would, as far as one resource's outputs are another's inputs."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self._program.resources.append(args)
        kind = args.typ.rsplit(":", 1)[-1]
        given = {"arn": f"arn:aws:{kind}:{args.name}", "region": "us-east-1"}
        outputs = {**given, **args.inputs, **self._computed(kind, args)}
        return f"{kind}-{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        answers = {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getRegion:getRegion": {"region": "us-east-1"},
        }
        return answers[args.token], []

    @staticmethod
    def _computed(kind: str, args: MockResourceArgs) -> dict[str, Any]:
        name = args.name
        proof = {"resourceRecordName": "_x", "resourceRecordType": "CNAME", "resourceRecordValue": "_y"}
        computed: dict[str, dict[str, Any]] = {
            "Alias": {"invokeArn": f"invoke:{name}"},
            "Api": {"executionArn": f"execution:{name}"},
            "Bucket": {"bucketRegionalDomainName": f"{name}.s3.us-east-1.amazonaws.com"},
            "Certificate": {"domainValidationOptions": [proof]},
            "Distribution": {"domainName": "d111.cloudfront.net", "hostedZoneId": "Z2FDTNDATAQYW2"},
            "Function": {"version": "$LATEST", "codeSha256": args.inputs.get("codeSha256")},
            "ReleaseGate": {
                "approved_version": args.inputs.get("rolled_back_to") or "7",
                "approved_code_sha256": args.inputs.get("code_sha256"),
                "snapshots": [{"versions": 2, "memory_mb": 512}],
            },
            "ReleaseProof": {"record": {"release": "r1"}},
            "Queue": {"url": f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{args.inputs.get('name')}"},
            "Record": {"fqdn": "_x.aiv1codec.com"},
            "Table": {"arn": f"arn:aws:Table:{args.inputs.get('name')}"},
            "UserPool": {"endpoint": "cognito-idp.us-east-1.amazonaws.com/pool"},
            "Vpc": {"defaultRouteTableId": "rtb-workers"},
            "Stage": {"invokeUrl": f"https://abc.execute-api.us-east-1.amazonaws.com/{name}"},
        }
        return computed.get(kind, {})


class RecordingMonitor(MockMonitor):
    """Notes what each resource depends on, which mocks aren't told."""

    def __init__(self, program: Program) -> None:
        super().__init__(RecordingMocks(program))
        self._program = program

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 gRPC's name
        urns = [urn.split("::") for urn in request.dependencies]
        before = {f"{types.rpartition('$')[2]} {name}" for _, _, types, name in urns}
        self._program.dependencies.setdefault(request.type, set()).update(before)
        if request.retainOnDelete:
            self._program.kept.add(f"{request.type} {request.name}")
        if request.importId:
            self._program.imported[f"{request.type} {request.name}"] = request.importId
        untyped: Any = super()
        return untyped.RegisterResource(request)


@pytest.fixture
def run_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Program]]:
    """Run `__main__.py` for a stack, with its configuration file's values and those given."""
    monkeypatch.chdir(ROOT)

    def run(stack: str, **config: Any) -> Program:
        program = Program()
        monitor = RecordingMonitor(program)
        pulumi.runtime.set_mocks(monitor.mocks, project=PROJECT, stack=stack, preview=False, monitor=monitor)
        pulumi.runtime.set_all_config({**_stack_config(stack), **{f"{PROJECT}:{key}": v for key, v in config.items()}})
        monkeypatch.setattr(pulumi, "export", lambda name, value: program.outputs.update({name: value}))
        _run_main()
        return program

    yield run
    pulumi.runtime.set_all_config({})


def _run_main() -> None:
    untyped: Any = getattr(pulumi.runtime, "test")  # noqa: B009 mypy would find it untyped
    untyped(_main)()


def _main() -> None:
    runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")


def _stack_config(stack: str) -> dict[str, str]:
    """As the engine hands it to the program: every value as text, structured ones as JSON."""
    file = ROOT / f"Pulumi.{stack}.yaml"
    config = yaml.safe_load(file.read_text())["config"] if file.exists() else {}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}
