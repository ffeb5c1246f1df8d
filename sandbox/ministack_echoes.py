"""Has ministack tell of a few things as AWS does, where it echoes more than AWS keeps, or in other words.

Each would be a difference at every plan of the official provider, which compares what it reads with what it asked for.
"""

import json
from typing import Any

from ministack.services import apigateway, cloudfront, cloudwatch, sqs

# https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-authorizers-authorizerid.html
LAMBDA_AUTHORIZERS_ALONE = (
    "authorizerCredentialsArn",
    "authorizerPayloadFormatVersion",
    "authorizerResultTtlInSeconds",
    "authorizerUri",
    "enableSimpleResponses",
)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
SINGLE_METRIC_ALARMS_ALONE = (
    "Dimensions",
    "ExtendedStatistic",
    "MetricName",
    "Namespace",
    "Period",
    "Statistic",
    "Unit",
)


def install() -> None:
    """Put these in the place of ministack's own functions."""
    create_authorizer, build_headers_policy = apigateway._create_authorizer, cloudfront._build_rhp_config_xml
    put_alarm = cloudwatch._put_metric_alarm

    def create_jwt_authorizer(api_id: str, data: dict[str, Any]) -> Any:
        """Keep of a JWT authorizer what it has."""
        answer = create_authorizer(api_id, data)
        for authorizer in apigateway._authorizers.get(api_id, {}).values():
            for name in LAMBDA_AUTHORIZERS_ALONE if authorizer["authorizerType"] == "JWT" else ():
                authorizer.pop(name, None)
        return answer

    def build_without_empty_lists(parent: Any, config: Any) -> None:
        """Leave out what a response headers policy doesn't do."""
        build_headers_policy(parent, config)
        for name, headers in (("CustomHeadersConfig", "CustomHeaders"), ("RemoveHeadersConfig", "RemoveHeaders")):
            if not config[headers]:
                parent.remove(parent.find(name))

    def put_alarm_on_queries(params: Any, data: dict[str, Any], *form: Any) -> Any:
        """Keep of an alarm on several metrics those, and not what one on a single metric has."""
        answer = put_alarm(params, data, *form)
        alarm = cloudwatch._alarms.get(data.get("AlarmName"))
        if alarm and data.get("Metrics"):
            kept = {name: value for name, value in alarm.items() if name not in SINGLE_METRIC_ALARMS_ALONE}
            cloudwatch._alarms[data["AlarmName"]] = {**kept, "Metrics": data["Metrics"]}
        return answer

    apigateway._create_authorizer = create_jwt_authorizer
    cloudwatch._put_metric_alarm = put_alarm_on_queries
    cloudfront._build_rhp_config_xml = cloudfront._RHP_SPEC["build_config"] = build_without_empty_lists
    for operation in ("CreateQueue", "SetQueueAttributes"):
        sqs._HANDLERS[operation] = _with_short_policies(sqs._HANDLERS[operation])


def _with_short_policies(act: Any) -> Any:
    """Keep a redrive policy without spaces."""

    def keep(data: dict[str, Any], url: str) -> Any:
        attributes = data.get("Attributes") or {}
        try:
            short = json.dumps(json.loads(attributes["RedrivePolicy"]), separators=(",", ":"))
        except (KeyError, ValueError):
            return act(data, url)
        return act({**data, "Attributes": {**attributes, "RedrivePolicy": short}}, url)

    return keep
