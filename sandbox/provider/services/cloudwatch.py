"""CloudWatch and what Pulumi counts to it: alarms, dashboards, log groups, EventBridge's rules and their targets."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, Setting
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Document, Field, Pairs, Values

METRIC = {
    "namespace": Field(aws="Metric.Namespace"),
    "metricName": Field(aws="Metric.MetricName"),
    "dimensions": Pairs(aws="Metric.Dimensions"),
    **dict.fromkeys(("period", "stat")),
}
QUERY = {
    **dict.fromkeys(("id", "expression", "label")),
    "returnData": False,
    "metric": Block(METRIC, aws="MetricStat"),
}


class MetricAlarm(Setting):
    """An alarm on a metric, or on an expression of several, which the emulator does not evaluate."""

    reads, found_in, deletes = "describe_alarms", "MetricAlarms", "delete_alarms"
    inputs = {
        "name": Field(aws="AlarmName"),
        "alarmDescription": "",
        **dict.fromkeys(("comparisonOperator", "evaluationPeriods", "threshold", "datapointsToAlarm")),
        **dict.fromkeys(("namespace", "metricName", "statistic", "extendedStatistic", "period", "unit")),
        "dimensions": Pairs(),
        "metricQueries": Blocks(QUERY, aws="Metrics", default=None),
        "treatMissingData": "missing",
        "actionsEnabled": True,
        **dict.fromkeys(("alarmActions", "insufficientDataActions", "okActions"), Values()),
    }
    identity = "{name}"
    outputs = {"arn": "AlarmArn"}
    tagged = True


class Dashboard(Setting):
    """A dashboard; pulumi-aws makes up no name for it."""

    deletes = "delete_dashboards"
    inputs = {"dashboardName": None, "dashboardBody": Document()}
    identity = "{dashboardName}"
    outputs = {"dashboardArn": "DashboardArn"}


class LogGroup(Resource):
    """A log group; a retention of 0 days keeps everything."""

    service = "logs"
    reads, found_in = "describe_{}s", "logGroups"
    inputs = {"name": Field(aws=("logGroupName", "logGroupNamePrefix")), "retentionInDays": 0}
    identity = "{name}"
    outputs = {"arn": "arn"}
    tagged = True
    apart = {"retain": ("retentionInDays",)}
    bears = {"deletes": ("OperationAbortedException",)}

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        """Its ARN, of which Pulumi takes the `:*` off."""
        return {"arn": answer["arn"].removesuffix(":*")}

    def retain(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        logs, days = aws.client("logs"), inputs.get("retentionInDays", 0)
        if days:
            logs.put_retention_policy(logGroupName=identifier, retentionInDays=days)
        else:
            logs.delete_retention_policy(logGroupName=identifier)


class EventRule(Setting):
    """A rule of the default event bus."""

    service, noun, reads = "events", "rule", "describe_{}"
    inputs = {"name": None, "description": "", "scheduleExpression": None, "state": AWS_DECIDES}
    identity = "{name}"
    outputs = {"arn": "Arn"}
    tagged = True
    bears = {"deletes": ("ValidationException",)}
    differs_in = "other event buses"


class EventTarget(Setting):
    """What a rule calls, and with what."""

    service, noun = "events", "targets"
    reads, found_in = "list_targets_by_rule", "Targets"
    deletes, given_in = "remove_targets", "Targets"
    inputs = {"rule": None, "targetId": Field(aws="Id"), "arn": None, "input": None}
    identity, import_ids = "{rule}-{targetId}", ("{rule}/{targetId}",)
    named_by = "targetId"
    differs_in = "other event buses"
