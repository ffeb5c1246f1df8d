"""The workers that are there: each writes every few seconds that it lives, and what it is at."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from experiments.aggregates import Key, Replacement
from experiments.attribute_values import item_to_python
from experiments.fields import instant, iso_utc, text
from experiments.jobs.lifecycle import STALLED_AFTER
from experiments.transaction import as_item, as_key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

WORKERS = "WORKERS"
"""The `pk` of all workers; the `sk` is a worker's name."""
KEPT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker process."""

    name: str
    build: str
    host: str
    """The type of its EC2 instance, e.g. `g4dn.xlarge`; elsewhere what kind of host it is."""
    started_at: datetime | None
    last_seen_at: datetime | None = None
    job: str = ""
    """Id of the experiment that it runs; empty while it waits for one."""


@dataclass(frozen=True, slots=True)
class WorkerRegistry:
    """The workers of one table. Errors of the service are the caller's to handle."""

    table_name: str
    client: "DynamoDBClient"

    def seen(self, worker: Worker, now: datetime) -> None:
        """Write that a worker lives, and what it is at."""
        item = _item(replace(worker, last_seen_at=now), expires_at=now + KEPT)
        self.client.put_item(TableName=self.table_name, Item=as_item(item))

    def gone(self, name: str) -> None:
        """Forget a worker that leaves."""
        self.client.delete_item(TableName=self.table_name, Key=as_key(Key(WORKERS, name)))

    def present(self, now: datetime) -> list[Worker]:
        """Return the workers by name, but those that have been silent for so long that their jobs have stalled."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.table_name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": WORKERS}},
        )
        workers = [_worker(item_to_python(item)) for page in pages for item in page["Items"]]
        return [worker for worker in workers if worker.last_seen_at and now - worker.last_seen_at < STALLED_AFTER]


def _item(worker: Worker, expires_at: datetime) -> Replacement:
    known = {
        "build": worker.build,
        "host": worker.host,
        "started_at": iso_utc(worker.started_at) if worker.started_at else "",
        "last_seen_at": iso_utc(worker.last_seen_at) if worker.last_seen_at else "",
        "job": worker.job,
    }
    attributes = {name: value for name, value in known.items() if value}
    return Replacement(Key(WORKERS, worker.name), attributes | {"expires_at": int(expires_at.timestamp())})


def _worker(item: Mapping[str, Any]) -> Worker:
    return Worker(
        name=text(item.get("sk")) or "",
        build=text(item.get("build")) or "",
        host=text(item.get("host")) or "",
        started_at=instant(item.get("started_at")),
        last_seen_at=instant(item.get("last_seen_at")),
        job=text(item.get("job")) or "",
    )
