"""The first page: the newest experiments, what they cost, and how good they are."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from experiments.aggregates import Best, Totals
from experiments.metrics import METRICS
from experiments.quality import THRESHOLDS, Quality
from experiments.repository import Page
from markupsafe import Markup
from web import artefact_links
from web.listing_query import ListingQuery, page_links
from web.release import RunningRelease

from renderer import presentation
from renderer.pages.filters import Heading, filters, headings
from renderer.pages.row import render_row
from renderer.pages.templates import render
from renderer.presentation import Figure

PSNR, SSIM = METRICS["psnr_db"], METRICS["ssim"]
"""What the badge goes by."""


class Tile(NamedTuple):
    """A figure above the table, of all experiments, and where it leads."""

    label: str
    figure: Figure
    link: str
    status: str = ""


class BestResult(NamedTuple):
    """What a codec has achieved at most."""

    codec: str
    ratio: Figure
    bitrate: Figure | None
    name: str
    link: str


class LegendStep(NamedTuple):
    """A quality badge and what it takes to get it."""

    quality: Quality
    meaning: str


class Nothing(NamedTuple):
    """What stands in place of a table without rows."""

    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page's template needs."""

    query: str
    """The query string that this view has, for its data in other forms."""
    form: Markup
    clear_link: str
    """Where everything is shown again; empty where nothing is left out."""
    headings: Sequence[Heading]
    order: str
    """How the page is sorted; empty where the newest come first."""
    lead: str
    rows: Markup
    tiles: Sequence[Tile]
    best: Sequence[BestResult]
    legend: Sequence[LegendStep]
    judged_by: Sequence[str]
    nothing: Nothing
    newest_link: str
    newer_link: str
    older_link: str
    older: str
    rendered: str
    rendered_iso: str
    elapsed_ms: Callable[[], str]


def render_overview(
    page: Page,
    query: ListingQuery,
    totals: Totals,
    spent_usd: float | None,
    release: RunningRelease,
    *,
    now: datetime,
    began: float,
) -> str:
    """Return the page of experiments.

    Args:
        page: The experiments, newest first, and the cursor to older ones.
        query: What was asked for.
        totals: What the table holds in all.
        spent_usd: What the month has cost so far.
        release: The build that renders, for the footer.
        now: The present, in UTC.
        began: `time.perf_counter()` when the request came.

    """
    is_first = query.cursor is None and page.previous_cursor is None
    links = page_links(page, query)
    minute = presentation.this_minute(now)
    filtered, form = filters(query, page.experiments)
    rows = [render_row(experiment, minute) for experiment in page.experiments]
    overview = Overview(
        query=str(query),
        form=form,
        clear_link=filtered.clear_link,
        headings=headings(query),
        order=next((order.label for order in filtered.orders if order.chosen), ""),
        lead=_lead(page, query, is_first),
        rows=Markup("".join(rows)),  # noqa: S704 their template has escaped them
        tiles=list(_tiles(totals, spent_usd)),
        best=[_best(best) for best in totals.best],
        legend=LEGEND,
        judged_by=(PSNR.label, SSIM.label),
        nothing=_nothing(page, query, is_first),
        newest_link="" if is_first else str(query.at()) or "./",
        newer_link=links.get("prev", ""),
        older_link=links.get("next", ""),
        older="Search older" if query.criteria.needs_search else "Older",
        rendered=presentation.timestamp(now),
        rendered_iso=now.isoformat(timespec="seconds"),
        elapsed_ms=lambda: f"{1000 * (time.perf_counter() - began):.0f}",
    )
    return render("overview.html", overview=overview, release=release, root="./")


def _lead(page: Page, query: ListingQuery, is_first: bool) -> str:
    count = len(page.experiments)
    if query.criteria.needs_search:
        return f"Searched {'the newest' if is_first else 'another'} {page.examined}: {count or 'none'} found."
    if not count:
        return "Each is encoded, measured against its source, and listed here, newest first."
    chosen = " of those chosen" if query.is_filtered else ""
    which = f"The newest {count}{chosen}" if is_first else f"{count} older ones{chosen}"
    return f"{which}, each measured against its source."


def _nothing(page: Page, query: ListingQuery, is_first: bool) -> Nothing:
    if page.next_cursor:
        return Nothing("Nothing found so far", "There are older experiments that haven't been searched yet.")
    if query.is_filtered:
        which = "No experiment" if is_first else "No older experiment"
        return Nothing(f"{which} matches", "Try it with fewer filters, or show all experiments again.")
    return Nothing(
        "No experiments yet" if is_first else "No older experiments",
        "Experiments appear here as soon as they are queued.",
    )


def _tiles(totals: Totals, spent_usd: float | None) -> Iterator[Tile]:
    for status, count in totals.by_status.items():
        yield Tile(status.capitalize(), Figure(f"{count:,}", ""), str(ListingQuery(status=status)), status)
    if spent_usd is not None:
        yield Tile("This month", presentation.cost(spent_usd), "costs")


def _best(best: Best) -> BestResult:
    return BestResult(
        codec=best.codec,
        ratio=presentation.compression_ratio(best.compression_ratio),
        bitrate=presentation.bitrate(best.bitrate_kbps) if best.bitrate_kbps else None,
        name=best.name,
        link=artefact_links.page_link(best.experiment_id),
    )


def _legend() -> Iterator[LegendStep]:
    for threshold in THRESHOLDS:
        yield LegendStep(
            threshold.quality, f"from {threshold.psnr_db:g} {PSNR.unit} and {SSIM.label} {threshold.ssim:.2f}"
        )
    yield LegendStep(Quality.POOR, "below that")


LEGEND = tuple(_legend())
