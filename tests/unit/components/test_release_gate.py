"""What a version has to prove before its alias moves, and what is said where it can't."""

import base64
import json
from typing import Any

import dill
import pytest
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.dynamic.dynamic import serialize_provider

from components.release_gate import CHECKED, VersionChecks
from releasing import function_versions, waiting
from releasing.version_checks import CheckFailed, ReleaseChecks
from tests.unit.components.fake_lambda import (
    ACTIVE,
    BROKEN,
    BUILD,
    HEALTHY,
    INACTIVE,
    PAGE,
    PENDING,
    ROLE,
    UNLUCKY,
    FakeLambda,
)

PROPS = {
    "function_name": "renderer",
    "code_sha256": BUILD,
    "configuration": "cafe",
    "checked_at": ["/health", "/"],
    "patience_seconds": 1,
    "kept_versions": 10,
    "rolled_back_to": "",
}
DENIED = {"statusCode": 503, "body": json.dumps({"status": "degraded", "reason": "AccessDeniedException"})}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "FIRST_POLL_SECONDS", 0)


def gate(function: FakeLambda) -> VersionChecks:
    checks = VersionChecks()
    config = {"aws:region": "us-east-1", "aws:accessKey": "test", "aws:secretKey": "test"}
    checks.configure(ConfigureRequest(Config(config, "ai-video-codec-dashboard")))
    checks._checks = ReleaseChecks(function, FakeLogs())
    return checks


class FakeLogs:
    def describe_log_streams(self, **_: Any) -> dict[str, Any]:
        return {"logStreams": []}


def checked(function: FakeLambda, **props: Any) -> dict[str, Any]:
    outs = gate(function).update("id", {**PROPS, "approved_version": "0"}, {**PROPS, **props}).outs
    assert outs is not None
    return outs


def refused(function: FakeLambda, **props: Any) -> str:
    with pytest.raises(CheckFailed) as caught:
        checked(function, **props)
    return str(caught.value)


def test_a_version_that_answers_with_this_build_is_approved() -> None:
    assert checked(FakeLambda(answers=[HEALTHY, PAGE]))["approved_version"] == "1"


def test_an_update_keeps_every_output() -> None:
    """What a provider's update leaves out, the state loses (pulumi/pulumi#7809)."""
    outs = checked(FakeLambda(answers=[HEALTHY, PAGE]))
    assert outs.keys() == {*PROPS, "approved_version", "approved_code_sha256", "snapshots"}


def test_a_page_in_base64_counts_as_well() -> None:
    encoded = {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(PAGE["body"].encode()).decode()}  # type: ignore[attr-defined]
    assert checked(FakeLambda(answers=[HEALTHY, encoded]))["approved_version"] == "1"


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
def test_a_failed_check_names_itself_what_it_expected_and_found(answers: list[Any], reason: str) -> None:
    message = refused(FakeLambda(answers=answers))
    assert reason in message
    assert message.startswith("Version 1 of renderer is not released: ")


def test_code_that_is_not_gits_is_refused_before_it_is_run() -> None:
    message = refused(FakeLambda(sha256="other"))
    assert f"the code check expected CodeSha256 {BUILD} and found CodeSha256 other" in message


def test_a_version_that_could_not_start_is_refused_with_its_log() -> None:
    function = FakeLambda([[PENDING, BROKEN]], [{"errorType": "ImportError", "errorMessage": "x"}], log="line of a log")
    message = refused(function)
    assert "the start check expected a version that starts and found state Failed: No module named jinja2" in message
    assert "  line of a log" in message
    assert list(function.versions) == ["1"], "what is the code's own fault is not tried again"


def test_the_functions_own_log_is_shown_by_its_last_lines() -> None:
    log = "\n".join(f"line {number}" for number in range(50))
    message = refused(FakeLambda(answers=[{"statusCode": 500, "body": ""}], log=log))
    assert "  line 49" in message
    assert "line 39" not in message


def test_a_version_that_is_still_being_made_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    function = FakeLambda([[PENDING, PENDING, PENDING, ACTIVE]], [HEALTHY, PAGE])
    assert checked(function)["approved_version"] == "1"
    assert "Waiting for version 1 of renderer, of which Lambda makes a snapshot" in capsys.readouterr().out


def test_a_version_that_is_never_made_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_versions, "LIMIT_SECONDS", -1)
    message = refused(FakeLambda([[PENDING]]))
    assert "it is still Pending after" in message
    assert "Deploy again; it goes on from there." in message


def test_a_version_that_lambda_failed_to_make_is_published_anew() -> None:
    function = FakeLambda([[PENDING, UNLUCKY], [PENDING, ACTIVE]], [HEALTHY, PAGE])
    assert checked(function)["approved_version"] == "2"
    assert list(function.versions) == ["2"], "nobody can go back to the failed one"
    assert function.description == "Renders."


def test_a_version_that_failed_in_an_earlier_deployment_is_published_anew_without_another_source() -> None:
    function = FakeLambda([[PENDING, BROKEN], [PENDING, ACTIVE]], [{"errorType": "ImportError", "errorMessage": "x"}])
    refused(function)
    function.answers = [HEALTHY, PAGE]
    assert checked(function)["approved_version"] == "2"


def test_what_was_published_by_a_killed_deployment_is_not_published_again() -> None:
    function = FakeLambda(answers=[HEALTHY, PAGE, HEALTHY, PAGE])
    assert checked(function)["approved_version"] == checked(function)["approved_version"] == "1"


def test_permissions_that_take_effect_late_are_waited_for() -> None:
    assert checked(FakeLambda(answers=[DENIED, DENIED, HEALTHY, PAGE]))["approved_version"] == "1"


def test_permissions_that_never_take_effect_are_a_failed_check() -> None:
    assert "AccessDeniedException" in refused(FakeLambda(answers=[DENIED]), patience_seconds=0)


def test_a_version_that_lambda_puts_to_sleep_meanwhile_is_called_again() -> None:
    answers = ["SnapStartNotReadyException", HEALTHY, "ResourceConflictException", PAGE]
    assert checked(FakeLambda(answers=answers))["approved_version"] == "1"


def test_an_earlier_version_has_to_show_its_own_build() -> None:
    function = FakeLambda(answers=[HEALTHY, PAGE])
    function.add("2")
    assert checked(function, code_sha256="", rolled_back_to="2")["approved_code_sha256"] == BUILD
    function = FakeLambda(answers=[HEALTHY], sha256="other")
    function.add("2")
    message = refused(function, code_sha256="", rolled_back_to="2")
    assert f"expected build id other and found build id {BUILD}" in message


def test_an_earlier_version_that_sleeps_is_woken() -> None:
    function = FakeLambda(answers=[HEALTHY, PAGE])
    function.add("2", INACTIVE)
    assert checked(function, code_sha256="", rolled_back_to="2")["approved_version"] == "2"


def test_a_version_that_never_was_is_told_with_what_to_do() -> None:
    message = refused(FakeLambda(), code_sha256="", rolled_back_to="2")
    assert "renderer has no version 2; make releases lists those that it had" in message


def test_versions_that_nobody_can_go_back_to_are_removed() -> None:
    function = FakeLambda(answers=[HEALTHY, PAGE], aliases={"live": "1"})
    for number in ("1", "2", "3", "4", "5"):
        function.add(number)
    function.add("6", role=f"{ROLE}-with-other-permissions")
    function.add("7", BROKEN)
    assert checked(function, kept_versions=3)["approved_version"] == "8"
    assert list(function.versions) == ["1", "4", "5", "8"], "what users see, and the newest three that can run"


def test_a_rollback_removes_nothing() -> None:
    function = FakeLambda(answers=[HEALTHY, PAGE])
    for number in ("1", "2", "3"):
        function.add(number)
    outs = checked(function, code_sha256="", rolled_back_to="1", kept_versions=1)
    assert list(function.versions) == ["1", "2", "3"]
    assert outs["snapshots"] == [{"versions": 3, "memory_mb": 512}]


def test_the_snapshots_that_are_left_are_counted_by_the_memory_that_they_are_paid_for() -> None:
    function = FakeLambda(answers=[HEALTHY, PAGE])
    for number in ("1", "2", "3"):
        function.add(number, memory_mb=1024)
    function.add("4", INACTIVE)
    function.add("5", BROKEN)
    outs = checked(function, kept_versions=4)
    assert list(function.versions) == ["2", "3", "4", "6"]
    assert outs["snapshots"] == [{"versions": 1, "memory_mb": 512}, {"versions": 2, "memory_mb": 1024}]


def test_a_failed_version_that_can_not_be_removed_has_no_snapshot() -> None:
    function = FakeLambda(answers=[HEALTHY, PAGE], refuses={"DeleteFunction": "AccessDeniedException"})
    function.add("1", BROKEN)
    assert checked(function)["snapshots"] == [{"versions": 1, "memory_mb": 512}]


def test_a_version_that_can_not_be_removed_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    function = FakeLambda(answers=[HEALTHY, PAGE], refuses={"DeleteFunction": "AccessDeniedException"})
    function.add("1", BROKEN)
    assert checked(function)["approved_version"] == "2"
    assert "warning: version 1 of renderer could not be removed: AccessDeniedException" in capsys.readouterr().out


def test_a_full_storage_for_code_is_told_with_what_to_do() -> None:
    message = refused(FakeLambda(refuses={"PublishVersion": "CodeStorageExceededException"}))
    assert "the account's storage for functions' code is full" in message
    assert "keptReleases" in message


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
    before: dict[str, Any], now: dict[str, Any], refused: bool
) -> None:
    failures = gate(FakeLambda()).check({"function_name": "renderer", **before}, now).failures
    assert [failure.property for failure in failures] == (["rolled_back_to"] if refused else [])
    for failure in failures:
        assert "renderer is rolled back to version 2" in failure.reason
        assert "set RENDERER_VERSION=newest" in failure.reason


@pytest.mark.parametrize("operation", ["PublishVersion", "GetFunctionConfiguration", "Invoke"])
def test_a_missing_permission_is_named(operation: str) -> None:
    message = refused(FakeLambda(refuses={operation: "AccessDeniedException"}))
    assert f"{operation} failed with AccessDeniedException" in message
    assert "need lambda:PublishVersion, GetFunctionConfiguration, InvokeFunction on it" in message


@pytest.mark.parametrize("name", CHECKED)
def test_another_version_or_another_configuration_has_to_pass_again(name: str) -> None:
    function = FakeLambda()
    function.add("2")
    changes = gate(function).diff("id", {**PROPS, "approved_version": "2"}, {**PROPS, name: "other"}).changes
    assert changes is True


@pytest.mark.parametrize("name", ["patience_seconds", "kept_versions", "__provider"])
def test_a_change_of_how_it_is_checked_checks_nothing_again(name: str) -> None:
    function, state = FakeLambda(), {**PROPS, "approved_version": "2"}
    function.add("2")
    assert gate(function).diff("id", {**state, name: 1}, {**state, name: 2}).changes is False


def test_where_the_version_is_gone_with_its_function_another_has_to_pass() -> None:
    state = {**PROPS, "approved_version": "2"}
    assert gate(FakeLambda()).diff("id", state, state).changes is True


def test_the_state_holds_a_reference_to_the_checks() -> None:
    assert type(dill.loads(base64.b64decode(serialize_provider(VersionChecks())))) is VersionChecks
