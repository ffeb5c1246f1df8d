"""The CDN's invalidations: those in progress, and those that should have been."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from components.sign_in import CONFIGURATION_KEY
from components.static_site import CACHE_CONTROL
from operations.checks.check import Check, compared
from operations.checks.target import Target
from releasing.record import RECORD_KEY

HELD = timedelta(seconds=int(CACHE_CONTROL.partition("s-maxage=")[2].partition(",")[0]))
"""How long the CDN holds a static file that nobody invalidates."""
COMPLETED = "Completed"


def invalidation_checks(target: Target) -> Iterator[Check]:
    """Look for invalidations in progress, and for objects that were written and not invalidated.

    Whoever writes an object has to invalidate its path afterwards, or the CDN goes on with what it holds. Two kinds of
    objects are exempt: those written so long ago that the CDN has forgotten by itself, and those not written since the
    distribution was, as a new one holds nothing. CloudFront tells only when a distribution was last changed, not
    created, so a change of its settings hides an invalidation that was missing before. Pages need no such record: the
    CDN holds them for seconds, and which build it serves is looked at.
    """
    distribution_id = target.outputs["distribution_id"]
    summaries = list(_invalidations(target, distribution_id))
    running = [summary["Id"] for summary in summaries if summary["Status"] != COMPLETED]
    yield compared("invalidations in progress", "none", ", ".join(running) or "none")

    distribution = target.cdn.get_distribution(Id=distribution_id)["Distribution"]
    since = max(distribution["LastModifiedTime"], datetime.now(UTC) - HELD)
    written = {path: when for path, when in _objects(target) if when > since}
    recent = [summary for summary in summaries if written and summary["CreateTime"] >= min(written.values())]
    invalidated = [(each["CreateTime"], _paths(target, distribution_id, each["Id"])) for each in recent]
    missing = sorted(path for path, when in written.items() if not _is_invalidated(path, when, invalidated))
    hint = f"invalidate {' '.join(missing)} on {distribution_id}: the CDN may still hold what was there before"
    yield compared("invalidations missing", "none", ", ".join(missing) or "none", detail=hint if missing else "")


def _invalidations(target: Target, distribution_id: str) -> Iterator[Mapping[str, Any]]:
    for page in target.cdn.get_paginator("list_invalidations").paginate(DistributionId=distribution_id):
        yield from page["InvalidationList"].get("Items", [])


def _objects(target: Target) -> Iterator[tuple[str, datetime]]:
    """The URL path of each object that the CDN holds, and when it was written.

    Cut to seconds, as S3 and CloudFront count differently.
    """
    pages = target.objects.get_paginator("list_objects_v2").paginate(Bucket=target.outputs["site_bucket"])
    for page in pages:
        for entry in page.get("Contents", []):
            if entry["Key"] not in (CONFIGURATION_KEY, RECORD_KEY):
                yield f"/{quote(entry['Key'])}", entry["LastModified"].replace(microsecond=0)


def _paths(target: Target, distribution_id: str, invalidation_id: str) -> list[str]:
    found = target.cdn.get_invalidation(DistributionId=distribution_id, Id=invalidation_id)
    return list(found["Invalidation"]["InvalidationBatch"]["Paths"]["Items"])


def _is_invalidated(path: str, written: datetime, invalidated: Iterable[tuple[datetime, list[str]]]) -> bool:
    return any(began >= written and any(_matches(path, each) for each in paths) for began, paths in invalidated)


def _matches(path: str, invalidated: str) -> bool:
    """A wildcard stands at the end of a path."""
    return path == invalidated or (invalidated.endswith("*") and path.startswith(invalidated[:-1]))
