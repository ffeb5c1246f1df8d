"""The page of a comparison: differences, the best of each metric, the curves, and what can't be compared."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, aws_error, experiment_item
from tests.unit.renderer.html_text import links_of, rows_of, text_of
from tests.unit.renderer.test_curves import points_of, sweep
from tests.unit.renderer.test_overview import BROKEN_ITEMS, HOSTILE

BETTER = {"psnr_db": 42.0, "ssim": 0.99, "bitrate_kbps": 900, "encode_fps": 20, "duration_seconds": 3}
WORSE = {"psnr_db": 39.0, "ssim": 0.99, "bitrate_kbps": 1200, "encode_fps": 10, "duration_seconds": 2}


def test_the_best_is_bold_whether_more_or_less_is_better(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("a", metrics=WORSE), experiment_item("b", metrics=BETTER, cost_usd=0.01))
    rows = {row[0]: row[1:] for row in rows_of(ask("/compare", query={"ids": "a,b"})["body"])}
    assert rows["PSNR"] == ["39.00 dB", "42.00 (best) dB"]
    assert rows["Bitrate"] == ["1,200 kbps", "900 (best) kbps"]
    assert rows["Encoding speed"] == ["10.0 fps", "20.0 (best) fps"]
    assert rows["Cost"] == ["0.0012 (best) USD", "0.0100 USD"]
    assert rows["SSIM"] == ["0.9900", "0.9900"]
    assert rows["Clip length"] == ["2.0 s", "3.0 s"]
    assert rows["VMAF"] == ["–", "–"]  # noqa: RUF001 the dash


def test_what_failed_is_best_at_nothing(ask: Ask, table: FakeTable) -> None:
    costs = {"a": ("succeeded", 0.02), "b": ("succeeded", 0.03), "c": ("failed", 0.0001)}
    table.hold(*(experiment_item(name, status=status, cost_usd=cost) for name, (status, cost) in costs.items()))
    rows = {row[0]: row[1:] for row in rows_of(ask("/compare", query={"ids": "a,b,c"})["body"])}
    assert rows["Cost"] == ["0.0200 (best) USD", "0.0300 USD", "0.0001 USD"]


def test_differing_parameters_are_marked_by_a_sign(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("a", parameters={"crf": 28, "fps": 30}), experiment_item("b", parameters={"fps": 30}))
    rows = rows_of(ask("/compare", query={"ids": "a,b"})["body"])
    assert ["≠ crf", "28", "–"] in rows  # noqa: RUF001 the dash
    assert ["fps", "30", "30"] in rows


def test_an_experiment_leads_to_comparisons_with_its_neighbours_and_what_it_runs_again(
    ask: Ask, table: FakeTable
) -> None:
    table.hold(*(experiment_item(name, name=name, parent_id="e0") for name in ("e3", "e2", "e1")))
    links = [link for link in links_of(ask("/experiments/e2")["body"]) if "compare" in link]
    assert links == [f"../compare?ids=e2,{other}" for other in ("e3", "e1", "e0")]


def test_different_clips_are_told(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("a", clip="zoom"), experiment_item("b", clip="life"))
    assert "different clips (life, zoom)" in text_of(ask("/compare", query={"ids": "a,b"})["body"])


def test_experiments_are_marked_on_the_curves_of_their_configurations(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1), *sweep("x265", 0.5), *sweep("av1", 0.4), *sweep("x264", 0.9, preset="slow"))
    body = ask("/compare", query={"ids": "life-x264-0,life-x264-3,life-x265-1"})["body"]
    points = points_of(body)
    assert len(points) == 8
    assert [point for point in points if point.endswith(" · compared")] == [
        "x264 · CRF 40 · 100 kbps · 30.00 dB · compared",
        "x264 · CRF 37 · 800 kbps · 39.00 dB · compared",
        "x265 · CRF 39 · 100 kbps · 33.00 dB · compared",
    ]
    assert "x265 against x264, PCHIP" in text_of(body)
    assert "av1 against" not in text_of(body)


def test_metric_and_fit_of_the_curves_are_chosen_by_links_that_keep_the_experiments(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1), *sweep("x265", 0.5))
    links = links_of(ask("/compare", query={"ids": "life-x264-0,life-x265-0"})["body"])
    (ssim,) = (link for link in links if "metric=ssim&" in link)
    assert ssim == "?ids=life-x264-0,life-x265-0&metric=ssim&fit=pchip#rate-distortion"
    body = ask("/compare", query=dict(parse_qsl(urlsplit(ssim).query)))["body"]
    assert points_of(body)[0] == "x264 · CRF 40 · 100 kbps · 0.9000 · compared"


def test_configurations_of_a_codec_are_told_apart(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x265", 1), *sweep("x265", 0.8, preset="slow"))
    text = text_of(ask("/compare", query={"ids": "life-x265-0,life-x265-slow-0"})["body"])
    assert "x265 · preset slow against x265 · preset medium, PCHIP" in text


def test_of_a_point_that_was_measured_again_the_compared_experiment_counts(ask: Ask, table: FakeTable) -> None:
    older, *others = sweep("x264", 1)
    again = {**older, "pk": "EXPERIMENT#again", "id": "again", "created_at": "2026-11-25T00:00:00Z", "name": "again"}
    table.hold({**again, "rd_points": [{**older["rd_points"][0], "psnr_db": 31}]}, older, *others)
    compared = [
        (f"{older['id']},{others[0]['id']}", "30.00 dB · compared"),
        (f"again,{others[0]['id']}", "31.00 dB · compared"),
        (f"{older['id']},again", "31.00 dB · compared"),
    ]
    bodies = [ask("/compare", query={"ids": ids})["body"] for ids, _ in compared]
    for body, (_, point) in zip(bodies, compared, strict=True):
        assert points_of(body)[0].endswith(point)
    assert ["On no curve: mandelbrot" in text_of(body) for body in bodies] == [False, False, True]


def test_an_experiment_that_is_a_whole_sweep_brings_its_own_curve(ask: Ask, table: FakeTable) -> None:
    first, second = (
        {**sweep("x264", factor)[0], "pk": f"EXPERIMENT#{name}", "id": name}
        | {"rd_points": [item["rd_points"][0] for item in sweep("x264", factor)]}
        for name, factor in (("first", 1), ("second", 0.5))
    )
    table.hold(first, second, *sweep("x265", 0.5))
    body = ask("/compare", query={"ids": "first,second"})["body"]
    assert len(points_of(body)) == 8
    assert "−50.0 % +3.00 dB * x264 · experiment second against x264 · experiment first" in text_of(body)  # noqa: RUF001


def test_curves_of_different_clips_are_not_laid_over_each_other(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1), *sweep("x265", 0.5, clip="sea"), *sweep("x265", 0.5, width=1280))
    for ids in ("life-x264-0,sea-x265-0", "life-x264-0,life-x265-1280-0"):
        body = ask("/compare", query={"ids": ids})["body"]
        assert body.count('<svg class="chart"') == 2
        assert "Curves of different clips can't be laid over each other or compared" in text_of(body)
        assert "x265 against x264" not in text_of(body)


def test_what_lies_on_no_curve_is_named(ask: Ask, table: FakeTable) -> None:
    failed = experiment_item("failed", name="in vain", status="failed", clip="life", metrics={})
    table.hold(failed, *sweep("x264", 1))
    body = ask("/compare", query={"ids": "failed,life-x264-0"})["body"]
    assert len(points_of(body)) == 4
    assert "On no curve: in vain. " in text_of(body)


def test_experiments_that_make_no_curve_are_compared_without(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1, points=1), *sweep("x265", 1, points=1))
    body = ask("/compare", query={"ids": "life-x264-0,life-x265-0"})["body"]
    assert "None of them lies on a curve" in text_of(body)
    assert '<svg class="chart"' not in body


def test_unknown_ids_are_reported_beside_those_that_are_known(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("a"))
    answer = ask("/compare", query={"ids": "a,gone,lost"})
    assert answer["statusCode"] == 200
    assert "There are no experiments gone , lost ." in text_of(answer["body"])
    assert ask("/compare", query={"ids": "gone,lost"})["statusCode"] == 404


@pytest.mark.parametrize(
    "ids", [None, "", "a", "a,", "a,a", "a,b,c,d,e,f,g", "a,<script>", "a," + "x" * 257, ",".join(["a"] * 9999)]
)
def test_what_are_not_two_to_six_ids_is_a_friendly_400(ask: Ask, table: FakeTable, ids: str | None) -> None:
    table.hold(experiment_item("a"))
    answer = ask("/compare", query=None if ids is None else {"ids": ids})
    assert answer["statusCode"] == 400
    assert "A comparison takes two to six different experiments" in text_of(answer["body"])
    assert "<script" not in answer["body"]


def test_six_can_be_compared(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(name) for name in "abcdef"))
    assert ask("/compare", query={"ids": "a,b,c,d,e,f"})["statusCode"] == 200


@pytest.mark.parametrize("broken", BROKEN_ITEMS, ids=range(len(BROKEN_ITEMS)))
def test_a_broken_item_spoils_no_comparison(ask: Ask, table: FakeTable, broken: dict[str, Any]) -> None:
    table.hold({**broken, "pk": "EXPERIMENT#x"}, experiment_item("a"))
    answer = ask("/compare", query={"ids": "x,a"})
    assert answer["statusCode"] == 200
    assert "41.27" in text_of(answer["body"])


def test_hostile_text_stays_text(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("a", name=HOSTILE, codec=HOSTILE, parameters={HOSTILE: HOSTILE}), experiment_item("b"))
    body = ask("/compare", query={"ids": "a,b"})["body"]
    assert "<script" not in body
    assert "<img" not in body


def test_a_table_that_fails_is_a_503(ask: Ask, table: FakeTable) -> None:
    table.error = aws_error("ThrottlingException")
    assert ask("/compare", query={"ids": "a,b"})["statusCode"] == 503
