"""The renderer: the Lambda function that renders the public pages from DynamoDB."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from components.experiment_store import ExperimentStore
from components.permissions import allow
from components.released_function import Code, Configuration, ReleasedFunction
from components.settings import Settings
from releasing.lambda_package import (
    ARCHITECTURE,
    CACHE_DIR,
    REQUIREMENTS,
    RUNTIME,
    LambdaPackage,
    package_layer,
    package_source,
)
from releasing.routes import routes_of

HANDLER = "index_ssr.handler"
CONTENTS = ("index_ssr.py", "experiments", "web", "renderer", "renderer/pages", "renderer/templates")
"""Its files and folders."""
API_DOCUMENT = "renderer/openapi.json"
"""What its archive has beside them: the description of both functions' routes."""


class Renderer(ReleasedFunction):
    """The function that reads experiments and renders pages, and the dependencies that all functions share."""

    layer: aws.lambda_.LayerVersion
    paths: tuple[str, ...]
    """What it answers and the CDN may hold, as an invalidation names it."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        store: ExperimentStore,
        source: Path,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        function_name = settings.renderer_function_name or settings.name("renderer")
        super().__init__("dashboard:lambda:Renderer", name, settings, function_name, opts)
        self.paths = routes_of(source).paths
        self.layer = self._create_layer(source / REQUIREMENTS)
        self._release(
            Code(package_renderer(source), self.layer),
            renderer_configuration(settings, media_bucket=store.media.bucket, table_name=store.table.name),
            allowed=_statements(store),
            checked_at=("/health", "/"),
            rolled_back_to=settings.rolled_back_to,
        )

    def _create_layer(self, requirements: Path) -> aws.lambda_.LayerVersion:
        """A layer per content of the requirements, so that no version loses the one that it was published with."""
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


def package_renderer(source: Path, cache: Path = CACHE_DIR) -> LambdaPackage:
    """Zip what the renderer runs of the functions' source folder.

    Raises:
        pulumi.RunError: files are missing, or can't be imported.

    """
    document = json.dumps(routes_of(source, cache).openapi, ensure_ascii=False, separators=(",", ":"))
    return package_source(source, "renderer", CONTENTS, cache, {API_DOCUMENT: document.encode()})


def renderer_configuration(
    settings: Settings, media_bucket: pulumi.Input[str], table_name: pulumi.Input[str]
) -> Configuration:
    """How the renderer runs."""
    return Configuration(
        description="Renders the public pages of the dashboard.",
        handler=HANDLER,
        memory_mb=settings.renderer_memory_mb,
        timeout_seconds=settings.renderer_timeout_seconds,
        environment=shared_environment(settings, media_bucket, table_name),
    )


def shared_environment(
    settings: Settings, media_bucket: pulumi.Input[str], table_name: pulumi.Input[str]
) -> dict[str, pulumi.Input[str]]:
    """What both functions are told of the stack."""
    return {
        "MEDIA_BUCKET": media_bucket,
        "PRICES": settings.prices,
        "SITE_URL": settings.public_url,
        "STACK": settings.stack,
        "TABLE_NAME": table_name,
    }


def _statements(store: ExperimentStore) -> list[dict[str, Any]]:
    """Reading experiments, signing links to their artefacts; nothing else."""
    table, media = store.table, store.media
    return [
        allow("ReadExperiments", ["dynamodb:GetItem", "dynamodb:Query"], [table.arn, *store.index_arns]),
        allow("ReadArtefacts", "s3:GetObject", pulumi.Output.concat(media.arn, "/experiments/*")),
        allow("SeeThatTheMediaBucketIsThere", "s3:ListBucket", media.arn),
    ]
