"""Single fields of items: how they are written, and readers of what anyone may have written.

Readers return None for what is broken, and never raise.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
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


def between(low: float, high: float) -> Callable[[object], float | None]:
    """Return a reader of numbers that are not less and not more."""

    def read(value: object) -> float | None:
        result = number(value)
        return result if result is not None and low <= result <= high else None

    return read


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


def iso_utc(moment: datetime) -> str:
    """Return a time as the table keeps it: ISO 8601, UTC, always with microseconds, so that it sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def stored(record: Any) -> dict[str, Any]:
    """Return a dataclass's fields in the table's types, without those that are unknown or empty."""
    values = {attribute.name: _stored(getattr(record, attribute.name)) for attribute in fields(record)}
    return {name: value for name, value in values.items() if value is not None and value not in ("", {}, [])}


def _stored(value: object) -> object:
    match value:
        case datetime():
            return iso_utc(value)
        case StrEnum():
            return value.value
        case float():
            return Decimal(repr(value))
        case tuple():
            return [_stored(element) for element in value]
        case Mapping():
            return {name: _stored(element) for name, element in value.items()}
    return stored(value) if is_dataclass(value) else value
