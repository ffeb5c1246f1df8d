"""A worker as a process: `python -m worker --queue-url … --table … --media-bucket …`.

AWS's region, credentials and endpoint come from where AWS's tools look for them.
"""

import argparse
import logging
import os
import socket
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from experiments.jobs.lifecycle import STALLED_AFTER, Jobs
from experiments.jobs.log import Logs
from experiments.jobs.queue import JobQueue
from experiments.jobs.workers import Worker, WorkerRegistry
from experiments.repository import ExperimentRepository

from worker.build import build_id
from worker.consumer import Consumer
from worker.departure import Departure
from worker.experiment import G4DN_XLARGE_USD_PER_HOUR, Host
from worker.metadata import InstanceMetadata
from worker.presence import Presence
from worker.publish import Publisher

# AWS's own variable for the address: https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
METADATA_ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
PATIENCE = Config(connect_timeout=5, retries={"mode": "standard", "total_max_attempts": 5})


def main() -> int:
    """Work until told to leave; the exit code."""
    arguments = _parse_arguments()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", stream=sys.stderr)
    logging.getLogger("worker").setLevel(logging.INFO)
    departure = Departure()
    departure.on_signals()
    metadata = InstanceMetadata(arguments.metadata_endpoint)
    if metadata.endpoint:
        departure.on_spot_interruption(metadata)
    logging.getLogger("worker").info("%s, build %s, waits for jobs", arguments.name, build_id())
    host = arguments.host or metadata.get("instance-type") or socket.gethostname()
    _consumer(arguments, departure, host).work()
    return 0


def _consumer(arguments: argparse.Namespace, departure: Departure, host: str) -> Consumer:
    untyped: Any = boto3
    dynamodb, s3, sqs = (untyped.client(service, config=PATIENCE) for service in ("dynamodb", "s3", "sqs"))
    repository = ExperimentRepository(arguments.table, dynamodb)
    worker = Worker(name=arguments.name, build=build_id(), host=host, started_at=datetime.now(UTC))
    return Consumer(
        queue=JobQueue(arguments.queue_url, sqs),
        jobs=Jobs(repository, timedelta(seconds=arguments.stalled_after)),
        logs=Logs(arguments.table, dynamodb),
        publisher=Publisher(repository, s3, arguments.media_bucket),
        host=Host(arguments.name, arguments.gpu_hour_usd),
        clip_folder=arguments.clips,
        departure=departure,
        presence=Presence(WorkerRegistry(arguments.table, dynamodb), worker),
    )


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    for option, variable, meaning in (
        ("--queue-url", "JOB_QUEUE_URL", "the queue of jobs"),
        ("--table", "TABLE_NAME", "the table of experiments"),
        ("--media-bucket", "MEDIA_BUCKET", "the bucket of videos and decoders"),
    ):
        default = os.environ.get(variable)
        parser.add_argument(option, default=default, required=not default, help=f"{meaning} (default: ${variable})")
    parser.add_argument("--name", default=f"{socket.gethostname()}-{os.getpid()}", help="this worker's own name")
    parser.add_argument("--host", help="the kind of host it runs on (default: the EC2 instance's type, or a host name)")
    parser.add_argument("--clips", type=Path, default=Path(tempfile.gettempdir()) / "clips", help="folder of clips")
    parser.add_argument(
        "--gpu-hour-usd", type=float, default=G4DN_XLARGE_USD_PER_HOUR, help="what an hour of this host costs"
    )
    parser.add_argument(
        "--stalled-after",
        type=int,
        default=int(STALLED_AFTER.total_seconds()),
        help="seconds of silence after which a job is another worker's; the same for all workers",
    )
    parser.add_argument(
        "--metadata-endpoint",
        default=os.environ.get(METADATA_ENDPOINT, "http://169.254.169.254"),
        help=f"where EC2 announces spot interruptions (default: ${METADATA_ENDPOINT} or EC2's address); empty: nowhere",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
