"""The page that lays two to six experiments side by side: which measured best, on which curves, and what differs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from experiments.metrics import METRICS, Metric
from experiments.model import Experiment, Scalar, Status
from experiments.quality import Quality, quality
from experiments.rate_distortion import sweeps_through
from web import artefact_links
from web.release import RunningRelease

from renderer.pages.experiment import UNKNOWN, figure_of, written
from renderer.pages.rate_distortion import Choice, Selection, render_plots
from renderer.pages.row import UNKNOWN_STATUS
from renderer.pages.templates import render
from renderer.presentation import Figure

FEWEST, MOST = 2, 6
CURVES = "rate-distortion"
"""The id of the section of curves."""


class Column(NamedTuple):
    """An experiment as the tables' heads show it."""

    name: str
    id: str
    link: str
    status: str
    quality: Quality | None


class Parameter(NamedTuple):
    """A row of the table of parameters."""

    name: str
    values: Sequence[str]

    @property
    def differs(self) -> bool:
        """Whether not all experiments have the same value."""
        return len(set(self.values)) > 1


class MetricRow(NamedTuple):
    """A row of the table of metrics: each figure, and whether it is the best."""

    label: str
    figures: Sequence[tuple[Figure, bool]]


class Curves(NamedTuple):
    """The curves on which the experiments lie."""

    choices: Sequence[Choice]
    plots: Sequence[str]
    """HTML, one for each clip; none where no experiment lies on a curve."""
    without: Sequence[str]
    """The names of the experiments that have no point in them."""


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """All that the page's template needs."""

    columns: Sequence[Column]
    unknown_ids: Sequence[str]
    clips: Sequence[str]
    parameters: Sequence[Parameter]
    metrics: Sequence[MetricRow]
    curves: Curves


def ids_from(query: str) -> list[str] | None:
    """Return the ids that a query names, or None where they are not two to six different ones."""
    ids = [name.strip() for name in query.split(",", maxsplit=MOST)]
    well_formed = FEWEST <= len(ids) <= MOST and all(map(artefact_links.is_linkable, ids))
    return ids if well_formed and len(set(ids)) == len(ids) else None


def render_comparison(
    found: Mapping[str, Experiment | None],
    others: Iterable[Experiment],
    parameters: Mapping[str, str],
    release: RunningRelease,
) -> str:
    """Return the page that compares experiments.

    Args:
        found: The experiments by the ids that were asked for; None where there is none, but at least one is known.
        others: What was measured of their clips, whose curves they lie on.
        parameters: The request's, among which may be a metric and a fit.
        release: The build that renders, for the footer.

    """
    experiments = [experiment for experiment in found.values() if experiment]
    comparison = ComparisonView(
        columns=[_column(experiment) for experiment in experiments],
        unknown_ids=[name for name, experiment in found.items() if not experiment],
        clips=sorted({experiment.clip for experiment in experiments if experiment.clip}),
        parameters=list(_parameters(experiments)),
        metrics=[_measured(metric, experiments) for metric in METRICS.values() if metric.is_compared],
        curves=_curves(experiments, others, parameters, {"ids": ",".join(found)}),
    )
    return render("compare.html", comparison=comparison, release=release, root="./")


def _curves(
    experiments: Sequence[Experiment],
    others: Iterable[Experiment],
    parameters: Mapping[str, str],
    query: Mapping[str, str],
) -> Curves:
    selection = Selection.of(sweeps_through(experiments, others), parameters)
    if selection is None:
        return Curves([], [], [])
    shown = {point.experiment_id for curves in selection.curves.values() for curve in curves for point in curve.points}
    return Curves(
        choices=selection.choices(query, f"#{CURVES}"),
        plots=render_plots(selection, heading_level=3, marked=frozenset(experiment.id for experiment in experiments)),
        without=[experiment.name for experiment in experiments if experiment.id not in shown],
    )


def _column(experiment: Experiment) -> Column:
    metrics = experiment.metrics
    return Column(
        name=experiment.name or "Unnamed",
        id=experiment.id,
        link=artefact_links.page_link(experiment.id),
        status=experiment.status or UNKNOWN_STATUS,
        quality=quality(metrics.psnr_db, metrics.ssim),
    )


def _parameters(experiments: Sequence[Experiment]) -> Iterator[Parameter]:
    yield Parameter("codec", [experiment.codec or UNKNOWN.number for experiment in experiments])
    names = dict.fromkeys(name for experiment in experiments for name in experiment.parameters)
    for name in names:
        yield Parameter(name, [_value(experiment.parameters.get(name)) for experiment in experiments])


def _value(value: Scalar | None) -> str:
    return UNKNOWN.number if value is None else written(value)


def _measured(metric: Metric, experiments: Sequence[Experiment]) -> MetricRow:
    values = [metric.of(experiment) for experiment in experiments]
    figures = [figure_of(metric, value) for value in values]
    # What failed early is cheap, and no better for it.
    succeeded = [experiment.status is Status.SUCCEEDED for experiment in experiments]
    known = [value for value, counts in zip(values, succeeded, strict=True) if counts and value is not None]
    best = figure_of(metric, metric.best(known)) if metric.best and len(known) > 1 else None
    # What reads the same is as good; where all do, none stands out.
    stands_out = len({figure_of(metric, value) for value in known}) > 1
    marked = [stands_out and counts and figure == best for figure, counts in zip(figures, succeeded, strict=True)]
    return MetricRow(metric.name, list(zip(figures, marked, strict=True)))
