"""The sandbox's worker on a deployed stack: it runs jobs with the worker's role, which allows that and nothing else."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from experiments.jobs.lifecycle import Jobs
from experiments.jobs.queue import JobQueue
from experiments.jobs.workers import Worker, WorkerRegistry
from experiments.model import Experiment, Status
from experiments.repository import ExperimentRepository

from components.worker_role import PARTITIONS
from releasing.left_behind import found
from sandbox.worker_process import WorkerProcess
from tests.inventory import held, recorded
from tests.project_copy import ProjectCopy, changes
from tests.stack.worker_lab import X264, until

DENIED = ("AccessDenied", "AccessDeniedException", "403")
KEY = {"pk": {"S": "EXPERIMENT#e1"}, "sk": {"S": "EXPERIMENT"}}


Calls = Iterator[tuple[str, dict[str, Any]]]


def sqs_calls(outputs: dict[str, Any]) -> Calls:
    """What a worker may not do with queues."""
    queue = outputs["job_queue_url"]
    yield "receive_message", {"QueueUrl": queue.replace("-jobs", "-dead-jobs")}
    yield "purge_queue", {"QueueUrl": queue}
    yield "delete_queue", {"QueueUrl": queue}
    yield "set_queue_attributes", {"QueueUrl": queue, "Attributes": {"VisibilityTimeout": "0"}}


def s3_calls(outputs: dict[str, Any]) -> Calls:
    """What a worker may not do with buckets."""
    media, site = outputs["media_bucket"], outputs["site_bucket"]
    yield "put_object", {"Bucket": media, "Key": "worker/worker.zip", "Body": b""}
    yield "put_object", {"Bucket": site, "Key": "experiments/e1/video.mp4", "Body": b""}
    yield "get_object", {"Bucket": media, "Key": "experiments/e1/video.mp4"}
    yield "get_object", {"Bucket": site, "Key": "admin.html"}
    yield "delete_object", {"Bucket": media, "Key": "experiments/e1/video.mp4"}
    yield "list_objects_v2", {"Bucket": media}
    yield "delete_bucket", {"Bucket": media}


def dynamodb_calls(outputs: dict[str, Any]) -> Calls:
    """What a worker may not do with tables."""
    table = {"TableName": outputs["table_name"]}
    yield "get_item", {"TableName": "another-table", "Key": KEY}
    yield "put_item", {"TableName": "another-table", "Item": KEY}
    yield "scan", table
    yield "query", {**table, "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": {":pk": KEY["pk"]}}
    yield "update_table", {**table, "DeletionProtectionEnabled": False}
    yield "delete_table", table


DENIALS = {"sqs": sqs_calls, "s3": s3_calls, "dynamodb": dynamodb_calls}


@dataclass
class Site:
    """A deployed stack with its worker, as root sees it."""

    project: ProjectCopy
    outputs: dict[str, Any]

    def __post_init__(self) -> None:
        self.worker = WorkerProcess(self.project.emulator)
        self.table = self.outputs["table_name"]
        dynamodb = self.client("dynamodb")
        self.registry = WorkerRegistry(self.table, dynamodb)
        self.repository = ExperimentRepository(self.table, dynamodb)

    def client(self, service: str) -> Any:
        return self.project.emulator.client(service)

    def present(self) -> list[Worker]:
        return self.registry.present(datetime.now(UTC))

    def run(self, experiment_id: str) -> Experiment:
        """Start an experiment and wait until it has ended."""
        now = datetime.now(UTC)
        asked = Experiment(id=experiment_id, codec="x264", clip="game-of-life", created_at=now, parameters=X264)
        queue = JobQueue(self.outputs["job_queue_url"], self.client("sqs"))
        queue.send(Jobs(self.repository).enqueue(asked, experiment_id, now))
        ended = (Status.SUCCEEDED, Status.FAILED)
        return until(lambda: (e := self.repository.get(experiment_id)) is not None and e.status in ended and e)  # type: ignore[no-any-return]

    def partitions(self) -> set[str]:
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=self.table)
        return {item["pk"]["S"] for page in pages for item in page["Items"]}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    project = ProjectCopy.make(tmp_path_factory.mktemp("sandbox-worker") / "project")
    project.configure(gpuHostsMaximum=2)
    project.up()
    site = Site(project, project.outputs())
    yield site
    site.worker.stop()
    project.close()


@pytest.fixture(scope="module")
def as_worker(site: Site) -> Callable[[str], Any]:
    """Clients that have the worker's role."""
    role = site.client("sts").assume_role(RoleArn=site.outputs["worker_role"], RoleSessionName="test")
    credentials = role["Credentials"]
    untyped: Any = boto3
    session = untyped.Session(
        credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], "us-east-1"
    )
    return lambda service: session.client(service, endpoint_url=site.project.emulator.url)


def test_it_runs_jobs_with_its_role_and_writes_only_where_that_may(site: Site) -> None:
    assert site.worker.start(site.outputs)
    before = site.partitions()
    ended = site.run("e1")
    assert (ended.error, ended.status, ended.worker) == ("", Status.SUCCEEDED, "sandbox-worker")
    written = site.partitions() - before - {"REQUEST#e1"}
    assert {"WORKERS", "AGGREGATES", "LOG#e1"} <= written
    assert not [key for key in written if not any(fnmatchcase(key, pattern) for pattern in PARTITIONS)]


def test_there_is_one_and_a_killed_one_is_started_again(site: Site) -> None:
    site.worker.start(site.outputs)
    assert not site.worker.start(site.outputs)
    (worker,) = until(site.present)
    os.kill(int(site.worker.process.record()[0]), signal.SIGKILL)
    assert until(lambda: site.worker.start(site.outputs))
    assert until(lambda: site.present()[0].started_at != worker.started_at)


def test_one_of_an_older_build_makes_room(site: Site) -> None:
    site.worker.start(site.outputs)
    older = site.worker.process.record()[0]
    site.worker.process.file.write_text(f"{older} older-build")
    assert site.worker.start(site.outputs)
    assert site.worker.process.record()[0] != older


@pytest.mark.parametrize("service", ["sqs", "s3", "dynamodb"])
def test_its_role_allows_nothing_but_what_a_worker_does(
    site: Site, as_worker: Callable[[str], Any], service: str
) -> None:
    for call, request in DENIALS[service](site.outputs):
        with pytest.raises(ClientError) as refusal:
            getattr(as_worker(service), call)(**request)
        assert refusal.value.response["Error"]["Code"] in DENIED, (call, request)


def test_hosts_are_what_the_stack_says_and_an_interrupted_deployment_finds_them_again(site: Site) -> None:
    project = site.project
    hosts = [resource for resource in project.state() if is_of_hosts(resource["type"])]
    assert {thing for thing in held(project.emulator) if is_of_hosts(thing[0])} == recorded(hosts)
    for resource in hosts:
        (import_id,) = found(project.emulator.client, resource["type"], resource["inputs"])
        known_by_its_network = resource["type"] == "aws:ec2/defaultRouteTable:DefaultRouteTable"
        assert known_by_its_network or import_id.endswith(resource["id"]), resource["urn"]
    assert changes(project.run("refresh")) == set()
    assert project.up() == set()


def test_without_hosts_nothing_is_left_of_them(site: Site) -> None:
    site.project.edit("Pulumi.sandbox.yaml", "gpuHostsMaximum: 2", "gpuHostsMaximum: 0")
    assert {change.split()[0] for change in site.project.up()} == {"deleted"}
    assert not [thing for thing in held(site.project.emulator) if is_of_hosts(thing[0])]


def is_of_hosts(type_: str) -> bool:
    """Whether a type is one that GPU hosts alone are made of."""
    return type_.startswith(("aws:autoscaling/", "aws:cloudwatch/metricAlarm:", "aws:ec2/"))
