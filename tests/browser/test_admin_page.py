"""The admin page, as an administrator works with it: in a real browser, with a made-up lab behind it."""

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from experiments.model import Status
from playwright.sync_api import Browser, Dialog, Locator, Page, Route, expect

from releasing.project import PROJECT
from tests.browser.admin_chat import STEPS
from tests.browser.admin_lab import HOSTILE, LONG_LOG_LINES, MIDDLING_LOG_LINES
from tests.browser.admin_site import HEALTH, AdminSite, started_admin_site
from tests.browser.conftest import DESKTOP, PHONE, SCHEMES

# More than any time between two requests.
LONG_MS = 150_000
# A hundred thousand lines come in twenty pieces, and machines are slow.
PATIENCE_MS = 60_000
LARGEST_GZIPPED_BYTES = 60 * 1024
TOOLS = [tool for tools in STEPS for tool, _asked in tools]
HOSTILE_VIEWS = ["monitor", "start/hostile", "experiments", "log/hostile", "audit"]
"""Those that show what somebody has written for harm; the chat has a test of its own."""
VIEWS = [*HOSTILE_VIEWS, "start", "log", "chat"]


@dataclass(frozen=True)
class Desk:
    """A browser at the site, and what it complained about."""

    page: Page
    site: AdminSite
    complaints: list[str] = field(default_factory=list)

    def open(self, view: str = "") -> Page:
        """Sign in, and see a view of the page."""
        self.page.goto(f"{self.site.url}/admin.html#{view}")
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_text("Signed in as ada")).to_be_visible()
        return self.page


@pytest.fixture
def site() -> Iterator[AdminSite]:
    # Each test's own, as a request of the one before may be under way when its page is closed.
    with started_admin_site() as site:
        yield site


@pytest.fixture
def desk(browser: Browser, site: AdminSite) -> Iterator[Desk]:
    context = browser.new_context(viewport={"width": DESKTOP, "height": 900}, reduced_motion="reduce")
    desk = Desk(context.new_page(), site)
    # Time can be moved on, so that nobody waits for timers.
    desk.page.clock.install()
    desk.page.on("console", lambda message: desk.complaints.append(message.text) if message.type == "error" else None)
    desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))
    desk.page.on("dialog", lambda dialog: _note(dialog, desk))
    yield desk
    context.close()


def _note(dialog: Dialog, desk: Desk) -> None:
    desk.complaints.append(dialog.message)
    dialog.dismiss()


# Signing in.


def test_signing_in_leads_to_the_view_that_was_asked_for(desk: Desk) -> None:
    page = desk.open("audit")
    expect(page.get_by_role("heading", name="Audit trail")).to_be_visible()
    assert page.url == f"{desk.site.url}/admin.html#audit"
    assert desk.complaints == []


def test_no_token_is_kept_where_other_scripts_or_people_find_it(desk: Desk) -> None:
    page = desk.open()
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])")
    given = [*desk.site.tokens.good_until, *desk.site.tokens.refresh]
    assert given
    assert [token for token in given if token in kept] == []


def test_who_is_not_signed_in_sees_what_the_page_is_for_and_nothing_of_the_lab(desk: Desk) -> None:
    desk.page.goto(f"{desk.site.url}/admin.html#experiments")
    expect(desk.page.get_by_role("heading", name="For administrators of the lab")).to_be_visible()
    expect(desk.page.get_by_role("status").filter(has_text="Everything answers")).to_be_visible()
    expect(desk.page.get_by_role("navigation", name="Admin")).to_be_hidden()
    assert desk.site.requests == []


def test_a_code_that_the_page_did_not_ask_for_is_refused(desk: Desk) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))
    desk.page.goto(f"{desk.site.url}/admin.html?code=somebody-elses&state=wrong")
    expect(desk.page.get_by_text("This page did not ask for that sign-in")).to_be_visible()
    expect(desk.page.get_by_role("button", name="Sign in")).to_be_visible()
    assert [url for url in asked if "token" in url] == []
    assert "somebody-elses" not in desk.page.url


def test_what_the_sign_in_service_says_is_shown_as_text(desk: Desk) -> None:
    desk.page.goto(f"{desk.site.url}/admin.html?error=access_denied&error_description={HOSTILE}")
    expect(desk.page.get_by_text(HOSTILE)).to_be_visible()


def test_an_old_token_is_renewed_and_nobody_notices(desk: Desk) -> None:
    page = desk.open("experiments")
    expect(_row(page, "Running one")).to_be_visible()
    desk.site.tokens.expire()
    page.get_by_label("Status").select_option("failed")
    page.clock.fast_forward(LONG_MS)
    expect(_row(page, "Failed one")).to_be_visible()
    expect(_row(page, "Running one")).to_be_hidden()
    assert desk.site.answers("GET", "/experiments") == [200, 401, 200]


def test_who_is_signed_out_elsewhere_is_asked_to_sign_in_again(desk: Desk) -> None:
    page = desk.open("experiments")
    expect(_row(page, "Running one")).to_be_visible()
    desk.site.tokens.revoke()
    page.get_by_role("link", name="Audit trail").click()
    expect(page.get_by_text("Your session has ended. Sign in again.")).to_be_visible()
    expect(page.get_by_role("heading", name="Audit trail")).to_be_hidden()
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Audit trail")).to_be_visible()


def test_a_reload_does_not_ask_to_sign_in_again(desk: Desk) -> None:
    page = desk.open("audit")
    page.reload()
    expect(page.get_by_role("heading", name="Audit trail")).to_be_visible()


def test_who_is_no_administrator_can_sign_out_to_come_back_as_one(desk: Desk) -> None:
    page = desk.page
    desk.site.fail(1, status=403, under="/me")
    page.goto(f"{desk.site.url}/admin.html")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Not available right now")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    assert not desk.site.tokens.refresh


def test_signing_out_makes_the_tokens_worthless(desk: Desk) -> None:
    page = desk.open()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    assert not desk.site.tokens.refresh
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


# The site's health, which everybody may see.


def test_the_page_shows_what_of_the_site_fails(desk: Desk) -> None:
    page = desk.page
    page.goto(f"{desk.site.url}/admin.html")
    expect(page.get_by_text("Everything answers")).to_be_visible()
    dependencies = {"table": {"status": "failed", "latency_ms": 1, "reason": "AccessDeniedException"}}
    health = {**HEALTH, "status": "degraded", "dependencies": dependencies}
    page.route("**/health", lambda route: route.fulfill(status=503, json=health))
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("Something that the site needs does not answer")).to_be_visible()
    expect(page.get_by_text("Fails: AccessDeniedException")).to_be_visible()


def test_the_page_says_so_where_health_can_not_be_read(desk: Desk) -> None:
    desk.page.route("**/health", lambda route: route.abort())
    desk.page.goto(f"{desk.site.url}/admin.html")
    expect(desk.page.get_by_text("The site's health can't be read")).to_be_visible()


# What goes on.


def test_progress_is_shown_as_it_comes(desk: Desk) -> None:
    page = desk.open("monitor")
    expect(_progress(page, 25)).to_be_visible()
    desk.site.lab.change("running", progress=0.64)
    page.clock.fast_forward(LONG_MS)
    expect(_progress(page, 64)).to_be_visible()


def test_while_nothing_changes_the_monitor_is_not_sent_again(desk: Desk) -> None:
    page = desk.open("monitor")
    expect(_progress(page, 25)).to_be_visible()
    with page.expect_response("**/monitor") as answer:
        page.clock.fast_forward(LONG_MS)
    assert answer.value.status == 304
    expect(_progress(page, 25)).to_be_visible()


def test_a_monitor_that_lost_touch_says_so_until_it_is_back(desk: Desk) -> None:
    page = desk.open("monitor")
    expect(_progress(page, 25)).to_be_visible()
    lost = page.get_by_role("status").filter(has_text="Lost touch with the site")
    desk.site.fail(1000, status=0, under="/monitor")
    for _ in range(2):
        expect(lost).to_be_hidden()
        with page.expect_event("requestfailed"):
            page.clock.fast_forward(LONG_MS)
    expect(lost).to_be_visible()
    desk.site.fail(0)
    desk.site.lab.change("running", progress=0.7)
    page.clock.fast_forward(LONG_MS)
    expect(_progress(page, 70)).to_be_visible()
    expect(lost).to_be_hidden()


def test_a_site_that_says_nothing_at_all_is_out_of_touch_as_well(desk: Desk) -> None:
    page = desk.open("monitor")
    expect(_progress(page, 25)).to_be_visible()
    with page.expect_request("**/monitor"):
        page.route("**/monitor", lambda _route: None)
        page.clock.fast_forward(LONG_MS)
    # Longer than a person waits, shorter than the page does.
    page.clock.fast_forward(15_000)
    expect(page.get_by_role("status").filter(has_text="The site does not answer")).to_be_visible()


def test_a_monitor_that_nobody_sees_asks_for_nothing(desk: Desk) -> None:
    page = desk.open("monitor")
    expect(_progress(page, 25)).to_be_visible()
    page.get_by_role("link", name="Audit trail").click()
    expect(_row(page, "ada").first).to_be_visible()
    before = len(desk.site.requests)
    page.clock.fast_forward(LONG_MS)
    page.get_by_role("navigation", name="Admin").get_by_role("link", name="Experiments").click()
    expect(_row(page, "Failed one")).to_be_visible()
    assert [path for _method, path, _status in desk.site.requests[before:]] == ["/experiments"]


def test_a_running_experiment_is_told_to_stop_once(desk: Desk) -> None:
    page = desk.open("monitor")
    stop = page.get_by_role("button", name="Stop Running one")
    stop.click()
    expect(page.get_by_text("Running one was told to stop.")).to_be_visible()
    expect(stop).to_be_disabled()
    assert desk.site.lab.experiments["running"].stop_requested_at
    desk.site.lab.change("running", status=Status.CANCELLED, finished_at=datetime.now(UTC))
    page.clock.fast_forward(LONG_MS)
    expect(stop).to_be_hidden()
    expect(page.get_by_role("region", name="Ended lately").get_by_role("link", name="Running one")).to_be_visible()


# Starting.


def test_a_new_experiment_is_started_once_however_often_one_clicks(desk: Desk) -> None:
    page = desk.open("start")
    page.get_by_label("Codec").select_option("av1")
    page.get_by_label("Clip").select_option("game-of-life")
    page.get_by_label("Name").fill("Made by hand")
    page.get_by_label("Preset").select_option("6")
    page.get_by_label("CRF").fill("40")
    page.get_by_text("Encoder options").click()
    page.get_by_label("Frames between keyframes, at most").fill("120")
    page.get_by_role("button", name="Start", exact=True).dblclick()
    expect(page.get_by_text("Made by hand is in the queue.")).to_be_visible()
    (started,) = (one for one in desk.site.lab.experiments.values() if one.name == "Made by hand")
    asked = {name: started.parameters[name] for name in ("preset", "crf", "g")}
    assert (started.codec, started.clip, asked) == ("av1", "game-of-life", {"preset": "6", "crf": 40, "g": 120})


def test_a_start_that_got_no_answer_may_be_repeated_and_is_one_experiment(desk: Desk) -> None:
    page = desk.open("start")
    page.get_by_label("Name").fill("Asked for twice")
    page.route("**/api/admin/experiments", _lose)
    start = page.get_by_role("button", name="Start", exact=True)
    start.click()
    expect(page.get_by_text("The site does not answer")).to_be_visible()
    page.unroute("**/api/admin/experiments")
    start.click()
    expect(page.get_by_text("Asked for twice is in the queue.")).to_be_visible()
    assert desk.site.answers("POST", "/experiments") == [201, 200]
    assert [one.name for one in desk.site.lab.experiments.values()].count("Asked for twice") == 1


def test_what_an_experiment_will_cost_is_told_before_it_is_started(desk: Desk) -> None:
    page = desk.open("start")
    page.get_by_label("Codec").select_option("x265")
    page.clock.fast_forward(LONG_MS)
    expect(page.get_by_role("status").filter(has_text="0.0018 USD (mean of 60 like it)")).to_be_visible()
    page.get_by_label("Codec").select_option("vp9")
    page.clock.fast_forward(LONG_MS)
    expect(page.get_by_role("status").filter(has_text="nothing like it has been measured")).to_be_visible()


def test_what_does_not_fit_is_told_at_its_field(desk: Desk) -> None:
    page = desk.open("start")
    quality = page.get_by_label("CRF")
    quality.fill("99")
    page.clock.fast_forward(LONG_MS)
    expect(quality).to_have_attribute("aria-invalid", "true")
    expect(quality).to_have_accessible_description(re.compile("must be from 0 to 51"))
    quality.fill("30")
    expect(quality).not_to_have_attribute("aria-invalid", "true")


def test_an_experiment_is_run_again_with_other_parameters(desk: Desk) -> None:
    page = desk.open("experiments")
    _row(page, "Failed one").get_by_role("link", name=re.compile("^Edit")).click()
    expect(page.get_by_text("Runs again: Failed one")).to_be_visible()
    expect(page.get_by_label("Preset")).to_have_value("medium")
    page.get_by_label("Preset").select_option("slow")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("is in the queue.")).to_be_visible()
    (started,) = (one for one in desk.site.lab.experiments.values() if one.parent_id == "failed")
    assert started.parameters["preset"] == "slow"


# The list of experiments.


def test_experiments_are_found_filtered_and_paged(desk: Desk) -> None:
    page = desk.open("experiments")
    rows = page.get_by_role("table").locator("tbody").get_by_role("row")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Older experiments").click()
    expect(rows).to_have_count(len(desk.site.lab.experiments))
    expect(page.get_by_role("button", name="Older experiments")).to_be_hidden()
    page.get_by_label("Status").select_option("failed")
    page.clock.fast_forward(LONG_MS)
    expect(rows).to_have_count(2)
    page.get_by_label("Status").select_option("")
    page.get_by_label("Search").fill("number 17")
    page.clock.fast_forward(LONG_MS)
    expect(rows).to_have_count(1)
    page.get_by_label("Search").fill("no such thing")
    page.clock.fast_forward(LONG_MS)
    expect(page.get_by_text("No experiment is like that.")).to_be_visible()


def test_an_experiment_is_stopped_from_the_list(desk: Desk) -> None:
    page = desk.open("experiments")
    page.get_by_role("button", name="Stop: Queued one").click()
    expect(page.get_by_text("Queued one is cancelled.")).to_be_visible()
    expect(_row(page, "Queued one").get_by_text("Cancelled", exact=True)).to_be_visible()
    assert desk.site.lab.experiments["queued"].status is Status.CANCELLED


def test_who_comes_too_late_is_told_how_it_is_now(desk: Desk) -> None:
    page = desk.open("experiments")
    stop = page.get_by_role("button", name="Stop: Running one")
    expect(stop).to_be_visible()
    desk.site.lab.change("running", status=Status.SUCCEEDED, finished_at=datetime.now(UTC))
    stop.click()
    expect(page.get_by_role("status").filter(has_text="It is succeeded now.")).to_be_visible()
    expect(_row(page, "Running one").get_by_text("Succeeded", exact=True)).to_be_visible()


def test_an_experiment_is_run_again_once_however_often_one_clicks(desk: Desk) -> None:
    page = desk.open("experiments")
    page.get_by_role("button", name="Run again: Failed one").dblclick()
    expect(page.get_by_text("Failed one is in the queue again.")).to_be_visible()
    assert [one.parent_id for one in desk.site.lab.experiments.values() if one.parent_id] == ["failed"]


def test_a_rerun_that_got_no_answer_may_be_repeated_and_is_one_experiment(desk: Desk) -> None:
    page = desk.open("experiments")
    again = page.get_by_role("button", name="Run again: Failed one")
    page.route("**/rerun", _lose)
    again.click()
    expect(page.get_by_text("The site does not answer")).to_be_visible()
    page.unroute("**/rerun")
    again.click()
    expect(page.get_by_text("Failed one is in the queue again.")).to_be_visible()
    assert desk.site.answers("POST", "/experiments/failed/rerun") == [201, 200]


def test_chosen_experiments_are_run_again_at_once(desk: Desk) -> None:
    page = desk.open("experiments")
    for name in ("Failed one", "Cancelled one"):
        page.get_by_role("checkbox", name=f"Choose {name}").check()
    page.get_by_role("button", name="Run 2 chosen again").click()
    expect(page.get_by_text("2 experiments in the queue again.")).to_be_visible()
    reruns = {one.parent_id for one in desk.site.lab.experiments.values() if one.parent_id}
    assert reruns == {"failed", "cancelled"}


def test_all_that_failed_is_run_again_but_only_once(desk: Desk) -> None:
    page = desk.open("experiments")
    again = page.get_by_role("button", name="Run all failed again")
    again.click()
    expect(page.get_by_text("2 experiments in the queue again.")).to_be_visible()
    again.click()
    expect(page.get_by_text("Nothing was run again.")).to_be_visible()
    assert sum(1 for one in desk.site.lab.experiments.values() if one.parent_id) == 2


def test_an_experiment_is_deleted_only_after_a_question(desk: Desk) -> None:
    page = desk.open("experiments")
    delete = page.get_by_role("button", name="Delete: Failed one")
    delete.click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("Delete Failed one")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    delete.click()
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    assert "failed" in desk.site.lab.experiments
    delete.click()
    question.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Failed one is deleted.")).to_be_visible()
    expect(_row(page, "Failed one")).to_be_hidden()
    # The button that was pressed is gone, but the keyboard goes on from there.
    expect(page.get_by_role("table")).to_be_focused()
    assert "failed" not in desk.site.lab.experiments


def test_the_audit_trail_tells_what_was_done_and_goes_back_in_time(desk: Desk) -> None:
    page = desk.open("experiments")
    page.get_by_role("button", name="Stop: Queued one").click()
    expect(page.get_by_text("Queued one is cancelled.")).to_be_visible()
    page.get_by_role("link", name="Audit trail").click()
    rows = page.get_by_role("table").locator("tbody").get_by_role("row")
    expect(rows.first).to_contain_text(re.compile("ada.*Stopped.*queued"))
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Earlier").click()
    expect(rows).to_have_count(len(desk.site.lab.audit))


# Logs.


def test_a_very_long_log_is_read_whole_with_few_lines_in_the_document(desk: Desk) -> None:
    page = desk.open("log/long-log")
    expect(page.get_by_text("100,000 lines · complete")).to_be_visible(timeout=PATIENCE_MS)
    lines = page.get_by_role("region", name="Log lines")
    expect(lines.get_by_text(f"frame {LONG_LOG_LINES}")).to_be_visible()
    lines.evaluate("lines => lines.scrollTop = 0")
    expect(lines.get_by_text("frame 2", exact=True)).to_be_visible()
    assert lines.locator("*").count() < 1000


def test_a_log_grows_as_its_experiment_runs_unless_it_is_paused(desk: Desk) -> None:
    page = desk.open("log/running")
    lines = page.get_by_role("region", name="Log lines")
    expect(lines.get_by_text("[error] a lost frame")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    desk.site.lab.print("running", "frame= 2 fps=31")
    page.clock.fast_forward(LONG_MS)
    expect(page.get_by_text("4 lines · paused")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(lines.get_by_text("frame= 2 fps=31")).to_be_visible()
    desk.site.lab.print("running", "frame= 3 fps=31")
    page.clock.fast_forward(LONG_MS)
    expect(lines.get_by_text("frame= 3 fps=31")).to_be_visible()


def test_a_log_that_is_out_of_reach_says_so_and_goes_on_where_it_was(desk: Desk) -> None:
    page = desk.open("log/running")
    lines = page.get_by_role("region", name="Log lines")
    expect(lines.get_by_text("[error] a lost frame")).to_be_visible()
    desk.site.fail(1, under="/experiments/running/log")
    page.clock.fast_forward(LONG_MS)
    trouble = page.get_by_role("status").filter(has_text="It is tried again")
    expect(trouble).to_be_visible()
    desk.site.lab.print("running", "frame= 2 fps=31")
    page.clock.fast_forward(LONG_MS)
    expect(lines.get_by_text("frame= 2 fps=31")).to_be_visible()
    expect(page.get_by_text("5 lines ·")).to_be_visible()
    expect(trouble).to_be_hidden()


def test_lines_are_found_and_filtered_by_level(desk: Desk) -> None:
    page = desk.open("log/failed")
    expect(page.get_by_text("6,000 lines · complete")).to_be_visible()
    lines = page.get_by_role("region", name="Log lines")
    page.get_by_label("Search").fill("Frame 432")
    expect(page.get_by_text("11 matches")).to_be_visible()
    page.get_by_role("button", name="Next match").click()
    expect(page.get_by_text("1 of 11 matches")).to_be_visible()
    expect(lines.get_by_text("frame 432", exact=True)).to_be_in_viewport()
    page.get_by_label("Search").fill("")
    page.get_by_label("Level").select_option("Errors only")
    expect(lines.get_by_text(re.compile("lost reference"))).to_have_count(6)
    expect(lines.get_by_text(re.compile("^frame"))).to_have_count(0)


def test_a_link_leads_to_a_line_and_each_line_is_a_link(desk: Desk) -> None:
    page = desk.open("log/failed/1-2345")
    lines = page.get_by_role("region", name="Log lines")
    expect(lines.get_by_text("frame 2345", exact=True)).to_be_in_viewport()
    expect(lines.get_by_role("link", name="2345", exact=True)).to_have_attribute("aria-current", "true")
    other = lines.get_by_role("link", name="2347", exact=True)
    other.click()
    expect(other).to_have_attribute("aria-current", "true")
    assert page.url.endswith("#log/failed/1-2347")


def test_a_log_is_downloaded_whole(desk: Desk) -> None:
    page = desk.open("log/failed")
    expect(page.get_by_text("6,000 lines · complete")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    saved = download.value.path().read_text(encoding="utf-8").splitlines()
    assert download.value.suggested_filename == "failed.log.txt"
    assert len([line for line in saved if "frame" in line]) == MIDDLING_LOG_LINES
    assert saved[-1].endswith(f"frame {MIDDLING_LOG_LINES}")


# The chat.


def test_the_model_looks_things_up_step_by_step_and_does_nothing_by_itself(desk: Desk) -> None:
    page = desk.open("chat")
    before = set(desk.site.lab.experiments)
    _ask(page, "Why has it failed?")
    messages = page.get_by_role("log", name="Messages")
    expect(messages.get_by_text("Why has it failed?")).to_be_visible()
    for tool in TOOLS:
        expect(messages.get_by_text(f"Used {tool}")).to_be_visible()
    expect(messages.get_by_text("I have proposed another one.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"last answer: 6,000 tokens in, 400 .*out, 0\.0240 USD"))).to_be_visible()
    expect(page.get_by_role("button", name="Confirm")).to_be_visible()
    assert set(desk.site.lab.experiments) == before


def test_what_the_model_proposes_happens_once_it_is_confirmed(desk: Desk) -> None:
    page = desk.open("chat")
    before = set(desk.site.lab.experiments)
    _ask(page, "Start it")
    proposal = page.get_by_role("article", name="Proposal")
    expect(proposal).to_contain_text("Start an experiment: x265 on game-of-life, preset fast, quality 30")
    proposal.get_by_role("button", name="Confirm").dblclick()
    expect(proposal.get_by_text(f"Started {HOSTILE}")).to_be_visible()
    expect(proposal.get_by_role("button")).to_have_count(0)
    (started,) = set(desk.site.lab.experiments) - before
    assert desk.site.lab.experiments[started].parameters["crf"] == 30
    page.get_by_role("link", name="Audit trail").click()
    rows = page.get_by_role("table").locator("tbody").get_by_role("row")
    expect(rows.first).to_contain_text(re.compile("ada.*Started, in the chat"))


def test_what_the_model_proposes_never_happens_once_it_is_refused(desk: Desk) -> None:
    page = desk.open("chat")
    before = set(desk.site.lab.experiments)
    _ask(page, "Start it")
    proposal = page.get_by_role("article", name="Proposal")
    proposal.get_by_role("button", name="Refuse").click()
    expect(proposal.get_by_text("Refused", exact=True)).to_be_visible()
    page.reload()
    expect(proposal.get_by_text("Refused", exact=True)).to_be_visible()
    expect(proposal.get_by_role("button")).to_have_count(0)
    assert set(desk.site.lab.experiments) == before


def test_an_answer_that_was_cut_off_goes_on_without_saying_anything_twice(desk: Desk) -> None:
    page = desk.open("chat/cut-off")
    desk.site.fail(1, under="/chat/cut-off/continue")
    _ask(page, "Why has it failed?")
    page.get_by_role("button", name="Try again").click()
    messages = page.get_by_role("log", name="Messages")
    expect(messages.get_by_text("I have proposed another one.")).to_be_visible()
    for tool in TOOLS:
        expect(messages.get_by_text(f"Used {tool}")).to_have_count(1)


def test_a_conversation_is_kept_until_it_is_deleted(desk: Desk) -> None:
    page = desk.open("chat")
    _ask(page, "What did it cost?")
    messages = page.get_by_role("log", name="Messages")
    expect(messages.get_by_text("I have proposed another one.")).to_be_visible()
    page.get_by_role("button", name="New conversation").click()
    expect(messages.get_by_text("What did it cost?")).to_be_hidden()
    conversations = page.get_by_role("navigation", name="Conversations")
    conversations.get_by_role("link", name="What did it cost?").click()
    expect(messages.get_by_text("I have proposed another one.")).to_be_visible()
    conversations.get_by_role("button", name="Delete “What did it cost?”").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(conversations.get_by_role("link")).to_have_count(0)
    assert desk.site.chat.conversations == {}


def test_a_question_asked_while_its_conversation_is_still_loading_is_asked_in_it(desk: Desk) -> None:
    page = desk.open("chat/first")
    expect(page.get_by_label("Your message")).to_be_visible()
    held: list[Route] = []
    page.route("**/api/admin/chat", lambda route: held.append(route))
    with page.expect_request("**/api/admin/chat"):
        page.get_by_role("button", name="New conversation").click()
    _ask(page, "What did it cost?")
    held[0].continue_()
    page.unroute("**/api/admin/chat")
    expect(page.get_by_role("log", name="Messages").get_by_text("I have proposed another one.")).to_be_visible()
    assert [f"chat/{conversation}" for conversation in desk.site.chat.conversations] == [page.url.partition("#")[2]]


def test_where_one_cannot_chat_the_page_says_why(desk: Desk) -> None:
    desk.site.chat.why_not = "This month's limit of 20 USD is reached."
    page = desk.open("chat")
    expect(page.get_by_text("This month's limit of 20 USD is reached.")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_hidden()


def test_a_limit_that_is_reached_between_two_questions_is_told(desk: Desk) -> None:
    page = desk.open("chat")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    desk.site.chat.why_not = "This month's limit of 20 USD is reached."
    _ask(page, "One more?")
    expect(page.get_by_text("The chat is not available.")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_hidden()


# Everywhere.


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_takes_text_for_text_and_axe_finds_no_violation(desk: Desk, view: str) -> None:
    # Rows are alike; each of them takes its time.
    for place in range(10, 60):
        del desk.site.lab.experiments[f"ended-{place}"]
    del desk.site.lab.audit[10:]
    page = desk.open(view)
    page.wait_for_load_state("networkidle")
    if view in HOSTILE_VIEWS:
        expect(page.get_by_text(HOSTILE)).not_to_have_count(0)
    assert page.locator("img").count() == 0
    _see_that_all_can_use(page)
    assert desk.complaints == []


def test_axe_finds_no_violation_in_a_conversation_and_in_a_question(desk: Desk) -> None:
    page = desk.open("chat")
    _ask(page, f"Why has it failed? {HOSTILE}")
    expect(page.get_by_role("log", name="Messages").get_by_text("I have proposed another one.")).to_be_visible()
    assert page.locator("img").count() == 0
    _see_that_all_can_use(page)
    page.get_by_role("button", name="Delete “Why has it failed?").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    _see_that_all_can_use(page)
    assert desk.complaints == []


def test_the_keyboard_leads_to_each_view_and_to_its_actions(desk: Desk) -> None:
    page = desk.open("monitor")
    stop = page.get_by_role("button", name="Stop Running one")
    expect(stop).to_be_visible()
    page.get_by_role("link", name="Monitor").focus()
    for name in ("Start", "Experiments", "Log", "Chat", "Audit trail"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("navigation", name="Admin").get_by_role("link", name=name)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(stop).to_be_focused()
    page.get_by_role("link", name="Audit trail").press("Enter")
    expect(page.get_by_role("heading", name="Audit trail")).to_be_visible()
    expect(page.get_by_role("link", name="Audit trail")).to_have_attribute("aria-current", "page")


def test_the_keyboard_skips_to_the_content_and_stays_in_the_view(desk: Desk) -> None:
    page = desk.open("audit")
    page.get_by_role("link", name="Skip to the content").press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    expect(page.get_by_role("heading", name="Audit trail")).to_be_visible()


def test_without_javascript_the_page_says_what_it_needs(browser: Browser, site: AdminSite) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/admin.html")
    expect(page.get_by_text("This needs JavaScript")).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    context.close()


def test_the_whole_page_is_small() -> None:
    dashboard = PROJECT / "dashboard"
    files = [*dashboard.glob("admin.*"), dashboard / "styles.css", *dashboard.glob("admin/*.js")]
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= LARGEST_GZIPPED_BYTES


def _row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has_text=name)


def _see_that_all_can_use(page: Page) -> None:
    # Each scheme and each width once.
    for scheme, width in zip(SCHEMES, (DESKTOP, PHONE), strict=True):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page)
        assert found.violations_count == 0, f"{scheme}, {width} pixels wide: {found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def _lose(route: Route) -> None:
    """Let a request through, but not its answer."""
    route.fetch()
    route.abort()


def _ask(page: Page, question: str) -> None:
    page.get_by_label("Your message").fill(question)
    page.get_by_role("button", name="Send").click()


def _progress(page: Page, percent: int) -> Locator:
    return page.get_by_role("row").filter(has_text="Running one").get_by_text(f"{percent} %")
