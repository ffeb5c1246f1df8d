"""What users get: requests as a browser sends them, and what their answers show."""

import hashlib
import json
import re
from urllib.parse import urlsplit

import requests

TIMEOUT_SECONDS = 30
ADMIN_HEALTH = "/api/admin/health"
"""The health of the admin API, which nobody gets without a token."""
REFUSED = "status 401"
"""How `shown_to_strangers` describes that."""
# base64 of a SHA-256.
BUILD_ID = re.compile(r"[A-Za-z0-9+/]{43}=")


class Unreachable(Exception):  # noqa: N818 reads better where it is raised
    """Nothing answers at a URL."""


def get(url: str) -> requests.Response:
    """What a URL answers, redirects not followed.

    Raises:
        Unreachable: nothing answers.

    """
    address, headers = _address(url)
    try:
        return requests.get(address, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise Unreachable(f"{url.partition('?')[0]} can't be reached ({type(error).__name__}).") from None


def shown_build(build_id: str) -> str:
    """How `shown_by_health` and `shown_by_page` describe a good answer of a build."""
    return f"status 200, build id {build_id}"


def shown_file(sha256: str) -> str:
    """How `shown_by_file` describes the right file, by its hexadecimal SHA-256."""
    return f"status 200, SHA-256 {sha256}"


def shown_by_health(answer: requests.Response) -> str:
    """The status of an answer of `/health`, and the build that it names."""
    try:
        build = f"build id {json.loads(answer.content)['build_id']}"
    except (ValueError, LookupError, TypeError):
        build = "no build id"
    return f"status {answer.status_code}, {build}"


def shown_by_page(answer: requests.Response) -> str:
    """The status of a page, and the build ids that it shows; two of them are a mixed page."""
    builds = sorted(set(BUILD_ID.findall(answer.text)))
    return f"status {answer.status_code}, " + (f"build id {' and '.join(builds)}" if builds else "no build id")


def shown_to_strangers(answer: requests.Response) -> str:
    """The status of what nobody gets without a token."""
    return f"status {answer.status_code}"


def shown_by_file(answer: requests.Response) -> str:
    """The status of a static file, and its content's hash."""
    return f"status {answer.status_code}, SHA-256 {hashlib.sha256(answer.content).hexdigest()}"


def _address(url: str) -> tuple[str, dict[str, str]]:
    """Where to connect; names below `.localhost` don't resolve everywhere, so they go into the Host header."""
    parts = urlsplit(url)
    if not f".{parts.hostname}".endswith(".localhost"):
        return url, {}
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"127.0.0.1{port}").geturl(), {"Host": parts.netloc}
