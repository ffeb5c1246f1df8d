"""The overview's rate-distortion part: the curves of one clip by one metric, and what each is worth against another.

What is chosen stands in the URL; what the URL asks for in vain is shown by default, as experiments come and go.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlencode

import charts
import presentation
from charts import Style
from experiments.bjontegaard import Delta, Fit, NotComparable
from experiments.model import Experiment
from experiments.rate_distortion import (
    LEAST_OVERLAP,
    LEAST_POINTS,
    METRICS,
    Comparison,
    Curve,
    CurvePoint,
    Metric,
    Sweep,
    bd_matrix,
    curves_of,
    sweeps_by_clip,
)
from markupsafe import Markup
from presentation import Figure

from pages.templates import RATE_DISTORTION

ANCHOR = "rate-distortion"
CLIP, METRIC, FIT = "clip", "metric", "fit"
WEAKNESS = f"Fewer than {LEAST_POINTS} points, or less than {100 * LEAST_OVERLAP:.0f} % of a curve compared"


class Option(NamedTuple):
    """Something else that could be shown."""

    label: str
    link: str
    chosen: bool


class Choice(NamedTuple):
    """Options of which one is chosen."""

    label: str
    options: Sequence[Option]


class Cell(NamedTuple):
    """A comparison as the matrix shows it."""

    rate: Figure | None
    quality: Figure | None
    better: bool | None
    """Whether the column's curve needs less than the row's; None where that can't be said."""
    rate_is_weak: bool
    quality_is_weak: bool
    explanation: str
    """What the figures are, for those who can't see where they stand."""

    @property
    def is_marked(self) -> bool:
        """Whether a figure stands on thin ground."""
        return self.rate_is_weak or self.quality_is_weak


class MatrixRow(NamedTuple):
    """An anchor against each curve; None against itself."""

    name: str
    style: Style
    cells: Sequence[Cell | None]


class DataRow(NamedTuple):
    """A point of a curve."""

    name: str
    label: str
    bitrate: Figure
    quality: Figure


class View(NamedTuple):
    """What is shown, of which choice; the same view always looks the same."""

    clip: str
    clips: tuple[str, ...]
    metric: Metric
    metrics: tuple[Metric, ...]
    fit: Fit
    curves: tuple[Curve, ...]
    styles: tuple[Style, ...]
    page: str
    """The query string of the page that it is a part of; links keep it."""


def render_rate_distortion(experiments: Sequence[Experiment], chosen: Mapping[str, str], page: str) -> str:
    """Return the part as HTML; empty where no experiments make a curve.

    Args:
        experiments: Those of the page, in any order.
        chosen: The request's parameters, among which may be what this part is to show.
        page: The query string, with its question mark, that shows this page of experiments; empty for the first one.

    """
    clips = sweeps_by_clip(experiments)
    drawable = [clip for clip, sweeps in clips.items() if any(_metrics_of(sweeps))]
    if not drawable:
        return Markup()
    clip = next((clip for clip in drawable if clip == chosen.get(CLIP)), drawable[0])
    metrics = tuple(_metrics_of(clips[clip]))
    metric = next((metric for metric in metrics if metric.key == chosen.get(METRIC)), metrics[0])
    fit = next((fit for fit in Fit if fit.lower() == chosen.get(FIT)), Fit.PCHIP)
    curves = tuple(curves_of(clips[clip], metric))
    styles = _styles(clips)
    shown_styles = tuple(styles[curve.name] for curve in curves)
    return _render(View(clip, tuple(drawable), metric, metrics, fit, curves, shown_styles, page))


# Most of the time nothing has changed since the last request, and this is the costly part of the page.
@lru_cache(maxsize=64)
def _render(view: View) -> Markup:
    metric, comparisons = view.metric, bd_matrix(view.curves, view.fit)
    matrix = [
        MatrixRow(curve.name, style, [_cell(comparison, metric, view.fit) for comparison in row])
        for curve, style, row in zip(view.curves, view.styles, comparisons, strict=True)
    ]
    html = RATE_DISTORTION.render(
        anchor=ANCHOR,
        metric=metric,
        fit=view.fit,
        choices=list(_choices(view)),
        chart=charts.draw(view.curves, view.styles, metric, view.clip),
        matrix=matrix,
        weakness=WEAKNESS if any(cell and cell.is_marked for row in matrix for cell in row.cells) else "",
        notes=list(dict.fromkeys(_notes(comparisons))),
        rows=[_data_row(curve, point, metric) for curve in view.curves for point in curve.points],
    )
    return Markup(html)  # noqa: S704 the template has escaped it


def _metrics_of(sweeps: Sequence[Sweep]) -> Iterator[Metric]:
    """Return the metrics by which there is a curve, not just single points."""
    for metric in METRICS:
        if any(len(curve.points) > 1 for sweep in sweeps for curve in curves_of([sweep], metric)):
            yield metric


def _styles(clips: Mapping[str, Sequence[Sweep]]) -> dict[str, Style]:
    """Return a style per name, so that a codec looks the same on every clip."""
    names = sorted({sweep.name for sweeps in clips.values() for sweep in sweeps})
    return {name: Style.of(place) for place, name in enumerate(names)}


def _choices(view: View) -> Iterator[Choice]:
    yield _choice(view, "Clip", CLIP, {clip: clip for clip in view.clips})
    yield _choice(view, "Metric", METRIC, {metric.key: metric.name for metric in view.metrics})
    yield _choice(view, "Fit", FIT, {fit.lower(): fit for fit in Fit})


def _choice(view: View, label: str, name: str, labels: Mapping[str, str]) -> Choice:
    chosen = {CLIP: view.clip, METRIC: view.metric.key, FIT: view.fit.lower()}
    base = f"{view.page}&" if view.page else "?"
    links = {value: f"{base}{urlencode({**chosen, name: value})}#{ANCHOR}" for value in labels}
    return Choice(label, [Option(labels[value], link, value == chosen[name]) for value, link in links.items()])


def _cell(comparison: Comparison | None, metric: Metric, fit: Fit) -> Cell | None:
    if comparison is None:
        return None
    rate, quality = comparison.rate, comparison.quality
    return Cell(
        rate=presentation.difference(rate.value, 1, "%") if isinstance(rate, Delta) else None,
        quality=presentation.difference(quality.value, metric.places, metric.unit)
        if isinstance(quality, Delta)
        else None,
        better=rate.value < 0 if isinstance(rate, Delta) else None,
        rate_is_weak=comparison.is_weak(rate),
        quality_is_weak=comparison.is_weak(quality),
        explanation=_explanation(comparison, metric, fit),
    )


def _explanation(comparison: Comparison, metric: Metric, fit: Fit) -> str:
    rate = comparison.rate
    if isinstance(rate, NotComparable):
        return rate.reason
    low, high = (presentation.quality(value, metric.places, metric.unit) for value in (rate.low, rate.high))
    return (
        f"{comparison.test.name} against {comparison.anchor.name}, {fit}, "
        f"from {low.number} to {' '.join(high).strip()}: "
        f"{100 * rate.anchor_share:.0f} % of the range of {comparison.anchor.name}, "
        f"{100 * rate.test_share:.0f} % of that of {comparison.test.name}"
    )


def _notes(matrix: Sequence[Sequence[Comparison | None]]) -> Iterator[str]:
    """Say why curves can't be compared, once per pair."""
    for place, row in enumerate(matrix):
        for comparison in filter(None, row[:place]):
            for found in (comparison.rate, comparison.quality):
                if isinstance(found, NotComparable):
                    yield found.reason


def _data_row(curve: Curve, point: CurvePoint, metric: Metric) -> DataRow:
    quality = presentation.quality(point.quality, metric.places, metric.unit)
    return DataRow(curve.name, point.label, presentation.bitrate(point.bitrate_kbps), quality)
