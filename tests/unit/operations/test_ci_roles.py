"""The roles of docs/ci.md: the program that stands there is run on Pulumi's mocks."""

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pulumi
import pytest
from experiments.aggregates import AGGREGATES
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from components.gpu_hosts import SESSIONS_POLICY
from operations.checks.look import PERMISSIONS
from releasing.left_behind import LOOKS

DOCUMENT = Path(__file__).parent.parent.parent.parent / "docs" / "ci.md"
Declared = dict[tuple[str, str], dict[str, Any]]

ISSUER = "token.actions.githubusercontent.com"
CONFIG = {
    "subject": "repo:octocat@1/dashboard@2",
    "stateBucket": "octocats-state",
    "stateKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
    "hostedZoneId": "Z1",
}


class Asked(Exception):  # noqa: N818 it is what the test is after
    """Which service a look asks."""


class RecordingMocks(Mocks):
    """Keeps what is declared; one account, one region."""

    def __init__(self) -> None:
        self.resources: Declared = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.resources[args.typ.rsplit(":", 1)[-1], args.name] = args.inputs
        return args.name, {"arn": f"arn:{args.name}", **args.inputs}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        return {"accountId": "123456789012", "region": "us-east-1"}, []


@pytest.fixture(scope="module")
def declared() -> Declared:
    """The inputs of each resource that the document's program declares, by kind and name."""
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    mocks = RecordingMocks()
    pulumi.runtime.set_mocks(mocks, project="ci", stack="ci", preview=False)
    pulumi.runtime.set_all_config({f"ci:{key}": value for key, value in CONFIG.items()})
    untyped: Any = getattr(pulumi.runtime, "test")  # noqa: B009 mypy would find it untyped
    untyped(lambda: exec(compile(program, str(DOCUMENT), "exec"), {}))()
    pulumi.runtime.set_all_config({})
    return mocks.resources


def trusted(declared: Declared, role: str) -> dict[str, Any]:
    (statement,) = json.loads(declared["Role", role]["assumeRolePolicy"])["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": "arn:github"}
    (operator, claims), *others = statement["Condition"].items()
    assert (operator, others) == ("StringEquals", [])
    return {claim.removeprefix(f"{ISSUER}:"): value for claim, value in claims.items()}


def statements(declared: Declared, role: str) -> list[dict[str, Any]]:
    policies = [inputs["policy"] for (kind, name), inputs in declared.items() if is_policy_of(role, kind, name)]
    return [statement for policy in policies for statement in json.loads(policy)["Statement"]]


def is_policy_of(role: str, kind: str, name: str) -> bool:
    return (kind, name) == ("RolePolicy", role) or (kind == "Policy" and name.startswith(f"{role}-"))


def test_the_read_role_trusts_pull_requests_and_main_of_this_repository(
    declared: Declared,
) -> None:
    assert trusted(declared, "read") == {
        "aud": "sts.amazonaws.com",
        "sub": ["repo:octocat@1/dashboard@2:pull_request", "repo:octocat@1/dashboard@2:ref:refs/heads/main"],
    }


def test_the_deploy_role_trusts_the_environment_on_main_alone(declared: Declared) -> None:
    assert trusted(declared, "deploy") == {
        "aud": "sts.amazonaws.com",
        "sub": ["repo:octocat@1/dashboard@2:environment:production"],
        "ref": "refs/heads/main",
    }


def test_the_usage_role_trusts_main_alone_and_writes_nothing_but_usage(declared: Declared) -> None:
    assert trusted(declared, "usage") == {
        "aud": "sts.amazonaws.com",
        "sub": ["repo:octocat@1/dashboard@2:ref:refs/heads/main"],
    }
    read = [statement for statement in statements(declared, "usage") if statement in statements(declared, "read")]
    metrics, write = [statement for statement in statements(declared, "usage") if statement not in read]
    assert metrics["Action"] == ["cloudwatch:GetMetricStatistics"]
    assert write["Action"] == ["dynamodb:UpdateItem"]
    assert write["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [AGGREGATES]}}


def test_the_read_role_reads_and_does_nothing_else(declared: Declared) -> None:
    for statement in statements(declared, "read"):
        for action in statement["Action"]:
            assert re.fullmatch(r"[a-z0-9-]+:(Get|List|Describe)[A-Za-z]+|apigateway:GET|kms:Decrypt", action), action


def test_the_read_role_names_its_resources_where_aws_takes_any(declared: Declared) -> None:
    takes_none = re.compile(r"(ec2|autoscaling|cloudwatch):Describe[A-Za-z]+|cognito-idp:DescribeUserPoolDomain")
    for statement in statements(declared, "read"):
        named = all(resource.startswith("arn:aws:") for resource in statement["Resource"])
        assert named or all(map(takes_none.fullmatch, statement["Action"]))


def test_the_read_role_sees_no_experiment_and_none_of_its_files(
    declared: Declared,
) -> None:
    for statement in statements(declared, "read"):
        assert not {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"} & set(statement["Action"])
        if {"s3:GetObject", "s3:ListBucket"} & set(statement["Action"]):
            assert not any("-media-" in resource for resource in statement["Resource"])


def test_no_role_may_do_anything_to_everything(declared: Declared) -> None:
    for role in ("read", "usage", "deploy"):
        for statement in statements(declared, role):
            has_wildcard_action = any("*" in action for action in statement["Action"])
            assert not (has_wildcard_action and "*" in statement["Resource"])
            assert not any(action.startswith("iam:") and "*" in action for action in statement["Action"])


def test_a_role_is_passed_to_functions_and_hosts_alone(declared: Declared) -> None:
    (passing,) = [each for each in statements(declared, "deploy") if "iam:PassRole" in each["Action"]]
    services = ["lambda.amazonaws.com", "ec2.amazonaws.com"]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": services}}


def test_a_role_is_given_no_managed_policy_but_that_of_sessions(declared: Declared) -> None:
    (attaching,) = [each for each in statements(declared, "deploy") if "iam:AttachRolePolicy" in each["Action"]]
    assert attaching["Condition"] == {"ArnEquals": {"iam:PolicyARN": SESSIONS_POLICY}}


def test_policies_fit_into_a_role(declared: Declared) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 10,240 characters, without spaces."""
    for (kind, _), inputs in declared.items():
        if kind in ("Policy", "RolePolicy"):
            assert len(re.sub(r"\s", "", inputs["policy"])) <= {"Policy": 6_144, "RolePolicy": 10_240}[kind]


def test_each_policy_of_its_own_is_given_to_a_role(declared: Declared) -> None:
    policies = {f"arn:{name}" for kind, name in declared if kind == "Policy"}
    given = {inputs["policyArn"] for (kind, _), inputs in declared.items() if kind == "RolePolicyAttachment"}
    assert policies == given


def test_the_read_role_may_do_all_that_a_verification_does(declared: Declared) -> None:
    allowed = {action for statement in statements(declared, "read") for action in statement["Action"]}
    assert set(PERMISSIONS.values()) <= allowed


@pytest.mark.parametrize("type_", LOOKS)
@pytest.mark.parametrize("role", ["read", "deploy"])
def test_the_roles_may_use_the_service_of_each_type_of_the_program(declared: Declared, role: str, type_: str) -> None:
    allowed = {action.split(":")[0] for statement in statements(declared, role) for action in statement["Action"]}
    assert _services_of(type_) <= allowed


def _services_of(type_: str) -> set[str]:
    """The service that has a resource type, by IAM's name; a validation of a certificate is none of AWS's things."""

    def client(service: str) -> Any:
        raise Asked(service)

    try:
        list(LOOKS[type_](client, defaultdict(str)))
    except Asked as asked:
        return {{"apigatewayv2": "apigateway"}.get(str(asked), str(asked))}
    assert type_ == "aws:acm/certificateValidation:CertificateValidation"
    return set()
