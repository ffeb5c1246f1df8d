"""SQS: queues and their policies."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import patiently
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Document, Field, Shape

DELETED_RECENTLY = ("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently")


class Flag(Field):
    """A truth that SQS tells as text."""

    def from_aws(self, value: Any, shape: Shape) -> Any:
        return None if value is None else value == "true"


class Queue(Resource):
    """A standard queue; its id is its URL. One with the same attributes is created again without an error."""

    reads, updates = "get_{}_attributes", "set_{}_attributes"
    id_as = id_at = "QueueUrl"
    given_in = found_in = "Attributes"
    inputs = {
        "name": Field(aws="QueueName"),
        "messageRetentionSeconds": Field(345600, aws="MessageRetentionPeriod"),
        "receiveWaitTimeSeconds": Field(0, aws="ReceiveMessageWaitTimeSeconds"),
        "redrivePolicy": Document(AWS_DECIDES),
        "sqsManagedSseEnabled": Flag(AWS_DECIDES),
        "visibilityTimeoutSeconds": Field(30, aws="VisibilityTimeout"),
    }
    replaced_by = frozenset({"name"})
    outputs = {"arn": "Attributes.QueueArn", "url": "{id}"}
    tagged = True
    differs_in = "waiting half a minute for its attributes to be the same everywhere, and as long for its end"

    def create(self, aws: Aws, inputs: Properties) -> str:
        """Create it, however long the name of one that was deleted may stay taken."""
        return patiently(lambda: super(Queue, self).create(aws, inputs), *DELETED_RECENTLY)

    def address(self, aws: Aws, which: str, identifier: str, known: Properties) -> dict[str, Any]:
        all_of_them = {"AttributeNames": ["All"]} if which == "reads" else {}
        return {**super().address(aws, which, identifier, known), **all_of_them}

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        return {**super().further(aws, identifier, state, answer), "name": identifier.rsplit("/", 1)[-1]}


class QueuePolicy(Resource):
    """Who may do what with a queue: one of its attributes."""

    noun = "queue_attributes"
    creates = updates = deletes = "set_{}"
    given_in = found_in = "Attributes"
    inputs = {"queueUrl": None, "policy": Document()}
    identity = "{queueUrl}"
    differs_in = "waiting half a minute for it to be the same everywhere"

    def address(self, aws: Aws, which: str, identifier: str, known: Properties) -> dict[str, Any]:
        more: Any = {"reads": {"AttributeNames": ["Policy"]}, "deletes": {"Attributes": {"Policy": ""}}}
        return {"QueueUrl": known["queueUrl"], **more.get(which, {})}
