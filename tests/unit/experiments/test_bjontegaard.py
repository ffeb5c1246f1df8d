"""BD-rate and BD-quality: against published values, against the `bjontegaard` package, and where there is none."""

import math
import random
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from experiments.bjontegaard import Delta, Fit, NotComparable, Point, bd_quality, bd_rate, rate_slopes

Curve = list[Point]

# The example of VCEG-M33, and one with nine points, with values from github.com/tbr/bjontegaard_cpp, example.cpp.
M33 = (
    [(90.33, 27.95), (181.03, 31.17), (332.99, 34.44), (547.79, 38.11)],
    [(127.1719, 29.9286), (186.14, 32.4165), (307.2924, 34.7013), (481.5588, 37.4561)],
)
ETRO = (
    [
        *((0.244049, 28.484), (0.29425, 29.4505), (0.495148, 32.6658), (0.596436, 33.8673), (0.745941, 35.5122)),
        *((0.99707, 38.0124), (1.49673, 41.3982), (1.99884, 43.8357), (2.99899, 48.6681)),
    ],
    [
        *((0.249634, 28.8244), (0.296753, 29.6851), (0.499176, 32.8318), (0.58902, 33.9057), (0.748871, 35.6375)),
        *((0.994965, 38.0001), (1.472565, 41.2727), (1.968292, 43.7318), (2.997253, 48.5637)),
    ],
)
# From JCTVC-E137, with values as in github.com/Netflix/vmaf, bd_rate_calculator_test.py.
JCTVC = (
    [(108048.8736, 43.6471), (61279.976, 40.3953), (33905.6656, 37.247), (18883.6928, 34.2911)],
    [(108061.2784, 43.6768), (61299.9936, 40.4232), (33928.7472, 37.2761), (18910.912, 34.3147)],
)
JCTVC_FLAT = (
    [(40433.8848, 37.5761), (7622.7456, 35.3756), (2394.488, 33.8977), (1017.6184, 32.0603)],
    [(40370.12, 37.5982), (7587.0024, 35.4025), (2390.0944, 33.9194), (1017.0984, 32.0822)],
)


@pytest.mark.parametrize(
    ("curves", "fit", "percent"),
    [
        (M33, Fit.CUBIC, -13.261773),
        (ETRO, Fit.CUBIC, -0.903450),
        (JCTVC, Fit.PCHIP, -0.465215420752807),
        (JCTVC_FLAT, Fit.PCHIP, -1.8779823450567612),
    ],
)
def test_bd_rate_is_as_published(curves: tuple[Curve, Curve], fit: Fit, percent: float) -> None:
    assert value_of(bd_rate(*curves, fit)) == pytest.approx(percent, abs=1e-6)


@pytest.mark.parametrize(("curves", "decibels"), [(M33, 0.800713), (ETRO, 0.072297)])
def test_bd_quality_is_as_published(curves: tuple[Curve, Curve], decibels: float) -> None:
    assert value_of(bd_quality(*curves, Fit.CUBIC)) == pytest.approx(decibels, abs=1e-6)


def value_of(found: Delta | NotComparable) -> float:
    assert isinstance(found, Delta), found
    return found.value


PAIRS = 300


@pytest.fixture(scope="module")
def package() -> Any:
    """The package from PyPI; it draws, too, and what it draws with warns of its own past."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import bjontegaard
    return bjontegaard


@pytest.mark.parametrize("fit", Fit)
def test_deltas_agree_with_the_package(package: Any, fit: Fit) -> None:
    for anchor, test in curve_pairs(fit):
        arguments = (*zip(*anchor, strict=True), *zip(*test, strict=True), fit.lower())
        options = {"require_matching_points": False, "min_overlap": 0}
        assert value_of(bd_rate(anchor, test, fit)) == pytest.approx(package.bd_rate(*arguments, **options), abs=0.01)
        quality = package.bd_psnr(*arguments, **options)
        assert value_of(bd_quality(anchor, test, fit)) == pytest.approx(quality, abs=1e-4)


def curve_pairs(fit: Fit) -> Iterator[tuple[Curve, Curve]]:
    """Pairs of curves with 2 to 12 points on scales of PSNR, SSIM, its decibels and VMAF, some hardly overlapping."""
    chance = random.Random(33)
    scales = [(28.0, 48.0), (0.85, 0.99), (8.0, 22.0), (35.0, 98.0)]
    for number in range(PAIRS):
        scale, bitrate, bend = scales[number % len(scales)], chance.uniform(20, 5000), chance.uniform(0.6, 1.8)
        shifts = 0.05, chance.uniform(0.05, 0.6)
        anchor, test = (generated_curve(chance, fit.least_points, scale, bitrate, bend, shift) for shift in shifts)
        if isinstance(bd_rate(anchor, test, fit), Delta) and isinstance(bd_quality(anchor, test, fit), Delta):
            yield anchor, test


def generated_curve(
    chance: random.Random, least_points: int, scale: tuple[float, float], bitrate: float, bend: float, shift: float
) -> Curve:
    worst, best = scale
    steps = [place / 100 + shift for place in sorted(chance.sample(range(100), chance.randint(least_points, 12)))]
    return [
        (bitrate * 30**step * chance.uniform(0.98, 1.02), worst + (best - worst) * math.tanh(bend * step))
        for step in steps
    ]


@pytest.mark.parametrize("fit", Fit)
def test_most_generated_pairs_are_compared(fit: Fit) -> None:
    assert sum(1 for _ in curve_pairs(fit)) >= 200


LINE = [(100.0, 30.0), (200.0, 33.0), (400.0, 36.0), (800.0, 39.0)]


@pytest.mark.parametrize("fit", Fit)
def test_twice_the_bitrate_is_100_percent_more(fit: Fit) -> None:
    doubled = [(2 * rate, quality) for rate, quality in LINE]
    rate, quality = bd_rate(LINE, doubled, fit), bd_quality(LINE, doubled, fit)
    assert value_of(rate) == pytest.approx(100)
    assert value_of(quality) == pytest.approx(-3)


def test_the_common_range_and_its_share_of_either_curve_are_told() -> None:
    by_quality = bd_rate(LINE, [(90.0, 33.0), (900.0, 45.0)])
    assert isinstance(by_quality, Delta)
    assert (by_quality.low, by_quality.high) == (33, 39)
    assert (by_quality.anchor_share, by_quality.test_share) == (2 / 3, 0.5)
    assert by_quality.overlap == 0.5
    by_bitrate = bd_quality([(50.0, 27.0), *LINE], [(200.0, 33.0), (400.0, 36.0)])
    assert isinstance(by_bitrate, Delta)
    assert [by_bitrate.low, by_bitrate.high] == pytest.approx([200, 400])
    assert [by_bitrate.anchor_share, by_bitrate.test_share] == pytest.approx([0.25, 1])


def test_the_order_of_points_does_not_matter() -> None:
    anchor, test = M33
    assert bd_rate(anchor[::-1], [test[2], test[0], test[3], test[1]]) == bd_rate(anchor, test)


@pytest.mark.parametrize(
    ("test_curve", "fit", "reason"),
    [
        ([(100.0, 40.0), (200.0, 45.0)], Fit.PCHIP, "the anchor and the test curve share no range of quality"),
        ([(100.0, 39.0), (200.0, 45.0)], Fit.PCHIP, "the anchor and the test curve share no range of quality"),
        ([], Fit.PCHIP, "the test curve has 0 of the 2 points that PCHIP needs"),
        (LINE[:1], Fit.PCHIP, "the test curve has 1 of the 2 points that PCHIP needs"),
        (LINE[:3], Fit.CUBIC, "the test curve has 3 of the 4 points that cubic needs"),
        ([*LINE, (400.0, 36.5)], Fit.PCHIP, "the test curve has two points at 400 kbps"),
        ([*LINE, (1600.0, 38.0)], Fit.PCHIP, "the test curve does not rise from 800 to 1,600 kbps"),
        ([*LINE, (1600.0, 39.0)], Fit.PCHIP, "the test curve does not rise from 800 to 1,600 kbps"),
        ([(0.0, 20.0), *LINE], Fit.PCHIP, "the test curve has a bitrate that is not above zero"),
        ([*LINE, (1e4, math.inf)], Fit.PCHIP, "the test curve has a bitrate that is not above zero, or a figure"),
        ([(1e-320, 20.0), (1e-315, 45.0)], Fit.PCHIP, None),
        ([(1e300, 20.0), (1e308, 45.0)], Fit.PCHIP, None),
    ],
)
def test_curves_that_can_not_be_compared_say_why(test_curve: Curve, fit: Fit, reason: str | None) -> None:
    found = bd_rate(LINE, test_curve, fit)
    if reason:
        assert isinstance(found, NotComparable)
        assert found.reason.startswith(reason)


def test_curves_are_called_by_their_names() -> None:
    found = bd_rate(LINE, LINE[:3], Fit.CUBIC, names=("x264", "x265"))
    assert found == NotComparable("x265 has 3 of the 4 points that cubic needs")


def test_bitrates_that_do_not_overlap_are_not_comparable_by_quality() -> None:
    found = bd_quality(LINE, [(800.0, 30.0), (900.0, 39.0)])
    assert found == NotComparable("the anchor and the test curve share no range of bitrate")


@pytest.mark.parametrize("fit", Fit)
def test_figures_beyond_all_measure_are_not_comparable(fit: Fit) -> None:
    tiny = [(1e-300, 30.0), (2e-300, 33.0), (4e-300, 36.0), (8e-300, 39.0)]
    huge = [(1e300, 30.0), (2e300, 33.0), (4e300, 36.0), (8e300, 39.0)]
    assert bd_rate(tiny, huge, fit) == NotComparable("the figures are too extreme to compare")
    nearly_flat = [(rate, number * 5e-324) for number, (rate, _) in enumerate(LINE)]
    assert isinstance(bd_quality(LINE, nearly_flat, fit), Delta | NotComparable)


def test_slopes_are_those_of_the_curve_and_never_negative() -> None:
    assert rate_slopes(LINE) == pytest.approx([math.log10(2) / 3] * 4)
    bent = rate_slopes([(100, 30.0), (101, 33.0), (400, 33.1)])
    assert bent is not None
    assert min(bent) >= 0
    assert rate_slopes([(100, 30.0), (200, 29.0)]) is None
