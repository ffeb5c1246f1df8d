"""EventBridge: rules with a schedule, and their targets."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, Setting, superfluous_tags, tag_list, tag_map
from sandbox.provider.shape import Block, Field


class EventRule(Resource):
    """A rule of the default event bus; its id is its name."""

    tokens = ("aws:cloudwatch/eventRule:EventRule",)
    _rule = Block(
        fields={
            "name": Field(aws="Name", required=True),
            "description": Field(aws="Description", default=""),
            "scheduleExpression": Field(aws="ScheduleExpression", required=True),
            "state": Field(aws="State", default="ENABLED"),
        }
    )
    inputs = _rule
    identity = ("name",)
    computed = ("arn", "tagsAll")
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        aws.client("events").put_rule(**self._rule.to_aws(inputs), Tags=tag_list(aws.tags(inputs)))
        return str(inputs["name"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        events = aws.client("events")
        rule = events.describe_rule(Name=identifier)
        tags = events.list_tags_for_resource(ResourceARN=rule["Arn"]).get("Tags", [])
        return {**self._rule.from_aws(rule), "arn": rule["Arn"], "tagsAll": tag_map(tags)}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        events = aws.client("events")
        events.put_rule(**self._rule.to_aws(inputs))
        if "tags" in changed:
            tags = aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                events.untag_resource(ResourceARN=known["arn"], TagKeys=keys)
            if tags:
                events.tag_resource(ResourceARN=known["arn"], Tags=tag_list(tags))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("events").delete_rule(Name=identifier)


class EventTarget(Setting):
    """What a rule calls, and with what; its id names both."""

    tokens = ("aws:cloudwatch/eventTarget:EventTarget",)
    _target = Block(
        fields={
            "targetId": Field(aws="Id", required=True),
            "arn": Field(aws="Arn", required=True),
            "input": Field(aws="Input", default=""),
        }
    )
    inputs = Block(fields={**_target.fields, "rule": Field(required=True)})
    identity = ("rule", "targetId")
    named_by = "targetId"
    imported_as = "(?P<rule>[^/]+)/(?P<targetId>.+)"

    def identifier(self, inputs: Properties) -> str:
        return f"{inputs['rule']}-{inputs['targetId']}"

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        targets = aws.client("events").list_targets_by_rule(Rule=known["rule"])["Targets"]
        target = next((each for each in targets if each["Id"] == known["targetId"]), None)
        return None if target is None else {**self._target.from_aws(target), "rule": known["rule"]}

    def put(self, aws: Aws, inputs: Properties) -> None:
        aws.client("events").put_targets(Rule=inputs["rule"], Targets=[self._target.to_aws(inputs)])

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("events").remove_targets(Rule=known["rule"], Ids=[known["targetId"]])
