"""The stack that takes over: its configuration, the means to ask AWS, and its deployments."""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.settings import InvalidConfig, Settings
from operations.stack import configuration, outputs_of
from releasing.aws_connection import RETRIES, connected
from releasing.files import write_whole
from releasing.project import PROJECT, PROJECT_NAME, SANDBOX

DOMAIN_ALIAS = f"{PROJECT_NAME}:domainAlias"
# Where certificates and metrics of distributions are:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
CDN_REGION = "us-east-1"


class Stopped(Exception):  # noqa: N818 reads better where it is raised
    """A step can't go on; the message says why, and what to do."""


@dataclass(frozen=True)
class Access:
    """A stack, as its file in git configures it."""

    stack: str
    port: int
    config: Mapping[str, Any]
    settings: Settings
    _known: dict[str, Any] = field(default_factory=dict)
    """The stack's outputs, once they were asked for."""

    @classmethod
    def of(cls, stack: str, port: int) -> "Access":
        """Read a stack's configuration.

        Raises:
            CouldNotLook: it can't be read.
            Stopped: it is not one that could take over a domain.

        """
        config = configuration(stack, port)
        try:
            settings = Settings.parse(PROJECT_NAME, stack, config)
        except InvalidConfig as problems:
            raise Stopped(str(problems)) from None
        if not settings.domain:
            raise Stopped(f"Pulumi.{stack}.yaml names no domain that could be taken over: set domain and hostedZoneId.")
        return cls(stack, port, config, settings)

    def client(self, service: str) -> Any:
        """A client in the stack's region."""
        return connected(service, self.config, RETRIES)

    def cdn_client(self, service: str) -> Any:
        """A client where CloudFront has what belongs to it."""
        return connected(service, self.config, RETRIES, CDN_REGION)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs.

        Raises:
            CouldNotLook: it isn't deployed.

        """
        if not self._known:
            self._known.update(outputs_of(self.stack, self.port))
        return self._known

    def url_of(self, distribution_name: str) -> str:
        """Where a distribution is reached by its own name, without a slash at the end."""
        url_format = self.settings.site_url_format or "https://{label}.cloudfront.net"
        return url_format.format(label=distribution_name.split(".")[0]).rstrip("/")

    def deploy(self) -> None:
        """Bring the stack to what its configuration and git say.

        Raises:
            Stopped: the deployment failed.

        """
        self._known.clear()
        sandbox = [sys.executable, "-m", "sandbox", "--port", str(self.port), "up"]
        pulumi = ["pulumi", "up", "--yes", "--non-interactive", "--stack", self.stack]
        if subprocess.run(sandbox if self.stack == SANDBOX else pulumi, cwd=PROJECT, check=False).returncode:
            raise Stopped("The deployment failed, as said above; whoever had the domain has it still.")

    def answer_at_domain(self, wanted: bool) -> None:
        """Write into the stack's file whether the site answers at the domain; the next deployment declares it."""
        file = PROJECT / f"Pulumi.{self.stack}.yaml"
        text, line = file.read_text(encoding="utf-8"), f"  {DOMAIN_ALIAS}: {str(wanted).lower()}"
        changed, count = re.subn(rf"^ *{re.escape(DOMAIN_ALIAS)}:.*$", line, text, flags=re.MULTILINE)
        if not count:
            changed = re.sub(r"^config: *$", f"config:\n{line}", text, count=1, flags=re.MULTILINE)
        if changed != text:
            # As git has it: anybody may read it.
            write_whole(file, changed, mode=0o644)
