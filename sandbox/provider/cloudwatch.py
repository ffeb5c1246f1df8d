"""CloudWatch: alarms. Log groups, which Pulumi counts among them, are in logs.py."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, superfluous_tags, tag_list, tag_map
from sandbox.provider.shape import Block, Blocks, Field, Values

QUERIES = Blocks(
    aws="Metrics",
    key="id",
    of=Block(
        fields={
            "id": Field(aws="Id", required=True),
            "expression": Field(aws="Expression"),
            "label": Field(aws="Label"),
            "returnData": Field(aws="ReturnData", default=False),
            "metric": Block(
                aws="MetricStat",
                fields={
                    "namespace": Field(aws="Metric.Namespace", required=True),
                    "metricName": Field(aws="Metric.MetricName", required=True),
                    "dimensions": Field(),
                    "period": Field(aws="Period", required=True),
                    "stat": Field(aws="Stat", required=True),
                },
            ),
        }
    ),
)
ALARM = Block(
    fields={
        "name": Field(aws="AlarmName", required=True),
        "alarmDescription": Field(aws="AlarmDescription", default=""),
        "comparisonOperator": Field(aws="ComparisonOperator", required=True),
        "evaluationPeriods": Field(aws="EvaluationPeriods", required=True),
        "threshold": Field(aws="Threshold", required=True),
        "treatMissingData": Field(aws="TreatMissingData", default="missing"),
        "alarmActions": Values(aws="AlarmActions"),
        "metricQueries": QUERIES,
    }
)


class MetricAlarm(Resource):
    """An alarm on an expression of metrics. The emulator does not tell of which ones; they stay as the stack has them.

    Nor does it evaluate them.
    """

    tokens = ("aws:cloudwatch/metricAlarm:MetricAlarm",)
    inputs = ALARM
    identity = ("name",)
    computed = ("arn", "tagsAll")
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        aws.client("cloudwatch").put_metric_alarm(**_request(inputs), Tags=tag_list(aws.tags(inputs)))
        return str(inputs["name"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        client = aws.client("cloudwatch")
        alarms = client.describe_alarms(AlarmNames=[identifier])["MetricAlarms"]
        if not alarms:
            return None
        arn = alarms[0]["AlarmArn"]
        properties = {name: value for name, value in ALARM.from_aws(alarms[0]).items() if name != "metricQueries"}
        return {**properties, "arn": arn, "tagsAll": tag_map(client.list_tags_for_resource(ResourceARN=arn)["Tags"])}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        client = aws.client("cloudwatch")
        client.put_metric_alarm(**_request(inputs))
        if "tags" in changed:
            arn, tags = known["arn"], aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                client.untag_resource(ResourceARN=arn, TagKeys=keys)
            if tags:
                client.tag_resource(ResourceARN=arn, Tags=tag_list(tags))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("cloudwatch").delete_alarms(AlarmNames=[identifier])


def _request(inputs: Properties) -> dict[str, Any]:
    request = ALARM.to_aws(inputs)
    for query, asked in zip(request["Metrics"], inputs.get("metricQueries", []), strict=True):
        if dimensions := (asked.get("metric") or {}).get("dimensions"):
            named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
            query["MetricStat"]["Metric"]["Dimensions"] = named
    return request
