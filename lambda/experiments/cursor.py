"""Cursors: links that go on where a page of a listing ended, and the limits of DynamoDB's keys."""

import base64
import json
from collections.abc import Mapping
from typing import Any

# DynamoDB's limits on key lengths in bytes,
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_PARTITION_KEY_BYTES = 2048
_MOST_SORT_KEY_BYTES = 1024


class InvalidCursorError(ValueError):
    """A cursor that no page of this table handed out."""


# A cursor is the URL-safe text of where a page ended: the keys that all three indexes share. The fourth, the index's
# own, comes from the listing that is asked for, so a cursor can never lead into another one.
_CURSOR_KEYS = {"pk": MOST_PARTITION_KEY_BYTES, "sk": _MOST_SORT_KEY_BYTES, "created_at": _MOST_SORT_KEY_BYTES}


def cursor(key: Mapping[str, Any]) -> str:
    """Return the cursor of the place after an item, of which at least the keys are given."""
    position = json.dumps([key[name]["S"] for name in _CURSOR_KEYS], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def start_key(cursor: str) -> dict[str, Any]:
    """Return where a cursor leads to, but for the index's own key.

    Raises:
        InvalidCursorError: it is not one that a page handed out.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise InvalidCursorError("the cursor is damaged: start again from the first page") from None
    if not isinstance(position, list) or len(position) != len(_CURSOR_KEYS):
        raise InvalidCursorError("the cursor is not one of this table: start again from the first page")
    if not all(is_key(value, most) for value, most in zip(position, _CURSOR_KEYS.values(), strict=True)):
        raise InvalidCursorError("the cursor holds no valid keys: start again from the first page")
    return {name: {"S": value} for name, value in zip(_CURSOR_KEYS, position, strict=True)}


def is_key(value: object, most_bytes: int) -> bool:
    """Tell whether DynamoDB would take a value as a key: text, not empty, valid UTF-8, not too long."""
    if not isinstance(value, str) or not value:
        return False
    try:
        return len(value.encode()) <= most_bytes
    except UnicodeEncodeError:
        return False
