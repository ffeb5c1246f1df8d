"""The outcome of a look: what git says of each thing, what was found, and what could not be looked at."""

from collections.abc import Mapping
from dataclasses import dataclass

from operations.drift_report import Outcome


@dataclass(frozen=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    expected: str
    found: str
    detail: str = ""
    """What helps to understand it, such as a unified diff; may have many lines."""


@dataclass(frozen=True)
class Findings:
    """What was looked at, and what could not be."""

    checks: list[Check]
    obstacles: list[str]

    @property
    def differing(self) -> list[Check]:
        """The checks that don't hold."""
        return [check for check in self.checks if not check.ok]

    @property
    def outcome(self) -> Outcome:
        """What it comes to; a difference that was seen counts, whatever else could not be."""
        if self.differing:
            return Outcome.DIFFERS
        return Outcome.COULD_NOT_LOOK if self.obstacles else Outcome.AGREES


def compared(name: str, expected: object, found: object, detail: str = "") -> Check:
    """A check that holds where both are equal."""
    return Check(name, expected == found, _shown(expected), _shown(found), detail)


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) or "none"
