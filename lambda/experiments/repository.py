"""Where experiments are kept: one DynamoDB table, read by key and by query only, never by scan.

docs/data-model.md describes keys and indexes. Errors of the service (botocore's ClientError and BotoCoreError) are the
caller's to handle.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from botocore.exceptions import ClientError

from experiments.aggregates import (
    AGGREGATES,
    CLIP_PREFIX,
    RERUN_PREFIX,
    Key,
    Replacement,
    Totals,
    Usage,
    best_key,
    best_result,
    clip_key,
    curve_point,
    curves_partition,
    day_partition,
    log_partition,
    removal,
)
from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.batch import write_in_batches
from experiments.criteria import Criteria, Listing
from experiments.cursor import MOST_PARTITION_KEY_BYTES, cursor, is_key, start_key
from experiments.fields import iso_utc, mapping
from experiments.frame_quality import FRAMES_SORT_KEY, FrameQuality
from experiments.model import SORT_KEY, Experiment, Status, partition_key
from experiments.snapshots import RELEASES, Snapshots, snapshots_of
from experiments.transaction import (
    as_item,
    as_key,
    as_request,
    is_transaction_conflict,
    removing_transaction,
    transaction,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MOST_READS = 5
"""How many queries a search makes at most, for a page that no index holds as such."""
READ_SIZE = 50
"""How many experiments each of them reads."""

MOST_CURVE_POINTS = 500
"""How many points of a clip's curves are read at most: ten codecs in ten configurations at five qualities."""
MOST_RERUNS = 50
"""How many runs of one experiment are shown with it, about."""
REQUESTS_KEPT = timedelta(days=7)
"""For how long an experiment that is asked for again with the same key is not another one."""
# A transaction is refused while another one changes the same item, as that of the totals.
_MOST_TRANSACTIONS = 12
_LONGEST_PAUSE_SECONDS = 0.25

Result = TypeVar("Result")


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


class ExperimentRecord(NamedTuple):
    """All that is kept under an experiment's partition key."""

    experiment: Experiment
    frames: FrameQuality | None
    """How good its frames are."""
    reruns: tuple[Experiment, ...]
    """The experiments that run it again, oldest first; of them only id, name and status are known."""


class ExperimentRepository:
    """Reads and writes the experiments of one table."""

    def __init__(self, table_name: str, client: "DynamoDBClient | None" = None) -> None:
        """Use `client`, or one of boto3's default session."""
        if client is None:
            import boto3

            client = boto3.client("dynamodb")
        self._table_name = table_name
        self._client = client
        self._reading_by_key = lru_cache(maxsize=512)(lambda _key: _Reading(_read_experiment))
        self._reading_of_totals = _Reading(_read_totals)

    def newest(self, limit: int, cursor: str | None = None) -> Page:
        """Return a page of all experiments, newest first.

        Raises:
            InvalidCursorError: the cursor is not one that a page handed out.
        """
        return self.find(Criteria(), limit, cursor)

    def find(self, criteria: Criteria, limit: int, cursor: str | None = None, before: str | None = None) -> Page:
        """Return a page of the experiments that meet criteria, newest first, after one cursor or before another.

        What no index answers is searched for in `MOST_READS` times `READ_SIZE` experiments at most; so a page may hold
        fewer than `limit`, or none, and still have one after it. Where there is nothing newer than the page before a
        cursor, that is the first page.

        Raises:
            InvalidCursorError: a cursor is not one that a page handed out.
        """
        if not is_key(criteria.listing.value, MOST_PARTITION_KEY_BYTES):
            return Page([], None)
        if before is not None:
            page = self._read(criteria, limit, before, forward=False)
            if page.previous_cursor:
                return page
            cursor = None
        return self._read(criteria, limit, cursor, forward=True)

    def get(self, experiment_id: str, *, consistent: bool = False) -> Experiment | None:
        """Return one experiment, or None where there is none of that id; if need be as the last writer left it."""
        item = self._item(experiment_id, consistent=consistent) if _is_id(experiment_id) else None
        return self._experiment(item) if item else None

    def record(self, experiment_id: str) -> ExperimentRecord | None:
        """Return all that is kept of one experiment, or None where there is none of that id."""
        if not _is_id(experiment_id):
            return None
        items = {item["sk"]: item for item in self._partition(partition_key(experiment_id), limit=MOST_RERUNS)}
        if SORT_KEY not in items:
            return None
        frames = items.get(FRAMES_SORT_KEY)
        return ExperimentRecord(
            experiment=Experiment.from_item(items[SORT_KEY]),
            frames=FrameQuality.from_item(frames) if frames else None,
            reruns=tuple(
                Experiment.from_item(item) for key, item in items.items() if str(key).startswith(RERUN_PREFIX)
            ),
        )

    def totals(self) -> Totals:
        """Return what the table holds in all, and what was ever used."""
        return self._reading_of_totals.of(list(self._raw_partition(AGGREGATES)))

    def used_on(self, moment: datetime) -> list[Usage]:
        """Return what was used on the day of a time in UTC."""
        return [Usage.from_item(item) for item in self._partition(day_partition(moment))]

    def snapshots(self) -> list[Snapshots]:
        """Return what SnapStart keeps of the stack's functions, as its newest release has counted it."""
        newest = self._partition(RELEASES, limit=1, forward=False)
        return [snapshots for record in newest for snapshots in snapshots_of(record)]

    def clips(self) -> list[str]:
        """Return the names of the clips that have rate-distortion curves, sorted."""
        items = self._partition(AGGREGATES, prefix=CLIP_PREFIX)
        return [str(item["sk"]).removeprefix(CLIP_PREFIX) for item in items]

    def curve_points(self, clip: str) -> list[Experiment]:
        """Return what makes a clip's curves: the last measurement of each configuration at each quality.

        Of each experiment only what curves need is known.
        """
        if not is_key(curves_partition(clip), MOST_PARTITION_KEY_BYTES):
            return []
        items = self._partition(curves_partition(clip), limit=MOST_CURVE_POINTS)
        return [Experiment.from_item(mapping(item.get("experiment"))) for item in items]

    def neighbours(self, experiment: Experiment) -> Neighbours:
        """Return the experiments next to one in the list of all: at most two items are read each way."""
        if experiment.created_at is None:
            return Neighbours(None, None)
        key = {"pk": partition_key(experiment.id), "sk": SORT_KEY, "created_at": iso_utc(experiment.created_at)}
        start = cursor({name: {"S": value} for name, value in key.items()})
        return Neighbours(
            newer=self._next_to(experiment.id, start, forward=False),
            older=self._next_to(experiment.id, start, forward=True),
        )

    def put(self, experiment: Experiment) -> None:
        """Write an experiment's item whole, over one of the same id, and whatever is kept beside it of this change.

        One transaction does both, so that nothing is counted twice or not at all.

        Raises:
            ValueError: it has no id or no creation time.
        """
        self.change(experiment.id, lambda _: experiment)

    def change(
        self,
        experiment_id: str,
        compute: Callable[[Experiment | None], Experiment],
        beside: Sequence[Replacement] = (),
    ) -> Experiment:
        """Write what an experiment becomes, computed from what it is, as `put` does, and items beside it; returns it.

        Where another writer changes it meanwhile, it is computed anew. What `compute` raises, the caller gets.
        """

        def attempt() -> Experiment:
            before = self._item(experiment_id, consistent=True)
            after = compute(self._experiment(before) if before else None)
            self._write(before, after, *self._requests(beside))
            return after

        return _retry_on_conflict(attempt)

    def put_once(self, experiment: Experiment, key: str, now: datetime, beside: Sequence[Replacement] = ()) -> str:
        """Write a new experiment, and items beside it, unless one was written with this key in the last days.

        Returns the id of the one that was written with the key.

        Raises:
            ValueError: it has no id or no creation time, or the key is empty or too long.
        """
        request = _request_key(key)
        if not key or not is_key(request.pk, MOST_PARTITION_KEY_BYTES):
            raise ValueError("a client's key is needed that is not empty and not too long")
        expires_at = int((now + REQUESTS_KEPT).timestamp())
        noted = as_item(Replacement(request, {"experiment_id": experiment.id, "expires_at": expires_at}))
        unless_noted = {"TableName": self._table_name, "Item": noted, "ConditionExpression": "attribute_not_exists(pk)"}

        def attempt() -> str:
            if earlier := self.written_with(key):
                return earlier
            self._write(None, experiment, {"Put": unless_noted}, *self._requests(beside))
            return experiment.id

        return _retry_on_conflict(attempt)

    def written_with(self, key: str) -> str | None:
        """Return the id of the experiment that was written with a key in the last days."""
        item = self._get(_request_key(key), consistent=True)
        return str(item_to_python(item)["experiment_id"]) if item else None

    def remove(
        self,
        experiment_id: str,
        freed_bytes: int,
        now: datetime,
        allow: Callable[[Experiment | None], Experiment],
        beside: Sequence[Replacement] = (),
    ) -> None:
        """Delete an experiment's item, together with what pages are told of it elsewhere, and write items beside it.

        Then `removed` names it until `delete_remains` has deleted the rest. `allow` returns what may be deleted of
        what is there; what it raises, the caller gets. `freed_bytes` is the size of the files that will go.
        """

        def attempt() -> None:
            before = self._item(experiment_id, consistent=True) if _is_id(experiment_id) else None
            experiment = allow(self._experiment(before) if before else None)
            noted = Replacement(_removed_key(experiment_id), {"at": iso_utc(now)})
            changes = [*removal(experiment, freed_bytes, now), noted, *beside]
            requests = removing_transaction(self._table_name, before or {}, changes)
            requests += [*self._without_best(experiment), *self._without_curve_point(experiment)]
            self._client.transact_write_items(TransactItems=requests)  # type: ignore[arg-type]

        _retry_on_conflict(attempt)

    def removed(self) -> list[str]:
        """Return the ids of experiments of which something may be left."""
        return [str(item["sk"]) for item in self._partition(_removed_key("").pk)]

    def delete_remains(self, experiment_id: str) -> None:
        """Delete what is left of a removed experiment in the table: its frames, its log, what runs it again."""
        for partition in (partition_key(experiment_id), log_partition(experiment_id)):
            self._delete_partition(partition)

    def forget_removed(self, experiment_id: str) -> None:
        """Note that nothing is left of an experiment anywhere."""
        self._client.delete_item(TableName=self._table_name, Key=as_key(_removed_key(experiment_id)))

    def note_progress(self, running: Experiment, progress: float | None, now: datetime) -> Experiment:
        """Note that a running experiment's worker lives, and how much is done, from 0 to 1, where that is known.

        The rest of its item stays as it is, and is returned with it.

        Raises:
            ClientError: also where another worker runs it, or none.
        """
        known = {"heartbeat_at": iso_utc(now), "updated_at": iso_utc(now)}
        changed = known if progress is None else known | {"progress": round(progress, 3)}
        held = {"status": Status.RUNNING.value, "worker": running.worker, "attempt": running.attempt}
        response = self._client.update_item(
            TableName=self._table_name,
            Key=as_key(Key(partition_key(running.id), SORT_KEY)),
            ConditionExpression=" AND ".join(f"#{name} = :{name}" for name in held),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in changed),
            ExpressionAttributeNames={f"#{name}": name for name in (*held, *changed)},
            ExpressionAttributeValues={
                f":{name}": value for name, value in item_to_attribute_values(held | changed).items()
            },
            ReturnValues="ALL_NEW",
        )
        return self._experiment(response["Attributes"])

    def put_frame_quality(self, experiment_id: str, frames: FrameQuality) -> None:
        """Write how good an experiment's frames are."""
        item = item_to_attribute_values(frames.to_item(experiment_id))
        self._client.put_item(TableName=self._table_name, Item=item)

    def _experiment(self, item: dict[str, Any]) -> Experiment:
        return self._reading_by_key(str(item.get("pk"))).of(item)

    def _item(self, experiment_id: str, *, consistent: bool = False) -> dict[str, Any] | None:
        return self._get(Key(partition_key(experiment_id), SORT_KEY), consistent=consistent)

    def _get(self, key: Key, *, consistent: bool) -> dict[str, Any] | None:
        response = self._client.get_item(TableName=self._table_name, Key=as_key(key), ConsistentRead=consistent)
        return response.get("Item")

    def _partition(
        self, key: str, *, prefix: str = "", limit: int | None = None, forward: bool = True
    ) -> Iterator[dict[str, Any]]:
        """Yield items of a partition as plain values, in order, those whose sort key begins with a prefix."""
        return map(item_to_python, self._raw_partition(key, prefix=prefix, limit=limit, forward=forward))

    def _raw_partition(
        self, key: str, *, prefix: str = "", limit: int | None = None, forward: bool = True
    ) -> Iterator[dict[str, Any]]:
        request: dict[str, Any] = {
            "TableName": self._table_name,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :sk)" if prefix else "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": key}} | ({":sk": {"S": prefix}} if prefix else {}),
            "ScanIndexForward": forward,
        }
        if limit is not None:
            request["Limit"] = limit
        while True:
            response = self._client.query(**request)
            yield from response["Items"]
            last_key = response.get("LastEvaluatedKey")
            if last_key is None or limit is not None:
                return
            request["ExclusiveStartKey"] = last_key

    def _write(self, before: dict[str, Any] | None, after: Experiment, *more: dict[str, Any]) -> None:
        """Write an experiment in the place of the item that was read of it; `more` belongs to the transaction."""
        requests = [*transaction(self._table_name, before, after), *more]
        if best := best_result(after):
            self._improve(best)
        self._client.transact_write_items(TransactItems=requests)  # type: ignore[arg-type]

    def _requests(self, beside: Iterable[Replacement]) -> list[dict[str, Any]]:
        return [as_request(self._table_name, change) for change in beside]

    def _without_best(self, experiment: Experiment) -> Iterator[dict[str, Any]]:
        """Put the next best result in the place of an experiment's, if it is its codec's best."""
        item = self._get(best_key(experiment.codec), consistent=True) if experiment.codec else None
        if item is None or item.get("experiment_id") != {"S": experiment.id}:
            return
        measured = (point for clip in self.clips() for point in self.curve_points(clip))
        others = (best_result(point) for point in measured if point.codec == experiment.codec)
        attributes = [best.attributes for best in others if best and best.attributes]
        rest = [found for found in attributes if found["experiment_id"] != experiment.id]
        best = max(rest, key=lambda found: found["compression_ratio"], default=None)
        request = as_request(self._table_name, Replacement(best_key(experiment.codec), best))
        yield _only_if(request, "experiment_id", experiment.id)

    def _without_curve_point(self, experiment: Experiment) -> Iterator[dict[str, Any]]:
        """Delete an experiment's point of its clip's curves, and the clip's mark where it was the last one."""
        point = curve_point(experiment)
        item = self._get(point.key, consistent=True) if point else None
        if point is None or item is None or mapping(item_to_python(item).get("experiment")).get("id") != experiment.id:
            return
        yield _only_if(as_request(self._table_name, Replacement(point.key, None)), "experiment.id", experiment.id)
        if len(list(self._raw_partition(point.key.pk, limit=2))) == 1:
            yield as_request(self._table_name, Replacement(clip_key(experiment.clip), None))

    def _delete_partition(self, partition: str) -> None:
        keys = [{"pk": item["pk"], "sk": item["sk"]} for item in self._raw_partition(partition)]
        write_in_batches(self._client, self._table_name, [{"DeleteRequest": {"Key": key}} for key in keys])

    def _improve(self, best: Replacement) -> None:
        """Write a best result over a lesser one."""
        item = as_item(best)
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR compression_ratio < :ratio",
                ExpressionAttributeValues={":ratio": item["compression_ratio"]},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise

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
            experiment = self._experiment(item)
            if criteria.match(experiment):
                found.append(experiment)
            if len(found) == limit:
                break
        if not examined:
            return Page([], None)
        beyond = cursor(examined[-1]) if more else None
        back = cursor(examined[0]) if start is not None else None
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
            request["ExclusiveStartKey"] = start_key(start) | {listing.attribute: {"S": listing.value}}
        return request

    def _items(self, request: dict[str, Any], reads: int) -> Iterator[tuple[dict[str, Any], bool]]:
        """Yield the items of so many queries at most, each with whether there are more after it."""
        for _ in range(reads):
            response = self._client.query(**request)
            items, last_key = response["Items"], response.get("LastEvaluatedKey")
            for place, item in enumerate(items, start=1):
                yield item, place < len(items) or last_key is not None
            if last_key is None:
                return
            request["ExclusiveStartKey"] = last_key


def _request_key(key: str) -> Key:
    return Key(f"REQUEST#{key}", "REQUEST")


def _removed_key(experiment_id: str) -> Key:
    return Key("REMOVED", experiment_id)


def _only_if(request: dict[str, Any], attribute: str, value: str) -> dict[str, Any]:
    """Make a part of a transaction depend on an attribute, given by its path, of the item that is there."""
    names = attribute.split(".")
    condition = {
        "ConditionExpression": ".".join(f"#{name}" for name in names) + " = :value",
        "ExpressionAttributeNames": {f"#{name}": name for name in names},
        "ExpressionAttributeValues": {":value": {"S": value}},
    }
    return {kind: parts | condition for kind, parts in request.items()}


class _Reading(Generic[Result]):
    """What was read last from one place of the table; as long as that stays as it is, so does what is made of it."""

    def __init__(self, read: Callable[[Any], Result]) -> None:
        self._read = read
        self._last: tuple[Any, Result] | None = None

    def of(self, sent: Any) -> Result:
        """Return what is made of what DynamoDB has sent."""
        last = self._last
        if last is None or last[0] != sent:
            last = self._last = sent, self._read(sent)
        return last[1]


def _read_experiment(item: dict[str, Any]) -> Experiment:
    return Experiment.from_item(item_to_python(item))


def _read_totals(items: list[dict[str, Any]]) -> Totals:
    return Totals.from_items(map(item_to_python, items))


def _retry_on_conflict(attempt: Callable[[], Result]) -> Result:
    for _ in range(_MOST_TRANSACTIONS - 1):
        try:
            return attempt()
        except ClientError as error:
            if not is_transaction_conflict(error):
                raise
        time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 no secret depends on it
    return attempt()


def _is_id(experiment_id: str) -> bool:
    return bool(experiment_id) and is_key(partition_key(experiment_id), MOST_PARTITION_KEY_BYTES)
