"""Conditional requests (RFC 9110, section 13): who already has an answer is told so, and not sent it again."""

import hashlib
from typing import Any

from web.http_api import Event, header_of

UNCHANGED = 304
# What a 304 repeats of the answer that it stands for: https://www.rfc-editor.org/rfc/rfc9110#name-304-not-modified
_REPEATED = ("Cache-Control", "ETag", "Vary")


def answered_conditionally(event: Event, response: dict[str, Any]) -> dict[str, Any]:
    """Return a response with its entity tag, or a 304 in its place where the request names that tag.

    The tag is the body's hash, unless the response has one of its own; what must not be stored has none.
    """
    headers = response["headers"]
    if response["statusCode"] != 200 or headers.get("Cache-Control") == "no-store":
        return response
    tag = headers["ETag"] = headers.get("ETag") or strong_tag(response["body"])
    if not _names(header_of(event, "if-none-match"), tag):
        return response
    repeated = {name: headers[name] for name in _REPEATED if name in headers}
    return {**response, "statusCode": UNCHANGED, "headers": repeated, "body": "", "isBase64Encoded": False}


def strong_tag(content: str) -> str:
    """Return the entity tag of content that is the same byte for byte wherever the tag is the same."""
    return f'"{hashlib.sha256(content.encode()).hexdigest()[:32]}"'


def weak_tag(content: str) -> str:
    """Return the entity tag of a body that says the same wherever this content, which is not all of it, is the same."""
    return f"W/{strong_tag(content)}"


def _names(if_none_match: str, tag: str) -> bool:
    """Compare as RFC 9110 wants it here, weakly: a CDN that compresses turns strong tags into weak ones."""
    tags = [candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")]
    return tag.removeprefix("W/") in tags or tags == ["*"]
