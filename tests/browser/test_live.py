"""Pages that follow what they show: a change comes without a reload, and nothing else on the page notices."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from experiments.model import Experiment, Status, new_experiment_id
from experiments.repository import ExperimentRepository
from playwright.sync_api import Page, Response, expect

from releasing.served import get
from tests.browser.conftest import DESKTOP, DESKTOP_VIEWER, PHONE, OpenFor, Viewer

PATHS = ["/", "/experiments/followed"]
# More than any time between two requests.
LONG_MS = 150_000

Follow = Callable[..., Page]
"""Opens a path whose time can be moved on."""


@pytest.fixture
def running(experiments: ExperimentRepository) -> Iterator[Experiment]:
    """An experiment that runs as long as the test, the newest of all."""
    now = datetime.now(UTC)
    fields: dict[str, Any] = {"created_at": now, "started_at": now - timedelta(hours=1), "progress": 0.1}
    experiment = Experiment(
        id="followed", name="Followed", codec="x264", clip="game-of-life", status=Status.RUNNING, **fields
    )
    experiments.put(experiment)
    yield experiment
    experiments.put(replace(experiment, status=Status.CANCELLED))


@pytest.fixture
def follow(open_for: OpenFor) -> Follow:
    def follow(path: str, viewer: Viewer = DESKTOP_VIEWER) -> Page:
        page = open_for(viewer, path).page
        page.clock.install()
        page.reload()
        page.evaluate("window.loadedOnce = true")
        return page

    return follow


@pytest.mark.parametrize("path", PATHS)
def test_progress_is_shown_without_a_reload(
    follow: Follow, running: Experiment, experiments: ExperimentRepository, path: str
) -> None:
    page = follow(path)
    experiments.put(replace(running, progress=0.64))
    page.clock.fast_forward(LONG_MS)
    expect(page.locator("progress[value='64']")).to_be_visible()
    expect(page.get_by_text("64 %")).to_be_visible()
    assert page.evaluate("window.loadedOnce")


def test_a_new_experiment_appears_above_the_others(
    follow: Follow, running: Experiment, experiments: ExperimentRepository
) -> None:
    page = follow("/")
    rows = page.locator("table.experiments tbody tr")
    followed = page.get_by_role("link", name="Followed")
    followed.focus()
    now = datetime.now(UTC)
    added = replace(running, id=new_experiment_id(now, "x264"), name="Added", status=Status.QUEUED, created_at=now)
    experiments.put(added)
    page.clock.fast_forward(LONG_MS)
    expect(rows.first).to_contain_text("Added")
    expect(rows.nth(1)).to_contain_text("Followed")
    expect(followed).to_be_focused()
    experiments.put(replace(added, status=Status.CANCELLED))


def test_scroll_focus_selection_details_and_what_is_typed_or_ticked_stay(
    follow: Follow, running: Experiment, experiments: ExperimentRepository
) -> None:
    page = follow("/")
    failure = page.locator("details.error").first
    failure.locator("summary").click()
    page.get_by_label("Search").fill("half a wo")
    page.get_by_label("Compare Followed").check()
    link = page.get_by_role("link", name="Followed")
    link.focus()
    link.evaluate("link => getSelection().selectAllChildren(link)")
    scrolled = page.evaluate("scrollTo(0, 300); scrollY")
    experiments.put(replace(running, progress=0.65))
    page.clock.fast_forward(LONG_MS)
    expect(page.locator("progress[value='65']")).to_be_visible()
    assert failure.get_attribute("open") is not None
    expect(page.get_by_label("Search")).to_have_value("half a wo")
    expect(page.get_by_label("Compare Followed")).to_be_checked()
    expect(link).to_be_focused()
    assert page.evaluate("getSelection().toString()") == "Followed"
    assert page.evaluate("scrollY") == scrolled


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_nothing_moves_as_progress_comes(
    follow: Follow, running: Experiment, experiments: ExperimentRepository, width: int
) -> None:
    experiments.put(replace(running, progress=None))
    page = follow("/", Viewer("light", width, javascript=True))
    row = page.locator("tr", has_text="Followed")
    height = row.bounding_box()
    experiments.put(replace(running, progress=1.0))
    page.clock.fast_forward(LONG_MS)
    expect(row.get_by_text("100 %")).to_be_visible()
    assert row.bounding_box() == height


def test_while_nothing_changes_a_refresh_is_one_conditional_request(follow: Follow) -> None:
    # Ages would change a page with experiments in the middle of the test.
    page = follow("/?text=no-such-experiment")
    _next_answer(page)
    answer = _next_answer(page)
    assert answer.status == 304
    assert "if-none-match" in answer.request.headers


def test_a_hidden_page_asks_for_nothing_and_one_that_is_seen_again_at_once(follow: Follow) -> None:
    page = follow("/")
    _turn_visibility(page, hidden=True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(LONG_MS)
    with page.expect_response(page.url):
        _turn_visibility(page, hidden=False)
    assert asked == [page.url]


def test_a_page_that_lost_touch_says_so_until_it_is_back(
    follow: Follow, running: Experiment, experiments: ExperimentRepository
) -> None:
    page = follow("/")
    notice = page.get_by_role("status")
    page.route(page.url, lambda route: route.abort())
    for _ in range(3):
        expect(notice).to_be_empty()
        with page.expect_event("requestfailed"):
            page.clock.fast_forward(LONG_MS)
    expect(notice).to_have_text(re.compile(r"^Lost touch with the site: this is from .*\d:\d\d:\d\d"))
    page.unroute(page.url)
    experiments.put(replace(running, progress=0.66))
    page.clock.fast_forward(LONG_MS)
    expect(page.locator("progress[value='66']")).to_be_visible()
    expect(notice).to_be_empty()


def test_an_old_page_in_place_of_a_new_one_is_no_answer(follow: Follow, running: Experiment) -> None:
    page = follow("/")
    page.route(page.url, lambda route: route.fulfill(body="<main>", headers={"Retry-After": "30"}))
    for _ in range(3):
        _next_answer(page)
    expect(page.get_by_role("status")).to_contain_text("Lost touch with the site")
    expect(page.get_by_role("link", name="Followed")).to_be_visible()


def test_a_finished_experiments_videos_play_in_step_without_a_reload(
    follow: Follow, running: Experiment, experiments: ExperimentRepository, experiment_ids: dict[str, str]
) -> None:
    finished = experiments.get(experiment_ids["x264"])
    assert finished
    page = follow("/experiments/followed")
    experiments.put(replace(running, status=Status.SUCCEEDED, artefacts=finished.artefacts))
    page.clock.fast_forward(LONG_MS)
    page.get_by_role("button", name="Play both").click()
    expect(page.get_by_role("button", name="Pause both")).to_be_visible()
    assert page.evaluate("window.loadedOnce")


def test_another_releases_page_is_loaded_as_a_whole(follow: Follow) -> None:
    page = follow("/")
    another = re.sub(r'<code title="[^"]*"', '<code title="another"', get(page.url).text)
    page.route(page.url, lambda route: route.fulfill(body=another, content_type="text/html"))
    page.clock.fast_forward(LONG_MS)
    page.wait_for_function("!window.loadedOnce")
    expect(page.locator("footer code")).to_have_attribute("title", "another")


def _next_answer(page: Page) -> Response:
    with page.expect_response(page.url) as answer:
        page.clock.fast_forward(LONG_MS)
    return answer.value


def _turn_visibility(page: Page, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
             Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
             document.dispatchEvent(new Event("visibilitychange"));
           }""",
        hidden,
    )
