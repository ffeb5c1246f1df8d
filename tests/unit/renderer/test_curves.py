"""The page of a clip's rate-distortion curves: what is drawn and compared, what links change, and what stays text."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest
from renderer.pages.rate_distortion import MOST_COMPARED

from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, experiment_item
from tests.unit.renderer.html_text import links_of, text_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'&>"


def sweep(codec: str, factor: float, clip: str = "life", points: int = 4, **parameters: Any) -> list[dict[str, Any]]:
    """Items of a codec's experiments on a clip, one per quality point, from the worst to the best."""
    return [
        experiment_item(
            "-".join([clip, codec, *map(str, parameters.values()), str(place)]),
            codec=codec,
            clip=clip,
            parameters={"preset": "medium", "rate_control": "crf", "crf": 40 - place, **parameters},
            metrics={},
            rd_points=[
                {
                    "bitrate_kbps": factor * 100 * 2**place,
                    "psnr_db": 30 + 3 * place,
                    "ssim": 0.9 + place / 100,
                    "label": f"CRF {40 - place}",
                }
            ],
        )
        for place in range(points)
    ]


@pytest.fixture
def table(table: FakeTable) -> FakeTable:
    table.hold(*sweep("x264", 1), *sweep("x265", 0.5), *sweep("x264", 1, clip="sea"), *sweep("av1", 0.4, clip="sea"))
    return table


def chart_of(body: str) -> ElementTree.Element:
    """The chart, which must be well-formed XML."""
    start = body.index('<svg class="chart"')
    markup = body[start : body.index("</svg>", start) + len("</svg>")]
    return ElementTree.fromstring(markup.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def points_of(body: str) -> list[str]:
    points = (element for element in chart_of(body).iter() if "point" in element.get("class", "").split())
    return [point.findtext(f"{SVG}title", "") for point in points]


def follow(ask: Ask, body: str, label: str) -> str:
    """Return the page behind the choice of that label."""
    before = body[: body.index(f">{label}</a>", body.index('<div class="choices"'))]
    link = before[before.rindex('href="') + len('href="') :].split('"')[0].replace("&amp;", "&")
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    return str(ask("/curves", query=query)["body"])


def test_each_point_says_its_codec_setting_bitrate_and_quality(ask: Ask, table: FakeTable) -> None:
    points = points_of(ask("/curves")["body"])
    assert len(points) == 8
    assert points[0] == "x264 · CRF 40 · 100 kbps · 30.00 dB"
    assert points[-1] == "x265 · CRF 37 · 400 kbps · 39.00 dB"


def test_the_chart_has_a_title_and_a_description_in_words(ask: Ask, table: FakeTable) -> None:
    chart = chart_of(ask("/curves")["body"])
    described = {element.get("id"): element.text for element in chart if element.get("id")}
    assert described[chart.get("aria-labelledby")] == "PSNR over bitrate of life"
    description = described[chart.get("aria-describedby")] or ""
    assert description.startswith("x264: 4 points from 30.00 dB at 100 kbps to 39.00 dB at 800 kbps.")


def test_bd_rate_and_bd_quality_of_each_pair_are_told_with_method_and_overlap(ask: Ask, table: FakeTable) -> None:
    text = text_of(ask("/curves")["body"])
    assert "−50.0 % +3.00 dB * x265 against x264, PCHIP, from 30.00 to 39.00 dB: 100 % of the range of x264" in text  # noqa: RUF001
    assert "+100.0 % −3.00 dB * x264 against x265, PCHIP" in text  # noqa: RUF001 the minus sign


def test_clip_metric_and_fit_are_chosen_by_links(ask: Ask, table: FakeTable) -> None:
    body = follow(ask, ask("/curves")["body"], "sea")
    assert points_of(body)[0] == "av1 · CRF 40 · 40.0 kbps · 30.00 dB"
    body = follow(ask, body, "SSIM (dB)")
    assert points_of(body)[0] == "av1 · CRF 40 · 40.0 kbps · 10.00 dB"
    body = follow(ask, body, "cubic")
    assert points_of(body)[0] == "av1 · CRF 40 · 40.0 kbps · 10.00 dB"
    assert "x264 against av1, cubic" in text_of(body)


def test_links_lead_only_to_metrics_that_were_measured(ask: Ask, table: FakeTable) -> None:
    body = ask("/curves")["body"]
    assert "PSNR SSIM SSIM (dB) " in text_of(body)
    assert not any("metric=vmaf" in link for link in links_of(body))


@pytest.mark.parametrize("value", ["", "nothing", HOSTILE, "\ud800", "x" * 100_000])
def test_metrics_and_fits_that_are_none_show_others_and_are_not_echoed(ask: Ask, table: FakeTable, value: str) -> None:
    answer = ask("/curves", query=dict.fromkeys(("metric", "fit"), value))
    assert answer["statusCode"] == 200
    assert points_of(answer["body"])[0] == "x264 · CRF 40 · 100 kbps · 30.00 dB"
    assert "<script" not in answer["body"]


def test_curves_that_can_not_be_compared_say_why(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1), *sweep("x265", 0.5, points=1))
    text = text_of(ask("/curves")["body"])
    assert text.count("not comparable") == 2
    assert "x265 has 1 of the 2 points that PCHIP needs." in text


def test_a_comparison_on_thin_ground_is_marked(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1), *sweep("x265", 0.5, points=3))
    text = text_of(ask("/curves")["body"])
    assert "−50.0 % *" in text  # noqa: RUF001 the minus sign
    assert "* Fewer than 4 points, or less than 75 % of a curve compared." in text


def test_the_table_holds_all_points(ask: Ask, table: FakeTable) -> None:
    text = text_of(ask("/curves")["body"])
    assert "x264 CRF 40 100 kbps 30.00 dB x264 CRF 39 200 kbps 33.00 dB" in text


@pytest.mark.parametrize("clips", [[], ["life"]], ids=["nothing", "single points"])
def test_a_page_without_curves_says_what_makes_one(ask: Ask, table: FakeTable, clips: list[str]) -> None:
    table.hold(experiment_item("no-points"), *(item for clip in clips for item in sweep("x264", 1, clip, points=1)))
    answer = ask("/curves")
    assert answer["statusCode"] == 200
    assert "No curves yet" in text_of(answer["body"])
    assert '<svg class="chart"' not in answer["body"]


def test_a_clip_that_has_no_curves_is_a_friendly_404_that_leads_to_those_that_have(ask: Ask, table: FakeTable) -> None:
    answer = ask("/curves", query={"clip": HOSTILE})
    assert answer["statusCode"] == 404
    assert "There are no curves of this clip" in text_of(answer["body"])
    assert [link for link in links_of(answer["body"]) if "clip" in link] == ["./curves?clip=life", "./curves?clip=sea"]
    assert "<script" not in answer["body"]


def test_each_size_of_a_clip_has_curves_of_its_own(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1, width=640), *sweep("x264", 4, width=1280))
    body = ask("/curves", query={"clip": "life"})["body"]
    assert re.findall(r"<title id=.*>(.*)</title>", body) == [
        "PSNR over bitrate of life · width 1280",
        "PSNR over bitrate of life · width 640",
    ]


def test_points_and_rows_lead_to_their_experiments(ask: Ask, table: FakeTable) -> None:
    body = ask("/curves")["body"]
    expected = [f"experiments/life-{codec}-{place}" for codec in ("x264", "x265") for place in range(4)]
    assert [point.get("href") for point in chart_of(body).iter(f"{SVG}a")] == expected
    assert [link for link in links_of(body) if link in expected] == expected * 2


def test_an_experiment_that_has_no_page_is_a_point_all_the_same(ask: Ask, table: FakeTable) -> None:
    table.hold(*({**item, "id": HOSTILE} for item in sweep("x264", 1)))
    body = ask("/curves")["body"]
    assert len(points_of(body)) == 4
    assert not list(chart_of(body).iter(f"{SVG}a"))


def test_too_many_curves_to_compare_are_drawn_all_the_same(ask: Ask, table: FakeTable) -> None:
    table.hold(*(item for number in range(MOST_COMPARED + 1) for item in sweep(f"codec-{number}", 1 + number)))
    body = ask("/curves")["body"]
    assert len(points_of(body)) == 4 * (MOST_COMPARED + 1)
    assert f"These are {MOST_COMPARED + 1} curves, too many to lay side by side" in text_of(body)
    assert "against codec" not in text_of(body)


def test_the_cdn_may_hold_the_page_briefly_as_it_does_the_overview(ask: Ask) -> None:
    assert ask("/curves")["headers"]["Cache-Control"] == ask("/")["headers"]["Cache-Control"]


def test_hostile_names_stay_text(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep(HOSTILE, 1, clip=HOSTILE))
    body = ask("/curves")["body"]
    assert "<script" not in body
    assert points_of(body)[0].startswith(HOSTILE)
    assert points_of(follow(ask, body, "SSIM"))[0].startswith(HOSTILE)


def test_nothing_is_styled_in_place_which_the_content_security_policy_forbids(ask: Ask, table: FakeTable) -> None:
    body = ask("/curves")["body"]
    assert " style=" not in body
    assert "<style" not in body


@pytest.mark.parametrize(
    "point",
    [
        {"bitrate_kbps": 1e300, "psnr_db": 99, "ssim": 0.5},
        {"bitrate_kbps": "5e-324", "psnr_db": 31, "ssim": -1},
        {"bitrate_kbps": 100, "psnr_db": 1e300},
        {"bitrate_kbps": 0, "psnr_db": 30},
        {"psnr_db": 30},
        "not a point",
        None,
    ],
    ids=range(7),
)
@pytest.mark.parametrize("metric", ["psnr", "ssim-db"])
def test_a_broken_point_spoils_nothing(ask: Ask, table: FakeTable, metric: str, point: Any) -> None:
    broken = {"codec": "x264", "clip": "life", "metrics": {}, "rd_points": [point, point]}
    table.hold(*sweep("x264", 1), experiment_item("broken", **broken), *sweep("x265", 1))
    answer = ask("/curves", query={"metric": metric})
    assert answer["statusCode"] == 200
    assert len(points_of(answer["body"])) >= 8
