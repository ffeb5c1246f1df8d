"""Which experiments a request asks for: the query string of the overview, its CSV and the API, read in one place.

A parameter that isn't known is ignored, as links get tagged on their way. A value that makes no sense is refused: left
out, the page would show something else than its link says. An empty value, as forms send it, asks for nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import urlencode

from experiments.criteria import Criteria
from experiments.model import Status

DEFAULT_LIMIT = 50
MOST_LIMIT = 100
LONGEST_TEXT = 100

Member = TypeVar("Member", bound=StrEnum)


class InvalidQuery(ValueError):  # noqa: N818 reads better where it is raised
    """A query that no listing answers; its text says which values would do, and repeats none that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingQuery:
    """A listing's parameters; annotated with what JSON Schema says of them."""

    limit: Annotated[
        int, {"minimum": 1, "maximum": MOST_LIMIT, "default": DEFAULT_LIMIT, "description": "The most to return."}
    ] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None, {"description": "Where to go on, from the `next` of an earlier answer; it is not to be made up."}
    ] = None
    status: Annotated[Status | None, {"description": "Only those in this status."}] = None
    codec: Annotated[
        str | None, {"maxLength": LONGEST_TEXT, "description": "Only those of this codec, e.g. `x265`."}
    ] = None

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> Self:
        """Read a request's query parameters.

        Raises:
            InvalidQuery: a value makes no sense.

        """
        sent = {name: value for name, value in parameters.items() if value or name == "cursor"}
        return cls(**{name: read(name, sent[name]) for name, read in _READERS.items() if name in sent})

    @property
    def criteria(self) -> Criteria:
        """What the experiments have to be."""
        return Criteria(status=self.status, codec=self.codec)

    def at(self, cursor: str | None) -> Self:
        """Return the same query for another page."""
        return replace(self, cursor=cursor)

    def __str__(self) -> str:
        """Return the query string, with its question mark; empty where it asks for nothing."""
        defaults = ListingQuery()
        asked = {name: getattr(self, name) for name in _READERS if getattr(self, name) != getattr(defaults, name)}
        return f"?{urlencode(asked)}" if asked else ""


def _limit(name: str, value: str) -> int:
    limit = int(value) if value.isascii() and value.isdigit() and len(value) <= len(str(MOST_LIMIT)) else 0
    if not 1 <= limit <= MOST_LIMIT:
        raise InvalidQuery(f"“{name}” is a whole number from 1 to {MOST_LIMIT}.")
    return limit


def _text(name: str, value: str) -> str:
    if len(value) > LONGEST_TEXT or not value.isprintable():
        raise InvalidQuery(f"“{name}” is a text of at most {LONGEST_TEXT} characters.")
    return value


def _one_of(members: type[Member]) -> Callable[[str, str], Member]:
    by_value = {member.value.lower(): member for member in members}

    def read(name: str, value: str) -> Member:
        member = by_value.get(value.lower())
        if member is None:
            raise InvalidQuery(f"“{name}” is one of {', '.join(by_value)}.")
        return member

    return read


_READERS: dict[str, Callable[[str, str], Any]] = {
    "cursor": lambda _name, value: value,
    "status": _one_of(Status),
    "codec": _text,
    "limit": _limit,
}
