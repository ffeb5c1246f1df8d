"""The queue that carries jobs to workers: a message names an experiment, all else is in the table."""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple


class JobMessage(NamedTuple):
    """A message that was received and is hidden from others for a while."""

    experiment_id: str
    """Empty where the message is none of this project's."""
    receipt: str


class Depth(NamedTuple):
    """How many messages a queue has, about."""

    waiting: int
    in_work: int
    """Those that were received and are hidden from others."""


@dataclass(frozen=True, slots=True)
class JobQueue:
    """An SQS queue. Errors of the service (botocore's ClientError and BotoCoreError) are the caller's to handle."""

    url: str
    sqs: Any

    def send(self, experiment_id: str) -> None:
        """Ask for an experiment to be run; asking twice does no harm, as it is claimed but once."""
        self.sqs.send_message(QueueUrl=self.url, MessageBody=json.dumps({"experiment_id": experiment_id}))

    def receive(self, wait_seconds: int, hide_seconds: int) -> JobMessage | None:
        """Return the next message, which others will not see for so long; None where none comes in time."""
        response = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=1, WaitTimeSeconds=wait_seconds, VisibilityTimeout=hide_seconds
        )
        messages = response.get("Messages", [])
        return JobMessage(_experiment_id(messages[0]["Body"]), messages[0]["ReceiptHandle"]) if messages else None

    def hide(self, message: JobMessage, seconds: int) -> None:
        """Keep a message from others for so long from now on."""
        self.sqs.change_message_visibility(QueueUrl=self.url, ReceiptHandle=message.receipt, VisibilityTimeout=seconds)

    def delete(self, message: JobMessage) -> None:
        """Forget a message that is settled."""
        self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message.receipt)

    def depth(self) -> Depth:
        """Return how many messages there are, about."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return Depth(*(int(found[name]) for name in names))


def _experiment_id(body: str) -> str:
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    return str(content.get("experiment_id", "")) if isinstance(content, dict) else ""
