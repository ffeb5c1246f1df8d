"""The page of one experiment: everything that is recorded of it, and ways to its neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from experiments.aggregates import UNDER_WAY, is_on_curves
from experiments.metrics import METRICS, SECONDS_TAKEN, Metric, MetricGroup
from experiments.model import Experiment, Scalar, Status
from experiments.quality import Quality, quality
from experiments.repository import ExperimentRecord, Neighbours
from web import artefact_links
from web.artefact_links import ArtefactLinks
from web.release import RunningRelease

from renderer import presentation
from renderer.pages import frame_chart
from renderer.pages.curves import curves_link
from renderer.pages.row import UNKNOWN_STATUS, error_of, percent_done, seconds_so_far
from renderer.pages.templates import render
from renderer.presentation import Figure

UNKNOWN = Figure("–", "")  # noqa: RUF001 the dash that stands for what is unknown

Facts = Sequence[tuple[str, Figure]]


PLANES = ("", "Y", "U", "V")
"""The columns of the table of metrics: the whole picture, and its planes."""


class PlanesRow(NamedTuple):
    """A row of the table of metrics: of the whole picture, and of the planes Y, U and V."""

    label: str
    figures: Sequence[Figure]


class Moment(NamedTuple):
    """A step of an experiment's life; both texts are empty where it is unknown."""

    label: str
    written: str
    iso: str


class RerunLink(NamedTuple):
    """An experiment that runs this one again."""

    name: str
    status: str
    link: str


@dataclass(frozen=True, slots=True)
class ExperimentView:
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
    metrics: Sequence[PlanesRow]
    rate: Facts
    effort: Facts
    timings: Sequence[Moment]
    parameters: Sequence[tuple[str, str]]
    charts: Sequence[frame_chart.FrameChart]
    frames_per_value: int
    links: ArtefactLinks
    decoder_size: Figure
    parent_link: str
    curves_link: str
    """Of its clip, where the experiment is one of their points."""
    reruns: Sequence[RerunLink]
    newer: Experiment | None
    newer_link: str
    older: Experiment | None
    older_link: str


def render_experiment(record: ExperimentRecord, neighbours: Neighbours, release: RunningRelease, now: datetime) -> str:
    """Return the page of an experiment.

    Args:
        record: What is kept of it.
        neighbours: The experiments queued just after and just before it.
        release: The build that renders, for the footer.
        now: The present, in UTC, to which a running experiment's time counts.

    """
    view = _view(record, neighbours, presentation.this_minute(now))
    return render("experiment.html", view=view, release=release, root="../")


def _view(record: ExperimentRecord, neighbours: Neighbours, now: datetime) -> ExperimentView:
    experiment, frames, reruns = record
    metrics, status = experiment.metrics, experiment.status or UNKNOWN_STATUS
    error, log = error_of(experiment)
    newer, older = neighbours
    decoder_bytes = experiment.artefacts.decoder_bytes
    is_pending = experiment.status in UNDER_WAY
    return ExperimentView(
        experiment=experiment,
        name=experiment.name or "Unnamed",
        status=status,
        is_pending=is_pending,
        progress=percent_done(experiment),
        age=presentation.age(experiment.created_at, now) if is_pending and experiment.created_at else "",
        quality=quality(metrics.psnr_db, metrics.ssim),
        error=error,
        log=log,
        metrics=_measured(experiment),
        rate=_facts(experiment, MetricGroup.RATE),
        effort=_effort(experiment, now),
        timings=_timings(experiment),
        parameters=[(name, written(value)) for name, value in experiment.parameters.items()],
        charts=frame_chart.draw(frames) if frames else [],
        frames_per_value=frames.step if frames else 1,
        links=artefact_links.relative_links(experiment),
        decoder_size=UNKNOWN if decoder_bytes is None else presentation.size(decoder_bytes),
        parent_link=artefact_links.page_link(experiment.parent_id or ""),
        curves_link=curves_link(experiment.clip) if is_on_curves(experiment) else "",
        reruns=[_rerun(rerun) for rerun in reruns],
        newer=newer,
        newer_link=artefact_links.page_link(newer.id) if newer else "",
        older=older,
        older_link=artefact_links.page_link(older.id) if older else "",
    )


def _rerun(experiment: Experiment) -> RerunLink:
    link = artefact_links.page_link(experiment.id)
    return RerunLink(experiment.name or "Unnamed", experiment.status or UNKNOWN_STATUS, link)


def _measured(experiment: Experiment) -> list[PlanesRow]:
    of_quality = [metric for metric in METRICS.values() if metric.group is MetricGroup.QUALITY]
    rows = []
    for label in dict.fromkeys(metric.label for metric in of_quality):
        by_plane = {metric.plane: metric for metric in of_quality if metric.label == label}
        planes = (by_plane.get(plane) for plane in PLANES)
        rows.append(PlanesRow(label, [figure_of(each, each.of(experiment)) if each else UNKNOWN for each in planes]))
    return rows


def _facts(experiment: Experiment, group: MetricGroup) -> Facts:
    of_group = (metric for metric in METRICS.values() if metric.group is group)
    return [(metric.label, figure_of(metric, metric.of(experiment))) for metric in of_group]


def _effort(experiment: Experiment, now: datetime) -> Facts:
    queued, started = experiment.created_at, experiment.started_at
    waited = (started - queued).total_seconds() if queued and started and started >= queued else None
    so_far = {SECONDS_TAKEN.label: figure_of(SECONDS_TAKEN, seconds_so_far(experiment, now))}
    facts = {"Waited in the queue": figure_of(SECONDS_TAKEN, waited), **dict(_facts(experiment, MetricGroup.EFFORT))}
    return list((facts | so_far).items())


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


def figure_of(metric: Metric, value: float | None) -> Figure:
    """Write a metric's value, or a dash where it is unknown."""
    return UNKNOWN if value is None else presentation.figure(metric, value)
