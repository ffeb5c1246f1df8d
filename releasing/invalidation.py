"""What the CDN has to forget where its content changes."""

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

# AWS bills each path, a wildcard as one, and takes 15 wildcards and 3,000 other paths at once; past this many, `/*`
# also reads better in the console.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PayingForInvalidation.html
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/InvalidationLimits.html
MOST_PATHS = 15
EVERYTHING = "/*"

# What the state says of an invalidation beside CloudFront's own `InProgress` and `Completed`.
NOT_NEEDED = "NotNeeded"
PENDING = "Pending"


def changed_paths(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The paths to invalidate between two states of the content, as CloudFront wants them written.

    Paths that the last deployment could not invalidate are among them. A value that isn't known yet, in a preview,
    counts as changed.
    """
    before, after = olds["static_files"], news["static_files"]
    changed = [quote(path) for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    if olds["rendered_by"] != news["rendered_by"]:
        changed += [*news["rendered_paths"], *olds["rendered_paths"]]
    pending = olds["paths"] if olds.get("status") == PENDING else []
    paths = list(dict.fromkeys([*pending, *changed]))
    return [EVERYTHING] if EVERYTHING in paths or len(paths) > MOST_PATHS else paths


def caller_reference(olds: Mapping[str, Any], news: Mapping[str, Any]) -> str:
    """Name an invalidation by what changed, so that a retry after a crash is the same one, not a second.

    The invalidation before it counts too: going back to old content and forth again is another change.
    """
    change = [olds.get("invalidation_id"), *(inputs_of(state) for state in (olds, news))]
    return hashlib.sha256(json.dumps(change, sort_keys=True).encode()).hexdigest()


def process_start() -> datetime:
    """When this process began, which is where Python's logging counts from.

    Pulumi begins the provider's process for the first resource of a dynamic provider, the release gate, and what the
    distribution is made of depends on that. So a distribution that this very deployment creates is younger.
    """
    record = logging.makeLogRecord({})
    return datetime.fromtimestamp(record.created - record.relativeCreated / 1000, UTC)


def inputs_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """What of a state is declared."""
    return {key: state[key] for key in ("distribution_id", "static_files", "rendered_by", "rendered_paths")}
