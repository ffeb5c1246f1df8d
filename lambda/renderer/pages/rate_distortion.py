"""Rate-distortion curves as pages show them: each clip's by one scale, and what each is worth against another.

Metric and fit stand in the URL. Where nothing is measured by that metric, another is shown, as experiments come and go.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlencode

from experiments.bjontegaard import Delta, Fit, NotComparable
from experiments.rate_distortion import (
    LEAST_OVERLAP,
    LEAST_POINTS,
    SCALES,
    Curve,
    CurveComparison,
    CurvePoint,
    Scale,
    Sweep,
    bd_matrix,
    curves_of,
)
from markupsafe import Markup
from web import artefact_links

from renderer import charts, presentation
from renderer.charts import Style
from renderer.pages.templates import render
from renderer.presentation import Figure

METRIC, FIT = "metric", "fit"
WEAKNESS = f"Fewer than {LEAST_POINTS} points, or less than {100 * LEAST_OVERLAP:.0f} % of a curve compared"
# The matrix grows with the square of the curves, in time, size and what there is to read.
MOST_COMPARED = 16


class LinkOption(NamedTuple):
    """Something else that could be shown."""

    label: str
    link: str
    chosen: bool


class Choice(NamedTuple):
    """Options of which one is chosen."""

    label: str
    options: Sequence[LinkOption]

    @classmethod
    def of(
        cls, label: str, name: str, labels: Mapping[str, str], query: Mapping[str, str], anchor: str = ""
    ) -> "Choice":
        """Return the choice of a query's parameter among values with labels; links lead to an anchor of the page."""
        links = {value: f"?{urlencode({**query, name: value}, safe=',')}{anchor}" for value in labels}
        return cls(label, [LinkOption(labels[value], link, value == query[name]) for value, link in links.items()])


class Selection(NamedTuple):
    """What is drawn of the sweeps of clips: their curves by one scale."""

    scales: Sequence[Scale]
    """All by which there are curves."""
    scale: Scale
    fit: Fit
    curves: Mapping[str, tuple[Curve, ...]]
    """Of each clip that has any, by its name."""
    styles: Mapping[str, Style]
    """By a curve's name, so that a codec looks the same by each scale and in each size of a clip."""

    @classmethod
    def of(cls, clips: Mapping[str, Sequence[Sweep]], parameters: Mapping[str, str]) -> "Selection | None":
        """Return what a request's parameters choose of the sweeps of each clip; None where nothing makes a curve."""
        by_scale = {scale: curves for scale in SCALES if (curves := _curves_by_clip(clips, scale))}
        if not by_scale:
            return None
        scale = next((scale for scale in by_scale if scale.key == parameters.get(METRIC)), next(iter(by_scale)))
        names = sorted({sweep.name for sweeps in clips.values() for sweep in sweeps})
        return cls(
            scales=list(by_scale),
            scale=scale,
            fit=next((fit for fit in Fit if fit.lower() == parameters.get(FIT)), Fit.PCHIP),
            curves=by_scale[scale],
            styles={name: Style.of(place) for place, name in enumerate(names)},
        )

    @property
    def query(self) -> dict[str, str]:
        """The parameters that choose the same again."""
        return {METRIC: self.scale.key, FIT: self.fit.lower()}

    def choices(self, query: Mapping[str, str], fragment: str = "") -> list[Choice]:
        """Return the links to the other metrics and fits; `query` is what else the page's URL says."""
        query = {**query, **self.query}
        return [
            Choice.of("Metric", METRIC, {scale.key: scale.name for scale in self.scales}, query, fragment),
            Choice.of("Fit", FIT, {fit.lower(): fit for fit in Fit}, query, fragment),
        ]


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
    def is_weak(self) -> bool:
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
    link: str
    is_marked: bool
    bitrate: Figure
    quality: Figure


class Plot(NamedTuple):
    """A clip's curves by a metric; the same plot always looks the same."""

    anchor: str
    """An id within the page."""
    heading_level: int
    clip: str
    scale: Scale
    fit: Fit
    curves: tuple[Curve, ...]
    styles: tuple[Style, ...]
    marked: frozenset[str]


def render_plots(selection: Selection, heading_level: int, marked: frozenset[str] = frozenset()) -> list[Markup]:
    """Return each clip's curves as a section of HTML, under its name as a heading of that level.

    The points of experiments whose ids are `marked` stand out.
    """
    return [
        _render(
            Plot(
                anchor=f"plot-{place}",
                heading_level=heading_level,
                clip=clip,
                scale=selection.scale,
                fit=selection.fit,
                curves=curves,
                styles=tuple(selection.styles[curve.name] for curve in curves),
                marked=marked,
            )
        )
        for place, (clip, curves) in enumerate(selection.curves.items(), start=1)
    ]


# Most of the time nothing has changed since the last request, and this is the costly part of the page.
@lru_cache(maxsize=64)
def _render(plot: Plot) -> Markup:
    scale = plot.scale
    comparisons = bd_matrix(plot.curves, plot.fit) if len(plot.curves) <= MOST_COMPARED else []
    matrix = [
        MatrixRow(curve.name, style, [_cell(comparison, scale, plot.fit) for comparison in row])
        for curve, style, row in zip(plot.curves, plot.styles, comparisons, strict=False)
    ]
    html = render(
        "rate_distortion.html",
        plot=plot,
        chart=charts.draw(plot.curves, plot.styles, scale, plot.clip, plot.marked),
        matrix=matrix,
        most_compared=MOST_COMPARED,
        weakness=WEAKNESS if any(cell and cell.is_weak for row in matrix for cell in row.cells) else "",
        notes=list(dict.fromkeys(_notes(comparisons))),
        rows=[_data_row(curve, point, plot) for curve in plot.curves for point in curve.points],
    )
    return Markup(html)  # noqa: S704 the template has escaped it


def _curves_by_clip(clips: Mapping[str, Sequence[Sweep]], scale: Scale) -> dict[str, tuple[Curve, ...]]:
    """Return the curves of each clip that has one by a scale, and not just single points."""
    curves = {clip: tuple(curves_of(sweeps, scale)) for clip, sweeps in clips.items()}
    return {clip: found for clip, found in curves.items() if any(len(curve.points) > 1 for curve in found)}


def _cell(comparison: CurveComparison | None, scale: Scale, fit: Fit) -> Cell | None:
    if comparison is None:
        return None
    rate, quality = comparison.rate, comparison.quality
    return Cell(
        rate=presentation.difference(rate.value, 1, "%") if isinstance(rate, Delta) else None,
        quality=presentation.difference(quality.value, scale.decimals, scale.unit)
        if isinstance(quality, Delta)
        else None,
        better=rate.value < 0 if isinstance(rate, Delta) else None,
        rate_is_weak=comparison.is_weak(rate),
        quality_is_weak=comparison.is_weak(quality),
        explanation=_explanation(comparison, scale, fit),
    )


def _explanation(comparison: CurveComparison, scale: Scale, fit: Fit) -> str:
    rate = comparison.rate
    if isinstance(rate, NotComparable):
        return rate.reason
    low, high = (presentation.quality(value, scale.decimals, scale.unit) for value in (rate.low, rate.high))
    return (
        f"{comparison.test.name} against {comparison.anchor.name}, {fit}, "
        f"from {low.number} to {' '.join(high).strip()}: "
        f"{100 * rate.anchor_share:.0f} % of the range of {comparison.anchor.name}, "
        f"{100 * rate.test_share:.0f} % of that of {comparison.test.name}"
    )


def _notes(matrix: Sequence[Sequence[CurveComparison | None]]) -> Iterator[str]:
    """Say why curves can't be compared, once per pair."""
    for place, row in enumerate(matrix):
        for comparison in filter(None, row[:place]):
            for found in (comparison.rate, comparison.quality):
                if isinstance(found, NotComparable):
                    yield found.reason


def _data_row(curve: Curve, point: CurvePoint, plot: Plot) -> DataRow:
    return DataRow(
        name=curve.name,
        label=point.label,
        link=artefact_links.page_link(point.experiment_id),
        is_marked=point.experiment_id in plot.marked,
        bitrate=presentation.bitrate(point.bitrate_kbps),
        quality=presentation.quality(point.quality, plot.scale.decimals, plot.scale.unit),
    )
