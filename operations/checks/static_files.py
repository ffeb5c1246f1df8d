"""The static files: each object of the site's bucket against its file in git."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from components.static_site import CACHE_CONTROL, CONTENT_TYPES, site_files
from operations.checks.check import Check, compared
from operations.checks.differences import difference
from operations.checks.target import Target
from releasing.record import RECORD_KEY


def object_checks(target: Target) -> Iterator[Check]:
    """Compare content and headers of each object, and find those that are missing or too many."""
    files = dict(site_files(target.static_files))
    keys = _keys(target)
    for key, file in files.items():
        if key in keys:
            yield from _object_checks(target, key, file)
        else:
            yield Check(f"object {key}", ok=False, expected="the file in dashboard/", found="no such object")
    for key in sorted(keys - files.keys() - target.configuration.keys() - {RECORD_KEY}):
        yield Check(f"object {key}", ok=False, expected="no such object", found="an object that is not in dashboard/")


def content_check(name: str, key: str, git: bytes, found: bytes) -> Check:
    """Compare content by its hash; where it differs, show how."""
    detail = "" if git == found else difference(key, git, found)
    return compared(name, _sha256(git), _sha256(found), detail)


def _object_checks(target: Target, key: str, file: Path) -> Iterator[Check]:
    found = target.objects.get_object(Bucket=target.outputs["site_bucket"], Key=key)
    yield content_check(f"object {key}", key, file.read_bytes(), found["Body"].read())
    yield compared(f"object {key} Content-Type", CONTENT_TYPES[file.suffix], found.get("ContentType"))
    yield compared(f"object {key} Cache-Control", CACHE_CONTROL, found.get("CacheControl"))


def _keys(target: Target) -> set[str]:
    pages = target.objects.get_paginator("list_objects_v2").paginate(Bucket=target.outputs["site_bucket"])
    return {entry["Key"] for page in pages for entry in page.get("Contents", [])}


def _sha256(content: bytes) -> str:
    return f"SHA-256 {hashlib.sha256(content).hexdigest()}"
