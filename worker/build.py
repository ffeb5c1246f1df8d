"""Which build of the worker this is: a hash of its own source, the same wherever that is installed."""

import hashlib
from functools import cache
from pathlib import Path

import experiments

import worker


@cache
def build_id() -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of all modules that a job runs through."""
    digest = hashlib.sha256()
    for package in (worker, experiments):
        folder = Path(package.__path__[0])
        for module in sorted(folder.rglob("*.py")):
            content = module.read_bytes()
            digest.update(f"{package.__name__}/{module.relative_to(folder).as_posix()} {len(content)}\n".encode())
            digest.update(content)
    return digest.hexdigest()[:12]
