"""Asks the site at its domain as visitors do, without a pause, and says how many answers were errors."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import requests

from operations.takeover.access import Access

SECONDS = 300
MOST_ERRORS_PERCENT = 1.0
REPORT_EVERY_SECONDS = 30
PATHS = ("/", "/admin.html", "/health", "/styles.css")
TIMEOUT_SECONDS = 30
LOOPBACK = "127.0.0.1"


@dataclass
class Seen:
    """What visitors got."""

    requests: int = 0
    errors: int = 0
    slowest_seconds: float = 0
    last_error: str = ""

    @property
    def percent(self) -> float:
        """How many of the answers were errors."""
        return 100 * self.errors / self.requests if self.requests else 0

    @property
    def is_good(self) -> bool:
        """Whether no more of them were than may be."""
        return self.percent <= MOST_ERRORS_PERCENT

    def __str__(self) -> str:
        """Say it in a line."""
        error = f"; the last: {self.last_error}" if self.last_error else ""
        return (
            f"{self.requests:,} requests, {self.errors} errors ({self.percent:.2f} %), "
            f"the slowest {self.slowest_seconds:.1f} s{error}"
        )


def watch(access: Access, seconds: float, report: Callable[[str], None]) -> Seen:
    """Be a visitor for so long; `report` is told twice a minute."""
    seen, ends = Seen(), time.monotonic() + seconds
    reported = time.monotonic()
    for path in itertools.cycle(PATHS):
        if time.monotonic() > ends:
            return seen
        visit(access, path, seen)
        if time.monotonic() - reported > REPORT_EVERY_SECONDS:
            reported = time.monotonic()
            report(str(seen))
    return seen


def visit(access: Access, path: str, seen: Seen) -> None:
    """Ask for one path."""
    url, headers = address(access, path)
    began = time.monotonic()
    seen.requests += 1
    try:
        status = requests.get(url, headers=headers, timeout=TIMEOUT_SECONDS).status_code
        error = f"{path} answered {status}" if status >= 400 else ""
    except requests.RequestException as reason:
        error = f"{path}: {type(reason).__name__}"
    if error:
        seen.errors += 1
        seen.last_error = error
    seen.slowest_seconds = max(seen.slowest_seconds, time.monotonic() - began)


def address(access: Access, path: str) -> tuple[str, dict[str, str]]:
    """A URL at the domain, and headers; where the CDN is not at AWS's own host names, it is told the domain."""
    settings = access.settings
    if not settings.site_url_format:
        return f"https://{settings.domain}{path}", {}
    place = urlsplit(settings.site_url_format.format(label="x"))
    return f"{place.scheme}://{LOOPBACK}:{place.port}{path}", {"Host": settings.domain}


def counted_by_cloudwatch(access: Access, distribution: str) -> Iterator[str]:
    """What CloudWatch says of the last minutes, where it has counted already."""
    now = datetime.now(UTC)
    found = access.cdn_client("cloudwatch").get_metric_statistics(
        Namespace="AWS/CloudFront",
        MetricName="5xxErrorRate",
        Dimensions=[{"Name": "DistributionId", "Value": distribution}, {"Name": "Region", "Value": "Global"}],
        StartTime=now - timedelta(minutes=15),
        EndTime=now,
        Period=60,
        Statistics=["Average"],
    )
    for point in sorted(found["Datapoints"], key=lambda each: each["Timestamp"])[-5:]:
        yield f"{point['Timestamp']:%H:%M} UTC: {point['Average']:.2f} % of all requests were answered with 5xx"
