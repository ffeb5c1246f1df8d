"""A Lambda function that is published version by version, and released through a gate to its alias `live`.

Both functions of the dashboard are of this kind. The hash of a function's archive is known before it is deployed: it
drives its updates, is its build id, and is what Lambda reports as CodeSha256.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.permissions import allow, assumed_by, policy
from components.release_gate import ReleaseGate
from components.settings import Settings
from releasing.lambda_package import ARCHITECTURE, RUNTIME, LambdaPackage
from releasing.proof import LIVE_ALIAS


@dataclass(frozen=True)
class Code:
    """What a function runs: the archive of its source, and the layer of its dependencies."""

    package: LambdaPackage
    layer: aws.lambda_.LayerVersion


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """How a function runs."""

    description: str
    handler: str
    memory_mb: int
    timeout_seconds: int
    environment: Mapping[str, pulumi.Input[str]]
    """What it is told, beside the build id."""


class ReleasedFunction(pulumi.ComponentResource):
    """The function, its role and log group, and the alias `live` for the version that may be called.

    A new version has a role of its own where the permissions changed, so that neither it nor its failure touches the
    version that is called. A subclass says what the function is and what it may do.
    """

    name: str
    """Pulumi's name of the component, and of what belongs to it."""
    health: str
    """The path of its health."""
    function_name: str
    """The function's name in AWS, which is known before it is there."""
    function: aws.lambda_.Function
    gate: ReleaseGate
    alias: aws.lambda_.Alias
    build_id: pulumi.Output[str]
    """What the alias leads to, as CodeSha256; the archive's, but for a rollback."""

    def __init__(
        self,
        type_: str,
        name: str,
        settings: Settings,
        function_name: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Create the log group; the subclass goes on with `_release`.

        Args:
            type_: Pulumi's name of the component's type.
            name: Pulumi's name of the component, and of what belongs to it.
            settings: The stack's settings.
            function_name: The function's name in AWS.
            opts: Pulumi's options.

        """
        super().__init__(type_, name, None, opts)
        self.name = name
        self._settings = settings
        self.function_name = function_name
        self._child = pulumi.ResourceOptions(parent=self)
        self._log_group = self._create_log_group()

    def _release(
        self,
        code: Code,
        configuration: Configuration,
        allowed: Sequence[Mapping[str, Any]],
        checked_at: Sequence[str],
        rolled_back_to: str = "",
    ) -> None:
        """Publish a version, and lead the alias to it once it has passed the gate.

        Args:
            code: What it runs.
            configuration: How it runs.
            allowed: The statements of what it may do, beside writing its log.
            checked_at: The path of its health, and of a page where it has one.
            rolled_back_to: The number of an earlier version that the alias is to lead to instead.

        """
        self.health = checked_at[0]
        permissions = self._permissions(allowed)
        self._role = self._create_role(permissions)
        self._policy = self._grant(permissions)
        self.function = self._create_function(code, configuration)
        self.gate = self._create_gate(code, configuration, checked_at, rolled_back_to)
        self.alias = self._create_alias()
        self.build_id = self.gate.approved_code_sha256

        self.register_outputs({"function": self.function.name, "version": self.gate.approved_version})

    def _create_log_group(self) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            self.name,
            name=f"/aws/lambda/{self.function_name}",
            retention_in_days=self._settings.log_retention_days,
            tags=self._settings.tags(self.name),
            opts=self._child,
        )

    def _permissions(self, allowed: Sequence[Mapping[str, Any]]) -> pulumi.Output[str]:
        log = pulumi.Output.concat(self._log_group.arn, ":*")
        write_log = allow("WriteItsLog", ["logs:CreateLogStream", "logs:PutLogEvents"], log)
        return pulumi.Output.json_dumps(policy([*allowed, write_log]))

    def _create_role(self, permissions: pulumi.Output[str]) -> aws.iam.Role:
        """A role for these permissions: with others, another one, which Pulumi names.

        A name made of the permissions would be taken where a deployment brings back those of a build that has failed:
        their role is only deleted at the end.
        """
        return aws.iam.Role(
            self._settings.name(self.name),
            assume_role_policy=json.dumps(assumed_by("lambda")),
            tags={**self._settings.tags(self.name), "permissions": permissions.apply(_digest)},
            opts=pulumi.ResourceOptions(parent=self, replace_on_changes=["tags"]),
        )

    def _grant(self, permissions: pulumi.Output[str]) -> aws.iam.RolePolicy:
        """The role's only policy.

        It stays until its role goes: pulumi-aws else deletes what has a given name before it creates another, and users
        would meet a version without permissions (nameRequiresDeleteBeforeReplace in
        https://github.com/pulumi/pulumi-terraform-bridge/blob/main/pkg/tfbridge/schema.go).
        """
        return aws.iam.RolePolicy(
            self.name,
            name=self.name,
            role=self._role.name,
            policy=permissions,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=False),
        )

    def _create_function(self, code: Code, configuration: Configuration) -> aws.lambda_.Function:
        environment = {"BUILD_ID": code.package.sha256, **configuration.environment}
        return aws.lambda_.Function(
            self.name,
            name=self.function_name,
            description=configuration.description,
            role=self._role.arn,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=configuration.handler,
            code=code.package.archive,
            # Unlike source_code_hash, it is compared with what Lambda runs: code deployed by hand is drift.
            code_sha256=code.package.sha256,
            layers=[code.layer.arn],
            memory_size=configuration.memory_mb,
            timeout=configuration.timeout_seconds,
            # The gate publishes: see releasing/function_versions.py.
            publish=False,
            snap_start=aws.lambda_.FunctionSnapStartArgs(apply_on="PublishedVersions"),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=self._log_group.name),
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=environment),
            tags=self._settings.tags(self.name),
            # A version is published with the permissions that it needs to start.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._policy]),
        )

    def _create_gate(
        self, code: Code, configuration: Configuration, checked_at: Sequence[str], rolled_back_to: str
    ) -> ReleaseGate:
        return ReleaseGate(
            self._settings.name(self.name),
            function_name=self.function.name,
            code_sha256=code.package.sha256,
            configuration=self._versioned(code, configuration),
            checked_at=checked_at,
            patience_seconds=self._settings.release_patience_seconds,
            kept_versions=self._settings.kept_releases,
            rolled_back_to=rolled_back_to,
            ends_rollback=self._settings.ends_rollback,
            opts=self._child,
        )

    def _versioned(self, code: Code, configuration: Configuration) -> pulumi.Output[str]:
        """A digest of what a version is published with, beside its code; a change of any of it is another version."""
        parts = {"layer": code.layer.arn, "log_group": self._log_group.name, "role": self._role.arn}
        built_in = {"architecture": ARCHITECTURE, "runtime": RUNTIME, "stack": self._settings.stack}
        everything = {**vars(configuration), **parts, **built_in}
        return pulumi.Output.json_dumps(everything, sort_keys=True).apply(_digest)

    def _create_alias(self) -> aws.lambda_.Alias:
        return aws.lambda_.Alias(
            LIVE_ALIAS,
            name=LIVE_ALIAS,
            description="What API Gateway calls.",
            function_name=self.function.name,
            function_version=self.gate.approved_version,
            opts=self._child,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
