"""Which experiments make a curve, by which metric, and what a comparison of curves says of itself."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from experiments.bjontegaard import Delta, Fit, NotComparable
from experiments.metrics import Metrics, RDPoint
from experiments.model import Experiment, Status
from experiments.rate_distortion import SCALES, Curve, bd_matrix, curves_of, sweeps_by_clip

PSNR, SSIM, SSIM_DB, VMAF = (
    next(scale for scale in SCALES if scale.key == key) for key in ("psnr", "ssim", "ssim-db", "vmaf")
)
PSNR_Y = next(scale for scale in SCALES if scale.key == "psnr-y")


def measured(
    crf: int, kbps: float, psnr_db: float | None, codec: str = "x265", clip: str = "life", **parameters: Any
) -> Experiment:
    """An experiment such as the worker makes: one quality point."""
    settings = {"preset": "medium", "rate_control": "crf", "crf": crf, "clip": clip, "width": 640, **parameters}
    point = RDPoint(bitrate_kbps=kbps, psnr_db=psnr_db, label=f"CRF {crf}")
    return Experiment(codec=codec, clip=clip, status=Status.SUCCEEDED, parameters=settings, rd_points=(point,))


def curves(*experiments: Experiment, metric: Any = PSNR, clip: str = "life") -> list[Curve]:
    return curves_of(sweeps_by_clip(experiments)[clip], metric)


def test_experiments_that_differ_in_their_quality_point_are_one_curve_by_bitrate() -> None:
    (curve,) = curves(measured(22, 2000, 42), measured(38, 200, 31), measured(30, 700, 36.5))
    assert curve.name == "x265"
    assert curve.pairs == ((200, 31), (700, 36.5), (2000, 42))
    assert [point.label for point in curve.points] == ["CRF 38", "CRF 30", "CRF 22"]


def test_a_whole_sweep_in_one_experiment_is_a_curve() -> None:
    points = tuple(RDPoint(bitrate_kbps=kbps, psnr_db=quality) for kbps, quality in ((900, 40), (100, 30)))
    (curve,) = curves(replace(measured(0, 1, 1), rd_points=points))
    assert curve.pairs == ((100, 30), (900, 40))


def test_of_a_point_that_was_measured_again_the_newest_counts_in_whatever_order_they_come() -> None:
    newer, older = (
        replace(measured(30, kbps, 36.5), created_at=datetime(2026, 11, day, tzinfo=UTC))
        for kbps, day in ((650, 24), (700, 23))
    )
    unknown = measured(30, 800, 36.5)
    for experiments in permutations([newer, older, unknown]):
        assert curves(*experiments)[0].pairs == ((650, 36.5),)


def test_codecs_and_clips_have_curves_of_their_own_in_the_order_of_their_names() -> None:
    experiments = [
        measured(30, 700, 36, codec=codec, clip=clip) for clip in ("sea", "life") for codec in ("vp9", "av1")
    ]
    clips = sweeps_by_clip(experiments)
    assert {clip: [sweep.name for sweep in sweeps] for clip, sweeps in clips.items()} == {
        "life": ["av1", "vp9"],
        "sea": ["av1", "vp9"],
    }
    assert list(clips) == ["life", "sea"]


def test_configurations_of_a_codec_are_told_apart_by_what_differs() -> None:
    found = curves(measured(30, 700, 36, preset="slow"), measured(30, 800, 36), measured(30, 800, 36, codec="av1"))
    assert [curve.name for curve in found] == ["av1", "x265 · preset medium", "x265 · preset slow"]


def test_pictures_of_another_size_are_another_clip() -> None:
    clips = sweeps_by_clip([measured(30, 700, 36), measured(30, 2000, 36, width=1280)])
    assert list(clips) == ["life · width 1280", "life · width 640"]


@pytest.mark.parametrize(
    "change", [{"status": Status.FAILED}, {"status": Status.RUNNING}, {"status": None}, {"clip": ""}, {"codec": ""}]
)
def test_what_did_not_succeed_or_is_not_known_is_on_no_curve(change: dict[str, Any]) -> None:
    assert sweeps_by_clip([replace(measured(30, 700, 36), **change)]) == {}


def test_points_without_the_metric_are_left_out_as_are_those_that_have_no_bound() -> None:
    (curve,) = curves(measured(0, 9000, 100.0), measured(22, 2000, None), measured(30, 700, 36), measured(40, 0, 20))
    assert curve.pairs == ((700, 36),)
    assert curves(measured(30, 700, 36), metric=VMAF) == []


def test_ssim_is_drawn_plain_or_in_decibels() -> None:
    points = tuple(RDPoint(bitrate_kbps=kbps, ssim=ssim) for kbps, ssim in ((100, 0.9), (900, 0.99), (5000, 1.0)))
    experiment = replace(measured(0, 1, 1), rd_points=points)
    assert curves(experiment, metric=SSIM)[0].pairs == ((100, 0.9), (900, 0.99), (5000, 1.0))
    in_decibels = curves(experiment, metric=SSIM_DB)[0].pairs
    assert [quality for _, quality in in_decibels] == pytest.approx([10, 20])


def test_a_plane_is_known_of_an_experiment_that_is_one_point() -> None:
    metrics = Metrics(psnr_y_db=41.5)
    single = replace(measured(30, 700, 36), metrics=metrics)
    sweep = replace(single, rd_points=single.rd_points * 2)
    assert curves(single, metric=PSNR_Y)[0].pairs == ((700, 41.5),)
    assert curves(sweep, metric=PSNR_Y) == []


def line(name: str, factor: float, points: int = 4, better: float = 0) -> Curve:
    (curve,) = curves(*(measured(n, factor * 100 * 2**n, 30 + 3 * n + better) for n in range(points)))
    return curve._replace(name=name)


def test_the_matrix_has_a_row_per_anchor_and_a_column_per_test_curve() -> None:
    cheap, dear = line("cheap", 1), line("dear", 2)
    ((none, dear_against_cheap), (cheap_against_dear, _)) = bd_matrix([cheap, dear], Fit.PCHIP)
    assert none is None
    assert dear_against_cheap is not None
    assert cheap_against_dear is not None
    assert isinstance(dear_against_cheap.rate, Delta)
    assert isinstance(cheap_against_dear.rate, Delta)
    assert dear_against_cheap.rate.value == pytest.approx(100)
    assert cheap_against_dear.rate.value == pytest.approx(-50)
    assert isinstance(cheap_against_dear.quality, Delta)
    assert cheap_against_dear.quality.value == pytest.approx(3)


@pytest.mark.parametrize(
    ("test", "weak"),
    [
        (line("same range", 1), False),
        (line("few points", 1, points=3), True),
        (line("little overlap", 1, better=4), True),
    ],
    ids=lambda value: value.name if isinstance(value, Curve) else "",
)
def test_a_comparison_of_few_points_or_little_overlap_is_weak(test: Curve, *, weak: bool) -> None:
    comparison = bd_matrix([line("anchor", 1), test], Fit.PCHIP)[0][1]
    assert comparison is not None
    assert comparison.is_weak(comparison.rate) is weak


def test_what_can_not_be_compared_says_why() -> None:
    comparison = bd_matrix([line("anchor", 1), line("few points", 1, points=3)], Fit.CUBIC)[0][1]
    assert comparison is not None
    assert comparison.rate == NotComparable("few points has 3 of the 4 points that cubic needs")
    assert not comparison.is_weak(comparison.rate)
