"""The renderer: the Lambda function that renders the public pages from DynamoDB, published version by version.

Its archive is deterministic, so the hash of the source drives its updates, is the build id that its pages show, and is
what Lambda reports as CodeSha256.
"""

import hashlib
import json
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.experiment_store import ExperimentStore
from components.lambda_package import ARCHITECTURE, REQUIREMENTS, RUNTIME, LambdaPackage, package_layer, package_source
from components.release_gate import ReleaseGate
from components.settings import Settings

HANDLER = "index_ssr.handler"
LIVE_ALIAS = "live"


class Renderer(pulumi.ComponentResource):
    """The function, its dependency layer, role and log group, and the alias `live` for the version that may be seen.

    A new version has a role and a layer of its own where these changed, so that neither it nor its failure touches the
    version that users see.
    """

    package: LambdaPackage
    # A path without a wildcard leaves what the CDN holds of it for other query strings:
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/invalidation-specifying-objects.html
    paths = (
        *("/", "/?*", "/compare*", "/costs*", "/curves*", "/experiments*", "/feed.atom*", "/health*"),
        "/social-card*",
    )
    """What it answers and the CDN may hold, as an invalidation names it."""
    function: aws.lambda_.Function
    gate: ReleaseGate
    alias: aws.lambda_.Alias
    build_id: pulumi.Output[str]
    """What users are led to, as CodeSha256; the package's, but for a rollback."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        store: ExperimentStore,
        source: Path,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:lambda:Renderer", name, None, opts)
        self._settings = settings
        self._store = store
        self._function_name = settings.renderer_function_name or settings.name("renderer")
        self._child = pulumi.ResourceOptions(parent=self)

        self.package = package_source(source, "renderer")
        self._layer = self._create_layer(source / REQUIREMENTS)
        self._log_group = self._create_log_group()
        permissions = self._what_it_needs()
        self._role = self._create_role(permissions)
        self._policy = self._grant(permissions)
        self.function = self._create_function()
        self.gate = self._create_gate()
        self.alias = self._create_alias()
        self.build_id = self.gate.approved_code_sha256

        self.register_outputs({"function": self.function.name, "version": self.function.version})

    def _create_layer(self, requirements: Path) -> aws.lambda_.LayerVersion:
        package = package_layer(requirements)
        return aws.lambda_.LayerVersion(
            "renderer-dependencies",
            layer_name=self._settings.name("renderer-dependencies"),
            code=package.archive,
            source_code_hash=package.sha256,
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
            opts=self._child,
        )

    def _create_log_group(self) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            "renderer",
            name=f"/aws/lambda/{self._function_name}",
            retention_in_days=self._settings.log_retention_days,
            tags=self._settings.tags("renderer"),
            opts=self._child,
        )

    def _create_role(self, permissions: pulumi.Output[str]) -> aws.iam.Role:
        """A role named after its permissions, so that other permissions are another role."""
        return aws.iam.Role(
            "renderer",
            name=pulumi.Output.concat(self._settings.name("renderer"), "-", permissions.apply(_digest)),
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
            tags=self._settings.tags("renderer"),
            opts=self._child,
        )

    def _what_it_needs(self) -> pulumi.Output[str]:
        """Reading experiments, signing links to their artefacts, writing its own log; nothing else."""
        table, media = self._store.table, self._store.media
        return pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "ReadExperiments",
                        "Effect": "Allow",
                        "Action": ["dynamodb:GetItem", "dynamodb:Query"],
                        "Resource": [table.arn, *self._store.index_arns],
                    },
                    {
                        "Sid": "ReadArtefacts",
                        "Effect": "Allow",
                        "Action": "s3:GetObject",
                        "Resource": pulumi.Output.concat(media.arn, "/experiments/*"),
                    },
                    {
                        "Sid": "SeeThatTheMediaBucketIsThere",
                        "Effect": "Allow",
                        "Action": "s3:ListBucket",
                        "Resource": media.arn,
                    },
                    {
                        "Sid": "WriteItsLog",
                        "Effect": "Allow",
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Resource": pulumi.Output.concat(self._log_group.arn, ":*"),
                    },
                ],
            }
        )

    def _grant(self, permissions: pulumi.Output[str]) -> aws.iam.RolePolicy:
        return aws.iam.RolePolicy(
            "renderer", name="renderer", role=self._role.name, policy=permissions, opts=self._child
        )

    def _create_function(self) -> aws.lambda_.Function:
        return aws.lambda_.Function(
            "renderer",
            name=self._function_name,
            description="Renders the public pages of the dashboard.",
            role=self._role.arn,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=HANDLER,
            code=self.package.archive,
            # Unlike source_code_hash, it is compared with what Lambda runs: code deployed by hand is drift.
            code_sha256=self.package.sha256,
            layers=[self._layer.arn],
            memory_size=self._settings.renderer_memory_mb,
            timeout=self._settings.renderer_timeout_seconds,
            publish=True,
            snap_start=aws.lambda_.FunctionSnapStartArgs(apply_on="PublishedVersions"),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=self._log_group.name),
            environment=aws.lambda_.FunctionEnvironmentArgs(
                variables={
                    "BUILD_ID": self.package.sha256,
                    "MEDIA_BUCKET": self._store.media.bucket,
                    "PRICES": self._settings.prices,
                    "SITE_URL": self._settings.public_url,
                    "STACK": self._settings.stack,
                    "TABLE_NAME": self._store.table.name,
                }
            ),
            tags=self._settings.tags("renderer"),
            # Lambda publishes the version, and SnapStart runs it, as soon as the function is there.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._policy]),
        )

    def _create_gate(self) -> ReleaseGate:
        return ReleaseGate(
            self._settings.name("renderer"),
            function_name=self.function.name,
            published_version=self.function.version,
            code_sha256=self.package.sha256,
            rolled_back_to=self._settings.rolled_back_to,
            ends_rollback=self._settings.ends_rollback,
            opts=self._child,
        )

    def _create_alias(self) -> aws.lambda_.Alias:
        return aws.lambda_.Alias(
            "live",
            name=LIVE_ALIAS,
            description="What API Gateway calls.",
            function_name=self.function.name,
            function_version=self.gate.approved_version,
            opts=self._child,
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
