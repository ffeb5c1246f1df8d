"""What the admin API works with, on an embedded AWS: a table, queues and a bucket of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from admin.audit import AuditTrail
from admin.control import Control
from admin.error_rates import ErrorRates
from admin.files import ExperimentFiles
from admin.monitor import Monitor
from admin.services import Services, services
from experiments.costs import Prices
from experiments.jobs.lifecycle import Jobs
from experiments.jobs.log import Logs
from experiments.jobs.queue import JobQueue
from experiments.jobs.workers import WorkerRegistry
from experiments.model import Experiment, Status
from experiments.repository import ExperimentRepository

from sandbox.emulator import Emulator
from tests.stack.experiments_table import create_table

BUCKET = "media"
PRICES = Prices(
    gpu_hour_usd=3600,
    storage_gb_month_usd=1,
    delivered_gb_usd=1,
    million_input_tokens_usd=1,
    million_output_tokens_usd=1,
    snapshot_gb_second_usd=1,
)


@dataclass
class Lab:
    """What the API works with."""

    services: Services
    queue: JobQueue
    s3: Any

    @classmethod
    @contextmanager
    def open(cls, emulator: Emulator, name: str) -> Iterator["Lab"]:
        """Make one, with which this process's admin API works meanwhile."""
        dynamodb, sqs, s3 = (emulator.client(service) for service in ("dynamodb", "sqs", "s3"))
        create_table(dynamodb, name)
        s3.create_bucket(Bucket=BUCKET)
        queue, dead_letters = (
            JobQueue(sqs.create_queue(QueueName=each)["QueueUrl"], sqs) for each in (name, f"{name}-dead")
        )
        repository = ExperimentRepository(name, dynamodb)
        jobs = Jobs(repository)
        monitor = Monitor(
            jobs=jobs,
            workers=WorkerRegistry(name, dynamodb),
            queue=queue,
            dead_letters=dead_letters,
            error_rates=ErrorRates.of(emulator.client("cloudwatch"), renderer="r", admin_api="a", api_id="i"),
            prices=PRICES,
        )
        parts = Services(
            repository=repository,
            jobs=jobs,
            control=Control(jobs, queue, ExperimentFiles(s3, BUCKET)),
            logs=Logs(name, dynamodb),
            audit=AuditTrail(name, dynamodb),
            monitor=monitor,
            prices=PRICES,
        )
        with patch.object(Services, "from_environment", return_value=parts):
            services.cache_clear()
            yield cls(parts, queue, s3)
            services.cache_clear()

    @property
    def repository(self) -> ExperimentRepository:
        return self.services.repository

    def experiments(self) -> list[Experiment]:
        return self.repository.newest(100).experiments

    def counted(self) -> dict[Status, int]:
        return {status: count for status, count in self.repository.totals().by_status.items() if count}

    def audited(self) -> list[tuple[str, str]]:
        return [(entry.action, entry.experiment_id) for entry in self.services.audit.page().entries]

    def messages(self) -> list[str]:
        found = []
        while message := self.queue.receive(0, 60):
            found.append(message.experiment_id)
        return found

    def end(self, experiment_id: str, **ended: Any) -> Experiment:
        """Let a worker run a queued experiment to its end."""
        now = datetime.now(UTC)
        held = self.services.jobs.claim(experiment_id, "host-1", "build-1", now)
        return self.services.jobs.end(replace(held, finished_at=now, **ended))
