"""Notes how much the CDN has delivered, this month and the last, for /costs: `make delivery`.

    python -m operations.delivery --stack production

CloudWatch counts the bytes of a distribution, free of charge. They are set, not added to, so it may run at any time and
as often as one likes; daily is enough, and the last month is looked up again for what came after its last run. Where
CloudWatch has counted nothing, as in the sandbox, nothing is written.
"""

import sys
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from experiments.aggregates import DELIVERY_USER, month_of, usage_key
from experiments.attribute_values import item_to_attribute_values
from experiments.transaction import as_key

from operations.stack import configuration, outputs_of, stack_parser
from releasing.aws_connection import PATIENCE, connected
from releasing.project import CouldNotLook

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Where the metrics of all distributions are:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
METRICS_REGION = "us-east-1"
DAY_SECONDS = 24 * 60 * 60


def main() -> int:
    """Note a stack's delivery; exit code 2 where that can't be done."""
    arguments = stack_parser("delivery", __doc__).parse_args()
    try:
        outputs = outputs_of(arguments.stack, arguments.port)
        config = configuration(arguments.stack, arguments.port)
        metrics = connected("cloudwatch", config, PATIENCE, METRICS_REGION)
        delivered = delivered_bytes(metrics, outputs["distribution_id"], datetime.now(UTC))
        note(connected("dynamodb", config, PATIENCE), outputs["table_name"], delivered)
    except (CouldNotLook, ClientError, BotoCoreError) as reason:
        sys.stderr.write(f"error: {reason}\n")
        return 2
    for month, amount in sorted(delivered.items()):
        sys.stdout.write(f"{month}: {amount:,.0f} bytes delivered.\n")
    if not delivered:
        sys.stdout.write("CloudWatch has counted no delivery; nothing is changed.\n")
    return 0


def delivered_bytes(metrics: Any, distribution_id: str, now: datetime) -> dict[str, float]:
    """Return what a distribution has sent in the month of a time in UTC and in the one before, as far as it is counted.

    Raises:
        ClientError, BotoCoreError: CloudWatch can't be asked; it takes cloudwatch:GetMetricStatistics.

    """
    midnight = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    found = metrics.get_metric_statistics(
        Namespace="AWS/CloudFront",
        MetricName="BytesDownloaded",
        Dimensions=[{"Name": "DistributionId", "Value": distribution_id}, {"Name": "Region", "Value": "Global"}],
        StartTime=(midnight - timedelta(days=1)).replace(day=1),
        EndTime=now,
        Period=DAY_SECONDS,
        Statistics=["Sum"],
    )
    by_month: defaultdict[str, float] = defaultdict(float)
    for day in found["Datapoints"]:
        by_month[month_of(day["Timestamp"].astimezone(UTC))] += day["Sum"]
    return dict(by_month)


def note(client: "DynamoDBClient", table: str, delivered: Mapping[str, float]) -> None:
    """Set what was delivered in each month.

    Raises:
        ClientError, BotoCoreError: the table can't be written; it takes dynamodb:UpdateItem.

    """
    for month, amount in delivered.items():
        client.update_item(
            TableName=table,
            Key=as_key(usage_key(month, DELIVERY_USER)),
            UpdateExpression="SET delivered_bytes = :bytes",
            ExpressionAttributeValues=item_to_attribute_values({":bytes": amount}),
        )


if __name__ == "__main__":
    sys.exit(main())
