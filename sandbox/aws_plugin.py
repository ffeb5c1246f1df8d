"""Which AWS provider the engine starts: the sandbox's own, or with `AWS_PROVIDER=official` pulumi-aws itself."""

import os
import re
import shutil
from pathlib import Path

from sandbox.places import SandboxError, advised

VARIABLE = "AWS_PROVIDER"
OWN, OFFICIAL = "own", "official"
EXECUTABLE = "pulumi-resource-aws"
# https://www.pulumi.com/docs/iac/concepts/plugins/
FOLDER = re.compile(r"resource-aws-v(\d+)\.(\d+)\.(\d+)")


def official_plugin() -> Path | None:
    """The official provider's executable, where the user has asked for it.

    Raises:
        SandboxError: it is on this machine neither on PATH nor in Pulumi's folder, or something else was asked for.

    """
    asked_for = os.environ.get(VARIABLE) or OWN
    if asked_for == OWN:
        return None
    if asked_for != OFFICIAL:
        raise SandboxError(advised(f"{VARIABLE} is {asked_for}.", f"Take {OWN} or {OFFICIAL}."))
    if on_path := shutil.which(EXECUTABLE):
        return Path(on_path)
    plugins = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
    installed = {match.groups(): folder for folder in plugins.glob("*") if (match := FOLDER.fullmatch(folder.name))}
    for version in sorted(installed, key=lambda numbers: tuple(map(int, numbers)), reverse=True):
        if found := shutil.which(installed[version] / EXECUTABLE):
            return Path(found)
    raise SandboxError(
        advised(
            f"The official AWS provider is not here: no {EXECUTABLE} on PATH, and none in {plugins}.",
            f"Install it (pulumi plugin install resource aws), or leave {VARIABLE} out for the sandbox's own.",
        )
    )
