"""Which experiments a request asks for: the query string of the overview, its CSV and the API, read in one place.

A parameter that isn't known is ignored, as links get tagged on their way. A value that makes no sense is refused: left
out, the page would show something else than its link says. An empty value, as forms send it, asks for nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from experiments.criteria import Criteria
from experiments.model import Status
from experiments.order import ORDERS
from experiments.quality import Quality
from experiments.repository import MOST_READS, READ_SIZE, Page

DEFAULT_LIMIT = 50
MOST_LIMIT = 100
LONGEST_TEXT = 100


class InvalidQueryError(ValueError):
    """A query that no listing answers; its text says which values would do, and repeats none that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingQuery:
    """A listing's parameters; annotated with what JSON Schema says of them."""

    limit: Annotated[
        int, {"minimum": 1, "maximum": MOST_LIMIT, "default": DEFAULT_LIMIT, "description": "The most to return."}
    ] = DEFAULT_LIMIT
    cursor: Annotated[
        str | None,
        {"minLength": 1, "description": "Where to go on: it comes with `next`, and isn't to be made up."},
    ] = None
    before: Annotated[
        str | None, {"minLength": 1, "description": "Where to go back from, likewise; it comes with `previous`."}
    ] = None
    text: Annotated[
        str | None,
        {
            "maxLength": LONGEST_TEXT,
            "description": "Words that all occur in id, name, codec, clip, worker or error. A search, as below.",
        },
    ] = None
    status: Annotated[Status | None, {"description": "Only those in this status."}] = None
    codec: Annotated[
        str | None, {"maxLength": LONGEST_TEXT, "description": "Only those of this codec, e.g. `x265`."}
    ] = None
    quality: Annotated[
        Quality | None,
        {
            "description": "Only those with this badge. Badge, text, or status and codec together are searched for: "
            f"each page among {MOST_READS * READ_SIZE} experiments at most, so it may hold few or none and have a next."
        },
    ] = None
    sort: Annotated[
        str | None,
        {"enum": list(ORDERS), "description": "The order within the page; pages themselves go from new to old."},
    ] = None

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, str]) -> Self:
        """Read a request's query parameters.

        Raises:
            InvalidQueryError: a value makes no sense.

        """
        sent = {name: value for name, value in parameters.items() if value or name in ("cursor", "before")}
        if "cursor" in sent and "before" in sent:
            raise InvalidQueryError("Of “cursor” and “before”, only one can be followed.")
        return cls(**{name: read(name, sent[name]) for name, read in _READERS.items() if name in sent})

    @property
    def criteria(self) -> Criteria:
        """What the experiments have to be."""
        return Criteria(status=self.status, codec=self.codec, quality=self.quality, text=self.text or "")

    @property
    def is_filtered(self) -> bool:
        """Whether it leaves experiments out."""
        return self.criteria != Criteria()

    def at(self, cursor: str | None = None, before: str | None = None) -> Self:
        """Return the same query for the page after one cursor or before another, or for the first page."""
        return replace(self, cursor=cursor, before=before)

    def __str__(self) -> str:
        """Return the query string, with its question mark; empty where it asks for nothing."""
        defaults = ListingQuery()
        asked = {name: getattr(self, name) for name in _READERS if getattr(self, name) != getattr(defaults, name)}
        return f"?{urlencode(asked)}" if asked else ""


def page_links(page: Page, query: ListingQuery) -> dict[str, str]:
    """Return the links from one page of a listing to those around it, by their relation (RFC 8288)."""
    links = {}
    if page.next_cursor:
        links["next"] = str(query.at(cursor=page.next_cursor))
    if page.previous_cursor:
        links["prev"] = str(query.at(before=page.previous_cursor))
    return links


def _limit(name: str, value: str) -> int:
    limit = int(value) if value.isascii() and value.isdigit() and len(value) <= len(str(MOST_LIMIT)) else 0
    if not 1 <= limit <= MOST_LIMIT:
        raise InvalidQueryError(f"“{name}” is a whole number from 1 to {MOST_LIMIT}.")
    return limit


def _text(name: str, value: str) -> str:
    if len(value) > LONGEST_TEXT or not value.isprintable():
        raise InvalidQueryError(f"“{name}” is a text of at most {LONGEST_TEXT} characters.")
    return value


def _one_of(values: Iterable[str]) -> Callable[[str, str], str]:
    """Return a reader of one of several values, which may be members of an enumeration; their case doesn't matter."""
    by_name = {value.lower(): value for value in values}

    def read(name: str, value: str) -> str:
        known = by_name.get(value.lower())
        if known is None:
            raise InvalidQueryError(f"“{name}” is one of {', '.join(by_name)}.")
        return known

    return read


# In the order of their names in links.
_READERS: dict[str, Callable[[str, str], Any]] = {
    "cursor": lambda _name, value: value,
    "before": lambda _name, value: value,
    "text": _text,
    "status": _one_of(Status),
    "codec": _text,
    "quality": _one_of(Quality),
    "sort": _one_of(ORDERS),
    "limit": _limit,
}
