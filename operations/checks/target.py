"""What is verified: a stack as git says it is, and the means to look at it as it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import yaml
from botocore.exceptions import BotoCoreError

from components.admin_api import package_admin_api
from components.renderer import package_renderer
from components.settings import Settings
from components.sign_in import CONFIGURATION_KEY, configuration
from releasing.aws_connection import PATIENCE, connected
from releasing.lambda_package import LambdaPackage
from releasing.project import PROJECT, CouldNotLook

OUTPUTS = (
    *("admin_function", "admin_version", "api_id", "api_url", "client_id", "dashboard_url", "dead_letter_queue_url"),
    *("distribution_id", "job_queue_url", "media_bucket", "release", "renderer_code_sha256", "renderer_function"),
    *("renderer_version", "sign_in_url", "site_bucket", "table_name"),
)


@dataclass(frozen=True)
class Target:
    """A stack: its settings, source and static files in git, its outputs, and read-only clients of its AWS."""

    settings: Settings
    outputs: Mapping[str, str]
    package: LambdaPackage
    """The renderer's archive, built from the source at hand."""
    admin_package: LambdaPackage
    """The admin API's."""
    release: Mapping[str, Any]
    """The record of the last release."""
    static_files: Path
    functions: Any
    objects: Any
    cdn: Any

    @property
    def configuration(self) -> dict[str, bytes]:
        """What the deployment itself tells the admin page, by the file's key."""
        return {CONFIGURATION_KEY: configuration(self.outputs["client_id"], self.outputs["sign_in_url"]).encode()}

    @classmethod
    def of(cls, config: Mapping[str, Any], stack: str, outputs: Mapping[str, Any], root: Path = PROJECT) -> "Target":
        """Prepare to look.

        Args:
            config: The stack's configuration, `namespace:key` to value.
            stack: The stack's name.
            outputs: The stack's outputs.
            root: The project's folder.

        Raises:
            CouldNotLook: outputs are missing, the configuration or the source has problems, or AWS's region is unknown.

        """
        missing = [name for name in OUTPUTS if not outputs.get(name)]
        if missing:
            raise CouldNotLook(
                f"The stack's outputs lack {', '.join(missing)}. Is stack '{stack}' deployed completely?"
            )
        project = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))["name"]
        try:
            return cls(
                settings=Settings.parse(project, stack, config),
                outputs={name: str(outputs[name]) for name in OUTPUTS if name != "release"},
                release=outputs["release"],
                package=package_renderer(root / "lambda"),
                admin_package=package_admin_api(root / "lambda"),
                static_files=root / "dashboard",
                functions=connected("lambda", config, PATIENCE),
                objects=connected("s3", config, PATIENCE),
                cdn=connected("cloudfront", config, PATIENCE),
            )
        except (pulumi.RunError, BotoCoreError) as error:
            raise CouldNotLook(str(error)) from None
