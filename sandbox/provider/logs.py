"""CloudWatch Logs: log groups."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, superfluous_tags
from sandbox.provider.shape import Block, Field


class LogGroup(Resource):
    """A log group; a retention of 0 days keeps everything."""

    tokens = ("aws:cloudwatch/logGroup:LogGroup",)
    inputs = Block(fields={"name": Field(required=True), "retentionInDays": Field(default=0)})
    identity = ("name",)
    computed = ("arn", "tagsAll")
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        tags = aws.tags(inputs)
        aws.client("logs").create_log_group(logGroupName=inputs["name"], **({"tags": tags} if tags else {}))
        return str(inputs["name"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        if inputs.get("retentionInDays"):
            self._retain(aws, inputs)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        logs = aws.client("logs")
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=identifier)
        group = next((each for page in pages for each in page["logGroups"] if each["logGroupName"] == identifier), None)
        if group is None:
            return None
        # Pulumi's ARN of a log group has no ":*" at its end.
        arn = group["arn"].removesuffix(":*")
        return {
            "name": identifier,
            "retentionInDays": group.get("retentionInDays", 0),
            "arn": arn,
            "tagsAll": logs.list_tags_for_resource(resourceArn=arn).get("tags", {}),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        if "retentionInDays" in changed:
            self._retain(aws, inputs)
        if "tags" in changed:
            logs, tags = aws.client("logs"), aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                logs.untag_resource(resourceArn=known["arn"], tagKeys=keys)
            if tags:
                logs.tag_resource(resourceArn=known["arn"], tags=tags)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("logs").delete_log_group(logGroupName=identifier)

    def _retain(self, aws: Aws, inputs: Properties) -> None:
        logs, days = aws.client("logs"), inputs.get("retentionInDays", 0)
        if days:
            logs.put_retention_policy(logGroupName=inputs["name"], retentionInDays=days)
        else:
            logs.delete_retention_policy(logGroupName=inputs["name"])
