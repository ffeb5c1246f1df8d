"""Has ministack behave by the manners that are set for it (manners.py): refuse what AWS refuses, answer as late as AWS.

It runs in the emulator's process, in front of the services' own handlers: before them, a request may be refused; after
them, an answer may be put as AWS puts it while a thing is new. What a thing is new for is remembered here alone, so
that after a start of the emulator everything is old.
"""

import json
import random
import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_actions, iam_evaluator, router
from ministack.services import lambda_svc

Answer = tuple[int, dict[str, str], bytes]
Refusal = tuple[str, str, int]
"""An error's code, message and HTTP status."""

DISTRIBUTION_PARTS = re.compile(rb"<(?:CachePolicyId|ResponseHeadersPolicyId|OriginAccessControlId)>([^<]+)</")
THROTTLED = {
    "s3": ("SlowDown", 503),
    "dynamodb": ("ThrottlingException", 400),
    "lambda": ("TooManyRequestsException", 429),
}
STILL_IN_USE = {
    "cloudfront:DeleteCachePolicy": "CachePolicyInUse",
    "cloudfront:DeleteOriginAccessControl": "OriginAccessControlInUse",
    "cloudfront:DeleteResponseHeadersPolicy": "ResponseHeadersPolicyInUse",
}
NOT_FOUND_YET: Mapping[str, Refusal] = {
    "iam:GetRole": ("NoSuchEntity", "The role cannot be found.", 404),
    "lambda:GetFunction": ("ResourceNotFoundException", "Function not found.", 404),
    "s3:ListBucket": ("NoSuchBucket", "The specified bucket does not exist", 404),
    "sqs:GetQueueAttributes": ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400),
}
CREATING_TABLE = ("ResourceNotFoundException", "Requested resource not found", 400)
TABLE_SETTINGS = re.compile(r"dynamodb:(Update(?!Item)|TagResource|DeleteTable)")
TABLE_READS = re.compile(r"dynamodb:(Describe|List|CreateTable)")
NOT_READY = "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE."
UNVERIFIED = (
    "Your account must be verified before you can add new CloudFront resources. To verify your account, please contact "
    "AWS Support (https://console.aws.amazon.com/support/home#/) and include this error message."
)


@dataclass
class Call:
    """A request to a service's API."""

    service: str
    action: str
    """As IAM names it, e.g. `lambda:CreateFunction`."""
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, list[str]]

    @classmethod
    def of(cls, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]) -> "Call":
        """Take a request as ministack's own dispatcher takes it."""
        routing = app._routing_params(method, path, headers, body, query)
        service = router.detect_service(method, path, headers, routing)
        action = iam_actions.extract_iam_action(service, method, path, headers, body, routing) or service
        return cls(service, action, path, headers, body, query)

    @cached_property
    def parameters(self) -> Mapping[str, Any]:
        """The query's or form's first values, and the JSON document's."""
        return _parameters(b"" if self.service == "s3" else self.body, self.query)

    @cached_property
    def thing(self) -> str:
        """What it is about, by the name that ends its path or its parameters."""
        if self.service == "s3":
            return self.path.strip("/").split("/")[0]
        if self.service == "cloudfront":
            return [*self.path.split("/"), "", ""][3]
        if self.service == "lambda":
            return self.path.partition("/functions/")[2].split("/")[0] or str(self.parameters.get("FunctionName", ""))
        named = ("RoleName", "TableName", "QueueName", "QueueUrl", "CertificateArn")
        name = next((str(self.parameters[key]) for key in named if self.parameters.get(key)), self.path)
        return name.rstrip("/").rsplit("/", 1)[-1]

    def error(self, refusal: Refusal, request_id: str) -> Answer:
        """How the service words an error."""
        code, message, status = refusal
        _, headers, body = iam_actions.access_denied_response(
            self.service, self.action, "", request_id, error_code=code, message=message, headers=dict(self.headers)
        )
        return status, headers, body


class Unkind:
    """The manners of one emulator."""

    def __init__(self, read: Callable[[], Any]) -> None:
        """Take what reads the manners that are set."""
        self._manners = read
        self._since: dict[tuple[str, str], float] = {}
        self._latest: dict[str, float] = {}
        self._reads: dict[tuple[str, str], int] = {}
        self._parts: dict[str, set[str]] = {}
        self._chance: tuple[int, random.Random] = (0, random.Random(0))  # noqa: S311 repeatable is what it has to be
        self._dispatch: Callable[..., Awaitable[Answer]] = app._dispatch_service_request
        self._gather, self._provision = (
            iam_evaluator._gather_role_policies,
            lambda_svc._snapstart_provision_version_async,
        )
        self._invoke, self._execute = lambda_svc._invoke, lambda_svc._execute_function_with_config_scope

    def install(self) -> None:
        """Stand in front of ministack's own functions."""
        app._dispatch_service_request = self.dispatch
        iam_evaluator._gather_role_policies = self.role_policies
        lambda_svc._snapstart_provision_version_async = self.provision
        lambda_svc._invoke, lambda_svc._execute_function_with_config_scope = self.invoke, self.execute

    async def dispatch(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], request_id: str
    ) -> Answer:
        """Answer a request to a service's API."""
        call = Call.of(method, path, headers, body, query)
        if refusal := self._refusal(call):
            return call.error(refusal, request_id)
        if call.service == "lambda":
            self._let_sleep(call.thing)
        answer = await self._dispatch(method, path, headers, body, query, request_id)
        return self._remember(call, answer) if answer[0] < 300 else answer

    # Requests that are refused.

    def _refusal(self, call: Call) -> Refusal | None:
        return self._moody(call) or self._too_early(call) or self._taken(call) or self._too_much(call) or _missing(call)

    def _moody(self, call: Call) -> Refusal | None:
        """Only for whoever deploys: what functions and workers ask for is not made to fail by chance."""
        key = router.extract_access_key_id(call.headers, {})
        if not key or key.startswith("ASIA"):
            return None
        if self._happens(self._manners().throttling_chance):
            code, status = THROTTLED.get(call.service, ("Throttling", 400))
            return code, "Rate exceeded", status
        if self._happens(self._manners().error_chance):
            return "InternalError", "We encountered an internal error. Please try again.", 500
        return None

    def _too_early(self, call: Call) -> Refusal | None:
        """For what is there, but not yet in every respect."""
        manners, parameters = self._manners(), call.parameters
        if call.action in ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"):
            role = str(parameters.get("Role", "")).rsplit("/", 1)[-1]
            if self._is_new("role", role, manners.role_seconds):
                return (
                    "InvalidParameterValueException",
                    "The role defined for the function cannot be assumed by Lambda.",
                    400,
                )
        if call.action == "sts:AssumeRole":
            role = str(parameters.get("RoleArn", "")).rsplit("/", 1)[-1]
            if self._is_new("role", role, manners.role_seconds):
                return "AccessDenied", f"User is not authorized to perform: sts:AssumeRole on resource: {role}", 403
        # What is asked for with every page is not parsed for nothing.
        if (
            call.service == "dynamodb"
            and self._is_any_new("table", manners.table_seconds)
            and self._is_new("table", call.thing, manners.table_seconds)
        ):
            if TABLE_SETTINGS.match(call.action):
                message = f"Attempt to change a resource which is still in use: Table is being created: {call.thing}"
                return "ResourceInUseException", message, 400
            if not TABLE_READS.match(call.action):
                return CREATING_TABLE
        if call.action == "cloudfront:DeleteDistribution" and self._is_in_progress(call.thing):
            return "DistributionNotDisabled", "The distribution you are trying to delete has not been disabled.", 409
        if call.action in STILL_IN_USE and self._is_new("left", call.thing, manners.distribution_seconds):
            return STILL_IN_USE[call.action], "It is still attached to one or more distributions.", 409
        return self._not_found_yet(call)

    def _not_found_yet(self, call: Call) -> Refusal | None:
        place = (call.service, call.thing)
        refusal = NOT_FOUND_YET.get(call.action)
        if refusal is None or not self._is_new("made", "/".join(place), self._manners().read_seconds):
            return None
        self._reads[place] = self._reads.get(place, 0) + 1
        return refusal if self._reads[place] % 2 else None

    def _taken(self, call: Call) -> Refusal | None:
        manners = self._manners()
        if call.action == "s3:CreateBucket" and call.thing in manners.taken_buckets:
            message = "The requested bucket name is not available. The bucket namespace is shared by all users."
            return "BucketAlreadyExists", message, 409
        if call.action == "sqs:CreateQueue" and self._is_new("deleted queue", call.thing, manners.queue_name_seconds):
            message = (
                "You must wait 60 seconds after deleting a queue before you can create another with the same name."
            )
            return "AWS.SimpleQueueService.QueueDeletedRecently", message, 400
        return None

    def _too_much(self, call: Call) -> Refusal | None:
        manners = self._manners()
        if call.action == "cloudfront:CreateDistribution" and manners.unverified_account:
            return "AccessDenied", UNVERIFIED, 403
        adds_code = ("lambda:CreateFunction", "lambda:PublishVersion", "lambda:UpdateFunctionCode")
        if call.action in adds_code and 0 < manners.code_storage_bytes < _stored_code_bytes():
            return "CodeStorageExceededException", "Code storage limit exceeded.", 400
        return None

    # Answers that tell of what is new.

    def _remember(self, call: Call, answer: Answer) -> Answer:
        if call.action in ("iam:CreateRole", "lambda:CreateFunction", "s3:CreateBucket", "sqs:CreateQueue"):
            self._note("made", f"{call.service}/{call.thing}")
        match call.action:
            case "iam:CreateRole":
                self._note("role", call.thing)
            case "iam:PutRolePolicy":
                self._note("policy", call.thing)
            case "sqs:DeleteQueue":
                self._note("deleted queue", call.thing)
            case "acm:RequestCertificate":
                self._note("certificate", str(json.loads(answer[2])["CertificateArn"]).rsplit("/", 1)[-1])
            case "acm:DescribeCertificate":
                return _with_json(answer, lambda document: self._pending_certificate(call.thing, document))
            case "dynamodb:CreateTable":
                self._note("table", call.thing)
        if call.action in ("dynamodb:CreateTable", "dynamodb:DescribeTable"):
            return _with_json(answer, lambda document: self._creating_table(call.thing, document))
        if call.service == "cloudfront":
            return self._distribution(call, answer)
        return self._dns_change(call, answer) if call.service == "route53" else answer

    def _distribution(self, call: Call, answer: Answer) -> Answer:
        status, headers, body = answer
        if call.action in ("cloudfront:CreateDistribution", "cloudfront:CreateDistributionWithTags"):
            self._changed(_text(body, rb"<Id>([^<]+)</Id>"), call.body)
        elif call.action in ("cloudfront:UpdateDistribution", "cloudfront:DeleteDistribution"):
            self._changed(call.thing, call.body)
        is_told = call.action.removeprefix("cloudfront:") in (
            "CreateDistribution",
            "CreateDistributionWithTags",
            "GetDistribution",
            "UpdateDistribution",
        )
        if is_told and self._is_in_progress(_text(body, rb"<Id>([^<]+)</Id>")):
            body = body.replace(b"<Status>Deployed</Status>", b"<Status>InProgress</Status>", 1)
        return status, headers, body

    def _changed(self, distribution: str, configuration: bytes) -> None:
        """Note a distribution's change, and the parts that it goes without from now on."""
        self._note("distribution", distribution)
        parts = {part.decode() for part in DISTRIBUTION_PARTS.findall(configuration)}
        for part in self._parts.get(distribution, set()) - parts:
            self._note("left", part)
        self._parts[distribution] = parts

    def _is_in_progress(self, distribution: str) -> bool:
        return self._is_new("distribution", distribution, self._manners().distribution_seconds)

    def _pending_certificate(self, name: str, document: dict[str, Any]) -> None:
        seconds = self._manners().certificate_seconds
        if self._is_new("certificate", name, seconds):
            document["Certificate"]["Status"] = "PENDING_VALIDATION"
            document["Certificate"].pop("IssuedAt", None)
            for option in document["Certificate"].get("DomainValidationOptions", []):
                option["ValidationStatus"] = "PENDING_VALIDATION"
                if self._is_new("certificate", name, seconds / 10):
                    option.pop("ResourceRecord", None)

    def _creating_table(self, name: str, document: dict[str, Any]) -> None:
        if self._is_new("table", name, self._manners().table_seconds):
            table = document.get("Table") or document["TableDescription"]
            table["TableStatus"] = "CREATING"
            for index in table.get("GlobalSecondaryIndexes", []):
                index["IndexStatus"] = "CREATING"

    def _dns_change(self, call: Call, answer: Answer) -> Answer:
        status, headers, body = answer
        change = _text(body, rb"<Id>/change/([^<]+)</Id>")
        if call.action == "route53:ChangeResourceRecordSets":
            self._note("change", change)
        if change and self._is_new("change", change, self._manners().dns_seconds):
            body = body.replace(b"<Status>INSYNC</Status>", b"<Status>PENDING</Status>")
        return status, headers, body

    # Permissions.

    def role_policies(self, role: str, account_id: str) -> Any:
        """What a role may do, once that has taken effect."""
        return [] if self._is_new("policy", role, self._manners().policy_seconds) else self._gather(role, account_id)

    # Published versions.

    def provision(self, name: str, record: dict[str, Any]) -> None:
        """Make a version's snapshot, in its own time."""
        manners, configuration = self._manners(), record["config"]
        fails = self._happens(manners.version_failure_chance)

        def finish() -> None:
            time.sleep(manners.version_pending_seconds / manners.clock)
            if fails:
                reason = "Lambda was unable to create a snapshot because of an internal error. Try to publish again."
                configuration.update(State="Failed", StateReason=reason, StateReasonCode="InternalError")
            else:
                self._note("called", configuration["FunctionArn"])
                self._provision(name, record)

        threading.Thread(target=finish, daemon=True).start()

    async def invoke(self, name: str, event: Any, headers: Any, qualifier: str | None = None, query: Any = None) -> Any:
        """Call a function by the API."""
        asked = qualifier or (query or {}).get("Qualifier") or "$LATEST"
        asked = asked[0] if isinstance(asked, list) else asked
        function = lambda_svc._functions.get(name)
        if function:
            version = function["aliases"].get(asked, {}).get("FunctionVersion", asked)
            if reason := self._asleep(function["versions"].get(version)):
                return lambda_svc.error_response_json(*reason)
        return await self._invoke(name, event, headers, qualifier, query)

    def execute(self, record: dict[str, Any], event: Any) -> Any:
        """Call a function through API Gateway."""
        version = (record.get("versions") or {}).get((record.get("config") or {}).get("Version", ""))
        if reason := self._asleep(version):
            return {"error": True, "body": {"errorType": reason[0], "errorMessage": reason[1]}, "log": ""}
        return self._execute(record, event)

    def _asleep(self, version: dict[str, Any] | None) -> Refusal | None:
        """Why a version can't be called; a call of one that sleeps wakes it."""
        configuration = (version or {}).get("config") or {}
        if version is None or (configuration.get("SnapStart") or {}).get("OptimizationStatus") != "On":
            return None
        self._let_version_sleep(configuration)
        if configuration["State"] == "Inactive":
            configuration.update(State="Pending", StateReason="", StateReasonCode="Restoring")
            self.provision(configuration["FunctionName"], version)
            return "SnapStartNotReadyException", NOT_READY, 409
        self._note("called", configuration["FunctionArn"])
        return None

    def _let_sleep(self, function: str) -> None:
        """Put a function's versions to sleep that have not been called for long."""
        for version in (lambda_svc._functions.get(function) or {}).get("versions", {}).values():
            self._let_version_sleep(version["config"])

    def _let_version_sleep(self, configuration: dict[str, Any]) -> None:
        called, idle = self._since.get(("called", configuration["FunctionArn"])), self._manners().version_idle_seconds
        if called is not None and idle and configuration["State"] == "Active" and self._age(called) > idle:
            reason = "The function is inactive because it has not been called."
            configuration.update(State="Inactive", StateReason=reason, StateReasonCode="Idle")

    # Time and chance.

    def _note(self, what: str, name: str) -> None:
        self._since[what, name] = self._latest[what] = time.monotonic()

    def _is_new(self, what: str, name: str, seconds: float) -> bool:
        since = self._since.get((what, name))
        return since is not None and self._age(since) < seconds

    def _is_any_new(self, what: str, seconds: float) -> bool:
        return self._age(self._latest.get(what, -1e9)) < seconds

    def _age(self, since: float) -> float:
        return float((time.monotonic() - since) * self._manners().clock)

    def _happens(self, chance: float) -> bool:
        seed = self._manners().seed
        if self._chance[0] != seed:
            self._chance = seed, random.Random(seed)  # noqa: S311 as above
        return chance > 0 and self._chance[1].random() < chance


class MannersFile:
    """The manners that are set in a folder, read when they have changed."""

    def __init__(self, folder: Path, file: str, read: Callable[[Path], Any]) -> None:
        """Take the folder, the file's name in it, and what reads it."""
        self._folder, self._file, self._read = folder, folder / file, read
        self._seen: float | None = -1
        self._manners: Any = None

    def __call__(self) -> Any:
        """Return them as they are now."""
        try:
            seen: float | None = self._file.stat().st_mtime_ns
        except FileNotFoundError:
            seen = None
        if seen != self._seen:
            self._manners, self._seen = self._read(self._folder), seen
        return self._manners


def _missing(call: Call) -> Refusal | None:
    """What an alias can't lead to, as it is not there."""
    is_written = call.service == "lambda" and "/aliases" in call.path and call.body
    version = call.parameters.get("FunctionVersion") if is_written else None
    function = lambda_svc._functions.get(call.thing) if version else None
    if function is None or version in ("$LATEST", *function["versions"]):
        return None
    return "ResourceNotFoundException", f"Function not found: {call.thing}:{version}", 404


def _parameters(body: bytes, query: Mapping[str, list[str]]) -> dict[str, Any]:
    found: dict[str, Any] = {name: values[0] for name, values in query.items() if values}
    text = body if len(body) < 1 << 20 else b""
    if text.startswith(b"{"):
        try:
            return {**found, **json.loads(text)}
        except ValueError:
            return found
    if b"=" in text and not text.startswith(b"<"):
        found.update({name: values[0] for name, values in parse_qs(text.decode(errors="replace")).items()})
    return found


def _with_json(answer: Answer, change: Callable[[dict[str, Any]], None]) -> Answer:
    status, headers, body = answer
    document = json.loads(body)
    change(document)
    # DynamoDB's checksum is of the body that it was.
    kept = {name: value for name, value in headers.items() if name.lower() != "x-amz-crc32"}
    return status, kept, json.dumps(document).encode()


def _text(body: bytes, pattern: bytes) -> str:
    found = re.search(pattern, body)
    return found[1].decode() if found else ""


def _stored_code_bytes() -> int:
    """What the code of all versions takes."""
    functions = lambda_svc._functions._data.values()
    zips = [version.get("code_zip") or b"" for each in functions for version in (each.get("versions") or {}).values()]
    return sum(map(len, zips)) + sum(len(each.get("code_zip") or b"") for each in functions)
