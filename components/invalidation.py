"""Cache invalidation: on a change, CloudFront forgets just the paths whose content changed.

A resource of the stack whose inputs are the content hashes of what the CDN serves. Pulumi compares them with those of
the last deployment, so a deployment that changes nothing invalidates nothing.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pulumi
from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from components.aws_connection import RETRIES, client_of
from components.distribution_cache import COMPLETED, DistributionCache

# Pulumi loads this module in the process of the dynamic provider, too, which has no use for the AWS SDK of the others.
if TYPE_CHECKING:
    from components.cdn import Cdn
    from components.renderer import Renderer
    from components.settings import Settings
    from components.static_site import StaticSite

# AWS bills each path, a wildcard as one, and takes 15 wildcards and 3,000 other paths at once; past this many, `/*`
# also reads better in the console.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PayingForInvalidation.html
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/InvalidationLimits.html
MOST_PATHS = 15
EVERYTHING = "/*"

# What the state says of an invalidation beside CloudFront's own `InProgress` and `Completed`.
NOT_NEEDED = "NotNeeded"
PENDING = "Pending"
OUTPUTS = ("invalidation_id", "paths", "status", "created_at", "completed_at")


class Invalidation(pulumi.ComponentResource):
    """Forgets, in the CDN, what a deployment changed; after the new content is in place, never before."""

    def __init__(
        self,
        name: str,
        settings: "Settings",
        cdn: "Cdn",
        renderer: "Renderer",
        site: "StaticSite",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:cdn:Invalidation", name, None, opts)

        run = InvalidationRun(
            settings.name("content"),
            distribution_id=cdn.distribution.id,
            static_files=site.hashes,
            rendered_by=renderer.build_id,
            rendered_paths=renderer.paths,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[renderer.alias, *site.objects]),
        )
        self.invalidation_id = run.invalidation_id
        self.paths = run.paths
        self.status = run.status
        self.created_at = run.created_at
        self.completed_at = run.completed_at

        self.register_outputs({name: getattr(self, name) for name in OUTPUTS})


class CloudFrontInvalidations(ResourceProvider):
    """Creates an invalidation on update, and on create where the distribution was there before; deletes nothing.

    Pulumi keeps it in the stack's state as a reference to this class, so neither another Python version nor an edit of
    this file is a change of the resource.
    """

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Connect as the stack's `aws` provider is configured, endpoints included."""
        self._client = client_of("cloudfront", req, RETRIES)
        self._began = process_start()

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A change of content is a change, and so is an invalidation that was not seen to complete."""
        if olds["distribution_id"] != news["distribution_id"]:
            return DiffResult(changes=True, replaces=["distribution_id"])
        return DiffResult(changes=bool(changed_paths(olds, news)) or _is_in_progress(olds))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """A new distribution holds nothing yet; of one that was there before, nobody knows what it holds."""
        if self._cache(props).may_hold_content_from_before(self._began):
            outcome = self._invalidate(props, props, [EVERYTHING])
        else:
            outcome = {"invalidation_id": "", "paths": [], "status": NOT_NEEDED, "created_at": "", "completed_at": ""}
        return CreateResult(f"content-of-{props['distribution_id']}", {**_inputs(props), **outcome})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Invalidate what changed, and wait for it; or wait for what an earlier deployment has begun."""
        if paths := changed_paths(olds, news):
            outcome = self._invalidate(olds, news, paths)
        else:
            outcome = {"paths": olds["paths"], **self._cache(news).wait_for(olds["invalidation_id"])}
        return UpdateResult({**_inputs(news), **outcome})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """See whether an invalidation that was left in progress has completed meanwhile."""
        seen = self._cache(props).look_at(props["invalidation_id"]) if _is_in_progress(props) else {}
        return ReadResult(id_, {**props, **seen})

    def _invalidate(self, olds: Mapping[str, Any], news: Mapping[str, Any], paths: list[str]) -> dict[str, Any]:
        """Invalidate paths; those that CloudFront had no room for are kept for the next deployment."""
        cache = self._cache(news)
        invalidation_id = cache.invalidate(paths, caller_reference(olds, news))
        if invalidation_id:
            return {"paths": paths, **cache.wait_for(invalidation_id)}
        last_id = olds.get("invalidation_id", "")
        return {"invalidation_id": last_id, "paths": paths, "status": PENDING, "created_at": "", "completed_at": ""}

    def _cache(self, props: Mapping[str, Any]) -> DistributionCache:
        return DistributionCache(self._client, props["distribution_id"])


class InvalidationRun(pulumi.dynamic.Resource, name="Invalidation"):
    """What the CDN serves, by content hash, and the last invalidation that a change of it led to."""

    invalidation_id: pulumi.Output[str]
    """CloudFront's id of it; empty where there was none yet."""
    paths: pulumi.Output[list[str]]
    status: pulumi.Output[str]
    """CloudFront's `InProgress` or `Completed`, `NotNeeded`, or `Pending` while CloudFront has no room for it."""
    created_at: pulumi.Output[str]
    """When CloudFront took it, ISO 8601 in UTC; empty where it hasn't."""
    completed_at: pulumi.Output[str]
    """When it was first seen to have completed, ISO 8601 in UTC; empty where it wasn't."""

    def __init__(
        self,
        name: str,
        distribution_id: pulumi.Input[str],
        static_files: Mapping[str, str],
        rendered_by: pulumi.Input[str],
        rendered_paths: Sequence[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare what is served.

        Args:
            name: Pulumi's name of the resource.
            distribution_id: The CDN that serves it.
            static_files: Each file's URL path and content hash.
            rendered_by: The build id of the renderer that users are led to.
            rendered_paths: What the renderer answers, as CloudFront wants it written.
            opts: Pulumi's options.

        """
        inputs = {
            "distribution_id": distribution_id,
            "static_files": dict(static_files),
            "rendered_by": rendered_by,
            "rendered_paths": list(rendered_paths),
        }
        super().__init__(CloudFrontInvalidations(), name, {**inputs, **dict.fromkeys(OUTPUTS)}, opts)


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
    change = [olds.get("invalidation_id"), *(_inputs(state) for state in (olds, news))]
    return hashlib.sha256(json.dumps(change, sort_keys=True).encode()).hexdigest()


def process_start() -> datetime:
    """When this process began, which is where Python's logging counts from.

    Pulumi begins the provider's process for the first resource of a dynamic provider, the release gate, and what the
    distribution is made of depends on that. So a distribution that this very deployment creates is younger.
    """
    record = logging.makeLogRecord({})
    return datetime.fromtimestamp(record.created - record.relativeCreated / 1000, UTC)


def _is_in_progress(state: Mapping[str, Any]) -> bool:
    return state["status"] not in (COMPLETED, NOT_NEEDED, PENDING)


def _inputs(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: state[key] for key in ("distribution_id", "static_files", "rendered_by", "rendered_paths")}
