"""What users get: the pages past the CDN and through it, the static files through it."""

import json
import re
from collections.abc import Iterator
from urllib.parse import quote

import requests

from components.static_site import site_files
from operations.checks.check import Check, compared
from operations.checks.static_files import content_check
from operations.checks.target import Target
from operations.checks.web import get

# base64 of a SHA-256.
BUILD_ID = re.compile(r"[A-Za-z0-9+/]{43}=")


def served_checks(target: Target) -> Iterator[Check]:
    """Compare the build that answers, and the files that are served, with git's."""
    expected = f"status 200, build id {target.package.sha256}"
    for way, base in (("API", target.outputs["api_url"]), ("CDN", target.outputs["dashboard_url"])):
        yield compared(f"{way} /health", expected, _found(health := get(f"{base}health"), _build_of_health(health)))
        yield compared(f"{way} /", expected, _found(page := get(base), _build_of_page(page)))
    for key, file in site_files(target.static_files):
        yield _file_check(f"CDN /{key}", key, file.read_bytes(), get(target.outputs["dashboard_url"] + quote(key)))


def _file_check(name: str, key: str, git: bytes, answer: requests.Response) -> Check:
    if answer.status_code != 200:
        return compared(name, "status 200", f"status {answer.status_code}")
    return content_check(name, key, git, answer.content)


def _found(answer: requests.Response, build: str) -> str:
    return f"status {answer.status_code}, {build}"


def _build_of_health(answer: requests.Response) -> str:
    try:
        return f"build id {json.loads(answer.content)['build_id']}"
    except (ValueError, LookupError, TypeError):
        return "no build id"


def _build_of_page(answer: requests.Response) -> str:
    """The build ids that a page shows; two of them are a mixed page."""
    builds = sorted(set(BUILD_ID.findall(answer.text)))
    return f"build id {' and '.join(builds)}" if builds else "no build id"
