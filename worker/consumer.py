"""What a worker does all day: takes a job from the queue, runs it, and settles its message; until it is to leave.

A job runs in a thread of its own. Meanwhile this one tells every other second that the worker lives and how far the job
has come, keeps the message hidden, writes the log, and hears whether the job is to be stopped. A worker that vanishes
does none of it: its message is seen again, and whoever receives it takes the job over (experiments.jobs).
"""

import logging
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from threading import Thread

from botocore.exceptions import BotoCoreError, ClientError
from experiments.configuration import ConfigurationError
from experiments.jobs.lifecycle import IllegalChangeError, Jobs, has_ended
from experiments.jobs.log import Logs
from experiments.jobs.queue import JobMessage, JobQueue
from experiments.model import Experiment, Status

from worker.build import build_id
from worker.command import CommandError, Supervision, supervised
from worker.departure import Departure
from worker.experiment import Host, Outcome, fail, job_of, perform
from worker.job_log import JobLog
from worker.presence import Presence
from worker.publish import Publisher

BEAT_SECONDS = 2
"""So a stop is obeyed within 5 seconds."""
CLAIM_SECONDS = 2
POLL_SECONDS = 5
"""How long a request waits for a message; and how long an idle worker may take to leave."""

logger = logging.getLogger(__name__)


class Interruption(Enum):
    """Why a job does not run to its end."""

    STOPPED = "somebody stopped it"
    LEAVING = "this worker leaves"
    LOST = "it is another worker's now"


class Run:
    """A job's run in a thread: how far it has come, and what came of it."""

    def __init__(self, held: Experiment, log: JobLog, consumer: "Consumer") -> None:
        """Start to run a job that this worker holds."""
        self.progress: float | None = None
        self.outcome = Outcome(held)
        self.is_complete = False
        """Whether it ran to its end, be that a failure, and its files are where they belong."""
        self._supervision = Supervision(log.add)
        self._consumer = consumer
        self._thread = Thread(target=self._run)
        self._thread.start()

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, but not for longer."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def interrupt(self) -> None:
        """End its programs and wait for the thread to end; where it is uploading already, it completes."""
        self._supervision.stop()
        self._thread.join()

    def _run(self) -> None:
        try:
            with supervised(self._supervision), tempfile.TemporaryDirectory(prefix="experiment-") as folder:
                self._perform(Path(folder))
                if self._supervision.stopped:
                    return
                self._consumer.publisher.upload(self.outcome)
        except Exception as failure:  # A defect of the worker must not leave an experiment running for ever.
            fail(self.outcome, f"the worker failed: {type(failure).__name__}: {failure}", traceback.format_exc())
        self.is_complete = True

    def _perform(self, folder: Path) -> None:
        try:
            job = job_of(self.outcome.experiment, self._consumer.clip_folder)
        except CommandError as failure:
            fail(self.outcome, str(failure), failure.log_tail)
        except (ConfigurationError, OSError) as failure:
            fail(self.outcome, str(failure))
        else:
            self.outcome = perform(job, self._consumer.host, folder, self._note_progress)

    def _note_progress(self, progress: float) -> None:
        self.progress = progress


@dataclass(frozen=True, slots=True)
class Consumer:
    """Takes jobs from one queue, one at a time."""

    queue: JobQueue
    jobs: Jobs
    logs: Logs
    publisher: Publisher
    host: Host
    clip_folder: Path
    departure: Departure
    presence: Presence

    def work(self) -> None:
        """Take jobs until the worker is to leave."""
        while not self.departure.reason:
            self.presence.tell()
            with self._undeterred():
                if message := self.queue.receive(POLL_SECONDS, self._hide_seconds):
                    self._settle(message)
        self.presence.leave()
        logger.info("leaving: %s", self.departure.reason)

    @property
    def _hide_seconds(self) -> int:
        """So long that a message is seen again only after its job has stalled, which was claimed a little later."""
        return int(self.jobs.stalled_after.total_seconds()) + CLAIM_SECONDS

    @property
    def _beat_seconds(self) -> float:
        return min(BEAT_SECONDS, self.jobs.stalled_after.total_seconds() / 4)

    @contextmanager
    def _undeterred(self) -> Iterator[None]:
        """Go on after an error of AWS; a message that was not settled is seen again."""
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            logger.warning("AWS: %s", error)
            time.sleep(self._beat_seconds)

    def _settle(self, message: JobMessage) -> None:
        if not message.experiment_id:
            logger.warning("a message names no experiment; the queue keeps it, in the end as a dead letter")
            return
        try:
            held = self.jobs.claim(message.experiment_id, self.host.name, build_id(), _now())
        except IllegalChangeError as refusal:
            logger.info("%s", refusal)
            if refusal.status is not Status.RUNNING:
                self.queue.delete(message)
            return
        if has_ended(held):
            logger.warning("%s %s: %s", held.id, held.status, held.error)
            self.queue.delete(message)
            return
        self._run(held, message)

    def _run(self, held: Experiment, message: JobMessage) -> None:
        logger.info("%s running, attempt %s", held.id, held.attempt)
        self.presence.tell(held.id)
        log = JobLog(self.logs, held)
        log.add("worker", f"attempt {held.attempt} on {held.worker}, build {held.worker_build}")
        run = Run(held, log, self)
        interruption = None
        while not interruption and not run.ends_within(self._beat_seconds):
            interruption = self._beat(held, message, run, log)
        if interruption:
            log.add("worker", f"[warning] {interruption.value}")
            run.interrupt()
        elif self.departure.reason and run.outcome.experiment.status is Status.FAILED:
            # A service manager may end the encoder together with this process.
            interruption = Interruption.LEAVING
        with self._undeterred():
            log.write()
        self._end(held, message, run, interruption)

    def _beat(self, held: Experiment, message: JobMessage, run: Run, log: JobLog) -> Interruption | None:
        """Tell that all is well; returns why the job is not to go on, if so."""
        if self.departure.reason:
            return Interruption.LEAVING
        self.presence.tell(held.id)
        with self._undeterred():
            try:
                if self.jobs.heartbeat(held, run.progress, _now()):
                    return Interruption.STOPPED
            except IllegalChangeError:
                return Interruption.LOST
            # After the heartbeat, so that the job has stalled before the message is seen again.
            self.queue.hide(message, self._hide_seconds)
            log.write()
        return None

    def _end(self, held: Experiment, message: JobMessage, run: Run, interruption: Interruption | None) -> None:
        """Write what has become of the job, and then settle its message."""
        try:
            after = self._change(held, run, interruption)
        except IllegalChangeError as refusal:
            logger.warning("%s", refusal)
            return
        logger.info("%s %s %s", after.id, after.status, after.error)
        if not has_ended(after):
            # A message of its own: going away must not use up the receives after which a message is a dead letter.
            self.queue.send(after.id)
        self.queue.delete(message)

    def _change(self, held: Experiment, run: Run, interruption: Interruption | None) -> Experiment:
        outcome = run.outcome.experiment
        if interruption is Interruption.LEAVING and (not run.is_complete or outcome.status is Status.FAILED):
            return self.jobs.hand_back(held, _now())
        if interruption is Interruption.STOPPED and not run.is_complete:
            return self.jobs.end(_cancelled(outcome))
        return self.jobs.end(outcome)


def _cancelled(experiment: Experiment) -> Experiment:
    """Return an experiment whose encoder was killed: that is no failure, but has cost what it has cost."""
    return replace(experiment, status=Status.CANCELLED, error="", log_tail="")


def _now() -> datetime:
    return datetime.now(UTC)
