"""Chromium, and pages opened in it the way different people look at them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from experiments.repository import ExperimentRepository
from playwright.sync_api import Browser, ConsoleMessage, Page

from releasing.served import get
from tests.browser.chromium import NoChromium, started_chromium
from tests.project_copy import ProjectCopy


@dataclass(frozen=True)
class Viewer:
    """What a page has to suit: a colour scheme, a width in CSS pixels, and whether JavaScript runs."""

    scheme: str
    width: int
    javascript: bool

    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}-{'script' if self.javascript else 'noscript'}"


@dataclass(frozen=True)
class OpenPage:
    """A page as a viewer sees it, and what the browser complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)


OpenFor = Callable[[Viewer, str], OpenPage]
"""Opens a path of the site for a viewer; in it, names of `experiment_ids` in braces stand for these."""

DESKTOP = 1280
PHONE = 390
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
DESKTOP_VIEWER = Viewer("light", DESKTOP, javascript=True)
VIEWERS = [Viewer(scheme, width, js) for scheme in SCHEMES for width in (DESKTOP, PHONE) for js in (True, False)]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    try:
        with started_chromium() as started:
            yield started
    except NoChromium as reason:
        pytest.fail(str(reason), pytrace=False)


@pytest.fixture
def open_for(browser: Browser, site_url: str, experiment_ids: dict[str, str]) -> Iterator[OpenFor]:
    """Open pages, each in a browser context of its own."""
    contexts = []

    def open_for(viewer: Viewer, path: str) -> OpenPage:
        context = browser.new_context(
            viewport={"width": viewer.width, "height": 900},
            color_scheme="dark" if viewer.scheme == "dark" else "light",
            java_script_enabled=viewer.javascript,
        )
        contexts.append(context)
        opened = OpenPage(context.new_page())
        opened.page.on("console", lambda message: _note(message, opened))
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.goto(f"{site_url}{path.format(**experiment_ids)}")
        return opened

    yield open_for
    for context in contexts:
        context.close()


def _note(message: ConsoleMessage, opened: OpenPage) -> None:
    # A page that is meant to be an error page is itself "a resource that failed to load".
    if message.type in ("error", "warning") and message.location["url"] != opened.page.url:
        opened.complaints.append(message.text)


@pytest.fixture(scope="session")
def experiment_ids(site_url: str) -> dict[str, str]:
    """The experiments that paths may name."""
    return example_ids(site_url)


def example_ids(site_url: str) -> dict[str, str]:
    """An experiment of each codec that browsers play, and one that failed."""
    queries = {"x264": "codec=x264&status=succeeded", "av1": "codec=av1&status=succeeded", "failed": "status=failed"}
    lists = {name: get(f"{site_url}/api/experiments?{query}").json() for name, query in queries.items()}
    return {name: found["experiments"][0]["id"] for name, found in lists.items()}


@pytest.fixture(scope="session")
def site_url(outputs: dict[str, Any]) -> str:
    """The dashboard, without a slash at the end."""
    return str(outputs["dashboard_url"]).rstrip("/")


@pytest.fixture(scope="session")
def experiments(project: ProjectCopy, outputs: dict[str, Any]) -> ExperimentRepository:
    """What the dashboard shows, to be changed."""
    return ExperimentRepository(outputs["table_name"], project.emulator.client("dynamodb"))


@pytest.fixture(scope="session")
def outputs(project: ProjectCopy) -> dict[str, Any]:
    """The outputs of the sandbox's stack."""
    return project.outputs()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectCopy]:
    """A sandbox with its sample experiments."""
    project = ProjectCopy.make(tmp_path_factory.mktemp("site") / "project")
    try:
        project.run("sandbox")
        yield project
    finally:
        project.close()
