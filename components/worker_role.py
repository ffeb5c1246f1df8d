"""The role of workers: what a process that encodes experiments may do in this account, which is little."""

import json

import pulumi
import pulumi_aws as aws

from components.experiment_store import ExperimentStore
from components.job_queue import JobQueue
from components.permissions import allow, assumed_by, policy
from components.settings import Settings

# The table's partitions that a worker writes: experiments, what is kept beside them, their logs, and its own presence.
PARTITIONS = ("EXPERIMENT#*", "AGGREGATES", "CURVES#*", "DAY#*", "LOG#*", "WORKERS")
ARTEFACT_PREFIX = "worker/"
"""Where in the media bucket the worker's own source is, which no worker can write."""


class WorkerRole(pulumi.ComponentResource):
    """A role for EC2 instances that run the worker. The sandbox's worker process has it, too."""

    role: aws.iam.Role

    def __init__(
        self,
        name: str,
        settings: Settings,
        store: ExperimentStore,
        job_queue: JobQueue,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:workers:WorkerRole", name, None, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)

        self.role = self._create_role()
        self._grant(store, job_queue)

        self.register_outputs({"role": self.role.name})

    def _create_role(self) -> aws.iam.Role:
        return aws.iam.Role(
            "worker",
            name=self._settings.name("worker"),
            description="Workers, which encode experiments.",
            assume_role_policy=json.dumps(assumed_by("ec2")),
            tags=self._settings.tags("workers"),
            opts=self._child,
        )

    def _grant(self, store: ExperimentStore, job_queue: JobQueue) -> None:
        """Installing the worker, taking jobs, writing experiments and their files; nothing else."""
        queue, table, media = job_queue.queue, store.table, store.media
        take = ["ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage", "SendMessage"]
        write = ["GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"]
        its_own = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": PARTITIONS}}
        references = pulumi.Output.concat(media.arn, "/experiments/references/*")
        allowed = [
            allow("TakeJobsAndHandThemBack", [f"sqs:{action}" for action in take], queue.arn),
            allow("WriteExperiments", [f"dynamodb:{action}" for action in write], table.arn, its_own),
            allow(
                "PublishFiles",
                ["s3:PutObject", "s3:AbortMultipartUpload"],
                pulumi.Output.concat(media.arn, "/experiments/*"),
            ),
            allow("SeeWhichClipsArePublished", "s3:GetObject", references),
            allow("InstallTheWorker", "s3:GetObject", pulumi.Output.concat(media.arn, f"/{ARTEFACT_PREFIX}*")),
        ]
        document = pulumi.Output.json_dumps(policy(allowed))
        aws.iam.RolePolicy("worker", name="worker", role=self.role.name, policy=document, opts=self._child)
