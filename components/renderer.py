"""The renderer: the Lambda function that renders the public pages from DynamoDB."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from components.experiment_store import ExperimentStore
from components.lambda_package import (
    ARCHITECTURE,
    CACHE_DIR,
    REQUIREMENTS,
    RUNTIME,
    LambdaPackage,
    package_layer,
    package_source,
)
from components.permissions import allow
from components.released_function import Code, Configuration, ReleasedFunction
from components.settings import Settings

HANDLER = "index_ssr.handler"
NOT_ITS_OWN = ("admin_api.py", "admin/chat")
"""What the admin API alone runs; the rest of `admin/` the renderer describes in its OpenAPI document."""


class Renderer(ReleasedFunction):
    """The function that reads experiments and renders pages, and the dependencies that all functions share."""

    layer: aws.lambda_.LayerVersion
    # A path without a wildcard leaves what the CDN holds of it for other query strings:
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/invalidation-specifying-objects.html
    paths = (
        *("/", "/?*", "/compare*", "/costs*", "/curves*", "/experiments*", "/feed.atom*", "/health*"),
        "/social-card*",
    )
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
        self.layer = self._create_layer(source / REQUIREMENTS)
        self._release(
            Code(package_renderer(source), self.layer),
            Configuration(
                description="Renders the public pages of the dashboard.",
                handler=HANDLER,
                memory_mb=settings.renderer_memory_mb,
                timeout_seconds=settings.renderer_timeout_seconds,
                environment={
                    "MEDIA_BUCKET": store.media.bucket,
                    "PRICES": settings.prices,
                    "SITE_URL": settings.public_url,
                    "TABLE_NAME": store.table.name,
                },
            ),
            allowed=_what_it_needs(store),
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
    """Zip what the renderer runs of the functions' source folder; errors are those of `package_source`."""
    return package_source(source, "renderer", cache, without=NOT_ITS_OWN)


def _what_it_needs(store: ExperimentStore) -> list[dict[str, Any]]:
    """Reading experiments, signing links to their artefacts; nothing else."""
    table, media = store.table, store.media
    return [
        allow("ReadExperiments", ["dynamodb:GetItem", "dynamodb:Query"], [table.arn, *store.index_arns]),
        allow("ReadArtefacts", "s3:GetObject", pulumi.Output.concat(media.arn, "/experiments/*")),
        allow("SeeThatTheMediaBucketIsThere", "s3:ListBucket", media.arn),
    ]
