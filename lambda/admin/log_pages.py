"""An experiment's log, piece by piece, as a viewer follows it."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Self

from experiments.jobs.log import LogLine
from web.listing_query import InvalidQueryError

MOST_LINES = 5000
DEFAULT_LINES = 1000
# Lambda's answers are limited to 6 MB of JSON, in which the body is a text that is quoted once more.
_MOST_CHARACTERS = 2_000_000
_CHARACTERS_BESIDE_TEXT = 200
# Lines that are written at once may be seen one before the other, but not much later.
_OVERTAKING = timedelta(seconds=10)
_POSITION = re.compile(r"(\d{1,4})-(\d{1,8})", re.ASCII)
_LIMIT = re.compile(r"[1-9]\d{0,3}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which piece of a log is asked for."""

    after: Annotated[
        str | None,
        {
            "pattern": r"^\d{1,4}-\d{1,8}$",
            "description": "Where to go on: an attempt and a line of it, as `after` says.",
        },
    ] = None
    limit: Annotated[
        int, {"minimum": 1, "maximum": MOST_LINES, "default": DEFAULT_LINES, "description": "The most lines to return."}
    ] = DEFAULT_LINES

    @classmethod
    def from_parameters(cls, parameters: dict[str, str]) -> Self:
        """Read a request's query parameters; an empty one asks for nothing.

        Raises:
            InvalidQueryError: a value makes no sense.
        """
        after, limit = parameters.get("after"), parameters.get("limit") or str(DEFAULT_LINES)
        if after and not _POSITION.fullmatch(after):
            raise InvalidQueryError("“after” is an attempt and the number of a line, like 1-250.")
        if not _LIMIT.fullmatch(limit) or int(limit) > MOST_LINES:
            raise InvalidQueryError(f"“limit” is a whole number from 1 to {MOST_LINES}.")
        return cls(after=after or None, limit=int(limit))

    @property
    def position(self) -> tuple[int, int]:
        """The attempt and the number of the line that was the last; before all lines, zeros."""
        found = _POSITION.fullmatch(self.after or "0-0")
        return (int(found[1]), int(found[2])) if found else (0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPiece:
    """Some lines that follow each other, and whether there is or will be more."""

    lines: tuple[LogLine, ...]
    is_last: bool


def next_piece(lines: Iterable[LogLine], query: LogQuery, now: datetime, *, is_growing: bool) -> LogPiece:
    """Return the lines that come next, as many as are asked for and go into one answer."""
    following = _in_order(lines, query.position, now) if is_growing else iter(lines)
    piece: list[LogLine] = []
    room = _MOST_CHARACTERS
    for line in following:
        room -= len(json.dumps(line.text)) + _CHARACTERS_BESIDE_TEXT
        if len(piece) == query.limit or room < 0:
            return LogPiece(lines=tuple(piece), is_last=False)
        piece.append(line)
    return LogPiece(lines=tuple(piece), is_last=not is_growing)


def _in_order(lines: Iterable[LogLine], position: tuple[int, int], now: datetime) -> Iterator[LogLine]:
    """Yield lines up to one that has overtaken another."""
    attempt, number = position
    for line in lines:
        expected = number + 1 if line.attempt == attempt else 1
        if line.number != expected and line.at and now - line.at < _OVERTAKING:
            return
        yield line
        attempt, number = line.attempt, line.number
