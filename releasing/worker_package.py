"""What a GPU host installs: a deterministic zip of the worker's source, with its locked requirements."""

from dataclasses import dataclass
from pathlib import Path

import pulumi

from releasing.lambda_package import CACHE_DIR, REQUIREMENTS, hex_sha256, source_entries, write_package
from worker.build import build_of


@dataclass(frozen=True)
class WorkerPackage:
    """A zip on disk, ready to be uploaded."""

    archive: pulumi.FileAsset
    sha256: str
    """The zip's SHA-256, hexadecimal."""
    build: str
    """The build that the worker in it reports with each result."""


def package_worker(root: Path, cache: Path = CACHE_DIR) -> WorkerPackage:
    """Zip the worker of a checkout, as packages that lie side by side.

    Raises:
        pulumi.RunError: a link leads out of a package.

    """
    packages = {"experiments": root / "lambda" / "experiments", "worker": root / "worker"}
    entries = {
        f"{name}/{entry}": content
        for name, folder in packages.items()
        for entry, content in source_entries(folder).items()
    }
    entries[f"worker/{REQUIREMENTS}"] = (root / "worker" / REQUIREMENTS).read_bytes()
    package = write_package(cache / "worker.zip", entries)
    return WorkerPackage(package.asset, hex_sha256(package.path.read_bytes()), build_of(packages))
