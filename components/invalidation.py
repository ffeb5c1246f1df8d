"""Cache invalidation: on a change, CloudFront forgets just the paths whose content changed.

A resource of the stack whose inputs are the content hashes of what the CDN serves. Pulumi compares them with those of
the last deployment, so a deployment that changes nothing invalidates nothing.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import botocore.exceptions
import pulumi
from botocore.config import Config
from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from components.aws_connection import client_of

# Pulumi loads this module in the process of the dynamic provider, too, which has no use for the AWS SDK of the others.
if TYPE_CHECKING:
    from components.cdn import Cdn
    from components.renderer import Renderer
    from components.settings import Settings
    from components.static_site import StaticSite

# AWS bills each path, a wildcard as one; past this many, `/*` also reads better in the console.
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/PayingForInvalidation.html
MOST_PATHS = 15
EVERYTHING = "/*"

COMPLETED = "Completed"
NOT_NEEDED = "NotNeeded"
POLL_SECONDS = 5
WAIT_LIMIT_SECONDS = 600
# botocore's standard mode backs off with jitter on throttling and on 5xx.
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 8})


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
        self.id = run.invalidation_id
        self.paths = run.paths
        self.status = run.status

        self.register_outputs({"paths": self.paths, "status": self.status})


class CloudFrontInvalidations(ResourceProvider):
    """Creates an invalidation on update; there is nothing to create first, and nothing to delete.

    Pulumi keeps it in the stack's state as a reference to this class, so neither another Python version nor an edit of
    this file is a change of the resource.
    """

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Connect as the stack's `aws` provider is configured, endpoints included."""
        self._client = client_of("cloudfront", req, RETRIES)

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """A change of content is a change, and so is an invalidation that was not seen to complete."""
        if olds["distribution_id"] != news["distribution_id"]:
            return DiffResult(changes=True, replaces=["distribution_id"])
        changed = changed_paths(olds, news) or olds["status"] not in (COMPLETED, NOT_NEEDED)
        return DiffResult(changes=bool(changed))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """A new distribution holds nothing yet."""
        outcome = {"invalidation_id": "", "paths": [], "status": NOT_NEEDED}
        return CreateResult(f"content-of-{props['distribution_id']}", {**_inputs(props), **outcome})

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Invalidate what changed, and wait for it; or wait for what an earlier deployment has begun."""
        paths = changed_paths(olds, news)
        if paths:
            invalidation_id = self._begin(olds, news, paths)
        else:
            invalidation_id, paths = olds["invalidation_id"], olds["paths"]
        status = self._wait(news["distribution_id"], invalidation_id)
        outcome = {"invalidation_id": invalidation_id, "paths": paths, "status": status}
        return UpdateResult({**_inputs(news), **outcome})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """See whether an invalidation that was left in progress has completed meanwhile."""
        if props["status"] not in (COMPLETED, NOT_NEEDED):
            props["status"] = self._status(props["distribution_id"], props["invalidation_id"])
        return ReadResult(id_, props)

    def _begin(self, olds: Mapping[str, Any], news: Mapping[str, Any], paths: Sequence[str]) -> str:
        try:
            response = self._client.create_invalidation(
                DistributionId=news["distribution_id"],
                InvalidationBatch={
                    "Paths": {"Quantity": len(paths), "Items": list(paths)},
                    "CallerReference": caller_reference(olds, news),
                },
            )
        except botocore.exceptions.ClientError as error:
            raise _explained(error, news["distribution_id"]) from None
        return str(response["Invalidation"]["Id"])

    def _wait(self, distribution_id: str, invalidation_id: str) -> str:
        """Wait for completion; past the limit the content is live all the same, so that is no failure."""
        deadline = time.monotonic() + WAIT_LIMIT_SECONDS
        while (status := self._status(distribution_id, invalidation_id)) != COMPLETED:
            if time.monotonic() > deadline:
                print(  # noqa: T201 Pulumi shows what a dynamic provider prints
                    f"warning: invalidation {invalidation_id} is still in progress after {WAIT_LIMIT_SECONDS} s; "
                    "the next deployment looks at it again.",
                    flush=True,
                )
                break
            print(f"Waiting for invalidation {invalidation_id}", flush=True)  # noqa: T201 as above
            time.sleep(POLL_SECONDS)
        return status

    def _status(self, distribution_id: str, invalidation_id: str) -> str:
        try:
            response = self._client.get_invalidation(DistributionId=distribution_id, Id=invalidation_id)
        except botocore.exceptions.ClientError as error:
            raise _explained(error, distribution_id) from None
        return str(response["Invalidation"]["Status"])


class InvalidationRun(pulumi.dynamic.Resource, name="Invalidation"):
    """What the CDN serves, by content hash, and the last invalidation that a change of it led to."""

    invalidation_id: pulumi.Output[str]
    paths: pulumi.Output[list[str]]
    status: pulumi.Output[str]

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
            rendered_paths: What the renderer answers, wildcards allowed.
            opts: Pulumi's options.

        """
        inputs = {
            "distribution_id": distribution_id,
            "static_files": dict(static_files),
            "rendered_by": rendered_by,
            "rendered_paths": list(rendered_paths),
        }
        outputs = dict.fromkeys(("invalidation_id", "paths", "status"))
        super().__init__(CloudFrontInvalidations(), name, {**inputs, **outputs}, opts)


def changed_paths(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """The paths to invalidate between two states of the content, as CloudFront wants them written."""
    before, after = olds["static_files"], news["static_files"]
    changed = [path for path in sorted({*before, *after}) if before.get(path) != after.get(path)]
    if olds["rendered_by"] != news["rendered_by"]:
        changed += news["rendered_paths"]
    if len(changed) > MOST_PATHS:
        return [EVERYTHING]
    return [quote(path, safe="/*~") for path in changed]


def caller_reference(olds: Mapping[str, Any], news: Mapping[str, Any]) -> str:
    """Name an invalidation by what changed, so that a retry after a crash is the same one, not a second.

    The invalidation before it counts too: going back to old content and forth again is another change.
    """
    change = [olds.get("invalidation_id"), *(_inputs(state) for state in (olds, news))]
    return hashlib.sha256(json.dumps(change, sort_keys=True).encode()).hexdigest()


def _inputs(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: state[key] for key in ("distribution_id", "static_files", "rendered_by", "rendered_paths")}


def _explained(error: botocore.exceptions.ClientError, distribution_id: str) -> Exception:
    code = error.response["Error"]["Code"]
    if code in ("AccessDenied", "AccessDeniedException"):
        permission = f"cloudfront:{error.operation_name}"
        return PermissionError(f"The deployment's credentials lack {permission} on distribution {distribution_id}.")
    return RuntimeError(f"{error.operation_name} on distribution {distribution_id} failed: {error}")
