"""`make verify` on the embedded AWS: a deployment as git says is found so, and whatever is changed by hand is named."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.static_site import CACHE_CONTROL, CONTENT_TYPES
from operations.checks.look import PERMISSIONS
from tests.project_copy import ProjectCopy


@dataclass
class Deployed:
    """The project as in git, deployed; its AWS, to be changed by hand."""

    project: ProjectCopy
    outputs: dict[str, Any]

    def __post_init__(self) -> None:
        self.function = self.outputs["renderer_function"]
        self.functions, self.objects, self.cdn, self.users = (
            self.project.emulator.client(service) for service in ("lambda", "s3", "cloudfront", "iam")
        )

    def verify(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the command, with the outputs given; it never prints a traceback."""
        command = [sys.executable, "-m", "operations.verify", "--port", str(self.project.port), *arguments]
        outputs = json.dumps(self.outputs) if "--outputs" in arguments else ""
        result = subprocess.run(
            command, cwd=self.project.folder, input=outputs, capture_output=True, text=True, check=False
        )
        assert "Traceback" not in result.stderr, result.stderr
        return result

    def crosses(self) -> dict[str, dict[str, Any]]:
        """The checks that found a difference, by name; the exit code says the same."""
        result = self.verify("--outputs", "-", "--json")
        document = json.loads(result.stdout)
        differing = {check["name"]: check for check in document["checks"] if not check["ok"]}
        assert document["could_not_look"] == []
        assert (result.returncode, document["ok"]) == ((1, False) if differing else (0, True))
        return differing

    def move_alias(self, version: str) -> None:
        self.functions.update_alias(FunctionName=self.function, Name="live", FunctionVersion=version)

    def put(self, key: str, body: bytes | None = None) -> None:
        """Write an object: the file in git, or other content."""
        file = self.project.folder / "dashboard" / key
        self.objects.put_object(
            Bucket=self.outputs["site_bucket"],
            Key=key,
            Body=file.read_bytes() if body is None else body,
            ContentType=CONTENT_TYPES[file.suffix],
            CacheControl=CACHE_CONTROL,
        )

    def remove(self, key: str) -> None:
        self.objects.delete_object(Bucket=self.outputs["site_bucket"], Key=key)

    def invalidate(self, path: str) -> None:
        batch = {"Paths": {"Quantity": 1, "Items": [path]}, "CallerReference": f"by hand: {path}"}
        self.cdn.create_invalidation(DistributionId=self.outputs["distribution_id"], InvalidationBatch=batch)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    project = ProjectCopy.make(tmp_path_factory.mktemp("verify") / "project")
    project.run("up")
    yield Deployed(project, project.outputs())
    project.close()


def test_a_deployment_is_found_to_be_what_git_says(deployed: Deployed) -> None:
    result = deployed.verify()
    assert result.returncode == 0, result.stdout + result.stderr
    assert "✗" not in result.stdout
    assert result.stdout.splitlines()[-1].endswith("checks agree: sandbox is what git says.")


@contextmanager
def code_changed(site: Deployed) -> Iterator[None]:
    package = site.project.folder / ".cache" / "lambda" / "renderer.zip"
    site.functions.update_function_code(FunctionName=site.function, ZipFile=_defaced(package))
    version = site.functions.publish_version(FunctionName=site.function)["Version"]
    site.move_alias(version)
    yield
    site.move_alias(site.outputs["renderer_version"])
    site.functions.update_function_code(FunctionName=site.function, ZipFile=package.read_bytes())


@contextmanager
def configuration_changed(site: Deployed) -> Iterator[None]:
    site.functions.update_function_configuration(FunctionName=site.function, MemorySize=777)
    yield
    site.functions.update_function_configuration(FunctionName=site.function, MemorySize=512)


@contextmanager
def alias_moved(site: Deployed) -> Iterator[None]:
    with configuration_changed(site):
        version = site.functions.publish_version(FunctionName=site.function)["Version"]
    site.move_alias(version)
    yield
    site.move_alias(site.outputs["renderer_version"])


@contextmanager
def object_changed(site: Deployed) -> Iterator[None]:
    site.put("admin.html", b"<p>defaced\n")
    yield
    site.put("admin.html")
    site.invalidate("/admin.html")


@contextmanager
def object_removed(site: Deployed) -> Iterator[None]:
    site.remove("admin.js")
    yield
    site.put("admin.js")
    site.invalidate("/admin.js")


@contextmanager
def object_added(site: Deployed) -> Iterator[None]:
    site.put("added.html", b"<p>added\n")
    yield
    site.remove("added.html")


@contextmanager
def invalidation_missing(site: Deployed) -> Iterator[None]:
    site.put("styles.css")
    yield
    site.invalidate("/styles.css")


@contextmanager
def headers_policy_changed(site: Deployed) -> Iterator[None]:
    distribution = site.cdn.get_distribution_config(Id=site.outputs["distribution_id"])["DistributionConfig"]
    policy_id = distribution["DefaultCacheBehavior"]["ResponseHeadersPolicyId"]
    policy = site.cdn.get_response_headers_policy(Id=policy_id)
    config = policy["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"]
    weaker = {"Override": True, "ContentSecurityPolicy": "default-src *"}
    changed = {**config, "SecurityHeadersConfig": {**config["SecurityHeadersConfig"], "ContentSecurityPolicy": weaker}}
    site.cdn.update_response_headers_policy(Id=policy_id, IfMatch=policy["ETag"], ResponseHeadersPolicyConfig=changed)
    yield
    changed_tag = site.cdn.get_response_headers_policy(Id=policy_id)["ETag"]
    site.cdn.update_response_headers_policy(Id=policy_id, IfMatch=changed_tag, ResponseHeadersPolicyConfig=config)


@pytest.mark.parametrize(
    ("drift", "named"),
    [
        (code_changed, {"function CodeSha256", "version 2 CodeSha256", "version 2 files", "alias live"}),
        (configuration_changed, {"function MemorySize"}),
        (alias_moved, {"alias live"}),
        (object_changed, {"object admin.html", "CDN /admin.html"}),
        (object_removed, {"object admin.js", "CDN /admin.js"}),
        (object_added, {"object added.html"}),
        (invalidation_missing, {"invalidations missing"}),
        (headers_policy_changed, {"CDN ContentSecurityPolicy"}),
    ],
)
def test_each_kind_of_drift_is_found_and_named(
    deployed: Deployed, drift: Callable[[Deployed], AbstractContextManager[None]], named: set[str]
) -> None:
    with drift(deployed):
        assert named <= deployed.crosses().keys()
    assert deployed.crosses() == {}


def test_code_changed_by_hand_is_shown_as_a_diff(deployed: Deployed) -> None:
    with code_changed(deployed):
        printed = deployed.verify("--outputs", "-").stdout
    assert "    +++ deployed/index_ssr.py\n" in printed
    assert "    +DEFACED = True\n" in printed


def test_credentials_that_only_read_suffice_and_lesser_ones_are_told_what_they_lack(deployed: Deployed) -> None:
    deployed.users.create_user(UserName="reader")
    key = deployed.users.create_access_key(UserName="reader")["AccessKey"]
    deployed.project.edit("Pulumi.sandbox.yaml", "aws:accessKey: test", f"aws:accessKey: {key['AccessKeyId']}")
    deployed.project.edit("Pulumi.sandbox.yaml", "aws:secretKey: test", f"aws:secretKey: {key['SecretAccessKey']}")

    denied = deployed.verify("--outputs", "-")
    assert denied.returncode == 2
    assert "error: could not look: The credentials lack lambda:GetFunctionConfiguration" in denied.stderr

    # For GetAlias, this emulator asks for ListAliases.
    _allow(deployed, [*PERMISSIONS.values(), "lambda:ListAliases"])
    assert deployed.crosses() == {}


def _allow(site: Deployed, actions: list[str]) -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    site.users.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=json.dumps(policy))


def _defaced(package: Path) -> bytes:
    """The renderer's archive with a line more."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(package) as source, zipfile.ZipFile(buffer, "w") as changed:
        for entry in source.infolist():
            added = b"\nDEFACED = True\n" if entry.filename == "index_ssr.py" else b""
            changed.writestr(entry, source.read(entry) + added)
    return buffer.getvalue()
