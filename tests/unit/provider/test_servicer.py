"""The engine's calls, from check to delete, against an AWS that lives in this file."""

import re
from typing import Any

import botocore.session
import grpc
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from pulumi.runtime.proto import provider_pb2, status_pb2

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
NO_CHANGE = provider_pb2.DiffResponse.DIFF_NONE
ARN = "arn:aws:logs:us-east-1:0:log-group:g"
INPUTS = {"name": "g", "retentionInDays": 7}
CODE = {SIGNATURE_KEY: ARCHIVE, "hash": "1"}
FUNCTION_INPUTS = {"name": "f", "role": "r", "handler": "h", "runtime": "python3.13", "code": CODE, "publish": True}
FUNCTION_OUTPUTS = {**FUNCTION_INPUTS, "version": "1", "codeSha256": "old", "arn": "a", "tagsAll": {"project": "p"}}


class AbortedError(Exception):
    """What gRPC tells the engine."""


class Context:
    def __init__(self) -> None:
        self.trailing: dict[str, bytes] = {}

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes]]) -> None:
        self.trailing = dict(metadata)

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise AbortedError(details)

    def unfinished(self) -> Any:
        """What the engine keeps in the stack, although the call failed."""
        status = status_pb2.Status.FromString(self.trailing["grpc-status-details-bin"])
        failed = provider_pb2.ErrorResourceInitFailed()
        status.details[0].Unpack(failed)
        return failed


class Logs:
    """CloudWatch Logs in memory, asked as botocore asks."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.failure: Exception | None = None
        keys: Any = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        self.client: Any = botocore.session.get_session().create_client("logs", "us-east-1", **keys)
        vars(self.client)["_make_api_call"] = lambda operation, request: getattr(self, operation)(**request)

    def CreateLogGroup(self, **request: Any) -> None:  # noqa: N802 AWS's name, as all below
        if request["logGroupName"] in self.groups:
            raise client_error("CreateLogGroup", "ResourceAlreadyExistsException", "there is one")
        self.groups[request["logGroupName"]] = {"tags": request.get("tags", {})}

    def PutRetentionPolicy(self, **request: Any) -> None:  # noqa: N802
        if self.failure:
            raise self.failure
        self.groups[request["logGroupName"]]["retentionInDays"] = request["retentionInDays"]

    def DeleteRetentionPolicy(self, **request: Any) -> None:  # noqa: N802
        self.groups[request["logGroupName"]].pop("retentionInDays", None)

    def DescribeLogGroups(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        return {
            "logGroups": [
                {"logGroupName": name, "arn": f"arn:aws:logs:us-east-1:0:log-group:{name}:*", **group}
                for name, group in self.groups.items()
                if name.startswith(request["logGroupNamePrefix"])
            ]
        }

    def ListTagsForResource(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        return {"tags": dict(self.groups[self._name(request)]["tags"])}

    def TagResource(self, **request: Any) -> None:  # noqa: N802
        self.groups[self._name(request)]["tags"] |= request["tags"]

    def UntagResource(self, **request: Any) -> None:  # noqa: N802
        for key in request["tagKeys"]:
            del self.groups[self._name(request)]["tags"][key]

    def DeleteLogGroup(self, **request: Any) -> None:  # noqa: N802
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
    monkeypatch.setattr(Emulator, "client", lambda *_: logs.client)
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


def create(aws: AwsServicer, inputs: dict[str, Any], context: Context | None = None) -> tuple[str, dict[str, Any]]:
    request = provider_pb2.CreateRequest(urn=urn(LOG_GROUP), properties=marshal(inputs))
    response = aws.Create(request, context or Context())
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
    context: Context | None = None,
) -> dict[str, Any]:
    request = provider_pb2.UpdateRequest(
        urn=urn(token), id="g", old_inputs=marshal(old), olds=marshal(outputs), news=marshal(new), preview=preview
    )
    return unmarshal(aws.Update(request, context or Context()).properties)


def read(aws: AwsServicer, outputs: dict[str, Any]) -> Any:
    request = provider_pb2.ReadRequest(urn=urn(LOG_GROUP), id="g", inputs=marshal(INPUTS), properties=marshal(outputs))
    return aws.Read(request, Context())


def read_by_import_id(aws: AwsServicer, token: str, import_id: str) -> Any:
    return aws.Read(provider_pb2.ReadRequest(urn=urn(token), id=import_id), Context())


def delete(aws: AwsServicer, outputs: dict[str, Any]) -> None:
    request = provider_pb2.DeleteRequest(urn=urn(LOG_GROUP), id="g", properties=marshal(outputs))
    aws.Delete(request, Context())


def test_an_unknown_property_names_the_file_to_add_it_to(aws: AwsServicer) -> None:
    assert check(aws, LOG_GROUP, {**INPUTS, "kmsKeyId": "k"}) == [
        "kmsKeyId is not known to the sandbox's provider: add it to sandbox/provider/services/cloudwatch.py"
    ]


def test_a_name_that_the_program_does_not_give_is_made_up_once(aws: AwsServicer) -> None:
    def name(olds: dict[str, Any]) -> str:
        request = provider_pb2.CheckRequest(urn=urn(LOG_GROUP), olds=marshal(olds), news=marshal({}))
        response = aws.Check(request, Context())
        assert not response.failures
        return str(unmarshal(response.inputs)["name"])

    logical_name = urn(LOG_GROUP).rsplit("::", 1)[-1]
    assert re.fullmatch(rf"{logical_name}-[0-9a-f]{{7}}", name({}))
    assert name({}) != name({}), "another one is another thing"
    assert name({"name": "renderer-0123456"}) == "renderer-0123456"


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


def test_what_is_there_already_is_refused_and_left_as_it_is(aws: AwsServicer, logs: Logs) -> None:
    logs.groups["g"] = {"retentionInDays": 1, "tags": {"whose": "somebody else's"}}
    context = Context()
    with pytest.raises(AbortedError, match=f"^{LOG_GROUP} thing: CreateLogGroup: ResourceAlreadyExistsException: "):
        create(aws, INPUTS, context)
    assert not context.trailing
    assert logs.groups == {"g": {"retentionInDays": 1, "tags": {"whose": "somebody else's"}}}


def test_what_fails_after_aws_gave_an_id_stays_in_the_stack_as_unfinished(aws: AwsServicer, logs: Logs) -> None:
    logs.failure = client_error("PutRetentionPolicy", "InvalidParameterException", "not a period")
    context = Context()
    message = f"{LOG_GROUP} thing: PutRetentionPolicy: InvalidParameterException: not a period"
    with pytest.raises(AbortedError, match=f"^{message}$"):
        create(aws, INPUTS, context)
    unfinished = context.unfinished()
    assert (unfinished.id, unmarshal(unfinished.properties), list(unfinished.reasons)) == ("g", INPUTS, [message])
    assert "g" in logs.groups


def test_what_an_update_failed_at_is_not_tried_again_by_itself(aws: AwsServicer, logs: Logs) -> None:
    _, outputs = create(aws, INPUTS)
    logs.failure = client_error("PutRetentionPolicy", "InvalidParameterException", "not a period")
    new, context = {**INPUTS, "retentionInDays": 30}, Context()
    with pytest.raises(AbortedError):
        update(aws, LOG_GROUP, INPUTS, outputs, new, context=context)
    believed = unmarshal(context.unfinished().properties)
    assert believed["arn"] == ARN
    assert diff(aws, LOG_GROUP, new, believed, new).changes == NO_CHANGE


def test_code_that_an_update_failed_to_bring_is_tried_again(aws: AwsServicer) -> None:
    new = {**FUNCTION_INPUTS, "code": {**CODE, "hash": "2"}}
    function = registry.resource(FUNCTION)
    believed = {**FUNCTION_OUTPUTS, **function.taken_for_done(new)}
    assert list(diff(aws, FUNCTION, new, believed, new).diffs) == ["code"]


def test_an_emulator_that_does_not_answer_is_told_as_such(aws: AwsServicer, logs: Logs) -> None:
    logs.failure = EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/?Action=Put")
    with pytest.raises(
        AbortedError, match=r"the embedded AWS at http://127\.0\.0\.1:4566 does not answer: run `make sandbox`$"
    ):
        create(aws, INPUTS)


def test_nothing_changed_is_no_difference(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    response = diff(aws, LOG_GROUP, INPUTS, outputs, INPUTS)
    assert response.changes == NO_CHANGE


def test_another_default_tag_of_the_stack_is_a_difference(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    response = diff(aws, LOG_GROUP, INPUTS, {**outputs, "tagsAll": {"project": "old"}}, INPUTS)
    assert list(response.diffs) == ["tags"]
    assert not response.replaces


def test_a_thing_that_the_program_names_goes_before_the_one_with_another_name_comes(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    response = diff(aws, LOG_GROUP, INPUTS, outputs, {**INPUTS, "name": "h"})
    assert list(response.replaces) == ["name"]
    assert response.deleteBeforeReplace


def test_another_region_is_another_thing(aws: AwsServicer) -> None:
    _, outputs = create(aws, INPUTS)
    assert list(diff(aws, LOG_GROUP, INPUTS, outputs, {**INPUTS, "region": "eu-west-1"}).replaces) == ["region"]


@pytest.mark.parametrize(
    ("token", "old", "changed", "goes_first"),
    [
        ("aws:lambda/permission:Permission", {"statementId": "s", "principal": "p"}, {"principal": "q"}, True),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "r", "policyArn": "a"}, {"role": "s"}, True),
        ("aws:s3/bucket:Bucket", {"bucket": "b"}, {"bucket": "c"}, True),
        ("aws:route53/record:Record", {"zoneId": "Z", "name": "a", "type": "A"}, {"name": "b"}, False),
        ("aws:s3/bucketObject:BucketObject", {"bucket": "b", "key": "k"}, {"key": "l"}, False),
    ],
)
def test_what_goes_before_its_replacement_comes(
    aws: AwsServicer, token: str, old: dict[str, Any], changed: dict[str, Any], goes_first: bool
) -> None:
    response = diff(aws, token, old, old, {**old, **changed})
    assert list(response.replaces) == list(changed)
    assert response.deleteBeforeReplace is goes_first


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


def test_an_import_reads_everything_and_changes_nothing(aws: AwsServicer) -> None:
    inputs = {**INPUTS, "tags": {"own": "1"}}
    _, outputs = create(aws, inputs)
    response = read_by_import_id(aws, LOG_GROUP, "g")
    assert (response.id, unmarshal(response.inputs), unmarshal(response.properties)) == ("g", inputs, outputs)
    assert diff(aws, LOG_GROUP, unmarshal(response.inputs), outputs, inputs).changes == NO_CHANGE


def test_what_is_not_there_cannot_be_imported(aws: AwsServicer) -> None:
    assert read_by_import_id(aws, LOG_GROUP, "nothing").id == ""


def test_an_import_id_of_another_form_is_told_with_the_documentation(aws: AwsServicer) -> None:
    with pytest.raises(AbortedError, match=r"r123 is no import id of this type; see .*/apigatewayv2/route/#import$"):
        read_by_import_id(aws, "aws:apigatewayv2/route:Route", "r123")


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
        match=r"^aws:sqs/redrivePolicy:RedrivePolicy thing: this type is not known .*provider/services/sqs\.py$",
    ):
        check(aws, "aws:sqs/redrivePolicy:RedrivePolicy", {})


def test_an_unknown_argument_of_a_function_is_an_error(aws: AwsServicer) -> None:
    request = provider_pb2.InvokeRequest(tok="aws:index/getRegion:getRegion", args=marshal({"colour": "x"}))
    with pytest.raises(AbortedError, match=r"colour is not known .* sandbox/provider/services/index\.py"):
        aws.Invoke(request, Context())
