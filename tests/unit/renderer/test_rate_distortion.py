"""The rate-distortion part of the overview: what is drawn and compared, what links change, and what stays text."""

from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import pytest

from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, experiment_item
from tests.unit.renderer.html_text import links_of, related_links_of, text_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"'&>"


def sweep(codec: str, factor: float, clip: str = "life", points: int = 4, **attributes: Any) -> list[dict[str, Any]]:
    """Items of a codec's experiments on a clip, one per quality point."""
    return [
        experiment_item(
            f"{clip}-{codec}-{place}",
            codec=codec,
            clip=clip,
            parameters={"preset": "medium", "rate_control": "crf", "crf": 40 - place},
            metrics={},
            rd_points=[
                {
                    "bitrate_kbps": factor * 100 * 2**place,
                    "psnr_db": 30 + 3 * place,
                    "ssim": 0.9 + place / 100,
                    "label": f"CRF {40 - place}",
                }
            ],
            **attributes,
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
    return [point.findtext(f"{SVG}title", "") for point in chart_of(body).iter(f"{SVG}g") if point.get("tabindex")]


def follow(ask: Ask, body: str, label: str) -> str:
    """Return the page behind the link of that label."""
    start = body.index('<section class="rate-distortion"')
    before = body[: body.index(f">{label}</a>", start)]
    link = before[before.rindex('href="') + len('href="') :].split('"')[0].replace("&amp;", "&")
    assert urlsplit(link).fragment == "rate-distortion"
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    return str(ask("/", query=query)["body"])


def test_each_point_says_its_codec_setting_bitrate_and_quality(ask: Ask, table: FakeTable) -> None:
    points = points_of(ask("/")["body"])
    assert len(points) == 8
    assert points[0] == "x264 · CRF 40 · 100 kbps · 30.00 dB"
    assert points[-1] == "x265 · CRF 37 · 400 kbps · 39.00 dB"


def test_the_chart_has_a_title_and_a_description_in_words(ask: Ask, table: FakeTable) -> None:
    chart = chart_of(ask("/")["body"])
    described = {element.get("id"): element.text for element in chart if element.get("id")}
    assert described[chart.get("aria-labelledby")] == "PSNR over bitrate of life"
    description = described[chart.get("aria-describedby")] or ""
    assert description.startswith("x264: 4 points from 30.00 dB at 100 kbps to 39.00 dB at 800 kbps.")


def test_bd_rate_and_bd_quality_of_each_pair_are_told_with_method_and_overlap(ask: Ask, table: FakeTable) -> None:
    text = text_of(ask("/")["body"])
    assert "−50.0 % +3.00 dB * x265 against x264, PCHIP, from 30.00 to 39.00 dB: 100 % of the range of x264" in text  # noqa: RUF001
    assert "+100.0 % −3.00 dB * x264 against x265, PCHIP" in text  # noqa: RUF001 the minus sign


def test_clip_metric_and_fit_are_chosen_by_links(ask: Ask, table: FakeTable) -> None:
    body = follow(ask, ask("/")["body"], "sea")
    assert points_of(body)[0] == "av1 · CRF 40 · 40.0 kbps · 30.00 dB"
    body = follow(ask, body, "SSIM (dB)")
    assert points_of(body)[0] == "av1 · CRF 40 · 40.0 kbps · 10.00 dB"
    body = follow(ask, body, "cubic")
    assert points_of(body)[0] == "av1 · CRF 40 · 40.0 kbps · 10.00 dB"
    assert "x264 against av1, cubic" in text_of(body)


def test_links_lead_only_to_metrics_that_were_measured(ask: Ask, table: FakeTable) -> None:
    body = ask("/")["body"]
    assert "PSNR SSIM SSIM (dB) " in text_of(body)
    assert not any("metric=vmaf" in link for link in links_of(body))


def test_a_link_keeps_the_page_of_experiments_that_it_stands_on(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{place}") for place in range(50)), *sweep("x264", 1))
    older = related_links_of(ask("/")["body"])["next"]
    cursor = parse_qs(urlsplit(older).query)["cursor"][0]
    body = ask("/", query={"cursor": cursor})["body"]
    assert points_of(follow(ask, body, "SSIM"))[0].startswith("x264 · CRF 40")


@pytest.mark.parametrize("value", ["", "nothing", HOSTILE, "\ud800", "x" * 100_000])
def test_what_is_asked_for_in_vain_is_shown_by_default_and_not_echoed(ask: Ask, table: FakeTable, value: str) -> None:
    answer = ask("/", query=dict.fromkeys(("clip", "metric", "fit"), value))
    assert answer["statusCode"] == 200
    assert points_of(answer["body"])[0] == "x264 · CRF 40 · 100 kbps · 30.00 dB"
    assert "<script" not in answer["body"]


def test_curves_that_can_not_be_compared_say_why(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1), *sweep("x265", 0.5, points=1))
    text = text_of(ask("/")["body"])
    assert text.count("not comparable") == 2
    assert "x265 has 1 of the 2 points that PCHIP needs." in text


def test_a_comparison_on_thin_ground_is_marked(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1), *sweep("x265", 0.5, points=3))
    text = text_of(ask("/")["body"])
    assert "−50.0 % *" in text  # noqa: RUF001 the minus sign
    assert "* Fewer than 4 points, or less than 75 % of a curve compared." in text


def test_the_table_holds_all_points(ask: Ask, table: FakeTable) -> None:
    text = text_of(ask("/")["body"])
    assert "x264 CRF 40 100 kbps 30.00 dB x264 CRF 39 200 kbps 33.00 dB" in text


def test_single_points_make_no_part_of_the_page(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep("x264", 1, points=1), experiment_item("no-points"))
    assert "Rate-distortion" not in text_of(ask("/")["body"])


def test_hostile_names_stay_text(ask: Ask, table: FakeTable) -> None:
    table.hold(*sweep(HOSTILE, 1, clip=HOSTILE))
    body = ask("/")["body"]
    assert "<script" not in body
    assert points_of(body)[0].startswith(HOSTILE)
    assert points_of(follow(ask, body, "SSIM"))[0].startswith(HOSTILE)


def test_nothing_is_styled_in_place_which_the_content_security_policy_forbids(ask: Ask, table: FakeTable) -> None:
    assert " style=" not in ask("/")["body"]
    assert "<style" not in ask("/")["body"]


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
    answer = ask("/", query={"metric": metric})
    assert answer["statusCode"] == 200
    assert len(points_of(answer["body"])) >= 8
