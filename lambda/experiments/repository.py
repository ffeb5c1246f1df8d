"""Where experiments are kept: one DynamoDB table, read by key and by query only, never by scan.

docs/data-model.md describes keys and indexes. Errors of the service (botocore's ClientError and BotoCoreError) are the
caller's to handle.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.criteria import Criteria, Listing
from experiments.frame_quality import FRAMES_SORT_KEY, FrameQuality
from experiments.model import SORT_KEY, Experiment, iso_utc, partition_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MOST_READS = 5
"""How many queries a search makes at most, for a page that no index holds as such."""
READ_SIZE = 50
"""How many experiments each of them reads."""

# DynamoDB's limits on key lengths in bytes,
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_MOST_PARTITION_KEY_BYTES = 2048
_MOST_SORT_KEY_BYTES = 1024


class InvalidCursor(ValueError):  # noqa: N818
    """A cursor that no page of this table handed out."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some experiments, newest first, and the cursors of the pages after and before them (None where there is none)."""

    experiments: list[Experiment]
    next_cursor: str | None
    previous_cursor: str | None = None
    examined: int = 0
    """How many experiments were read to find these."""


class Neighbours(NamedTuple):
    """The experiments queued just after and just before another; of them only id and name are read."""

    newer: Experiment | None
    older: Experiment | None


class ExperimentRepository:
    """Reads and writes the experiments of one table."""

    def __init__(self, table_name: str, client: "DynamoDBClient | None" = None) -> None:
        """Use `client`, or one of boto3's default session."""
        if client is None:
            import boto3

            client = boto3.client("dynamodb")
        self._table_name = table_name
        self._client = client

    def newest(self, limit: int, cursor: str | None = None) -> Page:
        """Return a page of all experiments, newest first.

        Raises:
            InvalidCursor: the cursor is not one that a page handed out.
        """
        return self.find(Criteria(), limit, cursor)

    def find(self, criteria: Criteria, limit: int, cursor: str | None = None, before: str | None = None) -> Page:
        """Return a page of the experiments that meet criteria, newest first, after one cursor or before another.

        What no index answers is searched for in `MOST_READS` times `READ_SIZE` experiments at most; so a page may hold
        fewer than `limit`, or none, and still have one after it. Where there is nothing newer than the page before a
        cursor, that is the first page.

        Raises:
            InvalidCursor: a cursor is not one that a page handed out.
        """
        if not _is_key(criteria.listing.value, _MOST_PARTITION_KEY_BYTES):
            return Page([], None)
        if before is not None:
            page = self._read(criteria, limit, before, forward=False)
            if page.previous_cursor:
                return page
            cursor = None
        return self._read(criteria, limit, cursor, forward=True)

    def get(self, experiment_id: str) -> Experiment | None:
        """Return one experiment, or None where there is none of that id."""
        item = self._item(experiment_id, SORT_KEY)
        return Experiment.from_item(item) if item else None

    def frame_quality(self, experiment_id: str) -> FrameQuality | None:
        """Return how good an experiment's frames are, or None where that is not recorded."""
        item = self._item(experiment_id, FRAMES_SORT_KEY)
        return FrameQuality.from_item(item) if item else None

    def neighbours(self, experiment: Experiment) -> Neighbours:
        """Return the experiments next to one in the list of all: at most two items are read each way."""
        if experiment.created_at is None:
            return Neighbours(None, None)
        key = {"pk": partition_key(experiment.id), "sk": SORT_KEY, "created_at": iso_utc(experiment.created_at)}
        start = _cursor({name: {"S": value} for name, value in key.items()})
        return Neighbours(
            newer=self._next_to(experiment.id, start, forward=False),
            older=self._next_to(experiment.id, start, forward=True),
        )

    def put(self, experiment: Experiment) -> None:
        """Write an experiment's item whole, over one of the same id.

        Raises:
            ValueError: it has no id or no creation time.
        """
        item = item_to_attribute_values(experiment.to_item())
        self._client.put_item(TableName=self._table_name, Item=item)

    def put_frame_quality(self, experiment_id: str, frames: FrameQuality) -> None:
        """Write how good an experiment's frames are."""
        item = item_to_attribute_values(frames.to_item(experiment_id))
        self._client.put_item(TableName=self._table_name, Item=item)

    def _item(self, experiment_id: str, sort_key: str) -> dict[str, Any] | None:
        key = partition_key(experiment_id)
        if not experiment_id or not _is_key(key, _MOST_PARTITION_KEY_BYTES):
            return None
        response = self._client.get_item(TableName=self._table_name, Key={"pk": {"S": key}, "sk": {"S": sort_key}})
        item = response.get("Item")
        return item_to_python(item) if item else None

    def _next_to(self, experiment_id: str, start: str, *, forward: bool) -> Experiment | None:
        # The experiment itself is met where another writer's created_at is a little off this project's format.
        request = self._request(Criteria().listing, 2, start, forward=forward)
        request["ProjectionExpression"] = "pk, id, #name"
        request["ExpressionAttributeNames"]["#name"] = "name"
        found = (Experiment.from_item(item_to_python(item)) for item in self._client.query(**request)["Items"])
        return next((other for other in found if other.id != experiment_id), None)

    def _read(self, criteria: Criteria, limit: int, start: str | None, *, forward: bool) -> Page:
        """Read from a cursor on, forward to older experiments or back to newer ones, until the page is full."""
        # One more than asked for tells whether there is a next page, so that no link leads to an empty one.
        reads, size = (MOST_READS, READ_SIZE) if criteria.needs_search else (1, limit + 1)
        request = self._request(criteria.listing, size, start, forward=forward)
        found: list[Experiment] = []
        examined: list[Mapping[str, Any]] = []
        more = False
        for item, more in self._items(request, reads):  # noqa: B007 it is used after the loop
            examined.append(item)
            experiment = Experiment.from_item(item_to_python(item))
            if criteria.match(experiment):
                found.append(experiment)
            if len(found) == limit:
                break
        if not examined:
            return Page([], None)
        beyond = _cursor(examined[-1]) if more else None
        back = _cursor(examined[0]) if start is not None else None
        if forward:
            return Page(found, beyond, back, len(examined))
        return Page(found[::-1], back, beyond, len(examined))

    def _request(self, listing: Listing, size: int, start: str | None, *, forward: bool) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TableName": self._table_name,
            "IndexName": listing.index,
            "KeyConditionExpression": "#attribute = :value",
            "ExpressionAttributeNames": {"#attribute": listing.attribute},
            "ExpressionAttributeValues": {":value": {"S": listing.value}},
            "ScanIndexForward": not forward,
            "Limit": size,
        }
        if start is not None:
            request["ExclusiveStartKey"] = _start_key(start) | {listing.attribute: {"S": listing.value}}
        return request

    def _items(self, request: dict[str, Any], reads: int) -> Iterator[tuple[Mapping[str, Any], bool]]:
        """Yield the items of so many queries at most, each with whether there are more after it."""
        for _ in range(reads):
            response = self._client.query(**request)
            items, last_key = response["Items"], response.get("LastEvaluatedKey")
            for place, item in enumerate(items, start=1):
                yield item, place < len(items) or last_key is not None
            if last_key is None:
                return
            request["ExclusiveStartKey"] = last_key


# A cursor is the URL-safe text of where a page ended: the keys that all three indexes share. The fourth, the index's
# own, comes from the listing that is asked for, so a cursor can never lead into another one.
_CURSOR_KEYS = {"pk": _MOST_PARTITION_KEY_BYTES, "sk": _MOST_SORT_KEY_BYTES, "created_at": _MOST_SORT_KEY_BYTES}


def _cursor(key: Mapping[str, Any]) -> str:
    position = json.dumps([key[name]["S"] for name in _CURSOR_KEYS], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _start_key(cursor: str) -> dict[str, Any]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        position = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise InvalidCursor("the cursor is damaged: start again from the first page") from None
    if not isinstance(position, list) or len(position) != len(_CURSOR_KEYS):
        raise InvalidCursor("the cursor is not one of this table: start again from the first page")
    if not all(_is_key(value, most) for value, most in zip(position, _CURSOR_KEYS.values(), strict=True)):
        raise InvalidCursor("the cursor holds no valid keys: start again from the first page")
    return {name: {"S": value} for name, value in zip(_CURSOR_KEYS, position, strict=True)}


def _is_key(value: object, most_bytes: int) -> bool:
    """Tell whether DynamoDB would take a value as a key: text, not empty, valid UTF-8, not too long."""
    if not isinstance(value, str) or not value:
        return False
    try:
        return len(value.encode()) <= most_bytes
    except UnicodeEncodeError:
        return False
