"""How far apart two rate-distortion curves are on average: BD-rate in percent, BD-quality in the metric's unit.

Both curves are interpolated over the logarithm of the bitrate; the area between them, divided by the range that they
share, is the result. Two interpolations are in use:

- a third-order polynomial through four points, the least squares of more: G. Bjøntegaard, "Calculation of average PSNR
  differences between RD-curves", ITU-T VCEG-M33, 2001; with its later refinements in VCEG-AI11, 2008;
- piecewise cubic Hermite (PCHIP), which doesn't swing between the points, and which MPEG and ITU-T compare with since
  HEVC: JCTVC-L1100 and JVET-T2010 (common test conditions), ITU-T HSTP-VID-WPOM, 2020. Its slopes are those of F. N.
  Fritsch and J. Butland, SIAM J. Sci. Stat. Comput. 5(2), 1984, at the ends C. Moler's three-point formula, as in
  scipy's PchipInterpolator.

Plain Python, since numpy would be most of the renderer's cold start.
"""

import math
import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

Point = tuple[float, float]
"""Bitrate in kbps, and quality, of which more is better."""
NAMES = "the anchor", "the test curve"


class Fit(StrEnum):
    """How a curve is drawn through its points; its value is its name for readers."""

    PCHIP = "PCHIP"
    CUBIC = "cubic"

    @property
    def least_points(self) -> int:
        """How many points a curve needs."""
        return 2 if self is Fit.PCHIP else 4


@dataclass(frozen=True, slots=True)
class Delta:
    """What the test curve gains over the anchor, averaged over the range that both cover."""

    value: float
    """BD-rate in percent, negative where the test curve needs less; or BD-quality in the metric's unit."""
    low: float
    high: float
    """The common range: of quality in its unit for BD-rate, of bitrate in kbps for BD-quality."""
    anchor_share: float
    test_share: float
    """How much of each curve's own range that is, 0 to 1; bitrates count by their logarithm."""

    @property
    def overlap(self) -> float:
        """The smaller of the two shares: how much of the curve that is compared least was compared."""
        return min(self.anchor_share, self.test_share)


@dataclass(frozen=True, slots=True)
class NotComparable:
    """Why two curves have no average distance, for readers."""

    reason: str


def bd_rate(
    anchor: Iterable[Point], test: Iterable[Point], fit: Fit = Fit.PCHIP, names: tuple[str, str] = NAMES
) -> Delta | NotComparable:
    """Return how much more bitrate the test curve needs for the same quality, in percent.

    By `names` anchor and test curve are called where they can't be compared.
    """
    found = _compare(anchor, test, fit, names, by_quality=True)
    if isinstance(found, NotComparable):
        return found
    average, low, high, *shares = found
    try:
        return Delta(100 * (10**average - 1), low, high, *shares)
    except OverflowError:
        return _TOO_EXTREME


def bd_quality(
    anchor: Iterable[Point], test: Iterable[Point], fit: Fit = Fit.PCHIP, names: tuple[str, str] = NAMES
) -> Delta | NotComparable:
    """Return how much better the test curve is at the same bitrate, in the unit of the quality; names as above."""
    found = _compare(anchor, test, fit, names, by_quality=False)
    if isinstance(found, NotComparable):
        return found
    average, low, high, *shares = found
    return Delta(average, 10**low, 10**high, *shares)


def rate_slopes(points: Sequence[Point]) -> list[float] | None:
    """Return d(log10 kbps)/d(quality) at each point of the curve that PCHIP integrates; None where it has no such."""
    curve = _increasing(points, "", Fit.PCHIP)
    return None if isinstance(curve, NotComparable) else _pchip_slopes([(quality, rate) for rate, quality in curve])


_TOO_EXTREME = NotComparable("the figures are too extreme to compare")

_Found = tuple[float, float, float, float, float]


def _compare(
    anchor: Iterable[Point], test: Iterable[Point], fit: Fit, names: tuple[str, str], *, by_quality: bool
) -> _Found | NotComparable:
    """Return the mean of test minus anchor, over which range, and its share of either curve."""
    curves = []
    for name, points in zip(names, (anchor, test), strict=True):
        curve = _increasing(points, name, fit)
        if isinstance(curve, NotComparable):
            return curve
        curves.append([(quality, rate) for rate, quality in curve] if by_quality else curve)
    low, high = max(curve[0][0] for curve in curves), min(curve[-1][0] for curve in curves)
    if low >= high:
        return NotComparable(f"{names[0]} and {names[1]} share no range of {'quality' if by_quality else 'bitrate'}")
    integral = _pchip_integral if fit is Fit.PCHIP else _cubic_integral
    try:
        anchor_area, test_area = (integral(curve, low, high) for curve in curves)
        average = (test_area - anchor_area) / (high - low)
    except ArithmeticError:
        return _TOO_EXTREME
    if not math.isfinite(average):
        return _TOO_EXTREME
    anchor_share, test_share = ((high - low) / (curve[-1][0] - curve[0][0]) for curve in curves)
    return average, low, high, anchor_share, test_share


def _increasing(points: Iterable[Point], name: str, fit: Fit) -> list[Point] | NotComparable:
    """Return (log10 of the bitrate, quality), both strictly increasing, as interpolation either way needs it."""
    points = sorted(points)
    if len(points) < fit.least_points:
        return NotComparable(f"{name} has {len(points)} of the {fit.least_points} points that {fit} needs")
    if not all(rate > 0 and math.isfinite(rate) and math.isfinite(quality) for rate, quality in points):
        return NotComparable(f"{name} has a bitrate that is not above zero, or a figure without bounds")
    curve = [(math.log10(rate), quality) for rate, quality in points]
    for (left, worse), (right, better) in pairwise(curve):
        if left == right:
            return NotComparable(f"{name} has two points at {10**left:,.0f} kbps")
        if worse >= better:
            return NotComparable(f"{name} does not rise from {10**left:,.0f} to {10**right:,.0f} kbps")
    return curve


def _pchip_integral(curve: Sequence[Point], low: float, high: float) -> float:
    slopes = _pchip_slopes(curve)
    area = 0.0
    for ((left, start), (right, end)), (slope, next_slope) in zip(pairwise(curve), pairwise(slopes), strict=True):
        width = right - left
        # y(u) = start + tangent·u + bend·u² + twist·u³, u from 0 to 1 within the piece.
        tangent, next_tangent = slope * width, next_slope * width
        bend = 3 * (end - start) - 2 * tangent - next_tangent
        twist = tangent + next_tangent - 2 * (end - start)
        coefficients = (start, tangent, bend, twist)
        u_low, u_high = (min(max((limit - left) / width, 0.0), 1.0) for limit in (low, high))
        area += width * _polynomial_integral(coefficients, u_low, u_high)
    return area


def _pchip_slopes(curve: Sequence[Point]) -> list[float]:
    """Return the slope at each point of a strictly increasing curve, where none is negative."""
    widths = [right - left for (left, _), (right, _) in pairwise(curve)]
    secants = [(end - start) / width for ((_, start), (_, end)), width in zip(pairwise(curve), widths, strict=True)]
    if len(secants) == 1:
        return secants * 2
    inner = (
        3 * (h0 + h1) / ((h0 + 2 * h1) / m0 + (2 * h0 + h1) / m1)
        for (h0, h1), (m0, m1) in zip(pairwise(widths), pairwise(secants), strict=True)
    )
    return [_end_slope(*widths[:2], *secants[:2]), *inner, _end_slope(*widths[:-3:-1], *secants[:-3:-1])]


def _end_slope(width: float, next_width: float, secant: float, next_secant: float) -> float:
    return max(((2 * width + next_width) * secant - width * next_secant) / (width + next_width), 0.0)


def _cubic_integral(curve: Sequence[Point], low: float, high: float) -> float:
    """Integrate the polynomial of third order that fits best.

    It is put together from polynomials that are orthogonal on the points, which needs no system of equations and loses
    no digits: G. E. Forsythe, J. SIAM 5(2), 1957.
    """
    middle, half = (curve[0][0] + curve[-1][0]) / 2, (curve[-1][0] - curve[0][0]) / 2
    xs, ys = [(x - middle) / half for x, _ in curve], [y for _, y in curve]
    limits = [(limit - middle) / half for limit in (low, high)]
    area = 0.0
    for basis in _orthogonal_polynomials(xs, 3):
        values = [_evaluate(basis, x) for x in xs]
        weight = _dot(ys, values) / _dot(values, values)
        area += weight * _polynomial_integral(basis, *limits)
    return half * area


def _orthogonal_polynomials(xs: Sequence[float], highest_order: int) -> Iterator[Sequence[float]]:
    """Yield the coefficients, constant first, of polynomials of order 0, 1, … that are orthogonal on the points."""
    before, basis, norm_before = [0.0], [1.0], 1.0
    for order in range(highest_order + 1):
        yield basis
        values = [_evaluate(basis, x) for x in xs]
        norm = _dot(values, values)
        shift = _dot([value * x for value, x in zip(values, xs, strict=True)], values) / norm
        damping = norm / norm_before if order else 0.0
        raised, same, lower = [0.0, *basis], [*basis, 0.0], [*before, *[0.0] * (len(basis) + 1 - len(before))]
        before, norm_before = basis, norm
        basis = [up - shift * as_is - damping * down for up, as_is, down in zip(raised, same, lower, strict=True)]


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(map(operator.mul, left, right))


def _evaluate(coefficients: Sequence[float], x: float) -> float:
    result = 0.0
    for coefficient in reversed(coefficients):
        result = result * x + coefficient
    return result


def _polynomial_integral(coefficients: Sequence[float], low: float, high: float) -> float:
    integral = [0.0, *(coefficient / power for power, coefficient in enumerate(coefficients, start=1))]
    return _evaluate(integral, high) - _evaluate(integral, low)
