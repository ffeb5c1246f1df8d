"""Error rates: what CloudWatch has counted in the last hour, asked for now and then; nothing fails where it doesn't."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from admin.error_rates import KEPT, ErrorRates
from botocore.exceptions import EndpointConnectionError

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class CloudWatch:
    """Has counted as many as the metric's name has letters, twice."""

    asked: list[dict[str, Any]] = field(default_factory=list)
    is_away: bool = False

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if self.is_away:
            raise EndpointConnectionError(endpoint_url="https://monitoring")
        queries = request["MetricDataQueries"]
        counted = [len(query["MetricStat"]["Metric"]["MetricName"]) for query in queries]
        results = [{"Id": query["Id"], "Values": [n, n]} for query, n in zip(queries, counted, strict=True)]
        return {"MetricDataResults": results}


def rates(cloudwatch: CloudWatch) -> ErrorRates:
    return ErrorRates.of(cloudwatch, renderer="r", admin_api="a", api_id="i")


def test_each_part_has_its_requests_and_errors() -> None:
    cloudwatch = CloudWatch()
    found = [(rate.of, rate.requests, rate.errors, rate.minutes) for rate in rates(cloudwatch).present(NOW)]
    assert found == [("renderer", 22, 12, 60), ("admin api", 22, 12, 60), ("api", 10, 6, 60)]
    assert cloudwatch.asked[0]["StartTime"] == NOW - timedelta(hours=1)
    last = cloudwatch.asked[0]["MetricDataQueries"][-1]["MetricStat"]["Metric"]
    assert last == {"Namespace": "AWS/ApiGateway", "MetricName": "5xx", "Dimensions": [{"Name": "ApiId", "Value": "i"}]}


def test_cloudwatch_is_asked_only_now_and_then() -> None:
    cloudwatch = CloudWatch()
    found = rates(cloudwatch)
    for moment in (NOW, NOW + KEPT / 2, NOW + KEPT):
        found.present(moment)
    assert len(cloudwatch.asked) == 2


def test_where_cloudwatch_does_not_answer_nothing_is_known() -> None:
    found = rates(CloudWatch(is_away=True)).present(NOW)
    assert {(rate.requests, rate.errors) for rate in found} == {(None, None)}
