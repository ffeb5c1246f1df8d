"""The page of one experiment: everything that is recorded of it, and ways to its neighbours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeVar

from experiments.aggregates import UNDER_WAY, is_on_curves
from experiments.model import Experiment, Metrics, Scalar, Status
from experiments.quality import Quality, quality
from experiments.repository import Neighbours, Record
from web import artefact_links
from web.artefact_links import Links
from web.release import Release

from renderer import presentation
from renderer.pages import frame_chart
from renderer.pages.curves import curves_link
from renderer.pages.row import UNKNOWN_STATUS, error_of, percent_done, seconds_so_far
from renderer.pages.templates import EXPERIMENT
from renderer.presentation import Figure

UNKNOWN = Figure("–", "")  # noqa: RUF001 the dash that stands for what is unknown

Number = TypeVar("Number", int, float)
Facts = Sequence[tuple[str, Figure]]


class Measured(NamedTuple):
    """A row of the table of metrics: of the whole picture, and of the planes Y, U and V."""

    label: str
    figures: Sequence[Figure]


class Moment(NamedTuple):
    """A step of an experiment's life; both texts are empty where it is unknown."""

    label: str
    written: str
    iso: str


class Rerun(NamedTuple):
    """An experiment that runs this one again."""

    name: str
    status: str
    link: str


@dataclass(frozen=True, slots=True)
class View:
    """All that the page's template needs; what is unknown is empty, None or a dash."""

    experiment: Experiment
    name: str
    status: str
    is_pending: bool
    """Whether it waits or runs, so that its page will change."""
    progress: int | None
    age: str
    quality: Quality | None
    error: str
    log: str
    metrics: Sequence[Measured]
    rate: Facts
    effort: Facts
    timings: Sequence[Moment]
    parameters: Sequence[tuple[str, str]]
    charts: Sequence[frame_chart.Chart]
    frames_per_value: int
    links: Links
    decoder_size: Figure
    parent_link: str
    curves_link: str
    """Of its clip, where the experiment is one of their points."""
    reruns: Sequence[Rerun]
    newer: Experiment | None
    newer_link: str
    older: Experiment | None
    older_link: str


def render_experiment(record: Record, neighbours: Neighbours, release: Release, now: datetime) -> str:
    """Return the page of an experiment.

    Args:
        record: What is kept of it.
        neighbours: The experiments queued just after and just before it.
        release: The build that renders, for the footer.
        now: The present, in UTC, to which a running experiment's time counts.

    """
    view = _view(record, neighbours, presentation.this_minute(now))
    return EXPERIMENT.render(view=view, release=release, root="../")


def _view(record: Record, neighbours: Neighbours, now: datetime) -> View:
    experiment, frames, reruns = record
    metrics, status = experiment.metrics, experiment.status or UNKNOWN_STATUS
    error, log = error_of(experiment)
    newer, older = neighbours
    is_pending = experiment.status in UNDER_WAY
    return View(
        experiment=experiment,
        name=experiment.name or "Unnamed",
        status=status,
        is_pending=is_pending,
        progress=percent_done(experiment),
        age=presentation.age(experiment.created_at, now) if is_pending and experiment.created_at else "",
        quality=quality(metrics.psnr_db, metrics.ssim),
        error=error,
        log=log,
        metrics=_measured(metrics),
        rate=_rate(metrics),
        effort=_effort(experiment, now),
        timings=_timings(experiment),
        parameters=[(name, written(value)) for name, value in experiment.parameters.items()],
        charts=frame_chart.draw(frames) if frames else [],
        frames_per_value=frames.step if frames else 1,
        links=artefact_links.relative_links(experiment),
        decoder_size=figure_of(presentation.size, experiment.artefacts.decoder_bytes),
        parent_link=artefact_links.page_link(experiment.parent_id or ""),
        curves_link=curves_link(experiment.clip) if is_on_curves(experiment) else "",
        reruns=[_rerun(rerun) for rerun in reruns],
        newer=newer,
        newer_link=artefact_links.page_link(newer.id) if newer else "",
        older=older,
        older_link=artefact_links.page_link(older.id) if older else "",
    )


def _rerun(experiment: Experiment) -> Rerun:
    link = artefact_links.page_link(experiment.id)
    return Rerun(experiment.name or "Unnamed", experiment.status or UNKNOWN_STATUS, link)


def _measured(metrics: Metrics) -> list[Measured]:
    psnrs = (metrics.psnr_db, metrics.psnr_y_db, metrics.psnr_u_db, metrics.psnr_v_db)
    ssims = (metrics.ssim, metrics.ssim_y, metrics.ssim_u, metrics.ssim_v)
    return [
        Measured("PSNR", [figure_of(presentation.psnr, value) for value in psnrs]),
        Measured("SSIM", [figure_of(presentation.ssim, value) for value in ssims]),
        Measured("VMAF", [figure_of(presentation.vmaf, metrics.vmaf), UNKNOWN, UNKNOWN, UNKNOWN]),
    ]


def _rate(metrics: Metrics) -> Facts:
    return (
        ("Bitrate", figure_of(presentation.bitrate, metrics.bitrate_kbps)),
        ("Compression ratio", figure_of(presentation.compression_ratio, metrics.compression_ratio)),
        ("Encoded size", figure_of(presentation.size, metrics.encoded_bytes)),
        ("Raw size", figure_of(presentation.size, metrics.raw_bytes)),
        ("Clip length", figure_of(presentation.duration, metrics.duration_seconds)),
    )


def _effort(experiment: Experiment, now: datetime) -> Facts:
    metrics, queued, started = experiment.metrics, experiment.created_at, experiment.started_at
    waited = (started - queued).total_seconds() if queued and started and started >= queued else None
    return (
        ("Waited in the queue", figure_of(presentation.duration, waited)),
        ("From start to end", figure_of(presentation.duration, seconds_so_far(experiment, now))),
        ("Encoding", figure_of(presentation.duration, metrics.encode_seconds)),
        ("Encoding speed", figure_of(presentation.frame_rate, metrics.encode_fps)),
        ("Cost", figure_of(presentation.cost, experiment.cost_usd)),
    )


def _timings(experiment: Experiment) -> list[Moment]:
    ended = "Failed" if experiment.status is Status.FAILED else "Finished"
    return [
        _moment("Queued", experiment.created_at),
        _moment("Started", experiment.started_at),
        _moment(ended, experiment.finished_at),
        _moment("Last written", experiment.updated_at),
    ]


def _moment(label: str, at: datetime | None) -> Moment:
    return Moment(label, presentation.timestamp(at), at.isoformat()) if at else Moment(label, "", "")


def written(value: Scalar) -> str:
    """Write a parameter's value."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def figure_of(write: Callable[[Number], Figure], value: Number | None) -> Figure:
    """Write a value, or a dash where it is unknown."""
    return UNKNOWN if value is None else write(value)
