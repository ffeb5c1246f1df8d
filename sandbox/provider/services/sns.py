"""SNS: topics, and who gets what is published there."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Document, Field


class Attributed(Resource):
    """What has attributes, which SNS sets one by one."""

    reads, updates = "get_{}_attributes", "set_{}_attributes"
    given_in = found_in = "Attributes"

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        shape = aws.operation(self.service, self.operation("reads")).output_shape.members["Attributes"]
        for name in changed - {"tags"}:
            field = self.own.fields[name]
            ((attribute, value_shape),) = field.place(name, shape)
            value = field.to_aws(field.or_default(inputs.get(name)) or "", value_shape)
            self.ask(aws, "updates", {self.id_as: identifier, "AttributeName": attribute, "AttributeValue": value})
        super().update(aws, identifier, known, inputs, changed & {"tags"})


class Topic(Attributed):
    """A topic; one of the same name and attributes is created again without an error."""

    id_as = id_at = "TopicArn"
    inputs = {"name": None, "displayName": None, "kmsMasterKeyId": None, "policy": Document(AWS_DECIDES)}
    replaced_by = frozenset({"name"})
    outputs = {"arn": "{id}", "owner": "Attributes.Owner"}
    tagged = True

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        return {**super().further(aws, identifier, state, answer), "name": identifier.rsplit(":", 1)[-1]}


class TopicSubscription(Attributed):
    """Who gets what is published on a topic; by mail, once that is confirmed."""

    noun = "subscription"
    creates, deletes = "subscribe", "unsubscribe"
    id_as = id_at = "SubscriptionArn"
    inputs = {
        "topic": Field(aws="TopicArn"),
        "protocol": None,
        "endpoint": None,
        "filterPolicy": Document(),
        "rawMessageDelivery": False,
    }
    replaced_by = frozenset({"topic", "protocol", "endpoint"})
    outputs = {"arn": "{id}", "pendingConfirmation": "Attributes.PendingConfirmation"}
    differs_in = "waiting for an endpoint other than mail to confirm; one never confirmed, which there stays"

    def create(self, aws: Aws, inputs: Properties) -> str:
        return str(self.call(aws, "creates", inputs, ReturnSubscriptionArn=True)[self.id_at])
