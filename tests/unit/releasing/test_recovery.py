"""What becomes of the creations of which a killed engine didn't learn the outcome."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

import releasing.recovery
from releasing.left_behind import found
from releasing.project import CouldNotLook
from releasing.recovery import recover, unread

ROLE = "aws:iam/role:Role"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
CERTIFICATE = "aws:acm/certificate:Certificate"
GATE = "pulumi-python:dynamic:ReleaseGate"


def resource(type_: str, name: str, /, **inputs: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:s::p::{type_}::{name}"
    return {"urn": urn, "type": type_, "custom": True, "inputs": inputs, "parent": "the component"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releasing.recovery, "SECOND_LOOK_SECONDS", 0)


class Engine:
    """A stack's state, and what was asked of Pulumi."""

    def __init__(self, pending: list[dict[str, Any]], resources: list[dict[str, Any]] | None = None) -> None:
        operations = [{"type": "creating", "resource": each} for each in pending]
        self.deployment = {"resources": resources or [], "pending_operations": operations}
        self.imports = 0

    def __call__(self, *arguments: str, text: str = "") -> str:
        if arguments == ("stack", "export"):
            return json.dumps({"version": 3, "deployment": self.deployment})
        assert arguments == ("stack", "import")
        self.imports += 1
        self.deployment = json.loads(text)["deployment"]
        return ""


class Aws:
    """Roles by name, distributions and certificates by what they are told by."""

    def __init__(self, *roles: str, distributions: tuple[str, ...] = (), refusal: str = "") -> None:
        self.roles, self.distributions, self.refusal = roles, distributions, refusal
        self.asked: list[tuple[str, str | None]] = []

    def client(self, service: str, region: str | None) -> "Aws":
        self.asked.append((service, region))
        return self

    def can_paginate(self, operation: str) -> bool:
        return False

    def get_distribution(self, **request: str) -> dict[str, Any]:
        return {"Distribution": {"ARN": request["Id"]}}

    def list_tags_for_resource(self, **_: str) -> dict[str, Any]:
        return {"Tags": {"Items": []}}

    def list_tags_for_certificate(self, **_: str) -> dict[str, Any]:
        return {"Tags": []}

    def get_role(self, **request: str) -> dict[str, Any]:
        if self.refusal or request["RoleName"] not in self.roles:
            raise ClientError({"Error": {"Code": self.refusal or "NoSuchEntity", "Message": "no"}}, "GetRole")
        return {}

    def list_distributions(self, **_: str) -> dict[str, Any]:
        items = [{"Id": each, "Comment": "the site"} for each in self.distributions]
        return {"DistributionList": {"Items": items}}

    def list_certificates(self, **_: Any) -> dict[str, Any]:
        return {"CertificateSummaryList": [{"DomainName": "example.org", "CertificateArn": "arn"}]}


def recovered(engine: Engine, aws: Aws, may_go_on: Callable[[], bool] = lambda: True) -> list[str]:
    lines: list[str] = []
    recover(engine, aws.client, lines.append, may_go_on)
    return lines


def test_what_aws_has_is_taken_in_to_be_read_and_the_rest_is_forgotten() -> None:
    there, absent, gate = resource(ROLE, "a", name="role-a"), resource(ROLE, "b", name="role-b"), resource(GATE, "g")
    engine = Engine([there, absent, gate])
    lines = recovered(engine, Aws("role-a"))
    assert engine.deployment == {"resources": [{**there, "id": "role-a", "outputs": {}}]}
    assert list(unread(engine.deployment)) == [there["urn"]]
    assert [line.partition(": ")[2] for line in lines] == [
        "is there, as role-a: taken into the stack",
        "is not there: forgotten, the next deployment creates it",
        "is done again by the next deployment",
    ]


def test_what_aws_tells_of_only_at_a_second_look_is_taken_in(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Aws()
    monkeypatch.setattr("releasing.recovery.time.sleep", lambda _: setattr(aws, "roles", ("role-a",)))
    engine = Engine([resource(ROLE, "a", name="role-a")])
    recovered(engine, aws)
    assert engine.deployment["resources"][0]["id"] == "role-a"


def test_where_nothing_is_pending_nothing_is_changed() -> None:
    engine = Engine([resource(ROLE, "a", name="role-a")])
    recovered(engine, Aws("role-a"))
    assert recovered(engine, Aws("role-a")) == []
    assert engine.imports == 1


def test_without_consent_the_state_stays_as_it_is() -> None:
    engine = Engine([resource(ROLE, "a", name="role-a")])
    assert recovered(engine, Aws("role-a"), lambda: False)
    assert engine.imports == 0


def test_where_aws_does_not_tell_the_state_stays_as_it_is() -> None:
    engine = Engine([resource(ROLE, "a", name="role-a")])
    with pytest.raises(CouldNotLook, match=r"AWS doesn't tell whether it has urn:.*::a: .*AccessDenied"):
        recovered(engine, Aws(refusal="AccessDenied"))
    assert engine.imports == 0


def test_the_old_one_of_a_replacement_is_deleted_by_the_next_deployment() -> None:
    old = {**resource(ROLE, "a", name="role-old"), "id": "role-old", "outputs": {"name": "role-old"}}
    new = resource(ROLE, "a", name="role-new")
    engine = Engine([new], [old])
    recovered(engine, Aws("role-old", "role-new"))
    taken_in = {**new, "id": "role-new", "outputs": {}}
    assert engine.deployment["resources"] == [{**old, "delete": True}, taken_in]


def test_what_the_stack_has_already_is_not_taken_for_what_was_being_created() -> None:
    old = {**resource(DISTRIBUTION, "d", comment="the site"), "id": "E1", "outputs": {"comment": "the site"}}
    engine = Engine([resource(DISTRIBUTION, "d", comment="the site")], [old])
    recovered(engine, Aws(distributions=("E1",)))
    assert engine.deployment["resources"] == [old]


def test_several_that_it_may_be_are_left_to_the_person() -> None:
    engine = Engine([resource(DISTRIBUTION, "d", comment="the site")])
    with pytest.raises(CouldNotLook, match=r"E1, E2\. Delete all but one"):
        recovered(engine, Aws(distributions=("E1", "E2")))
    assert engine.imports == 0


def test_a_certificate_is_looked_for_in_its_own_region() -> None:
    aws = Aws()
    recovered(Engine([resource(CERTIFICATE, "c", domainName="example.org", region="us-east-1")]), aws)
    assert set(aws.asked) == {("acm", "us-east-1")}


def test_a_type_that_nobody_can_look_for_is_named_with_where_to_add_it() -> None:
    with pytest.raises(CouldNotLook, match=r"aws:x/y:Y is not known to make recover: add it to releasing/left_behind"):
        recovered(Engine([resource("aws:x/y:Y", "y")]), Aws())


def test_a_thing_of_the_same_name_without_the_stacks_tags_is_somebody_elses() -> None:
    acm = Certificates({"old": {}, "ours": {"stack": "s", "component": "custom-domain"}, "other": {"stack": "t"}})
    inputs = {"domainName": "example.org", "tags": {"stack": "s"}}
    assert found(lambda _: acm, CERTIFICATE, inputs) == ["ours"]


class Certificates:
    """ACM with some certificates of a domain, and their tags."""

    def __init__(self, tags: dict[str, dict[str, str]]) -> None:
        self.tags = tags

    def can_paginate(self, operation: str) -> bool:
        return False

    def list_certificates(self, **_: Any) -> dict[str, Any]:
        return {"CertificateSummaryList": [{"CertificateArn": arn, "DomainName": "example.org"} for arn in self.tags]}

    def list_tags_for_certificate(self, CertificateArn: str) -> dict[str, Any]:  # noqa: N803 boto3's name
        return {"Tags": [{"Key": key, "Value": value} for key, value in self.tags[CertificateArn].items()]}
