"""The queue through which experiments come to workers, and the one where messages end that no worker could settle."""

import json

import pulumi
import pulumi_aws as aws

from components.settings import Settings

# As long as a running experiment's worker may be silent; workers extend it while they run one.
VISIBILITY_SECONDS = 60
# SQS keeps nothing for longer. A message keeps its age in the dead-letter queue, so both have the same.
RETENTION_SECONDS = 14 * 24 * 3600
# Not the three attempts that an experiment has: a worker has to meet the message once more to write why it failed, and
# a message that is delivered twice, as SQS may, uses up receives without an attempt.
MOST_RECEIVES = 6


class JobQueue(pulumi.ComponentResource):
    """The queue of experiments to run, and its dead-letter queue."""

    queue: aws.sqs.Queue
    dead_letters: aws.sqs.Queue

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("dashboard:jobs:JobQueue", name, None, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)

        self.dead_letters = self._create_queue("dead-jobs")
        self.queue = self._create_queue("jobs", redrive_policy=self._redrive_policy())
        if settings.require_https:
            self._require_tls("dead-jobs", self.dead_letters)
            self._require_tls("jobs", self.queue)

        self.register_outputs({"url": self.queue.url, "dead_letters_url": self.dead_letters.url})

    def _create_queue(self, name: str, redrive_policy: pulumi.Input[str] | None = None) -> aws.sqs.Queue:
        return aws.sqs.Queue(
            name,
            name=self._settings.name(name),
            visibility_timeout_seconds=VISIBILITY_SECONDS,
            message_retention_seconds=RETENTION_SECONDS,
            sqs_managed_sse_enabled=True,
            redrive_policy=redrive_policy,
            tags=self._settings.tags("job-queue"),
            opts=self._child,
        )

    def _redrive_policy(self) -> pulumi.Output[str]:
        return self.dead_letters.arn.apply(
            lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MOST_RECEIVES})
        )

    def _require_tls(self, name: str, queue: aws.sqs.Queue) -> None:
        """SQS answers plain HTTP as well; the emulator has nothing else."""
        policy = queue.arn.apply(
            lambda arn: json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "RequireTls",
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "sqs:*",
                            "Resource": arn,
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                }
            )
        )
        aws.sqs.QueuePolicy(name, queue_url=queue.url, policy=policy, opts=self._child)
