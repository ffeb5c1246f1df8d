"""Conditional requests: who has an answer already is told so, as long as it still says the same."""

from dataclasses import replace
from datetime import timedelta
from types import ModuleType

import pytest
from botocore.stub import Stubber

from tests.unit.renderer.conftest import NOW, Ask, SetClock
from tests.unit.renderer.fakes import FakeTable, experiment_item

PAGES = ["/", "/experiments/one"]
PATHS = [*PAGES, "/experiments.csv", "/feed.atom", "/api/experiments", "/api/experiments/one", "/api/openapi.json"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", [*PATHS, "/costs", "/curves", "/api/costs"])
def test_who_has_the_answer_is_not_sent_it_again(
    ask: Ask, table: FakeTable, set_clock: SetClock, path: str, method: str
) -> None:
    table.hold(experiment_item("one"))
    first = ask(path)
    again = ask(path, method=method, headers={"if-none-match": first["headers"]["ETag"]})
    assert (again["statusCode"], again["body"]) == (304, "")
    assert again["headers"]["ETag"] == first["headers"]["ETag"]
    assert again["headers"]["Cache-Control"] == first["headers"]["Cache-Control"]


@pytest.mark.parametrize("path", PATHS[:-1])
def test_a_change_is_sent(ask: Ask, table: FakeTable, set_clock: SetClock, path: str) -> None:
    table.hold(experiment_item("one"))
    tag = ask(path)["headers"]["ETag"]
    table.hold(experiment_item("one", name="renamed"))
    changed = ask(path, headers={"if-none-match": tag})
    assert changed["statusCode"] == 200
    assert "renamed" in changed["body"]
    assert changed["headers"]["ETag"] != tag


@pytest.mark.parametrize("named", ["*", '"other", {tag}', "W/{tag}", " {tag} ,"])
def test_one_of_several_tags_will_do_and_a_compressed_one(ask: Ask, named: str) -> None:
    tag = ask("/api/experiments")["headers"]["ETag"]
    assert ask("/api/experiments", headers={"if-none-match": named.format(tag=tag)})["statusCode"] == 304


@pytest.mark.parametrize("named", ["", '"other"', "*, *", "W/", "\ud800", '"' * 10_000, "<script>"])
def test_any_other_tag_is_none(ask: Ask, named: str) -> None:
    assert ask("/api/experiments", headers={"if-none-match": named})["statusCode"] == 200


@pytest.mark.parametrize("path", PAGES)
def test_the_page_stays_the_same_within_a_minute_and_ages_after_it(
    ask: Ask, table: FakeTable, set_clock: SetClock, path: str
) -> None:
    table.hold(experiment_item("one", status="running", finished_at=None, created_at="2026-11-24T07:00:00Z"))
    tag = ask(path)["headers"]["ETag"]
    set_clock(NOW + timedelta(seconds=50))
    assert ask(path, headers={"if-none-match": tag})["statusCode"] == 304
    set_clock(NOW + timedelta(seconds=60))
    aged = ask(path, headers={"if-none-match": tag})
    assert aged["statusCode"] == 200
    assert "31 min ago" in aged["body"]


def test_another_build_is_another_page(
    ask: Ask, renderer: ModuleType, monkeypatch: pytest.MonkeyPatch, set_clock: SetClock
) -> None:
    tag = ask("/")["headers"]["ETag"]
    other = replace(renderer.services().release, build_id="other", version="13")
    monkeypatch.setattr(renderer.services(), "release", other)
    assert ask("/", headers={"if-none-match": tag})["statusCode"] == 200


def test_pages_have_weak_tags_as_their_footers_may_differ_and_data_have_strong_ones(ask: Ask) -> None:
    assert ask("/")["headers"]["ETag"].startswith('W/"')
    assert ask("/api/experiments")["headers"]["ETag"].startswith('"')


@pytest.mark.parametrize("path", ["/nope", "/health", "/api/experiments/nope"])
def test_what_must_not_be_stored_is_always_sent(ask: Ask, bucket: Stubber, path: str) -> None:
    bucket.add_response("head_bucket", {})
    answer = ask(path, headers={"if-none-match": "*"})
    assert answer["statusCode"] != 304
    assert "ETag" not in answer["headers"]
