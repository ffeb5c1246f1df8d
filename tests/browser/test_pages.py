"""The site as people see it: dark and light, on a desk and on a phone, with and without JavaScript."""

import json
import re
from collections.abc import Mapping
from itertools import combinations, product
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESKTOP, DESKTOP_VIEWER, PHONE, SCHEMES, VIEWERS, OpenFor, Viewer

PATHS = [
    "/",
    "/?quality=good&sort=bitrate_kbps",
    "/curves",
    "/curves?clip=no-such-clip",
    "/experiments/{x264}",
    "/experiments/{failed}",
    "/compare?ids={x264},{av1},{failed}",
    "/costs",
    "/admin.html",
    "/no-such-page",
]

every_viewer = pytest.mark.parametrize("viewer", VIEWERS, ids=str)
every_page = pytest.mark.parametrize("path", PATHS)


@every_viewer
@every_page
def test_the_page_fits_and_the_browser_has_nothing_to_complain_about(
    open_for: OpenFor, viewer: Viewer, path: str
) -> None:
    opened = open_for(viewer, path)
    opened.page.wait_for_load_state("networkidle")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= viewer.width
    assert opened.complaints == []


@every_page
def test_axe_finds_no_violation(open_for: OpenFor, path: str) -> None:
    page = open_for(DESKTOP_VIEWER, path).page
    for scheme, width in product(SCHEMES, (DESKTOP, PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page)
        assert found.violations_count == 0, f"{scheme}, {width} pixels wide: {found.generate_report()}"


@every_page
def test_nothing_is_wider_than_the_narrowest_phone(open_for: OpenFor, path: str) -> None:
    page = open_for(Viewer("light", 320, javascript=True), path).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


@every_page
def test_the_page_follows_the_viewers_colour_scheme(open_for: OpenFor, path: str) -> None:
    light, dark = (open_for(Viewer(scheme, DESKTOP, javascript=True), path).page for scheme in ("light", "dark"))
    assert _brightness(light, "background-color") > 200 > 100 > _brightness(light, "color")
    assert _brightness(dark, "background-color") < 50 < 180 < _brightness(dark, "color")


@every_viewer
def test_experiments_are_shown_with_badges_and_files(open_for: OpenFor, viewer: Viewer) -> None:
    page = open_for(viewer, "/").page
    table = page.locator("table.experiments tbody")
    expect(table.locator("tr").first).to_be_visible()
    expect(table.locator(".badge").first).to_be_visible()
    expect(table.get_by_role("link", name=re.compile("^Video of ")).first).to_be_visible()
    expect(table.get_by_role("link", name=re.compile("^Decoder of ")).first).to_be_visible()
    expect(table.get_by_text(re.compile(r"^\d+\.\d\d dB$")).first).to_be_visible()


def test_the_legend_explains_each_badge(open_for: OpenFor) -> None:
    legend = open_for(DESKTOP_VIEWER, "/").page.get_by_role("region", name="Quality")
    assert legend.locator(".badge").all_inner_texts() == ["Excellent", "Good", "Acceptable", "Poor"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_labels_of_the_chart_can_be_read_and_do_not_overlap(open_for: OpenFor, scheme: str, width: int) -> None:
    page = open_for(Viewer(scheme, width, javascript=True), "/curves").page
    labels = page.locator(".axes text").evaluate_all(
        """labels => labels.map(label => {
             const box = label.getBoundingClientRect();
             const size = parseFloat(getComputedStyle(label).fontSize) * label.getScreenCTM().a;
             return {text: label.textContent, size, left: box.left, right: box.right, top: box.top, bottom: box.bottom};
           })"""
    )
    assert len(labels) > 6
    assert [label["text"] for label in labels if label["size"] < 11] == []
    assert [(one["text"], other["text"]) for one, other in combinations(labels, 2) if _overlap(one, other)] == []


def test_a_point_of_a_curve_tells_its_figures_to_pointer_and_keyboard(open_for: OpenFor) -> None:
    points = open_for(DESKTOP_VIEWER, "/curves").page.locator(".chart .point")
    expect(points.last.locator(".readout")).to_be_hidden()
    points.last.locator(".marker").hover()
    expect(points.last.locator(".readout")).to_be_visible()
    points.page.mouse.move(0, 0)
    points.first.focus()
    expect(points.first.locator(".readout")).to_be_visible()
    expect(points.first.locator(".readout")).to_have_text(re.compile(r"CRF \d+ · [\d.,]+ kbps · [\d.]+ dB$"))


def test_another_clip_and_metric_are_a_link_away_without_javascript(open_for: OpenFor) -> None:
    page = open_for(Viewer("light", PHONE, javascript=False), "/curves").page
    page.get_by_role("link", name="mandelbrot-zoom", exact=True).click()
    page.get_by_role("link", name="SSIM (dB)", exact=True).click()
    expect(page.locator(".chart > title")).to_have_text("SSIM (dB) over bitrate of mandelbrot-zoom")


def test_a_point_of_a_curve_leads_to_its_experiment_by_keyboard(open_for: OpenFor) -> None:
    page = open_for(DESKTOP_VIEWER, "/curves").page
    point = page.get_by_role("link", name=re.compile(r"^x264 · CRF \d+ · [\d.,]+ kbps · [\d.]+ dB$")).first
    point.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("x264")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_experiments_that_are_ticked_are_compared_without_javascript(open_for: OpenFor, width: int) -> None:
    page = open_for(Viewer("light", width, javascript=False), "/?codec=x264&status=succeeded").page
    ticks = page.get_by_role("checkbox", name=re.compile("^Compare .* · x264"))
    for place in (0, 1):
        ticks.nth(place).check()
    button = page.get_by_role("button", name="Compare")
    expect(button).to_be_in_viewport()
    button.click()
    expect(page.get_by_text("2 side by side.")).to_be_visible()
    expect(page.locator(".chart .marked")).to_have_count(2)


def test_on_a_phone_each_experiment_is_a_card_that_labels_its_figures(open_for: OpenFor) -> None:
    page = open_for(Viewer("light", PHONE, javascript=True), "/").page
    figure = page.locator("td[data-label=PSNR]").first
    assert figure.evaluate("cell => getComputedStyle(cell, '::before').content") == '"PSNR"'
    expect(page.locator("table.experiments thead")).to_be_hidden()


@every_page
def test_each_link_within_the_site_resolves(open_for: OpenFor, path: str) -> None:
    page = open_for(DESKTOP_VIEWER, path).page
    # A link in a drawing has no such href as others have.
    links = page.locator("a").evaluate_all(
        """links => {
             const urls = links.map(link => new URL(link.getAttribute("href"), document.baseURI).href.split("#")[0]);
             return [...new Set(urls)];
           }"""
    )
    within = [link for link in links if link.startswith(page.evaluate("origin")) and link != page.url]
    # A redirect, such as that to a signed URL, ends the check: it leads out of the site.
    answers = page.evaluate(
        """links => Promise.all(links.map(async link => {
             const answer = await fetch(link, {redirect: "manual"});
             return [link, answer.ok || answer.type === "opaqueredirect"];
           }))""",
        within,
    )
    assert within
    assert [link for link, resolves in answers if not resolves] == []


def test_a_video_link_opens_a_video(open_for: OpenFor) -> None:
    page = open_for(DESKTOP_VIEWER, "/").page
    page.get_by_role("link", name=re.compile("^Video of ")).first.click()
    player = page.locator("video")
    expect(player).to_be_visible()
    page.wait_for_function("document.querySelector('video').videoWidth > 0")


def test_a_decoder_link_downloads_a_bundle_named_after_the_experiment(open_for: OpenFor) -> None:
    page = open_for(DESKTOP_VIEWER, "/").page
    link = page.get_by_role("link", name=re.compile("^Decoder of ")).first
    href = link.get_attribute("href") or ""
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == f"{href.split('/')[1]}-decoder.zip"
    assert download.value.path().read_bytes()[:2] == b"PK"


def test_experiments_are_filtered_and_shown_again_without_javascript(open_for: OpenFor) -> None:
    page = open_for(Viewer("light", DESKTOP, javascript=False), "/").page
    rows = page.locator("table.experiments tbody tr")
    everything = rows.count()
    page.get_by_label("Status").select_option("Failed")
    page.get_by_role("button", name="Apply").click()
    assert 0 < rows.count() < everything
    assert rows.locator(".status-failed").count() == rows.count()
    expect(page.get_by_label("Status")).to_have_value("failed")
    page.get_by_role("link", name="Show all", exact=True).click()
    expect(rows).to_have_count(everything)


def test_a_failure_opens_without_javascript(open_for: OpenFor) -> None:
    page = open_for(Viewer("light", DESKTOP, javascript=False), "/").page
    failure = page.locator("details.error").first
    failure.locator("summary").click()
    assert failure.get_attribute("open") is not None


def test_a_cost_opens_to_say_how_it_came_about_without_javascript(open_for: OpenFor) -> None:
    page = open_for(Viewer("light", PHONE, javascript=False), "/costs").page
    cost = page.get_by_role("region", name="Costs by month", exact=True).locator("details").first
    cost.locator("summary").click()
    expect(cost.locator("p")).to_have_text(re.compile(r"^[\d,.]+ s × 0\.526 USD per hour"))  # noqa: RUF001 multiplication


def test_the_keyboard_reaches_the_content_first(open_for: OpenFor) -> None:
    page = open_for(DESKTOP_VIEWER, "/").page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()


def test_an_unknown_page_leads_back_to_the_experiments(open_for: OpenFor) -> None:
    page = open_for(DESKTOP_VIEWER, "/experiments/no-such-experiment/video").page
    expect(page.get_by_role("heading", name="There is no such experiment")).to_be_visible()
    page.get_by_role("link", name="See the newest experiments").click()
    expect(page.get_by_role("heading", name="Experiments", exact=True)).to_be_visible()


def test_the_footer_and_the_admin_page_name_the_build_that_health_names(open_for: OpenFor) -> None:
    overview, admin = (open_for(DESKTOP_VIEWER, path).page for path in ("/", "/admin.html"))
    health = _health(overview)
    assert overview.locator("footer code").get_attribute("title") == health["build_id"]
    expect(admin.get_by_text("Everything answers")).to_be_visible()
    expect(admin.locator("#facts")).to_contain_text(health["build_id"])
    expect(admin.locator("#facts .status-ok")).to_have_count(len(health["dependencies"]))


def test_search_engines_are_kept_from_the_admin_page(open_for: OpenFor) -> None:
    page = open_for(DESKTOP_VIEWER, "/admin.html").page
    assert page.locator("meta[name=robots]").get_attribute("content") == "noindex"


def _health(page: Page) -> Any:
    return json.loads(page.evaluate("fetch('/health').then(answer => answer.text())"))


def _overlap(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    beside = one["right"] <= other["left"] or other["right"] <= one["left"]
    below = one["bottom"] <= other["top"] or other["bottom"] <= one["top"]
    return not (beside or below)


def _brightness(page: Page, style: str) -> float:
    """Return the mean of red, green and blue, 0 to 255."""
    colour = page.evaluate("style => getComputedStyle(document.body).getPropertyValue(style)", style)
    channels = [int(channel) for channel in re.findall(r"\d+", colour)[:3]]
    return sum(channels) / 3
