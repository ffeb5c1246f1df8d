"""The page of a comparison: differences, the best of each metric, and what can't be compared."""

from typing import Any

import pytest

from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, aws_error, experiment_item
from tests.unit.renderer.html_text import links_of, rows_of, text_of
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
