"""The rate-distortion chart: ticks that can be read, points where they belong, curves as they are compared."""

import re
from itertools import pairwise

import pytest
from experiments.rate_distortion import SCALES, Curve, CurvePoint, Scale
from renderer import charts
from renderer.charts import FRAME, CurveChart, Style

PSNR, SSIM = SCALES[0], next(scale for scale in SCALES if scale.key == "ssim")


def curve(*points: tuple[float, float], name: str = "x265") -> Curve:
    return Curve(name, tuple(CurvePoint(rate, quality, f"CRF {place}") for place, (rate, quality) in enumerate(points)))


def draw(*curves: Curve, metric: Scale = PSNR) -> CurveChart:
    return charts.draw(curves, [Style.of(place) for place in range(len(curves))], metric, "life")


@pytest.mark.parametrize(
    ("lowest", "highest", "labels"),
    [
        (450, 21_000, ["500", "1,000", "2,000", "5,000", "10,000", "20,000"]),
        (90, 900, ["100", "200", "500", "1,000"]),
        (0.8, 12, ["1", "2", "5", "10"]),
        (3, 30_000, ["10", "100", "1,000", "10,000"]),
        (1210, 1390, ["1,250", "1,300", "1,350"]),
    ],
)
def test_bitrate_ticks_are_round_numbers(lowest: float, highest: float, labels: list[str]) -> None:
    chart = draw(curve((lowest, 30), (highest, 40)))
    assert [tick.label for tick in chart.bitrate_ticks] == labels


@pytest.mark.parametrize(
    ("worst", "best", "labels"),
    [
        (29.2, 42.9, ["30", "32", "34", "36", "38", "40", "42"]),
        (36.1, 36.9, ["36.2", "36.4", "36.6", "36.8"]),
        (35, 35, ["34.96", "34.98", "35.00", "35.02", "35.04"]),
    ],
)
def test_quality_ticks_are_round_numbers(worst: float, best: float, labels: list[str]) -> None:
    chart = draw(curve((100, worst), (900, best)))
    assert [tick.label for tick in chart.quality_ticks] == labels


EXTREMES = [
    [(1e-3, 0.0), (1e9, 100.0)],
    [(1e-5, 99.99999), (1e9, 100.0)],
    [(1000.0, 35.0)],
    [(1000.0, 35.0), (1000.0000001, 35.0000001)],
    [(100.0, -1.0), (200.0, 1e-9)],
]


@pytest.mark.parametrize("points", EXTREMES, ids=range(len(EXTREMES)))
@pytest.mark.parametrize("metric", [PSNR, SSIM], ids=["dB", "plain"])
def test_whatever_was_measured_lies_within_the_plot(points: list[tuple[float, float]], metric: Scale) -> None:
    chart = draw(curve(*points), metric=metric)
    markers = chart.series[0].markers
    assert all(FRAME.left <= marker.x <= FRAME.right and FRAME.top <= marker.y <= FRAME.bottom for marker in markers)
    assert all(FRAME.left <= tick.at <= FRAME.right for tick in chart.bitrate_ticks)
    assert all(FRAME.top <= tick.at <= FRAME.bottom for tick in chart.quality_ticks)
    assert all(len(tick.label) < 14 for tick in (*chart.bitrate_ticks, *chart.quality_ticks))


def test_more_bitrate_is_to_the_right_and_more_quality_above() -> None:
    (series,) = draw(curve((100, 30), (1000, 35), (10_000, 40))).series
    gaps = [(right.x - left.x, right.y - left.y) for left, right in pairwise(series.markers)]
    assert gaps[0] == pytest.approx(gaps[1], abs=0.2)
    assert gaps[0][0] > 0 > gaps[0][1]


def test_a_curve_is_drawn_as_it_is_compared_through_its_points() -> None:
    (series,) = draw(curve((100, 30), (200, 36), (900, 38))).series
    assert re.fullmatch(r"M[\d.]+,[\d.]+(C([\d.]+,[\d.]+ ?){3}){2}", series.path)
    for marker in series.markers:
        assert f"{marker.x:g},{marker.y:g}" in series.path


def test_a_curve_that_falls_is_drawn_in_straight_lines() -> None:
    (series,) = draw(curve((100, 30), (200, 36), (900, 35))).series
    assert series.path.count("L") == 2


def test_a_point_says_its_setting_bitrate_and_quality() -> None:
    (series,) = draw(curve((812.4, 38.421))).series
    assert series.markers[0].text == "CRF 0 · 812 kbps · 38.42 dB"


def test_the_description_says_in_words_what_is_drawn() -> None:
    chart = draw(curve((100, 30), (900, 40)), curve((812.4, 38.421), name="av1"))
    assert chart.title == "PSNR over bitrate of life"
    assert chart.description == (
        "x265: 2 points from 30.00 dB at 100 kbps to 40.00 dB at 900 kbps. av1: 38.42 dB at 812 kbps."
    )


def test_two_dozen_curves_have_different_looks() -> None:
    styles = [Style.of(place) for place in range(24)]
    assert len(set(styles)) == 24
    assert len({style.marker for style in styles[:6]}) == len({style.colour for style in styles[:6]}) == 6
