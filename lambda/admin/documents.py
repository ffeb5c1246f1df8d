"""The JSON documents of the admin API, as types; `admin.description` describes them from these definitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from experiments.model import Status
from web.documents import Problem, PublishedExperiment

from admin.audit import AuditEntry
from admin.error_rates import ErrorRate


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who is signed in."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecDocument:
    """A codec, and what one may ask of it."""

    name: str
    title: str
    parameters: Annotated[Mapping[str, Any], {"description": "JSON Schema (2020-12) of an experiment's parameters."}]
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDocument:
    """A clip that experiments can use."""

    name: str
    title: str
    width: int
    height: int
    frames_per_second: float
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What experiments can be made of."""

    codecs: tuple[CodecDocument, ...]
    clips: tuple[ClipDocument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneExperiment:
    """An experiment as it is now."""

    experiment: PublishedExperiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiments:
    """A page of experiments, newest first."""

    experiments: tuple[PublishedExperiment, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class StartedRerun:
    """An experiment that runs another one again."""

    id: str
    parent_id: str


@dataclass(frozen=True, slots=True)
class LeftOutRerun:
    """An experiment that was not run again, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class StartedReruns:
    """What came of running several experiments again."""

    started: tuple[StartedRerun, ...]
    left_out: tuple[LeftOutRerun, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a request that makes no sense."""

    path: Annotated[str, {"description": "Where it is in the body, as a JSON Pointer (RFC 6901)."}]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRequestProblem(Problem):
    """Why a request makes no sense, all at once."""

    problems: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictProblem(Problem):
    """Why something cannot be done to an experiment as it is now."""

    present_status: Status | None


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An experiment that waits for a worker, or that one is at."""

    id: str
    name: str
    codec: str
    clip: str
    status: JobState
    progress: float | None
    frames: int | None
    worker: str
    worker_build: str
    attempt: int | None
    created_at: datetime | None
    started_at: datetime | None
    heartbeat_at: datetime | None
    stop_requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerState:
    """A worker that has given a sign of life lately."""

    name: str
    build: str
    host: str
    started_at: datetime | None
    last_seen_at: Annotated[datetime | None, {"description": "To five seconds."}]
    job: Annotated[str, {"description": "The id of the experiment that it is at; empty where it has none."}]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """How many messages there are, about."""

    waiting: int
    in_work: int
    dead: Annotated[int, {"description": "Those that no worker could settle."}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """What is spent so far, USD; today without storage, which is paid by the month."""

    today_usd: float
    month_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedJob:
    """An experiment that has ended lately."""

    id: str
    name: str
    status: Status | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorDocument:
    """What goes on; it changes only where something has changed."""

    jobs: tuple[Job, ...]
    workers: tuple[WorkerState, ...]
    queue: QueueDepth
    spend: Spend
    errors: tuple[ErrorRate, ...]
    ended: tuple[EndedJob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an experiment's log."""

    attempt: int
    number: int
    at: datetime | None
    source: str
    level: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A piece of an experiment's log."""

    lines: tuple[Line, ...]
    after: Annotated[str | None, {"description": "Where the next piece begins; null before the first line."}]
    complete: Annotated[bool, {"description": "Whether the experiment has ended and this is the end of its log."}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """A page of what administrators did, newest first."""

    entries: tuple[AuditEntry, ...]
    next_cursor: str | None
