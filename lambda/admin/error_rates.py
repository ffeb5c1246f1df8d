"""How many requests came in the last hour and how many of them failed, as CloudWatch has counted it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self

from botocore.exceptions import BotoCoreError, ClientError

WINDOW = timedelta(hours=1)
KEPT = timedelta(seconds=30)
"""How long an answer is good for: CloudWatch counts by the minute, and each metric that is asked for has its price."""
_PERIOD_SECONDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRate:
    """How a part of the site has answered; null where CloudWatch doesn't tell."""

    of: str
    requests: int | None
    errors: int | None
    """Requests that failed through no fault of who sent them."""
    minutes: int


class _Part(NamedTuple):
    """A part of the site, and CloudWatch's names for what is counted of it."""

    name: str
    namespace: str
    dimension: str
    value: str
    requests: str
    errors: str


@dataclass(slots=True)
class ErrorRates:
    """What CloudWatch has counted, asked for now and then."""

    cloudwatch: Any
    parts: Sequence[_Part]
    _found: tuple[ErrorRate, ...] = ()
    _found_at: datetime | None = field(default=None)

    @classmethod
    def of(cls, cloudwatch: Any, *, renderer: str, admin_api: str, api_id: str) -> Self:
        """Count two functions and the HTTP API before them.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html and
        https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
        """
        function = ("AWS/Lambda", "FunctionName")
        return cls(
            cloudwatch,
            (
                _Part("renderer", *function, renderer, "Invocations", "Errors"),
                _Part("admin api", *function, admin_api, "Invocations", "Errors"),
                _Part("api", "AWS/ApiGateway", "ApiId", api_id, "Count", "5xx"),
            ),
        )

    def present(self, now: datetime) -> tuple[ErrorRate, ...]:
        """Return the rates of the last hour, at most half a minute old."""
        if self._found_at is None or now - self._found_at >= KEPT:
            self._found, self._found_at = self._ask(now), now
        return self._found

    def _ask(self, now: datetime) -> tuple[ErrorRate, ...]:
        queries = [
            _query(f"{kind}{place}", part, getattr(part, kind))
            for place, part in enumerate(self.parts)
            for kind in ("requests", "errors")
        ]
        try:
            results = self.cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=now - WINDOW, EndTime=now)[
                "MetricDataResults"
            ]
            counted = {result["Id"]: int(sum(result["Values"])) for result in results}
        except (ClientError, BotoCoreError):
            counted = {}
        return tuple(
            ErrorRate(
                of=part.name,
                requests=counted.get(f"requests{place}"),
                errors=counted.get(f"errors{place}"),
                minutes=int(WINDOW.total_seconds() // 60),
            )
            for place, part in enumerate(self.parts)
        )


def _query(name: str, part: _Part, metric: str) -> dict[str, Any]:
    dimensions = [{"Name": part.dimension, "Value": part.value}]
    counted = {"Namespace": part.namespace, "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": counted, "Period": _PERIOD_SECONDS, "Stat": "Sum"}}
