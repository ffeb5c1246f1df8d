"""Where experiments are kept: one DynamoDB table, read by key and by query only, never by scan.

docs/data-model.md describes keys and indexes. Errors of the service (botocore's ClientError and BotoCoreError) are the
caller's to handle.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.frame_quality import FRAMES_SORT_KEY, FrameQuality
from experiments.model import FEED, SORT_KEY, Experiment, Status, iso_utc, partition_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# DynamoDB's limits on key lengths in bytes,
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
_MOST_PARTITION_KEY_BYTES = 2048
_MOST_SORT_KEY_BYTES = 1024


class InvalidCursor(ValueError):  # noqa: N818
    """A cursor that no page of this table handed out."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some experiments, newest first, and the cursor of the page after them (None on the last page)."""

    experiments: list[Experiment]
    next_cursor: str | None


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
        return self._query("newest", "feed", FEED, limit, cursor)

    def by_status(self, status: Status, limit: int, cursor: str | None = None) -> Page:
        """Return a page of the experiments in one status, newest first; raises as `newest`."""
        return self._query("by-status", "status", status.value, limit, cursor)

    def by_codec(self, codec: str, limit: int, cursor: str | None = None) -> Page:
        """Return a page of one codec's experiments, newest first; raises as `newest`."""
        if not _is_key(codec, _MOST_PARTITION_KEY_BYTES):
            return Page([], None)
        return self._query("by-codec", "codec", codec, limit, cursor)

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
        position = {
            "pk": partition_key(experiment.id),
            "sk": SORT_KEY,
            "feed": FEED,
            "created_at": iso_utc(experiment.created_at),
        }
        return Neighbours(
            newer=self._next_to(experiment.id, position, forwards=True),
            older=self._next_to(experiment.id, position, forwards=False),
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

    def _next_to(self, experiment_id: str, position: Mapping[str, str], *, forwards: bool) -> Experiment | None:
        response = self._client.query(
            TableName=self._table_name,
            IndexName="newest",
            KeyConditionExpression="feed = :feed",
            ProjectionExpression="pk, id, #name",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":feed": {"S": FEED}},
            ExclusiveStartKey={name: {"S": value} for name, value in position.items()},
            ScanIndexForward=forwards,
            # The experiment itself is met where another writer's created_at is a little off this project's format.
            Limit=2,
        )
        found = (Experiment.from_item(item_to_python(item)) for item in response["Items"])
        return next((other for other in found if other.id != experiment_id), None)

    def _query(self, index: str, attribute: str, value: str, limit: int, cursor: str | None) -> Page:
        request: dict[str, Any] = {
            "TableName": self._table_name,
            "IndexName": index,
            "KeyConditionExpression": "#attribute = :value",
            "ExpressionAttributeNames": {"#attribute": attribute},
            "ExpressionAttributeValues": {":value": {"S": value}},
            "ScanIndexForward": False,
            # One more than asked for tells whether there is a next page, so that no link leads to an empty one.
            "Limit": limit + 1,
        }
        if cursor is not None:
            request["ExclusiveStartKey"] = _start_key(cursor) | {attribute: {"S": value}}
        response = self._client.query(**request)
        items = response["Items"]
        last = items[limit - 1] if len(items) > limit else response.get("LastEvaluatedKey")
        experiments = [Experiment.from_item(item_to_python(item)) for item in items[:limit]]
        return Page(experiments, _cursor(last) if last else None)


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
