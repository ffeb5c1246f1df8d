"""What an experiment is, in code: typed, frozen, written in one shape and read tolerantly.

Items come from DynamoDB as plain values. A field that is missing or broken is None (or empty): one bad item must never
break a page. docs/data-model.md lists the attributes with their units.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

from experiments import legacy
from experiments.fields import amount, between, count, instant, mapping, number, sequence, stored, text
from experiments.metrics import Metrics, RDPoint

FEED = "EXPERIMENTS"
SORT_KEY = "EXPERIMENT"
# As much as a worker writes of an error and of the end of its log, and as lists show of others.
MOST_ERROR_CHARACTERS = 400
MOST_LOG_CHARACTERS = 2000

Scalar = str | int | float | bool


class Status(StrEnum):
    """Where an experiment is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


def partition_key(experiment_id: str) -> str:
    """Return the `pk` of an experiment's item."""
    return f"EXPERIMENT#{experiment_id}"


def new_experiment_id(now: datetime, codec: str) -> str:
    """Return an id that sorts by time, names the codec and is safe in a URL: `20261124-061256-x265-9f86d081`."""
    safe_codec = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in codec.lower())
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{safe_codec.strip('-') or 'codec'}-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefacts:
    """Where an experiment's files are: keys in the media bucket."""

    video_key: str | None = None
    reference_key: str | None = None
    decoder_key: str | None = None
    decoder_bytes: int | None = None
    decoder_sha256: str | None = None
    """Hexadecimal SHA-256 of the decoder bundle."""
    stored_bytes: int | None = None
    """The size of all files that were uploaded for this experiment."""

    @classmethod
    def from_map(cls, value: object) -> Self:
        """Read a map of artefacts; whatever is broken in it is None."""
        artefacts = mapping(value)
        return cls(
            video_key=text(artefacts.get("video_key")),
            reference_key=text(artefacts.get("reference_key")),
            decoder_key=text(artefacts.get("decoder_key")),
            decoder_bytes=count(artefacts.get("decoder_bytes")),
            decoder_sha256=text(artefacts.get("decoder_sha256")),
            stored_bytes=count(artefacts.get("stored_bytes")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One clip, encoded by one codec with one configuration, and what came of it."""

    id: str = ""
    name: str = ""
    codec: str = ""
    clip: str = ""
    status: Status | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    metrics: Metrics = Metrics()  # noqa: RUF009 it is frozen
    rd_points: tuple[RDPoint, ...] = ()
    artefacts: Artefacts = Artefacts()
    cost_usd: float | None = None
    error: str = ""
    """What went wrong, in a line or two."""
    log_tail: str = ""
    worker: str = ""
    worker_build: str = ""
    """Which build of the worker runs it, or ran it."""
    heartbeat_at: datetime | None = None
    """When its worker last gave a sign of life."""
    stop_requested_at: datetime | None = None
    """When somebody asked for a running one to be stopped."""
    progress: float | None = None
    """How much of it is done, from 0 to 1, while it runs."""
    attempt: int | None = None
    """1 for the first try."""
    parent_id: str | None = None
    """The experiment that this one runs again."""

    def __hash__(self) -> int:
        """Hash what tells most experiments apart; parameters have no hash."""
        return hash((self.id, self.updated_at))

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Read an item's plain values, of this shape or an older one; never raises because of what they hold."""
        attributes = legacy.in_present_shape(item) if legacy.is_legacy(item) else item
        read = attributes.get
        experiment_id = text(read("id")) or (text(read("pk")) or "").removeprefix(partition_key(""))
        return cls(
            id=experiment_id,
            name=text(read("name")) or experiment_id,
            codec=text(read("codec")) or "",
            clip=text(read("clip")) or "",
            status=_status(read("status")),
            created_at=instant(read("created_at")),
            updated_at=instant(read("updated_at")),
            started_at=instant(read("started_at")),
            finished_at=instant(read("finished_at")),
            parameters=_parameters(read("parameters")),
            metrics=Metrics.from_map(read("metrics")),
            rd_points=tuple(point for value in sequence(read("rd_points")) if (point := RDPoint.from_map(value))),
            artefacts=Artefacts.from_map(read("artefacts")),
            cost_usd=amount(read("cost_usd")),
            error=text(read("error")) or "",
            log_tail=text(read("log_tail")) or "",
            worker=text(read("worker")) or "",
            worker_build=text(read("worker_build")) or "",
            heartbeat_at=instant(read("heartbeat_at")),
            stop_requested_at=instant(read("stop_requested_at")),
            progress=_read_progress(read("progress")),
            attempt=count(read("attempt")),
            parent_id=text(read("parent_id")),
        )

    def to_item(self) -> dict[str, Any]:
        """Return the item with its keys, numbers as int or Decimal; what is unknown or empty is left out.

        Raises:
            ValueError: there is no id or no creation time, without which no listing would ever show the item.
        """
        if not self.id or self.created_at is None:
            raise ValueError("an experiment needs an id and created_at before it can be stored")
        return {"pk": partition_key(self.id), "sk": SORT_KEY, "feed": FEED} | stored(self)


_read_progress = between(0, 1)


def _status(value: object) -> Status | None:
    return _STATUSES.get(value.strip().lower()) if isinstance(value, str) else None


_STATUSES = {status.value: status for status in Status}


def _parameters(value: object) -> dict[str, Scalar]:
    read = {text(name): _scalar(parameter) for name, parameter in mapping(value).items()}
    return {name: parameter for name, parameter in read.items() if name is not None and parameter is not None}


def _scalar(value: object) -> Scalar | None:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, (bool, int)):
        return value
    return number(value)
