"""SQS: queues."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import patiently
from sandbox.provider.resource import Properties, Resource, superfluous_tags
from sandbox.provider.shape import Block, Document, Field

# Pulumi's names of a queue's attributes, AWS's names and defaults, and how to read the texts that AWS keeps them as:
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
ATTRIBUTES: dict[str, tuple[str, Any]] = {
    "messageRetentionSeconds": ("MessageRetentionPeriod", 345600),
    "receiveWaitTimeSeconds": ("ReceiveMessageWaitTimeSeconds", 0),
    "redrivePolicy": ("RedrivePolicy", ""),
    "sqsManagedSseEnabled": ("SqsManagedSseEnabled", True),
    "visibilityTimeoutSeconds": ("VisibilityTimeout", 30),
}

DELETED_RECENTLY = ("AWS.SimpleQueueService.QueueDeletedRecently", "QueueDeletedRecently")


class Queue(Resource):
    """A standard queue; its id is its URL. One with the same attributes is created again without an error."""

    tokens = ("aws:sqs/queue:Queue",)
    inputs = Block(
        fields={
            "name": Field(required=True),
            **{name: Field(default=default) for name, (_, default) in ATTRIBUTES.items()},
            "redrivePolicy": Document(default=""),
        }
    )
    replace_on = frozenset({"name"})
    computed = ("arn", "tagsAll", "url")
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        attributes = {key: value for key, value in _to_aws(inputs, ATTRIBUTES).items() if value}
        request = {"QueueName": inputs["name"], "Attributes": attributes, "tags": aws.tags(inputs)}
        response = patiently(lambda: aws.client("sqs").create_queue(**request), *DELETED_RECENTLY)
        return str(response["QueueUrl"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        sqs = aws.client("sqs")
        attributes = sqs.get_queue_attributes(QueueUrl=identifier, AttributeNames=["All"])["Attributes"]
        return {
            "name": identifier.rsplit("/", 1)[-1],
            **{name: _from_aws(attributes.get(key), default) for name, (key, default) in ATTRIBUTES.items()},
            "arn": attributes["QueueArn"],
            "url": identifier,
            "tagsAll": sqs.list_queue_tags(QueueUrl=identifier).get("Tags", {}),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        sqs = aws.client("sqs")
        if attributes := _to_aws(inputs, changed & ATTRIBUTES.keys()):
            sqs.set_queue_attributes(QueueUrl=identifier, Attributes=attributes)
        if "tags" in changed:
            tags = aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                sqs.untag_queue(QueueUrl=identifier, TagKeys=keys)
            if tags:
                sqs.tag_queue(QueueUrl=identifier, Tags=tags)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("sqs").delete_queue(QueueUrl=identifier)


def _to_aws(inputs: Properties, names: Any) -> dict[str, str]:
    """The attributes of these names as the texts that AWS takes."""
    values = {name: inputs.get(name, ATTRIBUTES[name][1]) for name in names}
    return {
        ATTRIBUTES[name][0]: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }


def _from_aws(text: str | None, default: Any) -> Any:
    """An attribute's text as a value of its default's type."""
    if text is None:
        return default
    return text == "true" if isinstance(default, bool) else type(default)(text)
