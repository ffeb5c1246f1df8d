"""The roles of docs/ci.md: the program that stands there is run on Pulumi's mocks."""

import json
import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
from experiments.aggregates import AGGREGATES
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from operations.checks.look import PERMISSIONS

DOCUMENT = Path(__file__).parent.parent.parent.parent / "docs" / "ci.md"
Declared = dict[tuple[str, str], dict[str, Any]]

ISSUER = "token.actions.githubusercontent.com"
CONFIG = {
    "subject": "repo:octocat@1/dashboard@2",
    "stateBucket": "octocats-state",
    "stateKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k",
    "hostedZoneId": "Z1",
}


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
    return list(json.loads(declared["RolePolicy", role]["policy"])["Statement"])


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


def test_the_read_role_names_its_resources_where_aws_takes_one(declared: Declared) -> None:
    for statement in statements(declared, "read"):
        named = all(resource.startswith("arn:aws:") for resource in statement["Resource"])
        assert named or statement["Action"] == ["cognito-idp:DescribeUserPoolDomain"]


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


def test_a_role_is_passed_to_lambda_alone(declared: Declared) -> None:
    (passing,) = [each for each in statements(declared, "deploy") if "iam:PassRole" in each["Action"]]
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}


def test_policies_fit_into_a_role(declared: Declared) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 10,240 characters, without spaces."""
    for role in ("read", "usage", "deploy"):
        assert len(re.sub(r"\s", "", declared["RolePolicy", role]["policy"])) <= 10_240


def test_the_read_role_may_do_all_that_a_verification_does(declared: Declared) -> None:
    allowed = {action for statement in statements(declared, "read") for action in statement["Action"]}
    assert set(PERMISSIONS.values()) <= allowed
