"""The release gate: a new version of a function is passed on to its alias only after it has proved that it works.

A resource between the function and the alias. It publishes a version, waits until Lambda has made it, compares the code
that Lambda holds with the archive built from git, and invokes the version itself, past every alias, for its health and,
of the renderer, for a real page. If a check fails, the deployment fails with the function's own log; the alias has not
moved, and users never saw the build.

An earlier version, to which the alias is rolled back, passes the same gate. From then on the gate holds: a deployment
that doesn't say what is to become of the rollback is refused.
"""

from collections.abc import Sequence
from typing import Any

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

from components.settings import NEWEST, RENDERER_VERSION
from releasing.aws_connection import RETRIES, client_of
from releasing.version_checks import ReleaseChecks

# A cold start comes on top of the 29 seconds that a request may take.
PATIENCE = RETRIES.merge(Config(read_timeout=120))
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


class VersionChecks(ResourceProvider):
    """Checks a version when it is new; the state holds no more than a reference to this class."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Connect as the stack's `aws` provider is configured."""
        self._checks = ReleaseChecks(client_of("lambda", req, PATIENCE), client_of("logs", req, PATIENCE))

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
        return DiffResult(changes=changes or not self._checks.has_approved(olds))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Check the first version."""
        return CreateResult(f"gate-of-{props['function_name']}", _passed(self._checks, props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Check a new version."""
        return UpdateResult(_passed(self._checks, news))


def _passed(checks: ReleaseChecks, props: dict[str, Any]) -> dict[str, Any]:
    return {**{name: props[name] for name in INPUTS}, **checks.approved(props)}
