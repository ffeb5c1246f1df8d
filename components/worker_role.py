"""The role of workers: what a process that encodes experiments may do in this account, which is little."""

import json

import pulumi
import pulumi_aws as aws

from components.experiment_store import ExperimentStore
from components.job_queue import JobQueue
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
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "ec2.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
            tags=self._settings.tags("workers"),
            opts=self._child,
        )

    def _grant(self, store: ExperimentStore, job_queue: JobQueue) -> None:
        """Installing the worker, taking jobs, writing experiments and their files; nothing else."""
        policy = pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "TakeJobsAndHandThemBack",
                        "Effect": "Allow",
                        "Action": [
                            "sqs:ReceiveMessage",
                            "sqs:ChangeMessageVisibility",
                            "sqs:DeleteMessage",
                            "sqs:SendMessage",
                        ],
                        "Resource": job_queue.queue.arn,
                    },
                    {
                        "Sid": "WriteExperiments",
                        "Effect": "Allow",
                        "Action": [
                            "dynamodb:GetItem",
                            "dynamodb:PutItem",
                            "dynamodb:UpdateItem",
                            "dynamodb:DeleteItem",
                            "dynamodb:BatchWriteItem",
                        ],
                        "Resource": store.table.arn,
                        "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": PARTITIONS}},
                    },
                    {
                        "Sid": "PublishFiles",
                        "Effect": "Allow",
                        "Action": ["s3:PutObject", "s3:AbortMultipartUpload"],
                        "Resource": pulumi.Output.concat(store.media.arn, "/experiments/*"),
                    },
                    {
                        "Sid": "SeeWhichClipsArePublished",
                        "Effect": "Allow",
                        "Action": "s3:GetObject",
                        "Resource": pulumi.Output.concat(store.media.arn, "/experiments/references/*"),
                    },
                    {
                        "Sid": "InstallTheWorker",
                        "Effect": "Allow",
                        "Action": "s3:GetObject",
                        "Resource": pulumi.Output.concat(store.media.arn, f"/{ARTEFACT_PREFIX}*"),
                    },
                ],
            }
        )
        aws.iam.RolePolicy("worker", name="worker", role=self.role.name, policy=policy, opts=self._child)
