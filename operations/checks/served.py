"""What users get: the pages past the CDN and through it, the static files and the release record through it."""

from collections.abc import Iterator
from urllib.parse import quote

import requests

from components.release import RECORD_KEY, as_json
from components.served import (
    ADMIN_HEALTH,
    REFUSED,
    get,
    shown_build,
    shown_by_health,
    shown_by_page,
    shown_to_strangers,
)
from components.static_site import site_files
from operations.checks.check import Check, compared
from operations.checks.static_files import content_check
from operations.checks.target import Target


def served_checks(target: Target) -> Iterator[Check]:
    """Compare the build that answers, and the files that are served, with git's."""
    expected = shown_build(target.package.sha256)
    for way, base in (("API", target.outputs["api_url"]), ("CDN", target.outputs["dashboard_url"])):
        yield compared(f"{way} /health", expected, shown_by_health(get(f"{base}health")))
        yield compared(f"{way} /", expected, shown_by_page(get(base)))
        refused = shown_to_strangers(get(base + ADMIN_HEALTH.removeprefix("/")))
        yield compared(f"{way} {ADMIN_HEALTH} without a token", REFUSED, refused)
    files = {key: file.read_bytes() for key, file in site_files(target.static_files)}
    written = {**target.configuration, RECORD_KEY: as_json(target.release).encode()}
    for key, content in {**files, **written}.items():
        yield _file_check(f"CDN /{key}", key, content, get(target.outputs["dashboard_url"] + quote(key)))


def _file_check(name: str, key: str, expected: bytes, answer: requests.Response) -> Check:
    if answer.status_code != 200:
        return compared(name, "status 200", f"status {answer.status_code}")
    return content_check(name, key, expected, answer.content)
