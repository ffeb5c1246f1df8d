"""The published versions of a Lambda function: publishing one, waiting until it can be called, removing old ones.

The release gate publishes, and not the function's resource. With SnapStart a version is `Pending` for minutes, and may
fail. The official provider doesn't wait for the first one (hashicorp/terraform-provider-aws#42693), waits for a later
one until it times out without a reason where it has failed, and publishes nothing the next time, as nothing has changed
(hashicorp/terraform-provider-aws#49904).
"""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.exceptions

from releasing.waiting import LIMIT_SECONDS, looks, tell

# https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
ACTIVE = "Active"
INACTIVE = "Inactive"
PENDING = "Pending"
FAILED = "Failed"
# What a version failed of that is the code's own fault; anything else is worth another try.
CODES_OWN_FAULT = "FunctionError"
ATTEMPTS = 5
# What Lambda answers while it wakes or makes a version.
# https://docs.aws.amazon.com/lambda/latest/dg/snapstart-troubleshooting.html
NOT_READY = ("ResourceConflictException", "SnapStartNotReadyException")

Configuration = Mapping[str, Any]
"""A version as Lambda's GetFunctionConfiguration tells of it."""


class FunctionVersions:
    """The versions of one function, reached with a client of Lambda that retries.

    Every method raises what botocore raises where Lambda refuses, and TimeoutError where it takes too long.
    """

    def __init__(self, client: Any, function: str) -> None:
        self._client = client
        self._function = function

    def publish(self) -> Configuration:
        """Publish what the function is, and wait until it can be called or has failed for good.

        What was published before and has not failed is that version still, so that a deployment may be repeated.
        """
        for attempt in range(1, ATTEMPTS + 1):
            found = self.settled(self._published()["Version"])
            if found.get("State") != FAILED or _is_codes_own_fault(found) or attempt == ATTEMPTS:
                break
            tell(f"Version {found['Version']} of {self._function} failed ({found.get('StateReason')}): publishing anew")
        return found

    def settled(self, version: str) -> Configuration:
        """Wait for a version that is being made; one that sleeps is woken first."""
        for _ in looks(f"version {version} of {self._function}, of which Lambda makes a snapshot", LIMIT_SECONDS):
            found: Configuration = self._client.get_function_configuration(
                FunctionName=self._function, Qualifier=version
            )
            state = found.get("State", ACTIVE)
            if state == INACTIVE:
                with contextlib.suppress(botocore.exceptions.ClientError):
                    self._client.invoke(FunctionName=self._function, Qualifier=version, Payload=b"{}")
            elif state != PENDING:
                return found
        raise TimeoutError(
            f"it is still {state} after {LIMIT_SECONDS} s: {found.get('StateReason', 'no reason given')}"
        )

    def invoke(self, version: str, event: Mapping[str, Any]) -> Any:
        """Call a version, as soon as it can be called: Lambda may have put it to sleep meanwhile."""
        for _ in looks(f"version {version} of {self._function} to wake", LIMIT_SECONDS):
            try:
                return self._client.invoke(
                    FunctionName=self._function, Qualifier=version, LogType="Tail", Payload=json.dumps(event)
                )
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] not in NOT_READY or self._has_failed(version):
                    raise
        raise TimeoutError(f"it could not be called for {LIMIT_SECONDS} s")

    def has(self, version: str) -> bool:
        """Whether there is such a version; a function that was deleted and made anew has none of its former life."""
        try:
            self._client.get_function_configuration(FunctionName=self._function, Qualifier=version)
        except self._client.exceptions.ResourceNotFoundException:
            return False
        return True

    def remove_old(self, approved: Configuration, kept: int) -> None:
        """Remove the versions that nobody can go back to, as each costs storage and SnapStart's cache.

        Kept are the newest that run with the role that the approved one has, as another's is gone, and what an alias
        leads to.
        """
        versions = list(self._published_versions())
        usable = [each for each in versions if each["Role"] == approved["Role"] and each.get("State") != FAILED]
        newest = sorted((int(each["Version"]) for each in usable), reverse=True)[:kept]
        needed = {approved["Version"], *map(str, newest), *self._led_to()}
        for version in (each["Version"] for each in versions if each["Version"] not in needed):
            try:
                self._client.delete_function(FunctionName=self._function, Qualifier=version)
            except botocore.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
                tell(f"warning: version {version} of {self._function} could not be removed: {code}")

    def snapshots(self) -> list[dict[str, int]]:
        """How many versions have a snapshot in SnapStart's cache, by their memory in MB, by which it is paid for."""
        by_memory = Counter(each["MemorySize"] for each in self._published_versions() if _has_snapshot(each))
        return [{"versions": versions, "memory_mb": memory_mb} for memory_mb, versions in sorted(by_memory.items())]

    def _published(self) -> Configuration:
        self._client.get_waiter("function_updated_v2").wait(FunctionName=self._function)
        published: Configuration = self._client.publish_version(FunctionName=self._function)
        return self._published_anew() if published.get("State") == FAILED else published

    def _published_anew(self) -> Configuration:
        """Lambda publishes nothing while nothing has changed since the last version, be it one that failed.

        https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
        """
        description = self._client.get_function_configuration(FunctionName=self._function).get("Description", "")
        self._describe(f"{description} Published anew at {datetime.now(UTC):%Y-%m-%d %H:%M:%S}.".strip())
        published: Configuration = self._client.publish_version(FunctionName=self._function, Description=description)
        self._describe(description)
        return published

    def _describe(self, description: str) -> None:
        self._client.update_function_configuration(FunctionName=self._function, Description=description)
        self._client.get_waiter("function_updated_v2").wait(FunctionName=self._function)

    def _has_failed(self, version: str) -> bool:
        found = self._client.get_function_configuration(FunctionName=self._function, Qualifier=version)
        return bool(found.get("State") == FAILED)

    def _published_versions(self) -> Iterator[Configuration]:
        for page in self._client.get_paginator("list_versions_by_function").paginate(FunctionName=self._function):
            yield from (each for each in page["Versions"] if each["Version"] != "$LATEST")

    def _led_to(self) -> Iterator[str]:
        """The versions that aliases lead to."""
        for page in self._client.get_paginator("list_aliases").paginate(FunctionName=self._function):
            for alias in page["Aliases"]:
                yield alias["FunctionVersion"]
                yield from (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}


def _is_codes_own_fault(version: Configuration) -> bool:
    return str(version.get("StateReasonCode", "")).startswith(CODES_OWN_FAULT)


def _has_snapshot(version: Configuration) -> bool:
    """Of one that failed Lambda has made none, and of one that sleeps it has removed it."""
    return version.get("State") not in (FAILED, INACTIVE)
