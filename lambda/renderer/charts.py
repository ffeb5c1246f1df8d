"""The rate-distortion chart: where on its plane each tick, line and point lies. templates/chart.html draws it as SVG.

Lengths are in units of the drawing, which a browser scales to the width that it has; so labels, whose size the
stylesheet sets apart from that, are given the room that they need on a phone.
"""

import math
from collections.abc import Container, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from experiments.bjontegaard import rate_slopes
from experiments.rate_distortion import Curve, CurvePoint, Scale
from web import artefact_links

from renderer import presentation


class Frame(NamedTuple):
    """The size of the drawing, and the edges of the plot in it: around that are labels, above it a point's figures."""

    width: int = 640
    height: int = 450
    left: int = 76
    top: int = 36
    right: int = 624
    bottom: int = 382


FRAME = Frame()
# The width of a letter and the gap between two labels, on a phone.
LETTER, GAP = 13, 8
NARROW_TICKS = 4
# How much of an axis stays empty beyond the outermost points; and a range too small to be stretched over an axis.
MARGIN, FLAT = 0.05, 1e-3
QUALITY_TICKS = 8

MARKERS = (
    "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0z",
    "M-4.5-4.5h9v9h-9z",
    "M0-6l5.6 10h-11.2z",
    "M0-6.4l5.4 6.4l-5.4 6.4l-5.4-6.4z",
    "M0 6l5.6-10h-11.2z",
    "M-2-6h4v4h4v4h-4v4h-4v-4h-4v-4h4z",
)
"""Shapes around the origin: circle, square, triangle, diamond, triangle on its tip, plus."""
COLOURS = 8
"""How many colours and dashes the stylesheet has: `series-0` and so on."""


class Style(NamedTuple):
    """How a curve is told from others: by colour and dash, which are a class of the stylesheet, and by its markers."""

    colour: str
    marker: str

    @classmethod
    def of(cls, place: int) -> "Style":
        """Return the style of the curve at a place in the list of all."""
        return cls(f"series-{place % COLOURS}", MARKERS[place % len(MARKERS)])


class Tick(NamedTuple):
    """A label on an axis."""

    at: float
    label: str


class Marker(NamedTuple):
    """A point of a curve, and its figures, which it shows when it is pointed at."""

    x: float
    y: float
    text: str
    link: str
    """Where its experiment is shown, relative to the site's root; empty where nowhere."""
    is_marked: bool


class Series(NamedTuple):
    """A curve as it is drawn."""

    name: str
    style: Style
    path: str
    """The data of an SVG path."""
    markers: Sequence[Marker]


class CurveChart(NamedTuple):
    """All that the template draws."""

    title: str
    description: str
    quality_label: str
    series: Sequence[Series]
    bitrate_ticks: Sequence[Tick]
    quality_ticks: Sequence[Tick]
    frame: Frame = FRAME


def draw(
    curves: Sequence[Curve], styles: Sequence[Style], scale: Scale, clip: str, marked: Container[str] = ()
) -> CurveChart:
    """Lay out the curves of a clip, at least one, by a metric; `marked` are ids of experiments that stand out."""
    points = [point for curve in curves for point in curve.points]
    bitrates, qualities = [math.log10(point.bitrate_kbps) for point in points], [point.quality for point in points]
    x, y = Axis.around(bitrates, FRAME.left, FRAME.right), Axis.around(qualities, FRAME.bottom, FRAME.top)
    return CurveChart(
        title=f"{scale.name} over bitrate of {clip}",
        description=". ".join(_summary(curve, scale) for curve in curves) + ".",
        quality_label=f"{scale.name}, {scale.unit}" if scale.unit and scale.unit not in scale.name else scale.name,
        series=[
            Series(curve.name, style, _path(curve, x, y), _markers(curve, scale, x, y, marked))
            for curve, style in zip(curves, styles, strict=True)
        ],
        bitrate_ticks=_bitrate_ticks(x),
        quality_ticks=value_ticks(y),
    )


class Axis(NamedTuple):
    """A range of values on a range of the drawing."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Sequence[float], start: float, end: float) -> "Axis":
        """Return an axis with room around values."""
        low, high = min(values), max(values)
        margin = MARGIN * (high - low if high - low > FLAT else 1)
        return cls(low - margin, high + margin, start, end)

    def at(self, value: float) -> float:
        """Return where a value lies."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)


def _summary(curve: Curve, scale: Scale) -> str:
    first, last = curve.points[0], curve.points[-1]
    if len(curve.points) == 1:
        return f"{curve.name}: {_quality(first, scale)} at {_bitrate(first)}"
    return (
        f"{curve.name}: {len(curve.points)} points from {_quality(first, scale)} at {_bitrate(first)}"
        f" to {_quality(last, scale)} at {_bitrate(last)}"
    )


def _markers(curve: Curve, scale: Scale, x: Axis, y: Axis, marked: Container[str]) -> list[Marker]:
    return [
        Marker(
            x.at(math.log10(point.bitrate_kbps)),
            y.at(point.quality),
            " · ".join(filter(None, (point.label, _bitrate(point), _quality(point, scale)))),
            artefact_links.page_link(point.experiment_id),
            point.experiment_id in marked,
        )
        for point in curve.points
    ]


def _bitrate(point: CurvePoint) -> str:
    return " ".join(presentation.bitrate(point.bitrate_kbps))


def _quality(point: CurvePoint, scale: Scale) -> str:
    return " ".join(presentation.quality(point.quality, scale.decimals, scale.unit)).strip()


def _path(curve: Curve, x: Axis, y: Axis) -> str:
    """Draw the very curve that BD-rate integrates by PCHIP; where there is none, straight lines.

    A cubic polynomial is a Bézier curve with its control points on the tangents, at thirds of the way.
    """
    points = [(math.log10(point.bitrate_kbps), point.quality) for point in curve.points]
    path = f"M{_place(x, y, *points[0])}"
    slopes = rate_slopes(curve.pairs)
    if slopes is None:
        return path + "".join(f"L{_place(x, y, *point)}" for point in points[1:])
    for ((rate, quality), (next_rate, next_quality)), (slope, next_slope) in zip(
        pairwise(points), pairwise(slopes), strict=True
    ):
        third = (next_quality - quality) / 3
        leaving, arriving = (
            (rate + slope * third, quality + third),
            (next_rate - next_slope * third, next_quality - third),
        )
        path += f"C{_place(x, y, *leaving)} {_place(x, y, *arriving)} {_place(x, y, next_rate, next_quality)}"
    return path


def _place(x: Axis, y: Axis, rate: float, quality: float) -> str:
    return f"{x.at(rate):g},{y.at(quality):g}"


def _bitrate_ticks(axis: Axis) -> list[Tick]:
    """Return 1, 2 and 5 of each power of ten, or as many as there is room for; in a narrow range, even steps."""
    for values in _logarithmic_steps(math.floor(axis.low), math.ceil(axis.high)):
        ticks = _ticks(axis, values)
        if len(ticks) > 1 and _fit(ticks):
            return ticks
    return _ticks(axis, _round_steps(10**axis.low, 10**axis.high, NARROW_TICKS))


def _logarithmic_steps(low: int, high: int) -> Iterator[list[float]]:
    """Yield ever sparser steps between two powers of ten."""
    for steps in ((1, 2, 5), (1, 3)):
        yield [step * 10.0**power for power in range(low, high) for step in steps]
    for stride in (1, 2, 3, 4):
        yield [10.0**power for power in range(low, high + 1) if power % stride == 0]


def _fit(ticks: Sequence[Tick]) -> bool:
    return all(
        right.at - left.at >= (len(left.label) + len(right.label)) / 2 * LETTER + GAP for left, right in pairwise(ticks)
    )


def _ticks(axis: Axis, bitrates: Iterable[float]) -> list[Tick]:
    ticks = ((math.log10(bitrate), f"{bitrate:,.10g}") for bitrate in bitrates)
    return [Tick(axis.at(place), label) for place, label in ticks if axis.low <= place <= axis.high]


def value_ticks(axis: Axis) -> list[Tick]:
    """Return even steps on an axis, as round as can be."""
    values = list(_round_steps(axis.low, axis.high, QUALITY_TICKS))
    step = values[1] - values[0] if len(values) > 1 else 1
    places = min(max(-math.floor(math.log10(step) + 1e-9), 0), 6)
    return [Tick(axis.at(value), presentation.quality(value, places, "").number) for value in values]


def _round_steps(low: float, high: float, at_most: int) -> list[float]:
    """Return the multiples of 1, 2 or 5 times a power of ten between two values."""
    rough = (high - low) / at_most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
