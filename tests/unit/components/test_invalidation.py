"""Which paths a change invalidates, and how an invalidation is begun, waited for and begun again."""

import base64
import copy
import itertools
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import dill
import pytest
from botocore.stub import Stubber
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.rpc import UNKNOWN

from components.invalidation import OUTPUTS, CloudFrontInvalidations
from releasing import distribution_cache, waiting
from releasing.invalidation import MOST_PATHS, caller_reference, changed_paths, process_start
from tests.unit.components.fake_cloudfront import FakeCloudFront, fake_cloudfront

IMPORTED = datetime.now(UTC)

BEFORE: dict[str, Any] = {
    "distribution_id": "E1",
    "static_files": {"/admin.html": "1", "/admin.js": "1", "/styles.css": "1"},
    "rendered_by": "build-1",
    "rendered_paths": ["/", "/experiments/*"],
}
NOT_NEEDED = {"invalidation_id": "", "paths": [], "status": "NotNeeded", "created_at": "", "completed_at": ""}
DEPLOYED = {**BEFORE, **NOT_NEEDED}
# As this class wrote it before it recorded times.
DEPLOYED_EARLIER = {**BEFORE, "invalidation_id": "I0", "paths": ["/admin.js"], "status": "Completed"}
IN_PROGRESS_EARLIER = {**DEPLOYED_EARLIER, "invalidation_id": "I1", "status": "InProgress"}


def after(**files: str | None) -> dict[str, Any]:
    news = copy.deepcopy(BEFORE)
    for name, content in files.items():
        path = f"/{name.replace('_', '.')}"
        if content is None:
            del news["static_files"][path]
        else:
            news["static_files"][path] = content
    return news


@pytest.fixture
def provider() -> CloudFrontInvalidations:
    return configured()


def configured(**config: str) -> CloudFrontInvalidations:
    provider = CloudFrontInvalidations()
    config = {"region": "us-east-1", "accessKey": "test", "secretKey": "test", **config}
    keys = {f"aws:{key}": value for key, value in config.items()}
    provider.configure(ConfigureRequest(Config(keys, "ai-video-codec-dashboard")))
    return provider


def connected_to(cloudfront: FakeCloudFront) -> CloudFrontInvalidations:
    return configured(endpoints=json.dumps([{"cloudfront": cloudfront.url}]))


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that botocore would have paused between attempts."""
    pauses: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=pauses.append))
    return pauses


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is waited for is looked at once."""
    monkeypatch.setattr(distribution_cache, "WAIT_LIMIT_SECONDS", -1)


def test_only_what_changed_was_added_or_removed_is_invalidated() -> None:
    assert changed_paths(BEFORE, after(admin_html="2", admin_js=None, new_css="1")) == [
        *("/admin.html", "/admin.js", "/new.css"),
    ]


def test_a_renderer_change_invalidates_the_rendered_paths() -> None:
    assert changed_paths(BEFORE, {**BEFORE, "rendered_by": "build-2"}) == ["/", "/experiments/*"]


def test_a_change_of_both_is_one_batch() -> None:
    assert changed_paths(BEFORE, {**after(admin_js="2"), "rendered_by": "build-2"}) == [
        *("/admin.js", "/", "/experiments/*"),
    ]


def test_no_change_invalidates_nothing() -> None:
    assert changed_paths(BEFORE, copy.deepcopy(BEFORE)) == []


def test_many_paths_become_one_wildcard() -> None:
    files = {f"/page-{number}.html": "1" for number in range(20)}
    assert changed_paths(BEFORE, {**BEFORE, "static_files": files}) == ["/*"]


def test_the_pages_of_a_removed_route_are_invalidated_too() -> None:
    news = {**BEFORE, "rendered_by": "build-2", "rendered_paths": ["/"]}
    assert changed_paths(BEFORE, news) == ["/", "/experiments/*"]


def test_a_build_that_only_the_deployment_will_tell_counts_as_changed(provider: CloudFrontInvalidations) -> None:
    news = {**BEFORE, "rendered_by": UNKNOWN}
    assert changed_paths(DEPLOYED, news) == ["/", "/experiments/*"]
    assert provider.diff("id", DEPLOYED, news).changes is True


def test_a_batch_covers_all_that_changed_and_stays_within_cloudfronts_limits() -> None:
    """At most 3,000 files and 15 wildcards may be in progress at once."""
    choose = random.Random(4)
    for _ in range(100):
        olds, news = _any_content(choose), _any_content(choose)
        paths = changed_paths(olds, news)
        wildcards = [path for path in paths if path.endswith("*")]
        assert len(wildcards) <= 15
        assert len(paths) - len(wildcards) <= 3000
        assert len(set(paths)) == len(paths)
        needed = {file for file, _ in olds["static_files"].items() ^ news["static_files"].items()} | {*olds["paths"]}
        assert paths == ["/*"] or needed <= {*paths}


def test_paths_are_percent_encoded() -> None:
    news = {**BEFORE, "static_files": {**BEFORE["static_files"], "/größe & mehr.html": "1"}}
    assert changed_paths(BEFORE, news) == ["/gr%C3%B6%C3%9Fe%20%26%20mehr.html"]


def test_the_same_change_has_the_same_reference_and_another_has_another() -> None:
    news = after(admin_html="2")
    assert caller_reference(DEPLOYED, news) == caller_reference(DEPLOYED, copy.deepcopy(news))
    assert caller_reference(DEPLOYED, news) != caller_reference(DEPLOYED, after(admin_html="3"))


def test_the_same_change_after_another_invalidation_is_not_the_same() -> None:
    news = after(admin_html="2")
    assert caller_reference(DEPLOYED, news) != caller_reference({**DEPLOYED, "invalidation_id": "I1"}, news)


def test_a_rollback_and_the_next_release_are_invalidations_of_their_own() -> None:
    builds = ["build-1", "build-2", "build-1", "build-2", "build-1"]
    states = [{**DEPLOYED, "rendered_by": build, "invalidation_id": f"I{n}"} for n, build in enumerate(builds)]
    changes = list(itertools.pairwise(states))
    assert len({caller_reference(*change) for change in changes}) == len(changes)
    assert all(changed_paths(*change) == ["/", "/experiments/*"] for change in changes)


def test_on_create_a_new_distribution_is_left_alone(provider: CloudFrontInvalidations) -> None:
    with Stubber(provider._client) as cloudfront:
        _expect_history(cloudfront)
        _expect_change_of_distribution(cloudfront, provider._began + timedelta(seconds=1))
        created = provider.create(copy.deepcopy(BEFORE))
        cloudfront.assert_no_pending_responses()
    assert created.outs == DEPLOYED


def test_on_create_a_distribution_changed_in_the_second_of_the_start_is_new(provider: CloudFrontInvalidations) -> None:
    """CloudFront may cut times to seconds."""
    provider._began = datetime(2026, 11, 24, 6, 0, 0, 900_000, tzinfo=UTC)
    with Stubber(provider._client) as cloudfront:
        _expect_history(cloudfront)
        _expect_change_of_distribution(cloudfront, datetime(2026, 11, 24, 6, tzinfo=UTC))
        assert provider.create(copy.deepcopy(BEFORE)).outs == DEPLOYED


def test_on_create_a_distribution_that_was_there_before_forgets_everything(provider: CloudFrontInvalidations) -> None:
    with Stubber(provider._client) as cloudfront:
        _expect_history(cloudfront)
        _expect_change_of_distribution(cloudfront, provider._began - timedelta(seconds=1))
        _expect_creation(cloudfront, ["/*"], caller_reference(BEFORE, BEFORE))
        _expect_status(cloudfront, "Completed")
        outs = provider.create(copy.deepcopy(BEFORE)).outs
    assert outs is not None
    assert (outs["invalidation_id"], outs["paths"], outs["status"]) == ("I1", ["/*"], "Completed")


def test_on_create_a_distribution_that_was_invalidated_before_forgets_everything(
    provider: CloudFrontInvalidations,
) -> None:
    with Stubber(provider._client) as cloudfront:
        _expect_history(cloudfront, "I0")
        _expect_creation(cloudfront, ["/*"], caller_reference(BEFORE, BEFORE))
        _expect_status(cloudfront, "Completed")
        outs = provider.create(copy.deepcopy(BEFORE)).outs
    assert outs is not None
    assert outs["paths"] == ["/*"]


def test_the_deployment_began_before_the_provider_was_loaded() -> None:
    assert process_start() < IMPORTED
    assert abs(process_start() - process_start()) < timedelta(milliseconds=1)


def test_another_distribution_is_a_replacement(provider: CloudFrontInvalidations) -> None:
    assert provider.diff("id", DEPLOYED, {**BEFORE, "distribution_id": UNKNOWN}).replaces == ["distribution_id"]


def test_nothing_is_invalidated_on_delete(provider: CloudFrontInvalidations) -> None:
    with Stubber(provider._client):
        provider.delete("id", copy.deepcopy(DEPLOYED))


def test_a_changed_provider_alone_is_no_change(provider: CloudFrontInvalidations) -> None:
    """Otherwise every edit of the provider's own code would invalidate (pulumi/pulumi#12401)."""
    for olds in (DEPLOYED, DEPLOYED_EARLIER):
        assert provider.diff("id", {**olds, "__provider": "old"}, {**BEFORE, "__provider": "new"}).changes is False


def test_an_update_keeps_every_output(provider: CloudFrontInvalidations) -> None:
    """What a provider's update leaves out, the state loses (pulumi/pulumi#7809)."""
    with Stubber(provider._client) as cloudfront:
        _expect_status(cloudfront, "Completed")
        outs = provider.update("id", copy.deepcopy(IN_PROGRESS_EARLIER), {**BEFORE, "__provider": "new"}).outs
    assert outs is not None
    assert outs.keys() == {*BEFORE, *OUTPUTS}


def test_an_invalidation_that_was_not_seen_to_complete_is_looked_at_again(provider: CloudFrontInvalidations) -> None:
    olds = {**DEPLOYED, "invalidation_id": "I1", "paths": ["/admin.html"], "status": "InProgress"}
    assert provider.diff("id", olds, copy.deepcopy(BEFORE)).changes is True
    with Stubber(provider._client) as cloudfront:
        _expect_status(cloudfront, "Completed")
        outs = provider.update("id", olds, copy.deepcopy(BEFORE)).outs
    assert outs is not None
    assert (outs["invalidation_id"], outs["paths"], outs["status"]) == ("I1", ["/admin.html"], "Completed")


def test_an_update_waits_until_the_invalidation_is_complete(
    provider: CloudFrontInvalidations, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "FIRST_POLL_SECONDS", 0)
    news = after(admin_html="2")
    with Stubber(provider._client) as cloudfront:
        _expect_creation(cloudfront, ["/admin.html"], caller_reference(DEPLOYED, news))
        _expect_status(cloudfront, "InProgress")
        _expect_status(cloudfront, "Completed")
        outs = provider.update("id", copy.deepcopy(DEPLOYED), news).outs
    assert outs is not None
    assert (outs["invalidation_id"], outs["paths"], outs["status"]) == ("I1", ["/admin.html"], "Completed")
    assert outs["static_files"] == news["static_files"]
    assert outs["created_at"] == "2026-11-24T00:00:00+00:00"
    assert datetime.fromisoformat(outs["completed_at"]).utcoffset() == timedelta(0)


@pytest.mark.usefixtures("impatient")
def test_a_wait_past_its_limit_is_a_warning_and_no_failure(
    provider: CloudFrontInvalidations, capsys: pytest.CaptureFixture[str]
) -> None:
    news = after(admin_html="2")
    with Stubber(provider._client) as cloudfront:
        _expect_creation(cloudfront, ["/admin.html"], caller_reference(DEPLOYED, news))
        _expect_status(cloudfront, "InProgress")
        outs = provider.update("id", copy.deepcopy(DEPLOYED), news).outs
    assert outs is not None
    assert (outs["status"], outs["completed_at"]) == ("InProgress", "")
    assert "warning: invalidation I1" in capsys.readouterr().out


@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_a_refresh_sees_whether_what_was_left_in_progress_has_completed(
    provider: CloudFrontInvalidations, status: str
) -> None:
    with Stubber(provider._client) as cloudfront:
        _expect_status(cloudfront, status)
        outs = provider.read("id", copy.deepcopy(IN_PROGRESS_EARLIER)).outs
    assert outs is not None
    assert (outs["invalidation_id"], outs["status"], bool(outs["completed_at"])) == (
        "I1",
        status,
        status == "Completed",
    )
    assert outs["created_at"] == "2026-11-24T00:00:00+00:00"


@pytest.mark.parametrize("status", ["Completed", "NotNeeded", "Pending"])
def test_a_refresh_asks_nothing_where_nothing_is_in_progress(provider: CloudFrontInvalidations, status: str) -> None:
    state = {**DEPLOYED_EARLIER, "status": status}
    with Stubber(provider._client):
        assert provider.read("id", copy.deepcopy(state)).outs == state


def test_room_for_an_invalidation_is_waited_for(
    provider: CloudFrontInvalidations, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(waiting, "FIRST_POLL_SECONDS", 0)
    news = after(admin_html="2")
    with Stubber(provider._client) as cloudfront:
        _expect_no_room(cloudfront)
        _expect_creation(cloudfront, ["/admin.html"], caller_reference(DEPLOYED, news))
        _expect_status(cloudfront, "Completed")
        outs = provider.update("id", copy.deepcopy(DEPLOYED), news).outs
    assert outs is not None
    assert outs["status"] == "Completed"
    assert "Waiting for room for an invalidation" in capsys.readouterr().out


@pytest.mark.usefixtures("impatient")
def test_what_found_no_room_is_invalidated_by_the_next_deployment_with_what_changed_since(
    provider: CloudFrontInvalidations, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = after(admin_html="2"), after(admin_html="2", admin_js="2")
    with Stubber(provider._client) as cloudfront:
        _expect_no_room(cloudfront)
        pending = provider.update("id", copy.deepcopy(DEPLOYED_EARLIER), first).outs
    assert pending is not None
    assert (pending["invalidation_id"], pending["paths"], pending["status"]) == ("I0", ["/admin.html"], "Pending")
    assert "warning: /admin.html could not be invalidated" in capsys.readouterr().out

    assert provider.diff("id", pending, first).changes is True
    with Stubber(provider._client) as cloudfront:
        _expect_creation(cloudfront, ["/admin.html", "/admin.js"], caller_reference(pending, second))
        _expect_status(cloudfront, "Completed")
        outs = provider.update("id", pending, second).outs
    assert outs is not None
    assert (outs["invalidation_id"], outs["paths"]) == ("I1", ["/admin.html", "/admin.js"])
    assert provider.diff("id", outs, second).changes is False


def test_where_everything_found_no_room_everything_is_invalidated_next() -> None:
    pending = {**DEPLOYED, "paths": ["/*"], "status": "Pending"}
    assert changed_paths(pending, after(admin_html="2")) == ["/*"]


@pytest.mark.parametrize("state", [DEPLOYED_EARLIER, IN_PROGRESS_EARLIER])
def test_a_state_without_times_is_updated_as_any(provider: CloudFrontInvalidations, state: dict[str, Any]) -> None:
    news = after(admin_html="2")
    assert provider.diff("id", state, news).changes is True
    with Stubber(provider._client) as cloudfront:
        _expect_creation(cloudfront, ["/admin.html"], caller_reference(state, news))
        _expect_status(cloudfront, "Completed")
        outs = provider.update("id", copy.deepcopy(state), news).outs
    assert outs is not None
    assert outs.keys() == DEPLOYED.keys()


def test_throttling_and_server_errors_are_retried_with_jitter_as_the_same_invalidation(pauses: list[float]) -> None:
    errors = [(503, "ServiceUnavailable"), (400, "Throttling"), (500, "InternalError"), (502, "BadGateway")]
    with fake_cloudfront(*errors) as cloudfront:
        outs = connected_to(cloudfront).update("id", copy.deepcopy(DEPLOYED), after(admin_html="2")).outs
    assert outs is not None
    assert (outs["invalidation_id"], outs["status"]) == ("I1", "Completed")
    assert len(cloudfront.created) == len(errors) + 1
    assert len(set(cloudfront.created)) == 1
    assert len(pauses) == len(errors)
    assert all(pause <= 2**attempt and pause % 1 for attempt, pause in enumerate(pauses))


@pytest.mark.usefixtures("pauses")
def test_a_cloudfront_that_never_answers_is_given_up_and_named() -> None:
    reason = r"CreateInvalidation on distribution E1 failed: .*ServiceUnavailable"
    with fake_cloudfront(*[(503, "ServiceUnavailable")] * 8) as cloudfront, pytest.raises(RuntimeError, match=reason):
        connected_to(cloudfront).update("id", copy.deepcopy(DEPLOYED), after(admin_html="2"))
    assert len(cloudfront.created) == 8


@pytest.mark.parametrize(
    ("operation", "permission", "deployment"),
    [
        (
            "create_invalidation",
            "CreateInvalidation",
            lambda provider: provider.update("", DEPLOYED, after(new_css="1")),
        ),
        ("get_invalidation", "GetInvalidation", lambda provider: provider.update("", IN_PROGRESS_EARLIER, BEFORE)),
        ("list_invalidations", "ListInvalidations", lambda provider: provider.create(BEFORE)),
    ],
)
def test_a_missing_permission_is_named(
    provider: CloudFrontInvalidations,
    operation: str,
    permission: str,
    deployment: Callable[[CloudFrontInvalidations], object],
) -> None:
    with Stubber(provider._client) as cloudfront:
        cloudfront.add_client_error(operation, "AccessDenied", http_status_code=403)
        with pytest.raises(PermissionError, match=f"lack cloudfront:{permission} on distribution E1"):
            deployment(provider)


def test_the_state_holds_a_reference_to_the_provider_and_none_of_its_bytecode() -> None:
    """Bytecode would tie the state to one Python version (pulumi/pulumi#2900)."""
    serialized = base64.b64decode(serialize_provider(CloudFrontInvalidations()))
    assert type(dill.loads(serialized)) is CloudFrontInvalidations
    assert b"components.invalidation" in serialized
    assert len(serialized) < 150


def _any_content(choose: random.Random) -> dict[str, Any]:
    """Any files, routes, and paths that found no room."""
    count = choose.choice([0, 3, MOST_PATHS, MOST_PATHS + 1, 5000])
    return {
        "static_files": {f"/{number}.html": choose.choice("12") for number in choose.sample(range(6000), count)},
        "rendered_by": choose.choice("12"),
        "rendered_paths": [f"/{number}/*" for number in range(choose.randrange(20))],
        "paths": [f"/kept/{number}/*" for number in range(choose.randrange(MOST_PATHS + 1))],
        "status": "Pending",
    }


def _expect_history(cloudfront: Stubber, *ids: str) -> None:
    created = datetime(2026, 11, 23, tzinfo=UTC)
    listing: dict[str, Any] = {"Marker": "", "MaxItems": 1, "IsTruncated": False, "Quantity": len(ids)}
    if ids:
        listing["Items"] = [{"Id": id_, "CreateTime": created, "Status": "Completed"} for id_ in ids]
    expected = {"DistributionId": "E1", "MaxItems": "1"}
    cloudfront.add_response("list_invalidations", {"InvalidationList": listing}, expected)


def _expect_change_of_distribution(cloudfront: Stubber, when: datetime) -> None:
    distribution = {
        "Id": "E1",
        "ARN": "arn:aws:cloudfront::123456789012:distribution/E1",
        "Status": "Deployed",
        "LastModifiedTime": when,
        "InProgressInvalidationBatches": 0,
        "DomainName": "d111.cloudfront.net",
        "DistributionConfig": {
            "CallerReference": "x",
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [{"Id": "api", "DomainName": "example.org"}]},
            "DefaultCacheBehavior": {"TargetOriginId": "api", "ViewerProtocolPolicy": "https-only"},
        },
    }
    cloudfront.add_response("get_distribution", {"Distribution": distribution}, {"Id": "E1"})


def _expect_no_room(cloudfront: Stubber) -> None:
    cloudfront.add_client_error("create_invalidation", "TooManyInvalidationsInProgress", http_status_code=400)


def _expect_creation(cloudfront: Stubber, paths: list[str], reference: str) -> None:
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference}
    expected = {"DistributionId": "E1", "InvalidationBatch": batch}
    cloudfront.add_response("create_invalidation", {"Invalidation": _invalidation("InProgress", batch)}, expected)


def _expect_status(cloudfront: Stubber, status: str) -> None:
    batch = {"Paths": {"Quantity": 0}, "CallerReference": "x"}
    response = {"Invalidation": _invalidation(status, batch)}
    cloudfront.add_response("get_invalidation", response, {"DistributionId": "E1", "Id": "I1"})


def _invalidation(status: str, batch: dict[str, Any]) -> dict[str, Any]:
    return {"Id": "I1", "Status": status, "CreateTime": datetime(2026, 11, 24, tzinfo=UTC), "InvalidationBatch": batch}
