"""Cache invalidation: on a change, CloudFront forgets just the paths whose content changed.

A resource of the stack whose inputs are the content hashes of what the CDN serves. Pulumi compares them with those of
the last deployment, so a deployment that changes nothing invalidates nothing.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from releasing.aws_connection import RETRIES, client_of
from releasing.distribution_cache import COMPLETED, DistributionCache
from releasing.invalidation import (
    EVERYTHING,
    NOT_NEEDED,
    PENDING,
    caller_reference,
    changed_paths,
    inputs_of,
    process_start,
)

# Pulumi loads this module in the process of the dynamic provider, too, which has no use for the AWS SDK of the others.
if TYPE_CHECKING:
    from components.cdn import Cdn
    from components.renderer import Renderer
    from components.settings import Settings
    from components.static_site import StaticSite

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
        return CreateResult(f"content-of-{props['distribution_id']}", {**inputs_of(props), **outcome})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Invalidate what changed, and wait for it; or wait for what an earlier deployment has begun."""
        if paths := changed_paths(olds, news):
            outcome = self._invalidate(olds, news, paths)
        else:
            outcome = {"paths": olds["paths"], **self._cache(news).wait_for(olds["invalidation_id"])}
        return UpdateResult({**inputs_of(news), **outcome})

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


def _is_in_progress(state: Mapping[str, Any]) -> bool:
    return state["status"] not in (COMPLETED, NOT_NEEDED, PENDING)
