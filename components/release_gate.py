"""The release gate: a new version of a function is passed on to its alias only after it has proved that it works.

A resource between the function and the alias. It publishes a version, waits until Lambda has made it, compares the code
that Lambda holds with the archive built from git, and invokes the version itself, past every alias, for its health and,
of the renderer, for a real page. If a check fails, the deployment fails with the function's own log; the alias has not
moved, and users never saw the build.

An earlier version, to which the alias is rolled back, passes the same gate. From then on the gate holds: a deployment
that doesn't say what is to become of the rollback is refused.
"""

import base64
import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import botocore.exceptions
import pulumi
from botocore.config import Config
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ResourceProvider,
    UpdateResult,
)

from components.aws_connection import client_of
from components.function_versions import FAILED, Configuration, FunctionVersions
from components.settings import NEWEST, RENDERER_VERSION
from components.waiting import looks

# A cold start comes on top of the 29 seconds that a request may take.
PATIENCE = Config(read_timeout=120, retries={"mode": "standard", "total_max_attempts": 5})
LIVE_ALIAS = "live"
# Permissions of whoever deploys, beside those that the function's own resource takes.
NEEDED = ("PublishVersion", "GetFunctionConfiguration", "InvokeFunction")
LOG_TAIL_LINES = 10
# What a function says while its role's permissions have not taken effect, and where it has none; HEAD has no words.
DENIED = re.compile(r"AccessDenied|HTTP 403|not authorized to perform")
# A difference in any of these is another version to be checked; the others say how that is done.
CHECKED = ("function_name", "code_sha256", "configuration", "checked_at", "rolled_back_to")
INPUTS = (*CHECKED, "patience_seconds", "kept_versions")


class ReleaseGate(pulumi.dynamic.Resource, name="ReleaseGate"):
    """Passes a version on once it has been found good."""

    approved_version: pulumi.Output[str]
    """The version, known only after it has passed."""
    approved_code_sha256: pulumi.Output[str]
    """Its code, as Lambda's CodeSha256: the build id that its pages show."""
    snapshots: pulumi.Output[list[dict[str, int]]]
    """What is left in SnapStart's cache: of how many `versions`, with how much memory each (`memory_mb`)."""

    def __init__(
        self,
        name: str,
        function_name: pulumi.Input[str],
        code_sha256: str,
        configuration: pulumi.Input[str],
        checked_at: Sequence[str],
        patience_seconds: int,
        kept_versions: int,
        rolled_back_to: str = "",
        ends_rollback: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare which version has to pass.

        Args:
            name: Pulumi's name of the resource.
            function_name: The function.
            code_sha256: The local archive's hash as Lambda writes it, which is also the build id that pages show.
            configuration: A digest of all else that a version is published with.
            checked_at: The path of the function's health, and of a page where it has one.
            patience_seconds: How long the permissions of the function's role may take to have effect.
            kept_versions: How many versions that can be gone back to are kept.
            rolled_back_to: The number of an earlier version, to pass instead of the published one.
            ends_rollback: Whether the published version may pass after an earlier one.
            opts: Pulumi's options.

        """
        inputs = {
            "function_name": function_name,
            "code_sha256": "" if rolled_back_to else code_sha256,
            "configuration": configuration,
            "checked_at": checked_at,
            "patience_seconds": patience_seconds,
            "kept_versions": kept_versions,
            "rolled_back_to": rolled_back_to,
            "ends_rollback": ends_rollback,
        }
        outputs = dict.fromkeys(("approved_version", "approved_code_sha256", "snapshots"))
        super().__init__(VersionChecks(), name, {**inputs, **outputs}, opts)


class CheckFailed(Exception):  # noqa: N818 reads better where it is raised
    """A version is not fit to be seen; the message names the check, what it expected and what it found."""


@dataclass(frozen=True)
class Answer:
    """What a version answered to a request."""

    status: int
    body: str
    error: str
    log_tail: str


class VersionChecks(ResourceProvider):
    """Checks a version when it is new; the state holds no more than a reference to this class."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Connect as the stack's `aws` provider is configured."""
        self._client = client_of("lambda", req, PATIENCE)
        self._logs = client_of("logs", req, PATIENCE)

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Refuse to end a rollback silently."""
        rolled_back_to = olds.get("rolled_back_to")
        if not rolled_back_to or news["rolled_back_to"] or news["ends_rollback"]:
            return CheckResult(news, [])
        reason = (
            f"{olds['function_name']} is rolled back to version {rolled_back_to}, and this deployment would end that. "
            f"To release the build at hand, set {RENDERER_VERSION}={NEWEST} for the deployment; "
            f"to keep version {rolled_back_to} and deploy the rest, set {RENDERER_VERSION}={rolled_back_to}."
        )
        return CheckResult(news, [CheckFailure("rolled_back_to", reason)])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Other code, another configuration or way back has to pass; and what is there, where the version is gone."""
        changes = any(olds.get(name) != news.get(name) for name in CHECKED)
        return DiffResult(changes=changes or not self._has_approved(olds))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Check the first version."""
        return CreateResult(f"gate-of-{props['function_name']}", self._approved(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Check a new version."""
        return UpdateResult(self._approved(news))

    def _has_approved(self, olds: Mapping[str, Any]) -> bool:
        versions = FunctionVersions(self._client, olds["function_name"])
        try:
            return versions.has(olds["approved_version"])
        except botocore.exceptions.ClientError as error:
            raise CheckFailed(_refused(f"Version {olds['approved_version']}", error)) from None

    def _approved(self, props: Mapping[str, Any]) -> dict[str, Any]:
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
        outcome = {
            "approved_version": version["Version"],
            "approved_code_sha256": version["CodeSha256"],
            "snapshots": versions.snapshots(),
        }
        return {**{name: props[name] for name in INPUTS}, **outcome}

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
