"""Readers for single fields of items that anyone may have written: they return None for what is broken, never raise."""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

# Later than any time in seconds that an experiment can have (year 5138), earlier than any in milliseconds (1973).
_FIRST_EPOCH_IN_MILLISECONDS = 1e11


def text(value: object) -> str | None:
    """Return a string that is not empty; a number becomes its digits, everything else is None."""
    if not isinstance(value, str):
        return str(value) if number(value) is not None else None
    # Lone surrogates come out of JSON texts such as "\ud800" and could not be sent to a browser.
    return (value if value.isascii() else value.encode("utf-8", "replace").decode()) or None


def number(value: object) -> float | None:
    """Return a finite number, also from a Decimal or from a string of digits."""
    if not isinstance(value, (float, int, str, Decimal)) or isinstance(value, bool):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def amount(value: object) -> float | None:
    """Return a finite number that is not negative."""
    result = number(value)
    return result if result is not None and result >= 0 else None


def count(value: object) -> int | None:
    """Return a whole number that is not negative; a fraction is broken."""
    result = amount(value)
    return int(result) if result is not None and result.is_integer() else None


def instant(value: object) -> datetime | None:
    """Return a time in UTC, from ISO 8601 (UTC where it names no zone) or from seconds or milliseconds since 1970."""
    epoch = number(value)
    try:
        if epoch is not None:
            return datetime.fromtimestamp(epoch / 1000 if epoch >= _FIRST_EPOCH_IN_MILLISECONDS else epoch, UTC)
        parsed = datetime.fromisoformat(value) if isinstance(value, str) else None
        if parsed is None or parsed.tzinfo is UTC:
            return parsed
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def mapping(value: object) -> Mapping[str, Any]:
    """Return a map, also from the JSON text of one; empty where it is something else."""
    parsed = _parsed(value)
    return parsed if isinstance(parsed, Mapping) else {}


def sequence(value: object) -> list[Any]:
    """Return a list, also from the JSON text of one; empty where it is something else."""
    parsed = _parsed(value)
    return parsed if isinstance(parsed, list) else []


def _parsed(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
