"""What a version has to prove before its alias moves, and what is said where it can't."""

import base64
import io
import json
from typing import Any

import dill
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.dynamic.dynamic import serialize_provider

from components.release_gate import CheckFailed, VersionChecks

BUILD = "6Yk62c4zT4SZTHP0lHXd5nLWmD0mMVxyK1FN2H/TjDI="
PROPS = {
    "function_name": "renderer",
    "version": "2",
    "code_sha256": BUILD,
    "checked_at": ["/health", "/"],
    "rolled_back_to": "",
}
HEALTHY = {"statusCode": 200, "body": json.dumps({"status": "ok", "build_id": BUILD})}
PAGE = {"statusCode": 200, "body": f"<!doctype html>\n<html><footer>{BUILD}</footer></html>\n"}


@pytest.fixture
def checks() -> VersionChecks:
    checks = VersionChecks()
    config = {"aws:region": "us-east-1", "aws:accessKey": "test", "aws:secretKey": "test"}
    checks.configure(ConfigureRequest(Config(config, "ai-video-codec-dashboard")))
    return checks


def checked(
    checks: VersionChecks,
    *answers: Any,
    sha256: str = BUILD,
    state: str = "Active",
    log: str = "",
    props: dict[str, Any] = PROPS,
) -> dict[str, Any]:
    with Stubber(checks._client) as function:
        for _check in ("code", "start"):
            function.add_response("get_function_configuration", {"CodeSha256": sha256, "State": state}, _version())
        for answer in answers:
            function.add_response("invoke", _response(answer, log), {**_version(), "LogType": "Tail", "Payload": ANY})
        outs = checks.update("id", {**PROPS, "version": "1", "approved_version": "1"}, dict(props)).outs
    assert outs is not None
    return outs


def test_a_version_that_answers_with_this_build_is_approved(checks: VersionChecks) -> None:
    assert checked(checks, HEALTHY, PAGE)["approved_version"] == "2"


def test_an_update_keeps_every_output(checks: VersionChecks) -> None:
    """What a provider's update leaves out, the state loses (pulumi/pulumi#7809)."""
    assert checked(checks, HEALTHY, PAGE).keys() == {*PROPS, "approved_version", "approved_code_sha256"}


def test_a_page_in_base64_counts_as_well(checks: VersionChecks) -> None:
    encoded = {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(PAGE["body"].encode()).decode()}  # type: ignore[attr-defined]
    assert checked(checks, HEALTHY, encoded)["approved_version"] == "2"


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([{"statusCode": 500, "body": "oops"}], "the health check expected status 200 and found status 500: oops"),
        ([{"errorType": "ImportError", "errorMessage": "no jinja2"}], "found ImportError: no jinja2"),
        ([{"statusCode": 200, "body": "<html>"}], "expected a JSON document and found <html>"),
        (
            [{"statusCode": 200, "body": json.dumps({"status": "ok", "build_id": "old"})}],
            f"expected build id {BUILD} and found build id old",
        ),
        ([{"statusCode": 200, "body": json.dumps({"status": "degraded", "build_id": BUILD})}], "expected status ok"),
        ([HEALTHY, {"statusCode": 200, "body": "<!doctype html><p>cut"}], "expected a whole HTML page"),
        (
            [HEALTHY, {"statusCode": 200, "body": "<!doctype html><html></html>"}],
            f"the page check expected build id {BUILD} and found another build id",
        ),
        ([None], "found no response of a web function: null"),
    ],
)
def test_a_failed_check_names_itself_what_it_expected_and_found(
    checks: VersionChecks, answers: list[Any], reason: str
) -> None:
    with pytest.raises(CheckFailed) as caught:
        checked(checks, *answers)
    assert reason in str(caught.value)
    assert str(caught.value).startswith("Version 2 of renderer is not released: ")


def test_code_that_is_not_gits_is_refused_before_it_is_run(checks: VersionChecks) -> None:
    with pytest.raises(CheckFailed, match=r"the code check expected CodeSha256 6Yk62.* and found CodeSha256 other"):
        checked(checks, sha256="other")


def test_a_version_that_could_not_start_is_refused_with_its_log(checks: VersionChecks) -> None:
    with pytest.raises(CheckFailed, match="the start check expected state Active and found state Failed") as caught:
        checked(checks, {"errorType": "ImportError", "errorMessage": "x"}, state="Failed", log="No module named jinja2")
    assert "  No module named jinja2" in str(caught.value)


def test_the_functions_own_log_is_shown_by_its_last_lines(checks: VersionChecks) -> None:
    log = "\n".join(f"line {number}" for number in range(50))
    with pytest.raises(CheckFailed) as caught:
        checked(checks, {"statusCode": 500, "body": ""}, log=log)
    assert "  line 49" in str(caught.value)
    assert "line 39" not in str(caught.value)


def test_an_earlier_version_has_to_show_its_own_build(checks: VersionChecks) -> None:
    rollback = {**PROPS, "code_sha256": "", "rolled_back_to": "2"}
    assert checked(checks, HEALTHY, PAGE, props=rollback)["approved_code_sha256"] == BUILD
    with pytest.raises(CheckFailed, match=f"expected build id other and found build id {BUILD}"):
        checked(checks, HEALTHY, sha256="other", props=rollback)


def test_a_version_that_never_was_is_told_with_what_to_do(checks: VersionChecks) -> None:
    with Stubber(checks._client) as function:
        function.add_client_error("get_function_configuration", "ResourceNotFoundException", http_status_code=404)
        with pytest.raises(CheckFailed, match="renderer has no version 2; make releases lists those that it had"):
            checks.create({**PROPS, "code_sha256": "", "rolled_back_to": "2"})


@pytest.mark.parametrize(
    ("before", "now", "refused"),
    [
        ({"rolled_back_to": "2"}, {"rolled_back_to": "", "ends_rollback": False}, True),
        ({"rolled_back_to": "2"}, {"rolled_back_to": "", "ends_rollback": True}, False),
        ({"rolled_back_to": "2"}, {"rolled_back_to": "2", "ends_rollback": False}, False),
        ({"rolled_back_to": ""}, {"rolled_back_to": "", "ends_rollback": False}, False),
        ({}, {"rolled_back_to": "2", "ends_rollback": False}, False),
    ],
)
def test_a_rollback_is_ended_by_whoever_says_so_alone(
    checks: VersionChecks, before: dict[str, Any], now: dict[str, Any], refused: bool
) -> None:
    failures = checks.check({"function_name": "renderer", **before}, now).failures
    assert [failure.property for failure in failures] == (["rolled_back_to"] if refused else [])
    for failure in failures:
        assert "renderer is rolled back to version 2" in failure.reason
        assert "set RENDERER_VERSION=newest" in failure.reason


def test_a_missing_permission_is_named(checks: VersionChecks) -> None:
    with Stubber(checks._client) as function:
        function.add_client_error("get_function_configuration", "AccessDeniedException", http_status_code=403)
        with pytest.raises(CheckFailed, match="need lambda:GetFunctionConfiguration and lambda:InvokeFunction"):
            checks.create(dict(PROPS))


@pytest.mark.parametrize(("name", "value"), [("version", "3"), ("code_sha256", "x"), ("function_name", "other")])
def test_another_version_or_other_code_has_to_pass_again(checks: VersionChecks, name: str, value: str) -> None:
    assert checks.diff("id", {**PROPS, "approved_version": "2"}, {**PROPS, name: value}).changes is True


def test_a_change_of_the_gates_own_code_checks_nothing_again(checks: VersionChecks) -> None:
    assert checks.diff("id", {**PROPS, "__provider": "old"}, {**PROPS, "__provider": "new"}).changes is False


def test_the_state_holds_a_reference_to_the_checks() -> None:
    assert type(dill.loads(base64.b64decode(serialize_provider(VersionChecks())))) is VersionChecks


def _version() -> dict[str, str]:
    return {"FunctionName": "renderer", "Qualifier": "2"}


def _response(answer: Any, log: str) -> dict[str, Any]:
    payload = json.dumps(answer).encode()
    response: dict[str, Any] = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(payload), len(payload))}
    if answer is None or "errorMessage" in answer:
        response["FunctionError"] = "Unhandled"
    return {**response, "LogResult": base64.b64encode(log.encode()).decode()}
