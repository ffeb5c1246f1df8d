"""The admin page on the whole site: real sign-in, a real queue, a worker that encodes, and the public pages after."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sandbox.administrator import NAME, PASSWORD_FILE
from tests.browser.conftest import DESKTOP
from tests.project_copy import ProjectCopy

# Two seconds of video take a few; machines are slow.
PATIENCE_MS = 60_000
# On the curve of the samples, but none of them.
CRF = "29"


@pytest.fixture
def page(browser: Browser, project: ProjectCopy, outputs: dict[str, Any]) -> Iterator[Page]:
    """The admin page, once the sandbox's administrator has signed in at the user pool."""
    context = browser.new_context(viewport={"width": DESKTOP, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(outputs["admin_url"])
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Username").fill(NAME)
    page.get_by_label("Password").fill((project.emulator.folder / PASSWORD_FILE).read_text(encoding="utf-8"))
    page.get_by_role("button", name="Sign in").click()
    _soon(page.get_by_text(f"Signed in as {NAME}"))
    yield page
    context.close()


def test_an_experiment_is_started_watched_and_found_on_its_curve_until_it_is_deleted(page: Page, site_url: str) -> None:
    name = "Made by hand"
    _start(page, name, codec="x264", preset="veryfast", crf=CRF)
    page.get_by_role("link", name="Watch it").click()
    _soon(_ended(page, name).get_by_text("Succeeded"))

    _view(page, "Experiments")
    _row(page, name).get_by_role("link", name=f"Log of {name}").click()
    _soon(page.get_by_text(re.compile(r"^\d+ lines · complete$")))
    page.get_by_role("searchbox", name="Search").fill("profile High")
    page.get_by_role("button", name="Next match").click()
    encoder = page.get_by_role("region", name="Log lines").get_by_text("x264 encode", exact=True)
    expect(encoder.first).to_be_in_viewport()

    public = page.context.new_page()
    public.goto(site_url)
    public.get_by_role("link", name=name, exact=True).click()
    expect(public.get_by_role("heading", level=1, name=name)).to_be_visible()
    expect(public.locator("main video").first).to_be_visible()
    point = public.get_by_role("link", name=re.compile(rf"^x264 · CRF {CRF} · .* dB$"))
    public.goto(f"{site_url}/curves?clip=game-of-life")
    expect(point).to_be_visible()

    _view(page, "Experiments")
    _delete(page, name)
    public.reload()
    expect(public.locator(".chart")).to_be_visible()
    expect(point).to_have_count(0)


def test_an_experiment_is_stopped_run_again_and_stopped_in_the_chat(page: Page) -> None:
    name = "Takes minutes"
    _start(page, name, codec="av1", preset="0", crf="20")
    page.get_by_role("link", name="Watch it").click()
    _soon(_row(page, name).get_by_text("Running"))
    page.get_by_role("button", name=f"Stop {name}").click()
    _soon(_ended(page, name).get_by_text("Cancelled"))

    _view(page, "Experiments")
    page.get_by_role("button", name=f"Run again: {name}").click()
    _soon(page.get_by_text(f"{name} is in the queue again."))
    _view(page, "Monitor")
    _soon(_row(page, name).get_by_text("Running"))

    _view(page, "Chat")
    page.get_by_role("button", name="New conversation").click()
    page.get_by_label("Your message").fill("Stop the running one")
    page.get_by_role("button", name="Send").click()
    proposal = page.get_by_role("article", name="Proposal")
    expect(proposal).to_contain_text(name)
    proposal.get_by_role("button", name="Confirm").click()
    _soon(proposal.get_by_text("Done", exact=True))
    _view(page, "Audit trail")
    _soon(_row(page, "Stopped, in the chat"))
    _view(page, "Monitor")
    expect(_row(page, name)).to_have_count(0, timeout=PATIENCE_MS)
    _view(page, "Experiments")
    _delete(page, name, count=2)


def _start(page: Page, name: str, codec: str, preset: str, crf: str) -> None:
    _view(page, "Start")
    page.get_by_label("Codec").select_option(codec)
    page.get_by_label("Clip").select_option("game-of-life")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Preset").select_option(preset)
    page.get_by_role("spinbutton", name="CRF").fill(crf)
    page.get_by_role("button", name="Start", exact=True).click()
    _soon(page.get_by_text(f"{name} is in the queue."))


def _delete(page: Page, name: str, count: int = 1) -> None:
    buttons = page.get_by_role("button", name=f"Delete: {name}")
    for left in reversed(range(count)):
        buttons.first.click()
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(buttons).to_have_count(left, timeout=PATIENCE_MS)


def _view(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Admin").get_by_role("link", name=name).click()


def _row(page: Page, text: str) -> Locator:
    return page.get_by_role("row").filter(has_text=text).first


def _ended(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name="Ended lately").get_by_role("listitem").filter(has_text=name).first


def _soon(found: Locator) -> None:
    expect(found).to_be_visible(timeout=PATIENCE_MS)
