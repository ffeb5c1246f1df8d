"""The release gate: a new version of a function is passed on to its alias only after it has proved that it works.

A resource between the published version and the alias. It compares the code that Lambda holds with the archive built
from git, and invokes the version itself, past every alias, for its health and, of the renderer, for a real page. If a
check fails, the deployment fails with the function's own log; the alias has not moved, and users never saw the build.

An earlier version, to which the alias is rolled back, passes the same gate. From then on the gate holds: a deployment
that doesn't say what is to become of the rollback is refused.
"""

import base64
import contextlib
import json
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
from components.settings import NEWEST, RENDERER_VERSION

# A cold start comes on top of the 29 seconds that a request may take.
PATIENCE = Config(read_timeout=120, retries={"mode": "standard", "total_max_attempts": 5})
LIVE_ALIAS = "live"
LOG_TAIL_LINES = 10
ACTIVE = "Active"
INPUTS = ("function_name", "version", "code_sha256", "checked_at", "rolled_back_to")


class ReleaseGate(pulumi.dynamic.Resource, name="ReleaseGate"):
    """Passes a version on once it has been found good."""

    approved_version: pulumi.Output[str]
    """The version, known only after it has passed."""
    approved_code_sha256: pulumi.Output[str]
    """Its code, as Lambda's CodeSha256: the build id that its pages show."""

    def __init__(
        self,
        name: str,
        function_name: pulumi.Input[str],
        published_version: pulumi.Input[str],
        code_sha256: str,
        checked_at: Sequence[str],
        rolled_back_to: str = "",
        ends_rollback: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare which version has to pass.

        Args:
            name: Pulumi's name of the resource.
            function_name: The function.
            published_version: The version that this deployment publishes.
            code_sha256: The local archive's hash as Lambda writes it, which is also the build id that pages show.
            checked_at: The path of the function's health, and of a page where it has one.
            rolled_back_to: The number of an earlier version, to pass instead of the published one.
            ends_rollback: Whether the published version may pass after an earlier one.
            opts: Pulumi's options.

        """
        inputs = {
            "function_name": function_name,
            "version": rolled_back_to or published_version,
            "code_sha256": "" if rolled_back_to else code_sha256,
            "checked_at": checked_at,
            "rolled_back_to": rolled_back_to,
            "ends_rollback": ends_rollback,
        }
        outputs = dict.fromkeys(("approved_version", "approved_code_sha256"))
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
        """Another version, or other code under the same number, has to pass again."""
        return DiffResult(changes=any(olds.get(name) != news.get(name) for name in INPUTS))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Check the first version."""
        return CreateResult(f"gate-of-{props['function_name']}", self._approved(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Check a new version."""
        return UpdateResult(self._approved(news))

    def _approved(self, props: Mapping[str, Any]) -> dict[str, Any]:
        function, version, expected = (props[name] for name in ("function_name", "version", "code_sha256"))
        try:
            sha256 = self._check_code(function, version, expected)
            health, *pages = props["checked_at"]
            self._check_start(function, version, health)
            self._check_health(function, version, health, sha256)
            for page in pages:
                self._check_page(function, version, page, sha256)
        except CheckFailed as failure:
            advice = "Go back to another version" if props["rolled_back_to"] else "Mend the function, then deploy again"
            raise CheckFailed(
                f"Version {version} of {function} is not released: {failure}\n"
                f"Users still see the version before it. {advice}."
            ) from None
        except self._client.exceptions.ResourceNotFoundException:
            raise CheckFailed(f"{function} has no version {version}; make releases lists those that it had.") from None
        except botocore.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            raise CheckFailed(
                f"Version {version} of {function} could not be checked: {error.operation_name} failed with {code}. "
                f"The deployment's credentials need lambda:GetFunctionConfiguration and lambda:InvokeFunction on it."
            ) from None
        outcome = {"approved_version": version, "approved_code_sha256": sha256}
        return {**{name: props[name] for name in INPUTS}, **outcome}

    def _check_code(self, function: str, version: str, expected: str) -> str:
        """The version's CodeSha256; of one that is rolled back to, no source is at hand to compare it with."""
        found = str(self._client.get_function_configuration(FunctionName=function, Qualifier=version)["CodeSha256"])
        _expect("code", f"CodeSha256 {expected}", f"CodeSha256 {found}", holds=found == (expected or found))
        return found

    def _check_start(self, function: str, version: str, health: str) -> None:
        """SnapStart starts a version as it is published, so one that can't start has failed by now."""
        found = self._client.get_function_configuration(FunctionName=function, Qualifier=version)
        if (state := found.get("State", ACTIVE)) == ACTIVE:
            return
        log_tail = ""
        with contextlib.suppress(botocore.exceptions.ClientError):
            log_tail = self._get(function, version, health).log_tail
        raise _failure("start", f"state {ACTIVE}", f"state {state}: {found.get('StateReason', '')}", log_tail)

    def _check_health(self, function: str, version: str, path: str, sha256: str) -> None:
        answer = self._get(function, version, path)
        _expect_ok("health", answer)
        try:
            health = json.loads(answer.body)
        except ValueError:
            raise _failure("health", "a JSON document", answer.body[:100], answer.log_tail) from None
        build = health.get("build_id")
        _expect("health", f"build id {sha256}", f"build id {build}", build == sha256, answer.log_tail)
        _expect("health", "status ok", json.dumps(health), health.get("status") == "ok", answer.log_tail)

    def _check_page(self, function: str, version: str, path: str, sha256: str) -> None:
        answer = self._get(function, version, path)
        _expect_ok("page", answer)
        page = answer.body.strip()
        is_whole = page.lower().startswith("<!doctype html>") and page.endswith("</html>")
        _expect("page", "a whole HTML page", f"{page[:60]} … {page[-60:]}", is_whole, answer.log_tail)
        shown = "another build id" if sha256 not in page else sha256
        _expect("page", f"build id {sha256}", shown, sha256 in page, answer.log_tail)

    def _get(self, function: str, version: str, path: str) -> Answer:
        """The version's answer to a request such as API Gateway sends."""
        response = self._client.invoke(
            FunctionName=function, Qualifier=version, LogType="Tail", Payload=json.dumps(_request(path))
        )
        log_tail = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")
        payload = json.loads(response["Payload"].read() or "null")
        if response.get("FunctionError") or not isinstance(payload, dict):
            return Answer(0, "", _function_error(payload), log_tail)
        body = payload.get("body") or ""
        if payload.get("isBase64Encoded"):
            body = base64.b64decode(body).decode(errors="replace")
        return Answer(int(payload.get("statusCode", 200)), body, "", log_tail)


def _request(path: str) -> dict[str, Any]:
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
