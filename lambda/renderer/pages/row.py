"""An experiment as the overview's table shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from experiments.fields import amount
from experiments.metrics import METRICS, SECONDS_TAKEN, Metric, MetricGroup, seconds_taken
from experiments.model import Artefacts, Experiment, Status
from experiments.quality import Quality, quality
from web import artefact_links

from renderer import presentation
from renderer.excerpt import is_cut
from renderer.pages.templates import render
from renderer.presentation import Figure

UNKNOWN_STATUS = "unknown"

LabelledFigures = Sequence[tuple[str, Figure | None]]

_SHOWN = [metric for metric in METRICS.values() if metric.meaning]
_RESULTS = [metric for metric in _SHOWN if metric.group is not MetricGroup.EFFORT]
_EFFORT = [metric for metric in _SHOWN if metric.group is MetricGroup.EFFORT]


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """An experiment as the table shows it; what is unknown is None or empty."""

    id: str
    name: str
    clip: str
    codec: str
    status: str
    status_label: str
    progress: int | None
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
    error_is_cut: bool
    """Whether the experiment's own page tells more of it."""
    video_link: str
    decoder_link: str
    page_link: str
    decoder_size: str

    @property
    def measured(self) -> bool:
        """Whether there is any result."""
        return any(figure for _, figure in self.results)


def render_row(experiment: Experiment, now: datetime) -> str:
    """Return the row of an experiment as HTML."""
    created = experiment.created_at
    age = presentation.age(created, now) if created else ""
    return _render(experiment, age, seconds_so_far(experiment, now))


# From one request to the next, few experiments change, and rows are most of the page.
@lru_cache(maxsize=1024)
def _render(experiment: Experiment, age: str, seconds: float | None) -> str:
    return render("row.html", row=_row(experiment, age, seconds))


def _row(experiment: Experiment, age: str, seconds: float | None) -> ExperimentRow:
    metrics, created = experiment.metrics, experiment.created_at
    links = artefact_links.relative_links(experiment)
    error, error_rest = error_of(experiment)
    return ExperimentRow(
        id=experiment.id,
        name=experiment.name or "Unnamed",
        clip=_clip(experiment),
        codec=experiment.codec,
        status=experiment.status or UNKNOWN_STATUS,
        status_label=(experiment.status or UNKNOWN_STATUS).capitalize(),
        progress=percent_done(experiment),
        quality=quality(metrics.psnr_db, metrics.ssim),
        results=[(metric.short, _figure(metric, metric.of(experiment))) for metric in _RESULTS],
        effort=[
            (metric.short, _figure(metric, seconds if metric is SECONDS_TAKEN else metric.of(experiment)))
            for metric in _EFFORT
        ],
        created=presentation.timestamp(created) if created else "",
        created_iso=created.isoformat() if created else "",
        age=age,
        error=error,
        error_rest=error_rest,
        error_is_cut=is_cut(experiment),
        video_link=links.video,
        decoder_link=links.decoder,
        page_link=links.page,
        decoder_size=_size(experiment.artefacts),
    )


def _figure(metric: Metric, value: float | None) -> Figure | None:
    return None if value is None else presentation.figure(metric, value)


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


def percent_done(experiment: Experiment) -> int | None:
    """Return how much of an experiment is done; None where it doesn't run, or nobody knows."""
    if experiment.status is not Status.RUNNING or experiment.progress is None:
        return None
    return round(100 * experiment.progress)


def error_of(experiment: Experiment) -> tuple[str, str]:
    """Return what went wrong: its first line, and what else is known; of a failure that left no word, at least that."""
    line, _, rest = experiment.error.strip().partition("\n")
    if not line and experiment.status is Status.FAILED:
        line = "Failed without an error message"
    log_tail = experiment.log_tail.strip() if line else ""
    return line, "\n\n".join(filter(None, (rest.strip(), log_tail)))


def _size(artefacts: Artefacts) -> str:
    return "" if artefacts.decoder_bytes is None else " ".join(presentation.size(artefacts.decoder_bytes))
