"""What the admin API works with, as the deployment has set it up."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Self

from aws_clients import dynamodb_client, s3_client, sqs_client
from experiments.costs import Prices
from experiments.files import ExperimentFiles
from experiments.job_queue import JobQueue
from experiments.jobs import Jobs
from experiments.log import Logs
from experiments.repository import ExperimentRepository

from admin.audit import AuditTrail
from admin.control import Control


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of one deployment."""

    repository: ExperimentRepository
    jobs: Jobs
    control: Control
    logs: Logs
    audit: AuditTrail
    prices: Prices

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Set them up as the function's environment says."""
        table, dynamodb = environment["TABLE_NAME"], dynamodb_client()
        repository = ExperimentRepository(table, dynamodb)
        jobs = Jobs(repository)
        queue = JobQueue(environment["JOB_QUEUE_URL"], sqs_client())
        return cls(
            repository=repository,
            jobs=jobs,
            control=Control(jobs, queue, ExperimentFiles(s3_client(), environment["MEDIA_BUCKET"])),
            logs=Logs(table, dynamodb),
            audit=AuditTrail(table, dynamodb),
            prices=Prices.from_json(environment["PRICES"]),
        )


@cache
def services() -> Services:
    """Return the parts of the deployment that this process belongs to."""
    return Services.from_environment(os.environ)
