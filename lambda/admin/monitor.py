"""What goes on right now: jobs, workers, queue, spend and errors. It changes only where something has changed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from experiments.aggregates import ENDED
from experiments.costs import Prices, spent, used_up
from experiments.criteria import Criteria
from experiments.fields import count
from experiments.jobs.lifecycle import Jobs
from experiments.jobs.queue import JobQueue
from experiments.jobs.workers import Worker, WorkerRegistry
from experiments.model import Experiment, Status

from admin.documents import EndedJob, Job, JobState, MonitorDocument, QueueDepth, Spend, WorkerState
from admin.error_rates import ErrorRates

MOST_JOBS = 100
"""How many queued ones are told of, and how many running ones: the newest."""
MOST_ENDED = 10
# An experiment that waited for long has ended later than some that are newer.
_ENDED_READ = 20
_SEEN_STEP_SECONDS = 5
_DOLLAR_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitor:
    """Looks at one deployment. Errors of AWS are the caller's to handle, but CloudWatch's."""

    jobs: Jobs
    workers: WorkerRegistry
    queue: JobQueue
    dead_letters: JobQueue
    error_rates: ErrorRates
    prices: Prices
    _at_once: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))

    def look(self, now: datetime) -> MonitorDocument:
        """Return what goes on at a time in UTC, which is now."""
        ask = self._at_once.submit
        repository = self.jobs.repository
        under_way = [ask(self._find, status, MOST_JOBS) for status in (Status.RUNNING, Status.QUEUED)]
        ended = [ask(self._find, status, _ENDED_READ) for status in ENDED]
        workers, errors = ask(self.workers.present, now), ask(self.error_rates.present, now)
        queue, dead = ask(self.queue.depth), ask(self.dead_letters.depth)
        totals, today = ask(repository.totals), ask(repository.used_on, now)
        waiting, in_work = queue.result()
        return MonitorDocument(
            jobs=tuple(self._job(one, now) for found in under_way for one in found.result()),
            workers=tuple(_worker(worker) for worker in workers.result()),
            queue=QueueDepth(waiting=waiting, in_work=in_work, dead=sum(dead.result())),
            spend=Spend(
                today_usd=_dollars(used_up(today.result(), self.prices)),
                month_usd=_dollars(spent(totals.result().usage, self.prices, now)),
            ),
            errors=errors.result(),
            ended=tuple(_latest([one for found in ended for one in found.result()])),
        )

    def _find(self, status: Status, most: int) -> list[Experiment]:
        return self.jobs.repository.find(Criteria(status=status), most).experiments

    def _job(self, experiment: Experiment, now: datetime) -> Job:
        stalled = self.jobs.is_stalled(experiment, now)
        return Job(
            id=experiment.id,
            name=experiment.name,
            codec=experiment.codec,
            clip=experiment.clip,
            status=JobState.STALLED if stalled else JobState(experiment.status or ""),
            progress=experiment.progress,
            frames=count(experiment.parameters.get("frames")),
            worker=experiment.worker,
            worker_build=experiment.worker_build,
            attempt=experiment.attempt,
            created_at=experiment.created_at,
            started_at=experiment.started_at,
            heartbeat_at=experiment.heartbeat_at,
            stop_requested=experiment.stop_requested_at is not None,
        )


def _worker(worker: Worker) -> WorkerState:
    seen = worker.last_seen_at
    return WorkerState(
        name=worker.name,
        build=worker.build,
        host=worker.host,
        started_at=worker.started_at,
        last_seen_at=seen and seen.replace(second=seen.second - seen.second % _SEEN_STEP_SECONDS, microsecond=0),
        job=worker.job,
    )


def _latest(ended: list[Experiment]) -> list[EndedJob]:
    ended.sort(key=_ended_at, reverse=True)
    return [
        EndedJob(id=one.id, name=one.name, status=one.status, finished_at=one.finished_at) for one in ended[:MOST_ENDED]
    ]


def _ended_at(experiment: Experiment) -> datetime:
    return experiment.finished_at or experiment.updated_at or experiment.created_at or datetime.min.replace(tzinfo=UTC)


def _dollars(usd: float | None) -> float:
    return round(usd or 0.0, _DOLLAR_DIGITS)
