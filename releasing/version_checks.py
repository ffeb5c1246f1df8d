"""What a version of a function has to prove before users see it: its code, that it starts, its health and its pages."""

import base64
import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

from releasing.function_versions import FAILED, Configuration, FunctionVersions
from releasing.waiting import looks

# Permissions of whoever deploys, beside those that the function's own resource takes.
NEEDED = ("PublishVersion", "GetFunctionConfiguration", "InvokeFunction")
LOG_TAIL_LINES = 10
# What a function says while its role's permissions have not taken effect, and where it has none; HEAD has no words.
DENIED = re.compile(r"AccessDenied|HTTP 403|not authorized to perform")


class CheckFailed(Exception):  # noqa: N818 reads better where it is raised
    """A version is not fit to be seen; the message names the check, what it expected and what it found."""


@dataclass(frozen=True)
class Answer:
    """What a version answered to a request."""

    status: int
    body: str
    error: str
    log_tail: str


class ReleaseChecks:
    """The checks, by clients of Lambda and of CloudWatch Logs."""

    def __init__(self, functions: Any, logs: Any) -> None:
        self._client = functions
        self._logs = logs

    def has_approved(self, olds: Mapping[str, Any]) -> bool:
        """Whether the version that has passed is still there.

        Raises:
            CheckFailed: that can't be seen.

        """
        versions = FunctionVersions(self._client, olds["function_name"])
        try:
            return versions.has(olds["approved_version"])
        except botocore.exceptions.ClientError as error:
            raise CheckFailed(_refused(f"Version {olds['approved_version']}", error)) from None

    def approved(self, props: Mapping[str, Any]) -> dict[str, Any]:
        """Publish a version, or take the one that is gone back to, and let it pass if it proves itself.

        Args:
            props: What `ReleaseGate` declares.

        Returns:
            `approved_version`, `approved_code_sha256` and `snapshots`, as `ReleaseGate` has them.

        Raises:
            CheckFailed: it is not fit to be seen, or could not be checked.

        """
        function, rolled_back_to = props["function_name"], props["rolled_back_to"]
        versions = FunctionVersions(self._client, function)
        which = f"Version {rolled_back_to} of {function}" if rolled_back_to else f"A new version of {function}"
        try:
            version = versions.settled(rolled_back_to) if rolled_back_to else versions.publish()
            which = f"Version {version['Version']} of {function}"
            self._check(versions, version, props)
        except CheckFailed as failure:
            advice = "Go back to another version" if rolled_back_to else "Mend the function, then deploy again"
            raise CheckFailed(
                f"{which} is not released: {failure}\nUsers still see the version before it. {advice}."
            ) from None
        except TimeoutError as reason:
            raise CheckFailed(f"{which} is not released: {reason}. Deploy again; it goes on from there.") from None
        except self._client.exceptions.ResourceNotFoundException:
            missing = f"version {rolled_back_to}; make releases lists those that it had" if rolled_back_to else "code"
            raise CheckFailed(f"{function} has no {missing}.") from None
        except botocore.exceptions.ClientError as error:
            raise CheckFailed(_refused(which, error)) from None
        if not rolled_back_to:
            versions.remove_old(version, int(props["kept_versions"]))
        return {
            "approved_version": version["Version"],
            "approved_code_sha256": version["CodeSha256"],
            "snapshots": versions.snapshots(),
        }

    def _check(self, versions: FunctionVersions, version: Configuration, props: Mapping[str, Any]) -> None:
        """Let a version prove itself; of one that is rolled back to, no source is at hand to compare its code with."""
        sha256 = version["CodeSha256"]
        expected = props["code_sha256"] or sha256
        _expect("code", f"CodeSha256 {expected}", f"CodeSha256 {sha256}", holds=sha256 == expected)
        if version.get("State") == FAILED:
            state = f"state {FAILED}: {version.get('StateReason', '')}"
            raise _failure("start", "a version that starts", state, self._log_of_start(version))
        health, *pages = props["checked_at"]
        self._check_health(versions, version, health, props["patience_seconds"])
        for page in pages:
            self._check_page(versions, version, page)

    def _log_of_start(self, version: Configuration) -> str:
        """What a version that could not start has logged; the streams are named after the version.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html
        """
        name = version["FunctionName"]
        group = version.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
        with contextlib.suppress(botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            newest = self._logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)
            streams = [each["logStreamName"] for each in newest["logStreams"]]
            own = [stream for stream in streams if f"[{version['Version']}]" in stream][:1]
            for stream in own:
                events = self._logs.get_log_events(logGroupName=group, logStreamName=stream, limit=LOG_TAIL_LINES)
                return "\n".join(event["message"].rstrip() for event in events["events"])
            # One that can't start may be called all the same: its error is in the answer's log.
            return _answer(
                self._client.invoke(FunctionName=name, Qualifier=version["Version"], LogType="Tail", Payload=b"{}")
            ).log_tail
        return ""

    def _check_health(
        self, versions: FunctionVersions, version: Configuration, path: str, patience_seconds: float
    ) -> None:
        number, sha256 = version["Version"], version["CodeSha256"]
        for _ in looks(f"the permissions of {version['FunctionName']} to take effect", patience_seconds):
            answer = _answer(versions.invoke(number, request_for(path)))
            if not DENIED.search(answer.body + answer.error):
                break
        _expect_ok("health", answer)
        try:
            health = json.loads(answer.body)
        except ValueError:
            raise _failure("health", "a JSON document", answer.body[:100], answer.log_tail) from None
        build = health.get("build_id")
        _expect("health", f"build id {sha256}", f"build id {build}", build == sha256, answer.log_tail)
        _expect("health", "status ok", json.dumps(health), health.get("status") == "ok", answer.log_tail)

    def _check_page(self, versions: FunctionVersions, version: Configuration, path: str) -> None:
        number, sha256 = version["Version"], version["CodeSha256"]
        answer = _answer(versions.invoke(number, request_for(path)))
        _expect_ok("page", answer)
        page = answer.body.strip()
        is_whole = page.lower().startswith("<!doctype html>") and page.endswith("</html>")
        _expect("page", "a whole HTML page", f"{page[:60]} … {page[-60:]}", is_whole, answer.log_tail)
        shown = "another build id" if sha256 not in page else sha256
        _expect("page", f"build id {sha256}", shown, sha256 in page, answer.log_tail)


def _answer(response: Mapping[str, Any]) -> Answer:
    """What a function answered to a request such as API Gateway sends."""
    log_tail = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")
    payload = json.loads(response["Payload"].read() or "null")
    if response.get("FunctionError") or not isinstance(payload, dict):
        return Answer(0, "", _function_error(payload), log_tail)
    body = payload.get("body") or ""
    if payload.get("isBase64Encoded"):
        body = base64.b64decode(body).decode(errors="replace")
    return Answer(int(payload.get("statusCode", 200)), body, "", log_tail)


def request_for(path: str) -> dict[str, Any]:
    """An event of API Gateway's HTTP API.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    http = {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "release-gate"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "release-gate"},
        "requestContext": {"stage": "$default", "requestId": "release-gate", "http": http},
        "isBase64Encoded": False,
    }


def _refused(which: str, error: botocore.exceptions.ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code == "CodeStorageExceededException":
        return (
            f"{which} could not be published, as the account's storage for functions' code is full. Remove versions "
            "of functions that nobody needs, or keep fewer of these (keptReleases), then deploy again."
        )
    need = "lambda:" + ", ".join(NEEDED)
    is_lambdas = "AccessDenied" in code and error.operation_name != "AssumeRole"
    reason = f" The deployment's credentials need {need} on it." if is_lambdas else f" {message}"
    return f"{which} could not be checked: {error.operation_name} failed with {code}.{reason}"


def _function_error(payload: Any) -> str:
    if isinstance(payload, dict) and "errorMessage" in payload:
        return f"{payload.get('errorType', 'error')}: {payload['errorMessage']}"
    return f"no response of a web function: {json.dumps(payload)[:200]}"


def _expect_ok(check: str, answer: Answer) -> None:
    found = answer.error or f"status {answer.status}: {answer.body[:200]}"
    _expect(check, "status 200", found, answer.status == 200, answer.log_tail)


def _expect(check: str, expected: str, found: str, holds: bool, log_tail: str = "") -> None:
    if not holds:
        raise _failure(check, expected, found, log_tail)


def _failure(check: str, expected: str, found: str, log_tail: str) -> CheckFailed:
    message = f"the {check} check expected {expected} and found {found}"
    lines = [line for line in log_tail.splitlines() if line.strip()][-LOG_TAIL_LINES:]
    if lines:
        message += "\nThe last lines of its log:\n" + "\n".join(f"  {line}" for line in lines)
    return CheckFailed(message)
