"""The outcome of a look at one thing: what git says, and what was found."""

from collections.abc import Mapping
from dataclasses import dataclass


class CouldNotLook(Exception):  # noqa: N818 reads better where it is raised
    """Something is unknown, not wrong; the message says what stood in the way, and what to do."""


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    expected: str
    found: str
    detail: str = ""
    """What helps to understand it, such as a unified diff; may have many lines."""


def compared(name: str, expected: object, found: object, detail: str = "") -> Check:
    """A check that holds where both are equal."""
    return Check(name, expected == found, _shown(expected), _shown(found), detail)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) or "none"
