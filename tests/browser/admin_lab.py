"""A lab in memory for the admin API's own code to act on: experiments, logs, workers and the audit trail."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from admin.audit import AuditEntry, AuditPage
from admin.control import Control
from admin.error_rates import ErrorRate
from admin.monitor import Monitor
from admin.services import Services
from experiments.aggregates import Replacement, Totals, Usage
from experiments.codec_catalogue import CODECS
from experiments.costs import Prices
from experiments.criteria import Criteria
from experiments.jobs.clip_catalogue import CLIPS, clip_parameters
from experiments.jobs.lifecycle import Jobs
from experiments.jobs.log import LogLine
from experiments.jobs.planning import planned
from experiments.jobs.queue import Depth
from experiments.jobs.workers import Worker
from experiments.metrics import Metrics
from experiments.model import Artefacts, Experiment, Status
from experiments.repository import ExperimentRecord, Page

HOSTILE = "<img src=x onerror=alert(1)>"
"""What becomes an alert wherever text is taken for markup."""
LONG_LOG_LINES = 100_000
MIDDLING_LOG_LINES = 6000  # more than the API gives at once
PRICES = Prices(
    gpu_hour_usd=0.526,
    storage_gb_month_usd=0.023,
    delivered_gb_usd=0.085,
    million_input_tokens_usd=3,
    million_output_tokens_usd=15,
    snapshot_gb_second_usd=0.0000015046,
)
_ENDED = 60  # more than a page of the list


@dataclass
class Lab:
    """What the admin API sees of the world; tests change it as workers and other administrators would."""

    experiments: dict[str, Experiment] = field(default_factory=dict)
    logs: dict[str, list[LogLine]] = field(default_factory=dict)
    audit: list[AuditEntry] = field(default_factory=list)
    workers: list[Worker] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    """Ids that were put into the queue."""

    def change(self, experiment_id: str, **changed: Any) -> None:
        """Make of an experiment what its worker would."""
        self.experiments[experiment_id] = replace(self.experiments[experiment_id], **changed)

    def print(self, experiment_id: str, *texts: str) -> None:
        """Add lines to an experiment's log."""
        lines = self.logs.setdefault(experiment_id, [])
        first, at = len(lines) + 1, datetime.now(UTC)
        lines += (LogLine(1, number, at, "x265 encode", text) for number, text in enumerate(texts, first))

    def work(self, second: int) -> None:
        """Let the running experiment make a second's progress."""
        now = datetime.now(UTC)
        if "running" in self.experiments and self.experiments["running"].status is Status.RUNNING:
            self.change("running", progress=second % 100 / 100, heartbeat_at=now)
            self.print("running", f"[info] second {second}")
            self.workers = [replace(worker, last_seen_at=now) for worker in self.workers]

    def note(self, beside: Sequence[Replacement]) -> None:
        """Keep what is to be noted with a change."""
        for _key, attributes in beside:
            known = {name: (attributes or {})[name] for name in ("who", "action", "experiment_id", "detail")}
            self.audit.insert(0, AuditEntry(at=datetime.now(UTC), **known))

    def services(self) -> Services:
        """Return what the admin API works with."""
        jobs = Jobs(_any(_Repository(self)))
        queue = _any(_Queue(self))
        return Services(
            repository=jobs.repository,
            jobs=jobs,
            control=Control(jobs, queue, _any(_Files())),
            logs=_any(_Logs(self)),
            audit=_any(_AuditTrail(self)),
            monitor=Monitor(
                jobs=jobs,
                workers=_any(_Workers(self)),
                queue=queue,
                dead_letters=_any(_DeadLetters()),
                error_rates=_any(_ErrorRates()),
                prices=PRICES,
            ),
            prices=PRICES,
        )


@dataclass
class _Repository:
    lab: Lab

    def find(self, criteria: Criteria, limit: int, cursor: str | None = None) -> Page:
        found = [one for one in self.lab.experiments.values() if criteria.match(one)]
        found.sort(key=lambda one: one.created_at or datetime.min.replace(tzinfo=UTC), reverse=True)
        begin = int(cursor or 0)
        end = begin + limit
        return Page(found[begin:end], str(end) if end < len(found) else None)

    def get(self, experiment_id: str, *, consistent: bool = False) -> Experiment | None:
        return self.lab.experiments.get(experiment_id)

    def record(self, experiment_id: str) -> ExperimentRecord | None:
        found = self.get(experiment_id)
        reruns = (one for one in self.lab.experiments.values() if one.parent_id == experiment_id)
        return ExperimentRecord(found, None, tuple(reruns)) if found else None

    def change(
        self,
        experiment_id: str,
        compute: Callable[[Experiment | None], Experiment],
        beside: Sequence[Replacement] = (),
    ) -> Experiment:
        after = compute(self.get(experiment_id))
        self.lab.experiments[experiment_id] = after
        self.lab.note(beside)
        return after

    def put_once(self, experiment: Experiment, key: str, now: datetime, beside: Sequence[Replacement] = ()) -> str:
        if key not in self.lab.keys:
            self.lab.keys[key] = experiment.id
            self.lab.experiments[experiment.id] = experiment
            self.lab.note(beside)
        return self.lab.keys[key]

    def written_with(self, key: str) -> str | None:
        return self.lab.keys.get(key)

    def remove(
        self,
        experiment_id: str,
        freed_bytes: int,
        now: datetime,
        allow: Callable[[Experiment | None], Experiment],
        beside: Sequence[Replacement] = (),
    ) -> None:
        allow(self.get(experiment_id))
        del self.lab.experiments[experiment_id]
        self.lab.note(beside)

    def removed(self) -> list[str]:
        return []

    def delete_remains(self, experiment_id: str) -> None:
        self.lab.logs.pop(experiment_id, None)

    def forget_removed(self, experiment_id: str) -> None:
        """Nothing is remembered."""

    def totals(self) -> Totals:
        return Totals({}, (), (_usage(datetime.now(UTC), 54_000),))

    def used_on(self, moment: datetime) -> list[Usage]:
        return [_usage(moment, 3600)]


@dataclass
class _Logs:
    lab: Lab

    def read(self, experiment_id: str, after: tuple[int, int] = (0, 0)) -> Iterator[LogLine]:
        lines = self.lab.logs.get(experiment_id, [])
        return iter(lines[bisect_right(lines, after, key=lambda line: (line.attempt, line.number)) :])


@dataclass
class _AuditTrail:
    lab: Lab

    def page(self, cursor: str | None = None) -> AuditPage:
        begin = int(cursor or 0)
        end = begin + 50
        return AuditPage(tuple(self.lab.audit[begin:end]), str(end) if end < len(self.lab.audit) else None)


@dataclass
class _Workers:
    lab: Lab

    def present(self, now: datetime) -> list[Worker]:
        return self.lab.workers


@dataclass
class _Queue:
    lab: Lab

    def send(self, experiment_id: str) -> None:
        self.lab.sent.append(experiment_id)

    def depth(self) -> Depth:
        statuses = [experiment.status for experiment in self.lab.experiments.values()]
        return Depth(statuses.count(Status.QUEUED), statuses.count(Status.RUNNING))


class _DeadLetters:
    def depth(self) -> Depth:
        return Depth(1, 0)


class _ErrorRates:
    def present(self, now: datetime) -> tuple[ErrorRate, ...]:
        return (
            ErrorRate(of="renderer", requests=1200, errors=0, minutes=60),
            ErrorRate(of="admin api", requests=340, errors=3, minutes=60),
            ErrorRate(of="api", requests=None, errors=None, minutes=60),
        )


class _Files:
    def stored_bytes(self, experiment_id: str) -> int:
        return 0

    def delete(self, experiment_id: str) -> None:
        """There are none."""


def _usage(moment: datetime, gpu_seconds: float) -> Usage:
    return Usage(month=f"{moment:%Y-%m}", user="CODEC#x265", gpu_seconds=gpu_seconds)


def _any(part: object) -> Any:
    """Return a part that stands in for one which talks to AWS."""
    return part


def sample_lab() -> Lab:
    """Return a lab with something in every state."""
    lab, now = Lab(), datetime.now(UTC)
    for experiment in _samples(now):
        lab.experiments[experiment.id] = experiment
    lab.workers = [
        Worker(name="host-1", build="w-1", host="g4dn.xlarge", started_at=now, last_seen_at=now, job="running"),
        Worker(name=HOSTILE, build="w-1", host="g5.xlarge", started_at=now, last_seen_at=now),
    ]
    lab.logs |= {"long-log": _LONG_LOG, "failed": _LONG_LOG[:MIDDLING_LOG_LINES]}
    lab.print("running", "[info] encoding begins", "frame= 1 fps=30", "[warning] a slow disk", "[error] a lost frame")
    lab.print("hostile", HOSTILE, f"[error] {HOSTILE}")
    lab.audit = [
        AuditEntry(
            at=now - timedelta(minutes=place),
            who=HOSTILE if place == 0 else "ada",
            action="start",
            experiment_id=f"ended-{place}",
            detail={"via": "chat" if place % 7 == 0 else "page", "name": HOSTILE, "parameters": {"preset": "fast"}},
        )
        for place in range(_ENDED)
    ]
    return lab


def _samples(now: datetime) -> Iterator[Experiment]:
    begun: dict[str, Any] = {"started_at": now, "attempt": 1, "worker": "host-1", "worker_build": "w-1"}
    running: dict[str, Any] = {"status": Status.RUNNING, "progress": 0.25, "heartbeat_at": now, **begun}
    yield _sample("running", now, name="Running one", **running)
    long_ago = now - timedelta(hours=1)
    stalled: dict[str, Any] = {**running, "started_at": long_ago, "heartbeat_at": long_ago}
    yield _sample("stalled", now - timedelta(seconds=1), name="Stalled one", **stalled)
    yield _sample("queued", now - timedelta(seconds=2), name="Queued one", codec="x264")
    yield _sample("hostile", now - timedelta(seconds=3), name=HOSTILE, status=Status.FAILED, error=HOSTILE, **begun)
    broken = "ffmpeg ended with 1: Invalid argument"
    yield _sample("failed", now - timedelta(seconds=4), name="Failed one", status=Status.FAILED, error=broken, **begun)
    ended: dict[str, Any] = {**begun, "status": Status.SUCCEEDED, "finished_at": now, "cost_usd": 0.002}
    yield _sample("long-log", now - timedelta(seconds=5), name="One with a long log", **ended)
    yield _sample("cancelled", now - timedelta(seconds=6), name="Cancelled one", status=Status.CANCELLED, **begun)
    measured = Metrics(psnr_db=41.2, ssim=0.987, bitrate_kbps=1234.5, compression_ratio=56, encode_seconds=12.5)
    for place in range(_ENDED):
        at = now - timedelta(minutes=place + 1)
        yield _sample(f"ended-{place}", at, name=f"Ended one, number {place}", metrics=measured, **ended)


def _sample(experiment_id: str, at: datetime, *, codec: str = "x265", clip: str = "", **known: Any) -> Experiment:
    clip = clip or next(iter(CLIPS))
    configuration = CODECS[codec].configuration(CODECS[codec].defaults)
    experiment = planned(clip, clip_parameters(clip, CLIPS[clip].shape), configuration, at)
    return replace(experiment, id=experiment_id, artefacts=Artefacts(), **known)


def _long_log() -> list[LogLine]:
    at = datetime(2026, 11, 24, 12, tzinfo=UTC)
    levels = {0: "[error] lost reference in ", 1: "[warning] late "}
    return [
        LogLine(
            1,
            number,
            at + timedelta(milliseconds=number),
            "x265 encode",
            f"{levels.get(number % 1000, '')}frame {number}",
        )
        for number in range(1, LONG_LOG_LINES + 1)
    ]


_LONG_LOG = _long_log()
