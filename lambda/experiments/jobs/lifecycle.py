"""The life of a job: from the queue to a worker, and to its end exactly once, whatever becomes of workers.

An experiment that is queued or running is a job. Each change of its status is a conditional write, together with all
that is counted of it. A worker that runs it holds it by its name and the number of the attempt, until it ends it, hands
it back, or has given no sign of life for so long that another one may take it over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from experiments.aggregates import ENDED, UNDER_WAY, Replacement
from experiments.model import Experiment, Status
from experiments.repository import ExperimentRepository

MOST_ATTEMPTS = 3
"""How many workers may vanish over an experiment before it fails."""
STALLED_AFTER = timedelta(seconds=60)
"""How long a running experiment's worker may be silent."""


class IllegalChangeError(Exception):
    """An experiment cannot be changed so in its present status; None where there is no such experiment."""

    def __init__(self, change: str, experiment_id: str, present: Experiment | None) -> None:
        self.status = present.status if present else None
        self.present = present
        state = f"it is {present.status or 'in no known status'}" if present else "there is none of that id"
        super().__init__(f"experiment {experiment_id} cannot be {change}: {state}")


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of one table. Errors of the service are the caller's to handle."""

    repository: ExperimentRepository
    stalled_after: timedelta = STALLED_AFTER

    def enqueue(self, experiment: Experiment, key: str, now: datetime, beside: Sequence[Replacement] = ()) -> str:
        """Write a new experiment as queued and return its id; with the same key again, return the first one's.

        `beside` are items that are written with it, or not at all.

        Raises:
            ValueError: the experiment has no id or no creation time, or the key is none.
        """
        return self.repository.put_once(replace(experiment, status=Status.QUEUED, attempt=None), key, now, beside)

    def claim(self, experiment_id: str, worker: str, build: str, now: datetime) -> Experiment:
        """Give a queued or stalled experiment to a worker, as one attempt more; returns what has become of it.

        It is running, unless it stalled and is to be stopped, or stalled too often: then it has ended.

        Raises:
            IllegalChangeError: it has ended, or another worker is at it.
        """

        def claimed(present: Experiment | None) -> Experiment:
            if present is None or not (present.status is Status.QUEUED or self.is_stalled(present, now)):
                raise IllegalChangeError("claimed", experiment_id, present)
            if present.status is Status.RUNNING and (ended := _ended_by_silence(present, now)):
                return ended
            return replace(
                present,
                status=Status.RUNNING,
                worker=worker,
                worker_build=build,
                attempt=(present.attempt or 0) + 1,
                started_at=now,
                heartbeat_at=now,
                updated_at=now,
                progress=None,
            )

        return self.repository.change(experiment_id, claimed)

    def heartbeat(self, held: Experiment, progress: float | None, now: datetime) -> bool:
        """Tell that a job's worker lives, and how much is done, from 0 to 1; returns whether it is to be stopped.

        Raises:
            IllegalChangeError: the worker does not hold the job any more.
        """
        try:
            return self.repository.note_progress(held, progress, now).stop_requested_at is not None
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            raise IllegalChangeError("held", held.id, self.repository.get(held.id)) from None

    def request_stop(self, experiment_id: str, now: datetime, beside: Sequence[Replacement] = ()) -> Experiment:
        """Cancel an experiment that no worker is at, and ask the worker that is at one to stop.

        `beside` are items that are written with that, or not at all.

        Raises:
            IllegalChangeError: it has ended.
        """

        def stopped(present: Experiment | None) -> Experiment:
            if present is not None and (present.status is Status.QUEUED or self.is_stalled(present, now)):
                return _cancelled(present, now)
            if present is None or present.status is not Status.RUNNING:
                raise IllegalChangeError("stopped", experiment_id, present)
            return replace(present, stop_requested_at=present.stop_requested_at or now, updated_at=now)

        return self.repository.change(experiment_id, stopped, beside)

    def hand_back(self, held: Experiment, now: datetime) -> Experiment:
        """Put a job back into the queue, as if it had not been tried; one that is to be stopped is cancelled instead.

        Raises:
            IllegalChangeError: the worker does not hold the job any more.
        """

        def handed_back(present: Experiment) -> Experiment:
            if present.stop_requested_at:
                return _cancelled(present, now)
            return replace(
                present,
                status=Status.QUEUED,
                worker="",
                worker_build="",
                attempt=(present.attempt or 1) - 1 or None,
                started_at=None,
                heartbeat_at=None,
                updated_at=now,
                progress=None,
            )

        return self._change_held("handed back", held, handed_back)

    def end(self, ended: Experiment) -> Experiment:
        """Write how a job has ended: succeeded, failed or cancelled.

        Raises:
            IllegalChangeError: the worker does not hold the job any more.
        """
        return self._change_held("ended", ended, lambda _: ended)

    def is_stalled(self, experiment: Experiment, now: datetime) -> bool:
        """Tell whether a running experiment's worker has been silent for too long."""
        sign_of_life = experiment.heartbeat_at or experiment.started_at
        silent = sign_of_life is None or now - sign_of_life >= self.stalled_after
        return experiment.status is Status.RUNNING and silent

    def _change_held(self, change: str, held: Experiment, compute: Callable[[Experiment], Experiment]) -> Experiment:
        """Change a job that is still held by the worker and attempt that `held` names."""

        def changed(present: Experiment | None) -> Experiment:
            holder = (present.status, present.worker, present.attempt) if present else None
            if present is None or holder != (Status.RUNNING, held.worker, held.attempt):
                raise IllegalChangeError(change, held.id, present)
            return compute(present)

        return self.repository.change(held.id, changed)


def has_ended(experiment: Experiment) -> bool:
    """Tell whether nothing more will become of an experiment."""
    return experiment.status in ENDED


def is_under_way(experiment: Experiment) -> bool:
    """Tell whether an experiment is a job: queued or running."""
    return experiment.status in UNDER_WAY


def _ended_by_silence(stalled: Experiment, now: datetime) -> Experiment | None:
    """Return a stalled experiment as it has ended; None where it is to be tried again."""
    if stalled.stop_requested_at:
        return _cancelled(stalled, now)
    if (stalled.attempt or 0) < MOST_ATTEMPTS:
        return None
    error = f"its worker vanished {stalled.attempt} times, at last {stalled.worker}"
    return replace(stalled, status=Status.FAILED, error=error, finished_at=now, updated_at=now, progress=None)


def _cancelled(experiment: Experiment, now: datetime) -> Experiment:
    return replace(experiment, status=Status.CANCELLED, finished_at=now, updated_at=now, progress=None)
