"""Which paths a change invalidates, and how an invalidation is begun, waited for and begun again."""

import base64
import copy
from typing import Any

import dill
import pytest
from botocore.stub import Stubber
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.dynamic.dynamic import serialize_provider

from components import invalidation
from components.invalidation import CloudFrontInvalidations, caller_reference, changed_paths

BEFORE: dict[str, Any] = {
    "distribution_id": "E1",
    "static_files": {"/admin.html": "1", "/admin.js": "1", "/styles.css": "1"},
    "rendered_by": "build-1",
    "rendered_paths": ["/", "/experiments/*"],
}
DEPLOYED = {**BEFORE, "invalidation_id": "", "paths": [], "status": "NotNeeded"}


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
    provider = CloudFrontInvalidations()
    config = {"aws:region": "us-east-1", "aws:accessKey": "test", "aws:secretKey": "test"}
    provider.configure(ConfigureRequest(Config(config, "ai-video-codec-dashboard")))
    return provider


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


def test_nothing_is_invalidated_on_create(provider: CloudFrontInvalidations) -> None:
    with Stubber(provider._client):
        created = provider.create(copy.deepcopy(BEFORE))
    assert created.outs is not None
    assert (created.outs["status"], created.outs["paths"]) == ("NotNeeded", [])


def test_a_changed_provider_alone_is_no_change(provider: CloudFrontInvalidations) -> None:
    """Otherwise every edit of the provider's own code would invalidate (pulumi/pulumi#12401)."""
    olds, news = {**DEPLOYED, "__provider": "old"}, {**BEFORE, "__provider": "new"}
    assert provider.diff("id", olds, news).changes is False


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
    monkeypatch.setattr(invalidation, "POLL_SECONDS", 0)
    news = after(admin_html="2")
    with Stubber(provider._client) as cloudfront:
        _expect_creation(cloudfront, ["/admin.html"], caller_reference(DEPLOYED, news))
        _expect_status(cloudfront, "InProgress")
        _expect_status(cloudfront, "Completed")
        outs = provider.update("id", copy.deepcopy(DEPLOYED), news).outs
    assert outs is not None
    assert (outs["invalidation_id"], outs["paths"], outs["status"]) == ("I1", ["/admin.html"], "Completed")
    assert outs["static_files"] == news["static_files"]


def test_a_wait_past_its_limit_is_a_warning_and_no_failure(
    provider: CloudFrontInvalidations, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(invalidation, "WAIT_LIMIT_SECONDS", -1)
    news = after(admin_html="2")
    with Stubber(provider._client) as cloudfront:
        _expect_creation(cloudfront, ["/admin.html"], caller_reference(DEPLOYED, news))
        _expect_status(cloudfront, "InProgress")
        outs = provider.update("id", copy.deepcopy(DEPLOYED), news).outs
    assert outs is not None
    assert outs["status"] == "InProgress"
    assert "warning: invalidation I1" in capsys.readouterr().out


def test_a_missing_permission_is_named(provider: CloudFrontInvalidations) -> None:
    with Stubber(provider._client) as cloudfront:
        cloudfront.add_client_error("create_invalidation", "AccessDenied", http_status_code=403)
        with pytest.raises(PermissionError, match="cloudfront:CreateInvalidation on distribution E1"):
            provider.update("id", copy.deepcopy(DEPLOYED), after(admin_html="2"))


def test_the_state_holds_a_reference_to_the_provider_and_none_of_its_bytecode() -> None:
    """Bytecode would tie the state to one Python version (pulumi/pulumi#2900)."""
    serialized = base64.b64decode(serialize_provider(CloudFrontInvalidations()))
    assert type(dill.loads(serialized)) is CloudFrontInvalidations
    assert b"components.invalidation" in serialized
    assert len(serialized) < 150


def _expect_creation(cloudfront: Stubber, paths: list[str], reference: str) -> None:
    batch = {"Paths": {"Quantity": len(paths), "Items": paths}, "CallerReference": reference}
    expected = {"DistributionId": "E1", "InvalidationBatch": batch}
    cloudfront.add_response("create_invalidation", {"Invalidation": _invalidation("InProgress", batch)}, expected)


def _expect_status(cloudfront: Stubber, status: str) -> None:
    batch = {"Paths": {"Quantity": 0}, "CallerReference": "x"}
    response = {"Invalidation": _invalidation(status, batch)}
    cloudfront.add_response("get_invalidation", response, {"DistributionId": "E1", "Id": "I1"})


def _invalidation(status: str, batch: dict[str, Any]) -> dict[str, Any]:
    return {"Id": "I1", "Status": status, "CreateTime": "2026-11-24T00:00:00Z", "InvalidationBatch": batch}
