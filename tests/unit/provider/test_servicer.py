"""The engine's calls, from check to delete, against an AWS that lives in this file."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pulumi.runtime.proto import provider_pb2

from sandbox.provider import registry
from sandbox.provider.emulator import Emulator
from sandbox.provider.servicer import AwsServicer
from sandbox.provider.wire import ARCHIVE, SIGNATURE_KEY, UNKNOWN, UNKNOWN_MARK, marshal, unmarshal

CONFIG = {
    "region": "us-east-1",
    "accessKey": "test",
    "secretKey": "test",
    "endpoints": [{"cloudwatchlogs": "http://127.0.0.1:4566", "lambda": "http://127.0.0.1:4566"}],
    "defaultTags": {"tags": {"project": "p"}},
}
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION = "aws:lambda/function:Function"
ARN = "arn:aws:logs:us-east-1:0:log-group:g"
INPUTS = {"name": "g", "retentionInDays": 7}
CODE = {SIGNATURE_KEY: ARCHIVE, "hash": "1"}
FUNCTION_INPUTS = {"name": "f", "role": "r", "handler": "h", "runtime": "python3.13", "code": CODE, "publish": True}
FUNCTION_OUTPUTS = {**FUNCTION_INPUTS, "version": "1", "codeSha256": "old", "arn": "a", "tagsAll": {"project": "p"}}


class AbortedError(Exception):
    """What gRPC tells the engine."""


class Context:
    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise AbortedError(details)


class Logs:
    """CloudWatch Logs in memory."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.failure: Exception | None = None

    def create_log_group(self, **request: Any) -> None:
        self.groups[request["logGroupName"]] = {"tags": request.get("tags", {})}

    def put_retention_policy(self, **request: Any) -> None:
        if self.failure:
            raise self.failure
        self.groups[request["logGroupName"]]["retentionInDays"] = request["retentionInDays"]

    def delete_retention_policy(self, **request: Any) -> None:
        self.groups[request["logGroupName"]].pop("retentionInDays", None)

    def get_paginator(self, operation: str) -> "Logs":
        assert operation == "describe_log_groups"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        prefix = request["logGroupNamePrefix"]
        yield {
            "logGroups": [
                {"logGroupName": name, "arn": f"arn:aws:logs:us-east-1:0:log-group:{name}:*", **group}
                for name, group in self.groups.items()
                if name.startswith(prefix)
            ]
        }

    def list_tags_for_resource(self, **request: Any) -> dict[str, Any]:
        return {"tags": dict(self.groups[self._name(request)]["tags"])}

    def tag_resource(self, **request: Any) -> None:
        self.groups[self._name(request)]["tags"] |= request["tags"]

    def untag_resource(self, **request: Any) -> None:
        for key in request["tagKeys"]:
            del self.groups[self._name(request)]["tags"][key]

    def delete_log_group(self, **request: Any) -> None:
        if request["logGroupName"] not in self.groups:
            raise client_error("DeleteLogGroup", "ResourceNotFoundException", "no such group")
        del self.groups[request["logGroupName"]]

    @staticmethod
    def _name(request: dict[str, Any]) -> str:
        return str(request["resourceArn"]).rsplit(":", 1)[1]


@pytest.fixture(autouse=True)
def _emulator_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Emulator, "expect_answer", lambda _: None)


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> Logs:
    logs = Logs()
    monkeypatch.setattr(Emulator, "client", lambda *_: logs)
    return logs


@pytest.fixture
def aws(logs: Logs) -> AwsServicer:
    return started()


def started() -> AwsServicer:
    servicer = AwsServicer()
    servicer.Configure(provider_pb2.ConfigureRequest(args=marshal(CONFIG)), Context())
    return servicer


def urn(token: str, name: str = "thing") -> str:
    return f"urn:pulumi:sandbox::project::dashboard:parent:Parent${token}::{name}"


def client_error(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def check(aws: AwsServicer, token: str, inputs: dict[str, Any]) -> list[str]:
    response = aws.Check(provider_pb2.CheckRequest(urn=urn(token), news=marshal(inputs)), Context())
    return [failure.reason for failure in response.failures]


def create(aws: AwsServicer, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    request = provider_pb2.CreateRequest(urn=urn(LOG_GROUP), properties=marshal(inputs))
    response = aws.Create(request, Context())
    return response.id, unmarshal(response.properties)


def diff(aws: AwsServicer, token: str, old: dict[str, Any], outputs: dict[str, Any], new: dict[str, Any]) -> Any:
    request = provider_pb2.DiffRequest(
        urn=urn(token), old_inputs=marshal(old), olds=marshal(outputs), news=marshal(new), id="x"
    )
    return aws.Diff(request, Context())


def update(
    aws: AwsServicer,
    token: str,
    old: dict[str, Any],
    outputs: dict[str, Any],
    new: dict[str, Any],
    preview: bool = False,
) -> dict[str, Any]:
    request = provider_pb2.UpdateRequest(
        urn=urn(token), id="g", old_inputs=marshal(old), olds=marshal(outputs), news=marshal(new), preview=preview
    )
    return unmarshal(aws.Update(request, Context()).properties)


def read(aws: AwsServicer, outputs: dict[str, Any]) -> Any:
    request = provider_pb2.ReadRequest(urn=urn(LOG_GROUP), id="g", inputs=marshal(INPUTS), properties=marshal(outputs))
    return aws.Read(request, Context())


def delete(aws: AwsServicer, outputs: dict[str, Any], name: str = "thing") -> None:
    request = provider_pb2.DeleteRequest(urn=urn(LOG_GROUP, name), id="g", properties=marshal(outputs))
    aws.Delete(request, Context())


def test_an_unknown_property_names_the_file_to_add_it_to(aws: AwsServicer) -> None:
    assert check(aws, LOG_GROUP, {**INPUTS, "kmsKeyId": "k"}) == [
        "kmsKeyId is not known to the sandbox's provider: add it to sandbox/provider/logs.py"
    ]


def test_a_name_is_required(aws: AwsServicer) -> None:
    assert check(aws, LOG_GROUP, {}) == ["name is required"]


def test_create_returns_what_aws_has_with_the_stacks_default_tags(aws: AwsServicer, logs: Logs) -> None:
    identifier, outputs = create(aws, {**INPUTS, "tags": {"own": "1"}})
    assert identifier == "g"
    assert outputs == {
        **INPUTS,
        "arn": ARN,
        "tags": {"own": "1"},
        "tagsAll": {"project": "p", "own": "1"},
        "region": "us-east-1",
    }
    assert logs.groups["g"]["retentionInDays"] == 7


def test_a_preview_touches_nothing_and_knows_no_computed_outputs(aws: AwsServicer, logs: Logs) -> None:
    request = provider_pb2.CreateRequest(urn=urn(LOG_GROUP), properties=marshal(INPUTS), preview=True)
    outputs = unmarshal(aws.Create(request, Context()).properties)
    assert outputs == {**INPUTS, "arn": UNKNOWN, "tagsAll": UNKNOWN}
    assert logs.groups == {}


def test_create_adopts_what_an_interrupted_deployment_left(aws: AwsServicer, logs: Logs) -> None:
    logs.groups["g"] = {"retentionInDays": 1, "tags": {"stray": "1"}}
    _, outputs = create(aws, INPUTS)
    assert outputs["tagsAll"] == {"project": "p"}
    assert logs.groups == {"g": {"retentionInDays": 7, "tags": {"project": "p"}}}


def test_what_aws_does_not_tell_is_written_again_on_adoption(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    function = registry.resource(FUNCTION)
    left = {**FUNCTION_INPUTS, "tagsAll": {"project": "p"}}
    del left["code"]
    monkeypatch.setattr(function, "find", lambda *_: "f")
    monkeypatch.setattr(function, "read", lambda *_: dict(left))
    monkeypatch.setattr(function, "update", lambda *arguments: written.append(arguments[-1]))
    started().Create(provider_pb2.CreateRequest(urn=urn(FUNCTION), properties=marshal(FUNCTION_INPUTS)), Context())
    assert written == [{"code"}]


def test_what_cannot_be_changed_is_not_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    table = registry.resource("aws:dynamodb/table:Table")
    inputs = {"name": "t", "hashKey": "pk", "attributes": [{"name": "pk", "type": "S"}]}
    monkeypatch.setattr(table, "read", lambda *_: {**inputs, "hashKey": "other", "tagsAll": {"project": "p"}})
    request = provider_pb2.CreateRequest(urn=urn("aws:dynamodb/table:Table"), properties=marshal(inputs))
    with pytest.raises(
        AbortedError, match="t exists already with another hashKey, and AWS can't change that: delete it"
    ):
        started().Create(request, Context())


def test_a_failed_create_leaves_nothing_behind(aws: AwsServicer, logs: Logs) -> None:
    logs.failure = client_error("PutRetentionPolicy", "InvalidParameterException", "not a period")
    with pytest.raises(
        AbortedError, match=f"^{LOG_GROUP} thing: PutRetentionPolicy: InvalidParameterException: not a period$"
    ):
        create(aws, INPUTS)
    assert logs.groups == {}


def test_an_emulator_that_does_not_answer_is_told_as_such(aws: AwsServicer, logs: Logs) -> None:
    logs.failure = EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/?Action=Put")
    with pytest.raises(
        AbortedError, match=r"the embedded AWS at http://127\.0\.0\.1:4566 does not answer: run `make sandbox`$"
    ):
        create(aws, INPUTS)


def test_nothing_changed_is_no_difference(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    response = diff(aws, LOG_GROUP, INPUTS, outputs, INPUTS)
    assert response.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_another_default_tag_of_the_stack_is_a_difference(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    response = diff(aws, LOG_GROUP, INPUTS, {**outputs, "tagsAll": {"project": "old"}}, INPUTS)
    assert list(response.diffs) == ["tags"]
    assert not response.replaces


def test_another_name_is_another_thing_created_before_the_old_one_goes(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    response = diff(aws, LOG_GROUP, INPUTS, outputs, {**INPUTS, "name": "h"})
    assert list(response.replaces) == ["name"]
    assert not response.deleteBeforeReplace


def test_another_region_is_another_thing(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    assert list(diff(aws, LOG_GROUP, INPUTS, outputs, {**INPUTS, "region": "eu-west-1"}).replaces) == ["region"]


def test_a_thing_replaced_under_its_name_goes_before_the_new_one_comes(aws: AwsServicer) -> None:
    token = "aws:lambda/permission:Permission"
    old = {"statementId": "s", "action": "a", "function": "f", "principal": "p"}
    response = diff(aws, token, old, old, {**old, "principal": "q"})
    assert list(response.replaces) == ["principal"]
    assert response.deleteBeforeReplace


def test_update_brings_it_to_the_inputs(aws: AwsServicer, logs: Logs) -> None:
    old = {**INPUTS, "tags": {"a": "1"}}
    _, outputs = create(aws, old)
    new = {"name": "g", "tags": {"b": "2"}}
    assert update(aws, LOG_GROUP, old, outputs, new)["retentionInDays"] == 0
    assert logs.groups == {"g": {"tags": {"project": "p", "b": "2"}}}


def test_refresh_tells_what_was_changed_by_hand_and_the_next_diff_repairs_it(aws: AwsServicer, logs: Logs) -> None:
    _, outputs = create(aws, INPUTS)
    logs.groups["g"] = {"retentionInDays": 1, "tags": {"hand": "1"}}
    response = read(aws, outputs)
    inputs, state = unmarshal(response.inputs), unmarshal(response.properties)
    assert inputs == {"name": "g", "retentionInDays": 1, "tags": {"hand": "1"}}
    assert list(diff(aws, LOG_GROUP, inputs, state, INPUTS).diffs) == ["retentionInDays", "tags"]


def test_refresh_of_what_nobody_touched_changes_nothing(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    response = read(aws, outputs)
    assert (unmarshal(response.inputs), unmarshal(response.properties)) == (INPUTS, outputs)


def test_what_is_gone_has_no_id(aws: AwsServicer, logs: Logs) -> None:
    _, outputs = create(aws, INPUTS)
    logs.groups.clear()
    assert read(aws, outputs).id == ""


def test_delete_deletes_and_what_is_gone_already_does_no_harm(logs: Logs) -> None:
    _, outputs = create(started(), INPUTS)
    delete(started(), outputs)
    assert logs.groups == {}
    delete(started(), outputs)


@pytest.mark.parametrize("name", [pytest.param("thing", id="forced replacement"), pytest.param("old", id="renamed")])
def test_what_a_new_resource_took_over_is_not_deleted_with_the_old_one(logs: Logs, name: str) -> None:
    _, outputs = create(started(), INPUTS)
    deployment = started()
    create(deployment, INPUTS)
    delete(deployment, outputs, name)
    assert "g" in logs.groups


@pytest.mark.parametrize(
    ("change", "unknown"),
    [
        ({"code": {**CODE, "hash": "2"}}, {"version", "codeSha256"}),
        ({"memorySize": 512}, {"version"}),
        ({"tags": {"own": "1"}}, {"tagsAll"}),
    ],
)
def test_a_preview_knows_which_changes_publish_a_version(
    aws: AwsServicer, change: dict[str, Any], unknown: set[str]
) -> None:
    new = {**FUNCTION_INPUTS, **change}
    outputs = update(aws, FUNCTION, FUNCTION_INPUTS, FUNCTION_OUTPUTS, new, preview=True)
    assert {name for name in ("version", "codeSha256", "arn", "tagsAll") if outputs[name] is UNKNOWN} == unknown


def test_an_input_that_is_not_known_yet_may_change_things(aws: AwsServicer) -> None:
    response = diff(aws, FUNCTION, FUNCTION_INPUTS, FUNCTION_OUTPUTS, {**FUNCTION_INPUTS, "role": UNKNOWN_MARK})
    assert list(response.diffs) == ["role"]
    assert not response.replaces


def test_an_unknown_type_is_told_with_its_name(aws: AwsServicer) -> None:
    with pytest.raises(
        AbortedError,
        match=r"^aws:sqs/redrivePolicy:RedrivePolicy thing: this type is not known .* sandbox/provider/sqs\.py$",
    ):
        check(aws, "aws:sqs/redrivePolicy:RedrivePolicy", {})


def test_an_unknown_argument_of_a_function_is_an_error(aws: AwsServicer) -> None:
    request = provider_pb2.InvokeRequest(tok="aws:index/getRegion:getRegion", args=marshal({"colour": "x"}))
    with pytest.raises(AbortedError, match=r"colour is not known .* sandbox/provider/sts\.py"):
        aws.Invoke(request, Context())
