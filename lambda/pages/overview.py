"""The first page: the newest experiments, what they cost, and how good they are."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import artefact_links
import presentation
from experiments.fields import amount
from experiments.model import Artefacts, Experiment, Status
from experiments.order import seconds_taken
from experiments.quality import THRESHOLDS, Quality, quality
from experiments.repository import Page
from listing_query import ListingQuery, page_links
from presentation import Figure
from release import Release

from pages.filters import Filters, Heading, filters, headings
from pages.rate_distortion import render_rate_distortion
from pages.templates import OVERVIEW

UNKNOWN_STATUS = "unknown"

LabelledFigures = tuple[tuple[str, Figure | None], ...]


class Tile(NamedTuple):
    """A figure above the table, of the experiments on the page."""

    label: str
    figure: Figure
    status: str | None = None


class LegendStep(NamedTuple):
    """A quality badge and what it takes to get it."""

    quality: Quality
    meaning: str


@dataclass(frozen=True, slots=True)
class Row:
    """An experiment as the table shows it; what is unknown is None or empty."""

    id: str
    name: str
    clip: str
    codec: str
    status: str
    status_label: str
    quality: Quality | None
    results: LabelledFigures
    """What was measured of the encoded clip."""
    effort: LabelledFigures
    """What the experiment took."""
    created: str
    created_iso: str
    age: str
    error: str
    error_rest: str
    video_link: str
    decoder_link: str
    page_link: str
    decoder_size: str

    @property
    def measured(self) -> bool:
        """Whether there is any result."""
        return any(figure for _, figure in self.results)


class Nothing(NamedTuple):
    """What stands in place of a table without rows."""

    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page's template needs."""

    query: str
    """The query string that this view has, for its data in other forms."""
    filters: Filters
    headings: Sequence[Heading]
    order: str
    """How the page is sorted; empty where the newest come first."""
    lead: str
    rows: Sequence[Row]
    tiles: Sequence[Tile]
    rate_distortion: str
    """HTML; empty where there are no curves."""
    legend: Sequence[LegendStep]
    nothing: Nothing
    newest_link: str
    newer_link: str
    older_link: str
    older: str
    rendered: str
    rendered_iso: str
    elapsed_ms: Callable[[], str]


def render_overview(
    page: Page, query: ListingQuery, release: Release, *, chosen: Mapping[str, str], now: datetime, began: float
) -> str:
    """Return the page of experiments.

    Args:
        page: The experiments, newest first, and the cursor to older ones.
        query: What was asked for.
        release: The build that renders, for the footer.
        chosen: What the URL chooses to show of the rate-distortion curves.
        now: The present, in UTC.
        began: `time.perf_counter()` when the request came.

    """
    is_first = query.cursor is None and page.previous_cursor is None
    links = page_links(page, query)
    # Ages count from the minute's beginning, so that they change the page, and its entity tag, once a minute at most.
    minute = now.replace(second=0, microsecond=0)
    form = filters(query, page.experiments)
    overview = Overview(
        query=str(query),
        filters=form,
        headings=headings(query),
        order=next((order.label for order in form.orders if order.chosen), ""),
        lead=_lead(page, query, is_first),
        rows=[_row(experiment, minute) for experiment in page.experiments],
        tiles=list(_tiles(page.experiments)),
        rate_distortion=render_rate_distortion(page.experiments, chosen, str(query)),
        legend=LEGEND,
        nothing=_nothing(page, query, is_first),
        newest_link="" if is_first else str(query.at()) or "./",
        newer_link=links.get("prev", ""),
        older_link=links.get("next", ""),
        older="Search older" if query.criteria.needs_search else "Older",
        rendered=presentation.timestamp(now),
        rendered_iso=now.isoformat(timespec="seconds"),
        elapsed_ms=lambda: f"{1000 * (time.perf_counter() - began):.0f}",
    )
    return OVERVIEW.render(overview=overview, release=release, root="./")


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


def _tiles(experiments: Sequence[Experiment]) -> Iterator[Tile]:
    counts = Counter(experiment.status for experiment in experiments)
    for status in Status:
        yield Tile(status.capitalize(), Figure(f"{counts[status]}", ""), status)
    if counts[None]:
        yield Tile("Unknown", Figure(f"{counts[None]}", ""), UNKNOWN_STATUS)
    yield Tile("Cost", presentation.cost(sum(experiment.cost_usd or 0 for experiment in experiments)))


def _legend() -> Iterator[LegendStep]:
    for threshold in THRESHOLDS:
        yield LegendStep(threshold.quality, f"from {threshold.psnr_db:g} dB and SSIM {threshold.ssim:.2f}")
    yield LegendStep(Quality.POOR, "below that")


LEGEND = tuple(_legend())


def _row(experiment: Experiment, now: datetime) -> Row:
    metrics, created = experiment.metrics, experiment.created_at
    links = artefact_links.relative_links(experiment)
    error, error_rest = error_of(experiment)
    return Row(
        id=experiment.id,
        name=experiment.name or "Unnamed",
        clip=_clip(experiment),
        codec=experiment.codec,
        status=experiment.status or UNKNOWN_STATUS,
        status_label=(experiment.status or UNKNOWN_STATUS).capitalize(),
        quality=quality(metrics.psnr_db, metrics.ssim),
        results=(
            ("PSNR", _figure(presentation.psnr, metrics.psnr_db)),
            ("SSIM", _figure(presentation.ssim, metrics.ssim)),
            ("Bitrate", _figure(presentation.bitrate, metrics.bitrate_kbps)),
            ("Ratio", _figure(presentation.compression_ratio, metrics.compression_ratio)),
        ),
        effort=(
            ("Duration", _figure(presentation.duration, seconds_so_far(experiment, now))),
            ("Cost", _figure(presentation.cost, experiment.cost_usd)),
        ),
        created=presentation.timestamp(created) if created else "",
        created_iso=created.isoformat() if created else "",
        age=presentation.age(created, now) if created else "",
        error=error,
        error_rest=error_rest,
        video_link=links.video,
        decoder_link=links.decoder,
        page_link=links.page,
        decoder_size=_size(experiment.artefacts),
    )


def _figure(write: Callable[[float], Figure], value: float | None) -> Figure | None:
    return None if value is None else write(value)


def _clip(experiment: Experiment) -> str:
    """Say what was encoded, its size, frame rate and length, as far as they are known."""
    size = [f"{side:g}" for name in ("width", "height") if (side := amount(experiment.parameters.get(name)))]
    fps, seconds = amount(experiment.parameters.get("fps")), experiment.metrics.duration_seconds
    known = (
        "×".join(size) if len(size) == 2 else "",  # noqa: RUF001 the multiplication sign
        f"{fps:g} fps" if fps else "",
        " ".join(presentation.duration(seconds)) if seconds else "",
    )
    return " · ".join(filter(None, known))


def seconds_so_far(experiment: Experiment, now: datetime) -> float | None:
    """Count from start to end, or to now while it runs."""
    running = experiment.status is Status.RUNNING
    return seconds_taken(replace(experiment, finished_at=now) if running else experiment)


def error_of(experiment: Experiment) -> tuple[str, str]:
    """Return what went wrong: its first line, and what else is known; of a failure that left no word, at least that."""
    line, _, rest = experiment.error.strip().partition("\n")
    if not line and experiment.status is Status.FAILED:
        line = "Failed without an error message"
    log_tail = experiment.log_tail.strip() if line else ""
    return line, "\n\n".join(filter(None, (rest.strip(), log_tail)))


def _size(artefacts: Artefacts) -> str:
    return "" if artefacts.decoder_bytes is None else " ".join(presentation.size(artefacts.decoder_bytes))
