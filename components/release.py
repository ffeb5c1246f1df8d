"""The release: the last that a deployment does is to prove what users get, and to put on record what that is.

A resource whose inputs are what git says is served. Each deployment fetches all of it, one that changes nothing
included: if users get something else, the deployment fails. What was proven is the release record, in the stack's
outputs, on the site as `/release.json` and in the table's history.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import botocore.exceptions
import pulumi
from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, ResourceProvider, UpdateResult

from releasing.aws_connection import RETRIES, client_of
from releasing.history import ReleaseHistory
from releasing.proof import NotServed, differences
from releasing.record import RECORD_KEY, as_json, number_before, record_of

# Pulumi loads this module in the process of the dynamic provider, too, which has no use for the AWS SDK of the others.
if TYPE_CHECKING:
    from components.admin_api import AdminApi
    from components.cdn import Cdn
    from components.custom_domain import CustomDomain
    from components.experiment_store import ExperimentStore
    from components.http_api import HttpApi
    from components.invalidation import Invalidation
    from components.renderer import Renderer
    from components.settings import Settings
    from components.sign_in import AdminPage
    from components.static_site import StaticSite
    from releasing.checkout import Checkout

POLL_SECONDS = 1
# What a release consists of; a difference in any of it is another release.
CONTENT = (
    *("api_url", "site_url", "table_name", "static_files", "build_id", "renderer_version", "rolled_back"),
    *("admin_function", "admin_build_id", "admin_version", "commit", "dirty"),
)


class Release(pulumi.ComponentResource):
    """Proof and record of what a deployment has put in front of users."""

    record: pulumi.Output[dict[str, Any]]
    """What is live, since when, by whom and from which commit."""

    def __init__(
        self,
        name: str,
        settings: "Settings",
        checkout: "Checkout",
        store: "ExperimentStore",
        renderer: "Renderer",
        admin_api: "AdminApi",
        api: "HttpApi",
        site: "StaticSite",
        admin_page: "AdminPage",
        cdn: "Cdn",
        invalidation: "Invalidation",
        domain: "CustomDomain | None",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:release:Release", name, None, opts)
        # A name that is asked for before its record is there stays unknown to resolvers for minutes.
        served_by = [admin_api, admin_page, api, cdn, invalidation, renderer, site, *([domain] if domain else [])]

        proof = ReleaseProof(
            settings.name("release"),
            patience_seconds=settings.release_patience_seconds,
            invalidation={"id": invalidation.invalidation_id, "paths": invalidation.paths},
            content={
                "api_url": api.url,
                "site_url": cdn.url,
                "table_name": store.table.name,
                "static_files": admin_page.hashes.apply(lambda hashes: {**site.hashes, **hashes}),
                "build_id": renderer.build_id,
                "renderer_version": renderer.alias.function_version,
                "rolled_back": bool(settings.rolled_back_to),
                "admin_function": admin_api.function.name,
                "admin_build_id": admin_api.build_id,
                "admin_version": admin_api.alias.function_version,
                "commit": checkout.commit,
                "dirty": checkout.dirty,
            },
            snapshots={"renderer": renderer.gate.snapshots, "admin_api": admin_api.gate.snapshots},
            opts=pulumi.ResourceOptions(parent=self, depends_on=served_by),
        )
        self.record = proof.record
        site.publish(RECORD_KEY, self.record.apply(as_json), opts=pulumi.ResourceOptions(parent=self))

        self.register_outputs({"record": self.record})


class ReleaseProof(pulumi.dynamic.Resource, name="ReleaseProof"):
    """What git says is served, and the record of its having been seen."""

    record: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        name: str,
        content: Mapping[str, Any],
        invalidation: pulumi.Input[Mapping[str, Any]],
        snapshots: Mapping[str, pulumi.Input[Any]],
        patience_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare what has to be served.

        Args:
            name: Pulumi's name of the resource.
            content: What the release consists of, see `CONTENT`; `static_files` maps URL paths to hexadecimal SHA-256.
            invalidation: The last one, by this deployment or by an earlier one: its `id` and its `paths`.
            snapshots: What each function has in SnapStart's cache, as `ReleaseGate.snapshots` tells.
            patience_seconds: How long it may take until all of it is seen.
            opts: Pulumi's options.

        """
        beside = {"invalidation": invalidation, "snapshots": snapshots, "patience_seconds": patience_seconds}
        inputs = {**content, **beside}
        super().__init__(ProvenReleases(), name, {**inputs, "number": None, "record": None}, opts)


class ProvenReleases(ResourceProvider):
    """Proves that a release is served, and records it; the state holds no more than a reference to this class."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        """Connect as the stack's `aws` provider is configured."""
        self._request = req

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        """Other content is another release; and where the last one is not what users get, that has to come out."""
        changes = any(olds.get(name) != news.get(name) for name in CONTENT)
        return DiffResult(changes=changes or bool(differences(olds, self._functions())))

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Prove the first release of this stack; its table may hold some of an earlier life."""
        self._prove(props)
        return CreateResult(f"release-of-{props['table_name']}", self._recorded(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        """Prove a release. After a crash it is proven anew, under the number that it already had."""
        self._prove(news)
        if all(olds.get(name) == news.get(name) for name in CONTENT):
            return UpdateResult({**_inputs(news), "number": olds["number"], "record": olds["record"]})
        return UpdateResult(self._recorded(news, olds))

    def _prove(self, props: Mapping[str, Any]) -> None:
        """Wait until all is served as it should be; what was changed moments ago may take its time to be seen."""
        functions, deadline = self._functions(), time.monotonic() + props["patience_seconds"]
        while found := differences(props, functions):
            if time.monotonic() > deadline:
                lines = "\n".join(f"  {line}" for line in found)
                patience = int(props["patience_seconds"])
                raise NotServed(
                    f"Not what git says is what users get, {patience} s after the release:\n{lines}\n"
                    "What was changed by hand, pulumi up --refresh puts right. What the CDN alone still holds, "
                    "aws cloudfront create-invalidation makes it forget. make verify shows the whole picture."
                )
            time.sleep(POLL_SECONDS)

    def _functions(self) -> Any:
        """Lambda's client."""
        return client_of("lambda", self._request, RETRIES)

    def _recorded(self, props: Mapping[str, Any], last: Mapping[str, Any] | None = None) -> dict[str, Any]:
        try:
            history = ReleaseHistory(client_of("dynamodb", self._request, RETRIES), props["table_name"])
            number = 1 + (int(last["number"]) if last else number_before(history, props))
            record = record_of(props, number, self._who(), last)
            history.put(number, record)
        except botocore.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            raise RuntimeError(
                f"The release is live and proven, but not on record: {error.operation_name} failed with {code}. "
                f"The deployment's credentials need dynamodb:Query, PutItem and DeleteItem on {props['table_name']}."
            ) from None
        return {**_inputs(props), "number": number, "record": record}

    def _who(self) -> str:
        """AWS's name for whoever deploys, without the account, as the record is public: `user/ada`."""
        identity = client_of("sts", self._request, RETRIES).get_caller_identity()
        return str(identity["Arn"].split(":", 5)[-1])


def _inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: props[name] for name in (*CONTENT, "invalidation", "snapshots", "patience_seconds")}
