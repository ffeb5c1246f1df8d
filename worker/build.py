"""Which build of the worker this is: a hash of its own source, the same wherever that is installed."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import experiments

import worker


@cache
def build_id() -> str:
    """Return the build of the worker that runs here."""
    return build_of({package.__name__: Path(package.__path__[0]) for package in (worker, experiments)})


def build_of(packages: Mapping[str, Path]) -> str:
    """Return the build that these packages' folders make.

    It is the first 12 hexadecimal digits of the SHA-256 of all modules that a job runs through, and of their locked
    requirements.
    """
    digest = hashlib.sha256()
    for name, folder in sorted(packages.items()):
        for file in sorted([*folder.rglob("*.py"), *folder.glob("requirements.txt")]):
            content = file.read_bytes()
            digest.update(f"{name}/{file.relative_to(folder).as_posix()} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()[:12]
