"""How the overview comes up and is refreshed in Chromium: what it loads, how soon and how steadily it is painted."""

import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from experiments.repository import ExperimentRepository
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.figures import WORST, Figure
from benchmarks.site import Site, deployed
from tests.browser.chromium import find_chromium
from tests.browser.conftest import DESKTOP, PHONE

EXPERIMENTS = 1000
LOADS = 7
# Text without style: what Chromium and the emulator take for any page.
BARE = "/robots.txt"
KB = 1000

# https://developer.mozilla.org/docs/Web/API/PerformanceObserver/observe
OBSERVE = """
window.vitals = {paint: 0, shift: 0, longTask: 0};
const observe = (type, note) =>
  new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({type, buffered: true});
observe("largest-contentful-paint", (entry) => { vitals.paint = entry.startTime; });
observe("layout-shift", (entry) => { vitals.shift += entry.value; });
observe("longtask", (entry) => { vitals.longTask = Math.max(vitals.longTask, entry.duration); });
"""
FILES = """() => [
  location.href,
  ...performance.getEntriesByType("resource").map((entry) => entry.name),
  ...[...document.querySelectorAll("link[rel=icon]")].map((link) => link.href),
]"""
# What live.js does when its reader comes back to the page.
REFRESH = """() => {
  vitals.shift = vitals.longTask = 0;
  document.dispatchEvent(new Event("visibilitychange"));
}"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestIdleCallback(done)))"


class Vitals(NamedTuple):
    """How a page came up."""

    paint: float
    """When its largest part was painted (largest contentful paint), in milliseconds from the request on."""
    shift: float
    """How far what was painted moved afterwards (sum of layout shifts), as a share of the viewport."""
    longest_task: float
    """The longest time for which it answered no click, in milliseconds; 0 where none was longer than 50."""


def measure_browser(folder: Path) -> list[Figure]:
    """Loads with nothing cached, and refreshes that change a row, on a desk and on a phone."""
    with deployed(folder / "project", EXPERIMENTS) as site, _chromium() as browser:
        figures = [Figure("first load of /, all files gzipped", [_load_bytes(browser, site) / KB], "KB", limit=60)]
        for width in (DESKTOP, PHONE):
            loads = [(_vitals(browser, site, width), _vitals(browser, site, width, BARE)) for _ in range(LOADS)]
            figures += _figures(width, *zip(*loads, strict=True))
            figures += _steadiness(_refreshes(browser, site, width), "refresh of a row: ")
    return figures


def _figures(width: int, loads: Sequence[Vitals], bare: Sequence[Vitals]) -> list[Figure]:
    return [
        Figure(f"largest contentful paint, {width} px", [load.paint for load in loads], "ms", limit=300),
        Figure(f"  of {BARE}, for comparison", [load.paint for load in bare], "ms"),
        *_steadiness(loads),
    ]


def _steadiness(loads: Sequence[Vitals], what: str = "") -> list[Figure]:
    shifts, tasks = [load.shift for load in loads], [load.longest_task for load in loads]
    return [
        Figure(f"  {what}layout shift", shifts, "", limit=0, percentile=WORST),
        Figure(f"  {what}longest task of more than 50 ms", tasks, "ms", limit=0, percentile=WORST),
    ]


def _load_bytes(browser: Browser, site: Site) -> int:
    """What CloudFront would send, were it to compress all with gzip; the emulator's CDN doesn't compress."""
    with _opened(browser, site, DESKTOP) as page:
        files = {urlsplit(url).path for url in page.evaluate(FILES)}
    return sum(len(gzip.compress(site.get(path).content)) for path in files)


def _vitals(browser: Browser, site: Site, width: int, path: str = "/") -> Vitals:
    with _opened(browser, site, width, path) as page:
        page.wait_for_function("vitals.paint > 0")
        return _seen(page)


def _refreshes(browser: Browser, site: Site, width: int) -> list[Vitals]:
    """Let the newest experiment, which runs, come on while its page is open."""
    experiments = ExperimentRepository(site.table_name, site.project.emulator.client("dynamodb"))
    (running,) = experiments.newest(1).experiments
    refreshes = []
    with _opened(browser, site, width) as page:
        for percent in range(1, LOADS + 1):
            experiments.put(replace(running, progress=percent / 100))
            page.evaluate(REFRESH)
            page.wait_for_selector(f"progress[value='{percent}']")
            page.evaluate(PAINTED)
            refreshes.append(_seen(page))
    return refreshes


def _seen(page: Page) -> Vitals:
    return Vitals(*page.evaluate("[vitals.paint, vitals.shift, vitals.longTask]"))


@contextmanager
def _opened(browser: Browser, site: Site, width: int, path: str = "/") -> Iterator[Page]:
    """Open a page in a browser context of its own, which has nothing cached."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    try:
        page = context.new_page()
        page.add_init_script(OBSERVE)
        page.goto(f"{site.url}{path}", wait_until="networkidle")
        yield page
    finally:
        context.close()


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Containers run as root and without a GPU.
        arguments = ["--no-sandbox", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        try:
            yield browser
        finally:
            browser.close()
