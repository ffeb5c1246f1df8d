"""What the admin API works with, as the deployment has set it up."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Self

from experiments.costs import Prices
from experiments.jobs.lifecycle import Jobs
from experiments.jobs.log import Logs
from experiments.jobs.queue import JobQueue
from experiments.jobs.workers import WorkerRegistry
from experiments.repository import ExperimentRepository
from web.aws_clients import cloudwatch_client, dynamodb_client, s3_client, sqs_client

from admin.audit import AuditTrail
from admin.control import Control
from admin.error_rates import ErrorRates
from admin.files import ExperimentFiles
from admin.monitor import Monitor


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of one deployment."""

    repository: ExperimentRepository
    jobs: Jobs
    control: Control
    logs: Logs
    audit: AuditTrail
    monitor: Monitor
    prices: Prices

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Set them up as the function's environment says."""
        table, dynamodb = environment["TABLE_NAME"], dynamodb_client()
        repository = ExperimentRepository(table, dynamodb)
        jobs, prices = Jobs(repository), Prices.from_json(environment["PRICES"])
        queue = JobQueue(environment["JOB_QUEUE_URL"], sqs_client())
        return cls(
            repository=repository,
            jobs=jobs,
            control=Control(jobs, queue, ExperimentFiles(s3_client(), environment["MEDIA_BUCKET"])),
            logs=Logs(table, dynamodb),
            audit=AuditTrail(table, dynamodb),
            monitor=Monitor(
                jobs=jobs,
                workers=WorkerRegistry(table, dynamodb),
                queue=queue,
                dead_letters=JobQueue(environment["DEAD_LETTER_QUEUE_URL"], sqs_client()),
                error_rates=ErrorRates.of(
                    cloudwatch_client(),
                    renderer=environment["RENDERER_FUNCTION"],
                    admin_api=environment["ADMIN_FUNCTION"],
                    api_id=environment["API_ID"],
                ),
                prices=prices,
            ),
            prices=prices,
        )


@cache
def services() -> Services:
    """Return the parts of the deployment that this process belongs to."""
    return Services.from_environment(os.environ)
