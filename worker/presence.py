"""Lets everybody see that this worker is there, and what it is at."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError
from experiments.jobs.workers import Worker, WorkerRegistry

INTERVAL = timedelta(seconds=5)


@dataclass(slots=True)
class Presence:
    """One worker's entry among all workers. No job fails because it cannot be written."""

    registry: WorkerRegistry
    worker: Worker

    def tell(self, job: str = "") -> None:
        """Tell that the worker lives: every few seconds, and at once where it is at another job than before."""
        now = datetime.now(UTC)
        told_at = self.worker.last_seen_at
        if told_at and now - told_at < INTERVAL and job == self.worker.job:
            return
        self.worker = replace(self.worker, job=job, last_seen_at=now)
        with suppress(ClientError, BotoCoreError):
            self.registry.seen(self.worker, now)

    def leave(self) -> None:
        """Remove the entry."""
        with suppress(ClientError, BotoCoreError):
            self.registry.gone(self.worker.name)
