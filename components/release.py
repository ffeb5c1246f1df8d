"""The release: the last that a deployment does is to prove what users get, and to put on record what that is.

A resource whose inputs are what git says is served. Each deployment fetches all of it, one that changes nothing
included: if users get something else, the deployment fails. What was proven is the release record, in the stack's
outputs, on the site as `/release.json` and in the table's history.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import botocore.exceptions
import pulumi
import requests
from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, ResourceProvider, UpdateResult

from components.aws_connection import RETRIES, client_of
from components.release_gate import LIVE_ALIAS
from components.release_history import ReleaseHistory, name_of, number_of
from components.served import (
    ADMIN_HEALTH,
    REFUSED,
    Unreachable,
    get,
    shown_build,
    shown_by_file,
    shown_by_health,
    shown_by_page,
    shown_file,
    shown_to_strangers,
)

# Pulumi loads this module in the process of the dynamic provider, too, which has no use for the AWS SDK of the others.
if TYPE_CHECKING:
    from components.admin_api import AdminApi
    from components.cdn import Cdn
    from components.checkout import Checkout
    from components.custom_domain import CustomDomain
    from components.experiment_store import ExperimentStore
    from components.http_api import HttpApi
    from components.invalidation import Invalidation
    from components.renderer import Renderer
    from components.settings import Settings
    from components.sign_in import AdminPage
    from components.static_site import StaticSite

RECORD_KEY = "release.json"
AT_ONCE = 8
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


class NotServed(Exception):  # noqa: N818 reads better where it is raised
    """Users get something else than git says; the message names each difference."""


@dataclass(frozen=True)
class Expectation:
    """Something that users get, what it has to show, and how to look at it."""

    name: str
    expected: str
    look: Callable[[], str]

    @classmethod
    def of_url(cls, name: str, url: str, expected: str, shown: Callable[[requests.Response], str]) -> "Expectation":
        """What a URL has to answer."""
        return cls(name, expected, lambda: shown(get(url)))

    def difference(self) -> str:
        """What was found instead; empty where it is as expected."""
        try:
            found = self.look()
        except Unreachable as reason:
            found = str(reason)
        except botocore.exceptions.ClientError as error:
            found = f"{error.operation_name} failed with {error.response['Error']['Code']}"
        return "" if found == self.expected else f"{self.name}: expected {self.expected}; found {found}"


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
            number = 1 + (int(last["number"]) if last else _number_before(history, props))
            record = self._record(props, number, _invalidated(props, last))
            history.put(number, record)
        except botocore.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            raise RuntimeError(
                f"The release is live and proven, but not on record: {error.operation_name} failed with {code}. "
                f"The deployment's credentials need dynamodb:Query, PutItem and DeleteItem on {props['table_name']}."
            ) from None
        return {**_inputs(props), "number": number, "record": record}

    def _record(self, props: Mapping[str, Any], number: int, invalidated: list[str]) -> dict[str, Any]:
        return {
            "release": name_of(number),
            "released_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "released_by": self._who(),
            **_released(props),
            "snapshots": _snapshots(props),
            "invalidated": invalidated,
        }

    def _who(self) -> str:
        """AWS's name for whoever deploys, without the account, as the record is public: `user/ada`."""
        identity = client_of("sts", self._request, RETRIES).get_caller_identity()
        return str(identity["Arn"].split(":", 5)[-1])


def _released(props: Mapping[str, Any]) -> dict[str, Any]:
    """What a record tells of the content."""
    return {
        "commit": props["commit"],
        "dirty": props["dirty"],
        "renderer": {
            "version": props["renderer_version"],
            "build_id": props["build_id"],
            "rolled_back": props["rolled_back"],
        },
        "admin_api": {"version": props["admin_version"], "build_id": props["admin_build_id"]},
        "static_files": props["static_files"],
    }


def _snapshots(props: Mapping[str, Any]) -> dict[str, list[dict[str, int]]]:
    """What is in SnapStart's cache, in whole numbers; of a function whose gate has not told yet, nothing."""
    return {
        function: [{name: int(number) for name, number in each.items()} for each in found]
        for function, found in props["snapshots"].items()
        if found is not None
    }


def _number_before(history: ReleaseHistory, props: Mapping[str, Any]) -> int:
    """The last number of the table's earlier life; a record of this very content is a killed deployment's."""
    newest = next(iter(history.newest(limit=1)), {"release": name_of(0)})
    number = number_of(newest["release"])
    return number - 1 if newest.items() >= _released(props).items() else number


def differences(props: Mapping[str, Any], functions: Any) -> list[str]:
    """What users get otherwise than a release says, a line for each; `functions` is Lambda's client."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(Expectation.difference, _expectations(props, functions)))
    return [difference for difference in found if difference]


def _expectations(props: Mapping[str, Any], functions: Any) -> Iterator[Expectation]:
    url, build = Expectation.of_url, shown_build(props["build_id"])
    for way, base in (("API", props["api_url"]), ("CDN", props["site_url"])):
        yield url(f"{way} /health", f"{base}/health", build, shown_by_health)
        yield url(f"{way} /", f"{base}/", build, shown_by_page)
        yield url(f"{way} {ADMIN_HEALTH} without a token", base + ADMIN_HEALTH, REFUSED, shown_to_strangers)
    for path, sha256 in props["static_files"].items():
        yield url(f"CDN {path}", props["site_url"] + quote(path), shown_file(sha256), shown_by_file)
    yield Expectation(
        f"{props['admin_function']} {LIVE_ALIAS}",
        _live(props["admin_version"], props["admin_build_id"]),
        lambda: _found_live(functions, props["admin_function"]),
    )


def _found_live(functions: Any, function: str) -> str:
    """What a function's alias leads to: of the admin API, nothing shows that without a token."""
    found = functions.get_function_configuration(FunctionName=function, Qualifier=LIVE_ALIAS)
    return _live(found["Version"], found["CodeSha256"])


def _live(version: str, build_id: str) -> str:
    return f"version {version}, build id {build_id}"


def _inputs(props: Mapping[str, Any]) -> dict[str, Any]:
    return {name: props[name] for name in (*CONTENT, "invalidation", "snapshots", "patience_seconds")}


def _invalidated(props: Mapping[str, Any], last: Mapping[str, Any] | None) -> list[str]:
    """The paths that were invalidated since the last release; a release of another commit alone needs none."""
    invalidation, before = props["invalidation"], last["invalidation"] if last else {"id": ""}
    return list(invalidation["paths"]) if invalidation["id"] != before["id"] else []


def as_json(record: Mapping[str, Any]) -> str:
    """The record as `/release.json` shows it.

    Its numbers are whole; the program gets them from the engine as 4.0, and the stack's outputs have 4.
    """
    whole = json.loads(json.dumps(record), parse_float=lambda digits: int(float(digits)))
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"
