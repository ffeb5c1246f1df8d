"""The first page: the newest experiments, what they cost, and how good they are."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

import artefact_links
import presentation
from experiments.fields import amount
from experiments.model import Artefacts, Experiment, Status
from experiments.quality import THRESHOLDS, Quality, quality
from experiments.repository import Page
from presentation import Figure
from release import Release

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


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page's template needs."""

    lead: str
    rows: Sequence[Row]
    tiles: Sequence[Tile]
    rate_distortion: str
    """HTML; empty where there are no curves."""
    legend: Sequence[LegendStep]
    nothing: str
    newer_link: str
    older_link: str
    rendered: str
    rendered_iso: str
    elapsed_ms: Callable[[], str]


def render_overview(
    page: Page, release: Release, *, query: Mapping[str, str], is_first: bool, now: datetime, began: float
) -> str:
    """Return the page of experiments.

    Args:
        page: The experiments, newest first, and the cursor to older ones.
        release: The build that renders, for the footer.
        query: What the URL chooses to show of the rate-distortion curves.
        is_first: Whether these are the newest experiments of all.
        now: The present, in UTC, from which ages are counted.
        began: `time.perf_counter()` when the request came.

    """
    overview = Overview(
        lead=_lead(page.experiments, is_first),
        rows=[_row(experiment, now) for experiment in page.experiments],
        tiles=list(_tiles(page.experiments)),
        rate_distortion=render_rate_distortion(page.experiments, query, _query_string(query.get("cursor"))),
        legend=LEGEND,
        nothing="No experiments yet" if is_first else "No older experiments",
        newer_link="" if is_first else "./",
        older_link=_query_string(page.next_cursor),
        rendered=presentation.timestamp(now),
        rendered_iso=now.isoformat(timespec="seconds"),
        elapsed_ms=lambda: f"{1000 * (time.perf_counter() - began):.0f}",
    )
    return OVERVIEW.render(overview=overview, release=release, root="./")


def _query_string(cursor: str | None) -> str:
    return f"?cursor={quote(cursor, safe='')}" if cursor else ""


def _lead(experiments: Sequence[Experiment], is_first: bool) -> str:
    if not experiments:
        return "Each is encoded, measured against its source, and listed here, newest first."
    if is_first:
        return f"The newest {len(experiments)}, each measured against its source."
    return f"{len(experiments)} older ones, each measured against its source."


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
            ("Duration", _figure(presentation.duration, seconds_taken(experiment, now))),
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


def seconds_taken(experiment: Experiment, now: datetime) -> float | None:
    """Count from start to end, or to now while it runs; without these times, what the encoder took."""
    end = now if experiment.status is Status.RUNNING else experiment.finished_at
    if experiment.started_at and end and end >= experiment.started_at:
        return (end - experiment.started_at).total_seconds()
    return experiment.metrics.encode_seconds


def error_of(experiment: Experiment) -> tuple[str, str]:
    """Return what went wrong: its first line, and what else is known; of a failure that left no word, at least that."""
    line, _, rest = experiment.error.strip().partition("\n")
    if not line and experiment.status is Status.FAILED:
        line = "Failed without an error message"
    log_tail = experiment.log_tail.strip() if line else ""
    return line, "\n\n".join(filter(None, (rest.strip(), log_tail)))


def _size(artefacts: Artefacts) -> str:
    return "" if artefacts.decoder_bytes is None else " ".join(presentation.size(artefacts.decoder_bytes))
