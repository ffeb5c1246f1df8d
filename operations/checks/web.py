"""Requests as a browser sends them."""

from urllib.parse import urlsplit

import requests

from operations.checks.check import CouldNotLook

TIMEOUT_SECONDS = 30


def get(url: str) -> requests.Response:
    """What a URL answers, redirects not followed.

    Raises:
        CouldNotLook: nothing answers.

    """
    address, headers = _address(url)
    try:
        return requests.get(address, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        raise CouldNotLook(f"{url.partition('?')[0]} can't be reached ({type(error).__name__}).") from None


def _address(url: str) -> tuple[str, dict[str, str]]:
    """Where to connect; names below `.localhost` don't resolve everywhere, so they go into the Host header."""
    parts = urlsplit(url)
    if not f".{parts.hostname}".endswith(".localhost"):
        return url, {}
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"127.0.0.1{port}").geturl(), {"Host": parts.netloc}
