"""What encoders print while an experiment runs, kept beside it for a while: lines in order, many to an item."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.aggregates import Key, Replacement, log_partition
from experiments.attribute_values import item_to_python
from experiments.batch import write_in_batches
from experiments.fields import count, instant, iso_utc, mapping, sequence, text
from experiments.transaction import as_item

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=30)
MOST_LINE_CHARACTERS = 500
# So an item stays below DynamoDB's 400 KB.
_LINES_PER_ITEM = 50
_ITEMS_PER_PAGE = 25
_MOST_ATTEMPTS = 5
# ffmpeg (`-loglevel level+…`), x264, x265 and SVT-AV1 mark their lines so.
_LEVEL = re.compile(r"\[(fatal|error|warning|info|verbose|debug|trace)\]")


class LogLine(NamedTuple):
    """A line, and the attempt and the place in it by which it can be found again."""

    attempt: int
    number: int
    at: datetime | None
    source: str
    """What printed it, e.g. `x265 encode`."""
    text: str

    @property
    def level(self) -> str:
        """How grave it is, as its program has marked it; `info` where it hasn't."""
        marked = _LEVEL.search(self.text)
        return marked[1] if marked else "info"


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs in one table. Errors of the service are the caller's to handle."""

    table_name: str
    client: "DynamoDBClient"

    def append(self, experiment_id: str, lines: Sequence[LogLine], now: datetime) -> None:
        """Write lines of one attempt that follow those that were written before."""
        expires_at = int((now + KEPT).timestamp())
        items = [
            as_item(_item(experiment_id, lines[start : start + _LINES_PER_ITEM], expires_at))
            for start in range(0, len(lines), _LINES_PER_ITEM)
        ]
        puts = [{"PutRequest": {"Item": item}} for item in items]
        write_in_batches(self.client, self.table_name, puts, _MOST_ATTEMPTS)

    def read(self, experiment_id: str, after: tuple[int, int] = (0, 0)) -> Iterator[LogLine]:
        """Yield an experiment's lines, oldest first, from the one on that follows an attempt's line of that number."""
        attempt, number = after
        # The item that holds that line begins with it, or less than an item's length before it.
        first = _sort_key(attempt, max(number - _LINES_PER_ITEM + 1, 0))
        for item in self._items(experiment_id, first, oldest_first=True):
            yield from (line for line in _lines(item) if (line.attempt, line.number) > after)

    def newest(self, experiment_id: str) -> Iterator[LogLine]:
        """Yield an experiment's lines, newest first; little more is read than is taken."""
        for item in self._items(experiment_id, _sort_key(0, 0), oldest_first=False):
            yield from reversed(list(_lines(item)))

    def _items(self, experiment_id: str, first: str, *, oldest_first: bool) -> Iterator[dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table_name,
            KeyConditionExpression="pk = :pk AND sk >= :sk",
            ExpressionAttributeValues={":pk": {"S": log_partition(experiment_id)}, ":sk": {"S": first}},
            ScanIndexForward=oldest_first,
            ConsistentRead=True,
            PaginationConfig={"PageSize": _ITEMS_PER_PAGE},
        )
        for page in pages:
            yield from map(item_to_python, page["Items"])


def _sort_key(attempt: int, number: int) -> str:
    return f"{attempt:04}#{number:08}"


def _item(experiment_id: str, lines: Sequence[LogLine], expires_at: int) -> Replacement:
    key = Key(log_partition(experiment_id), _sort_key(lines[0].attempt, lines[0].number))
    shown = [
        {"at": iso_utc(line.at) if line.at else "", "source": line.source, "text": line.text[:MOST_LINE_CHARACTERS]}
        for line in lines
    ]
    return Replacement(key, {"lines": shown, "expires_at": expires_at})


def _lines(item: dict[str, Any]) -> Iterator[LogLine]:
    attempt, _, first = (text(item.get("sk")) or "").partition("#")
    for number, line in enumerate(map(mapping, sequence(item.get("lines"))), start=count(first) or 0):
        yield LogLine(
            attempt=count(attempt) or 0,
            number=number,
            at=instant(line.get("at")),
            source=text(line.get("source")) or "",
            text=text(line.get("text")) or "",
        )
