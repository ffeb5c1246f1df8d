"""What the functions' routes say of themselves: which paths the CDN may hold, and the OpenAPI document.

The functions' modules are no part of the program that deploys them; so a process of its own imports them, once per
content of their source.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from releasing.files import write_whole
from releasing.lambda_package import CACHE_DIR, source_entries

PARAMETER = re.compile(r"\{.*")


@dataclass(frozen=True)
class Routes:
    """What the routes of a source folder say."""

    held_by_cdn: tuple[str, ...]
    """Paths with their parameters in braces."""
    openapi: Mapping[str, Any]

    @property
    def paths(self) -> tuple[str, ...]:
        """What the CDN may hold, as an invalidation names it.

        A path without a wildcard leaves what the CDN holds of it for other query strings:
        https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/invalidation-specifying-objects.html
        """
        paths = (("/", "/?*") if path == "/" else (PARAMETER.sub("", path) + "*",) for path in self.held_by_cdn)
        return tuple(sorted(path for each in paths for path in each))


def routes_of(source: Path, cache: Path = CACHE_DIR) -> Routes:
    """Read the routes of a source folder.

    Raises:
        pulumi.RunError: its modules can't be imported.

    """
    digest = hashlib.sha256()
    for name, content in sorted(source_entries(source).items()):
        if name.endswith(".py"):
            digest.update(f"{name} {len(content)}\n".encode() + content)
    file = cache / f"routes-{digest.hexdigest()[:16]}.json"
    if not file.exists():
        write_whole(file, _described(source))
    found = json.loads(file.read_bytes())
    return Routes(tuple(found["held_by_cdn"]), found["openapi"])


def _described(source: Path) -> bytes:
    command = [sys.executable, "-m", "description"]
    result = subprocess.run(command, cwd=source, env={**os.environ, "PYTHONPATH": ""}, capture_output=True, check=False)
    if result.returncode:
        raise pulumi.RunError(
            f"{source}: the routes can't be read: {result.stderr.decode(errors='replace').strip()[-500:]}\n"
            "Correct that, then run the same command again."
        )
    return result.stdout
