"""A function of Lambda's with its versions, as far as a release deals with it."""

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

BUILD = "6Yk62c4zT4SZTHP0lHXd5nLWmD0mMVxyK1FN2H/TjDI="
ROLE = "arn:aws:iam::000000000000:role/renderer"
ACTIVE = {"State": "Active"}
PENDING = {"State": "Pending", "StateReasonCode": "Creating"}
INACTIVE = {"State": "Inactive", "StateReasonCode": "Idle"}
BROKEN = {"State": "Failed", "StateReasonCode": "FunctionError", "StateReason": "No module named jinja2"}
UNLUCKY = {"State": "Failed", "StateReasonCode": "InternalError", "StateReason": "too many snapshots at once"}
HEALTHY = {"statusCode": 200, "body": json.dumps({"status": "ok", "build_id": BUILD})}
PAGE = {"statusCode": 200, "body": f"<!doctype html>\n<html><footer>{BUILD}</footer></html>\n"}


@dataclass
class FakeLambda:
    """It publishes a version only where something has changed since the last, as Lambda does."""

    snapshots: list[list[dict[str, str]]] = field(default_factory=list)
    """How each version comes to be, look by look, from the publishing on; Active at once where nothing is said."""
    answers: list[Any] = field(default_factory=list)
    """What calls are answered: a function's answer, or the code of an error of Lambda's."""
    log: str = ""
    sha256: str = BUILD
    refuses: dict[str, str] = field(default_factory=dict)
    """The error's code of each operation that is refused."""
    description: str = "Renders."
    aliases: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, Any]] = field(default_factory=dict)
    descriptions: list[str] = field(default_factory=list)
    """What the function was described as, before and after each version that was published anew."""

    def __post_init__(self) -> None:
        untyped: Any = boto3
        self.exceptions = untyped.client("lambda", region_name="us-east-1").exceptions
        self._states: dict[str, list[dict[str, str]]] = {}
        self._published_as: str | None = None

    def add(self, version: str, *states: dict[str, str], role: str = ROLE, memory_mb: int = 512) -> None:
        """Let there be a version from earlier."""
        parts = {"Version": version, "Role": role, "MemorySize": memory_mb}
        self.versions[version] = {**parts, **self._configuration()}
        self._states[version] = list(states) or [ACTIVE]

    def publish_version(self, FunctionName: str, Description: str = "") -> dict[str, Any]:  # noqa: N803 AWS's names
        self._refuse("PublishVersion")
        newest = max(self.versions, key=int, default="0")
        if self._published_as == self.description:
            return self._told(newest, look=False)
        version = str(int(newest) + 1)
        self.add(version, *(self.snapshots.pop(0) if self.snapshots else []))
        self._published_as = self.description
        return self._told(version, look=False)

    def get_function_configuration(self, FunctionName: str, Qualifier: str = "") -> dict[str, Any]:  # noqa: N803
        self._refuse("GetFunctionConfiguration")
        if not Qualifier:
            return {**self._configuration(), "Description": self.description}
        if Qualifier not in self.versions:
            raise _error("ResourceNotFoundException", "GetFunctionConfiguration")
        return self._told(Qualifier, look=True)

    def update_function_configuration(self, FunctionName: str, Description: str) -> None:  # noqa: N803
        self.description = Description
        self.descriptions.append(Description)

    def invoke(self, FunctionName: str, Qualifier: str, Payload: Any, LogType: str = "") -> dict[str, Any]:  # noqa: N803
        self._refuse("Invoke")
        if self._states[Qualifier][0]["State"] == "Inactive":
            self._states[Qualifier] = [PENDING, ACTIVE]
            raise _error("SnapStartNotReadyException", "Invoke")
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, str):
            raise _error(answer, "Invoke")
        return _response(answer, self.log)

    def delete_function(self, FunctionName: str, Qualifier: str) -> None:  # noqa: N803
        self._refuse("DeleteFunction")
        del self.versions[Qualifier]

    def get_waiter(self, _name: str) -> Any:
        return _Waiter()

    def get_paginator(self, operation: str) -> Any:
        latest = {"Version": "$LATEST", "Role": ROLE}
        versions = [latest, *(self._told(version, look=False) for version in self.versions)]
        aliases = [{"Name": name, "FunctionVersion": version} for name, version in self.aliases.items()]
        pages = {"list_versions_by_function": {"Versions": versions}, "list_aliases": {"Aliases": aliases}}
        return _Pages(lambda: iter([pages[operation]]))

    def _configuration(self) -> dict[str, Any]:
        return {"FunctionName": "renderer", "CodeSha256": self.sha256}

    def _told(self, version: str, look: bool) -> dict[str, Any]:
        states = self._states[version]
        told = {**self.versions[version], **states[0]}
        if look and len(states) > 1:
            states.pop(0)
        return told

    def _refuse(self, operation: str) -> None:
        if operation in self.refuses:
            raise _error(self.refuses[operation], operation)


class _Waiter:
    def wait(self, **_: Any) -> None:
        """Nothing is ever in progress."""


@dataclass
class _Pages:
    pages: Callable[[], Iterator[Mapping[str, Any]]]

    def paginate(self, **_: Any) -> Iterator[Mapping[str, Any]]:
        return self.pages()


def _response(answer: Any, log: str) -> dict[str, Any]:
    payload = json.dumps(answer).encode()
    response: dict[str, Any] = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(payload), len(payload))}
    if answer is None or "errorMessage" in answer:
        response["FunctionError"] = "Unhandled"
    return {**response, "LogResult": base64.b64encode(log.encode()).decode()}


def _error(code: str, operation: str) -> ClientError:
    untyped: Any = boto3
    exceptions = untyped.client("lambda", region_name="us-east-1").exceptions
    kind = exceptions.from_code(code)
    error: ClientError = kind({"Error": {"Code": code, "Message": code}}, operation)
    return error
