"""The page of experiments: what it shows of good, broken and hostile items, and how its pages follow one another."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from experiments.quality import THRESHOLDS, Quality

from tests.unit.renderer.conftest import BUILD_ID, Ask
from tests.unit.renderer.fakes import FakeTable, experiment_item
from tests.unit.renderer.html_text import links_of, related_links_of, rows_of, text_of

GOOD = "20261124-061256-x265-9f86d081"


def test_each_figure_is_shown_with_its_unit(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item())
    (row,) = rows_of(ask("/")["body"])
    _tick, status, name, *rest = row
    assert status.startswith("Succeeded ")
    assert name == "mandelbrot-zoom · x265 · CRF 28 640×360 · 30 fps · 2.0 s"  # noqa: RUF001 the multiplication sign
    assert rest == [
        *("x265", "Excellent", "41.27 dB", "0.9877", "1,234 kbps", "67.2×"),  # noqa: RUF001 likewise
        *("12.3 s", "0.0012 USD", "Video Decoder"),
    ]


@pytest.mark.parametrize(
    ("psnr_db", "ssim", "badge"),
    [(40, 0.98, "Excellent"), (60, 0.979, "Good"), (39.99, 1, "Good"), (30, 0.9, "Acceptable"), (29, 0.99, "Poor")],
)
def test_the_badge_follows_the_lower_metric(
    ask: Ask, table: FakeTable, psnr_db: float, ssim: float, badge: str
) -> None:
    table.hold(experiment_item(metrics={"psnr_db": psnr_db, "ssim": ssim}))
    assert rows_of(ask("/")["body"])[0][4] == badge


def test_the_legend_explains_each_badge(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item())
    text = text_of(ask("/")["body"])
    for threshold in THRESHOLDS:
        assert f"{threshold.quality} from {threshold.psnr_db:g} dB and SSIM {threshold.ssim:.2f}" in text
    assert f"{Quality.POOR} below that" in text
    assert "The lower of PSNR and SSIM counts." in text


def test_all_experiments_are_summed_up_by_status(ask: Ask, table: FakeTable) -> None:
    table.hold_unlisted({"pk": "AGGREGATES", "sk": "TOTAL#STATUS", "succeeded": 12345, "running": 2})
    body = ask("/")["body"]
    assert "Queued 0 Running 2 Succeeded 12,345 Failed 0 Cancelled 0" in text_of(body)
    assert '<a href="?status=running">2</a>' in body


@pytest.mark.usefixtures("set_clock")
def test_what_the_month_has_cost_leads_to_the_costs(ask: Ask, table: FakeTable) -> None:
    table.hold_unlisted({"pk": "AGGREGATES", "sk": "MONTH#2026-11#CODEC#x265", "gpu_seconds": 7200})
    body = ask("/")["body"]
    assert "This month 1.05 USD" in text_of(body)
    assert '<a href="costs">' in body


def test_the_best_result_of_each_codec_is_a_link(ask: Ask, table: FakeTable) -> None:
    best = {"codec": "x265", "experiment_id": "e1", "name": "life · x265", "compression_ratio": 143.2}
    table.hold_unlisted({"pk": "AGGREGATES", "sk": "TOTAL#BEST#x265", "bitrate_kbps": 99.04, **best})
    body = ask("/")["body"]
    assert "Smallest at good quality x265 143× 99.0 kbps" in text_of(body)  # noqa: RUF001 the multiplication sign
    assert 'href="experiments/e1"' in body


def test_what_was_never_counted_is_not_told(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item())
    assert "Queued" not in text_of(ask("/")["body"]).partition("Search")[0]


def test_only_an_experiment_that_runs_shows_how_far_it_is(ask: Ask, table: FakeTable) -> None:
    table.hold(
        experiment_item("known", status="running", progress=0.42),
        experiment_item("unknown", status="running"),
        experiment_item("stopped", status="failed", progress=0.42),
    )
    body = ask("/")["body"]
    statuses = [row[1].split()[0] for row in rows_of(body)]
    assert statuses == ["Running", "Running", "Failed"]
    assert text_of(body).count("42 %") == 1
    assert body.count('<progress value="42" max="100"') == 1


def test_a_failure_says_why_in_a_line_and_opens_for_the_rest(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item(status="failed", metrics={}, error="crf 99 is too high\nat 0:0", log_tail="exit 234"))
    body = ask("/")["body"]
    assert "<summary>crf 99 is too high</summary><pre>at 0:0\n\nexit 234</pre>" in body


LONG = {"status": "failed", "metrics": {}, "error": "crf 99 " * 43_000, "log_tail": "exit 234 " * 5_000 + "the end"}


def test_of_a_long_failure_the_overview_shows_the_beginning_and_leads_to_the_rest(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("long", **LONG), experiment_item("short", status="failed", error="crf 99", metrics={}))
    body = ask("/")["body"]
    assert len(body) < 40_000
    long, short = body.split("<details")[1:]
    assert "<summary>crf 99 crf 99 " in long
    assert 'the end</pre><a href="experiments/long">All of it</a>' in long
    assert "All of it" not in short
    page = ask("/experiments/long")["body"]
    assert "crf 99 " * 42_000 in page


def test_a_failure_that_was_measured_shows_both(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item(status="failed", error="the upload broke off"))
    (row,) = rows_of(ask("/")["body"])
    assert "the upload broke off" in row[2]
    assert "41.27 dB" in row


def test_a_failure_without_a_word_is_still_one(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item(status="failed", metrics={}))
    assert "Failed without an error message" in text_of(ask("/")["body"])


def test_rows_are_ticked_by_name_and_sent_to_be_compared(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one", name="first"), experiment_item("two", name="second"), experiment_item("<b>"))
    body = ask("/")["body"]
    form = body[body.index('<form class="selection" action="./compare">') : body.rindex("</form>")]
    ticks = re.findall(r'<input type="checkbox" name="(\w+)" value="(\w+)" aria-label="([\w ]+)">', form)
    assert ticks == [("ids", "one", "Compare first"), ("ids", "two", "Compare second")]
    assert "<button" in form


def test_the_overview_leads_to_the_curves(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item())
    assert links_of(ask("/")["body"]).count("./curves") == 2


def test_links_lead_only_to_artefacts_that_exist(ask: Ask, table: FakeTable) -> None:
    table.hold(
        experiment_item("both"),
        experiment_item("video-only", artefacts={"video_key": "experiments/video-only/video.mp4"}),
        experiment_item("neither", artefacts={}),
    )
    links = [link for link in links_of(ask("/")["body"]) if link.endswith(("/video", "/decoder"))]
    assert links == ["experiments/both/video", "experiments/both/decoder", "experiments/video-only/video"]


BROKEN_ITEMS: list[dict[str, Any]] = [
    {},
    {"pk": "EXPERIMENT#x"},
    experiment_item("x", metrics=None, parameters=None, artefacts=None, created_at=None, status=None),
    experiment_item("x", metrics="not json", parameters=[1], artefacts="{", created_at="yesterday", status="odd"),
    experiment_item("x", metrics={"psnr_db": "much", "ssim": True, "bitrate_kbps": -1, "compression_ratio": {}}),
    experiment_item("x", metrics={"psnr_db": 1e300, "ssim": 0.5, "bitrate_kbps": 1e300, "compression_ratio": 1e300}),
    experiment_item("x", started_at="2026-11-25T00:00:00Z", finished_at="2026-11-24T00:00:00Z"),
    experiment_item("x", status="running", finished_at=None, created_at="0001-01-01T00:00:00Z"),
    experiment_item("x", created_at="9999-12-31T23:59:59Z", parameters={"width": "wide", "height": None, "fps": 0}),
    experiment_item("x", id=17, name=42, codec=False, error=["e"], cost_usd="free", attempt="first"),
    experiment_item("x", name="n" * 5000, codec="c" * 500, error="e" * 5000, status="failed", metrics={}),
    {"experiment_id": "exp_1760706417", "timestamp": 1760706417, "psnr": "31.2", "ssim": "0.93", "status": "completed"},
]


@pytest.mark.parametrize("broken", BROKEN_ITEMS, ids=range(len(BROKEN_ITEMS)))
def test_a_broken_item_shows_what_it_has_and_spoils_nothing(ask: Ask, table: FakeTable, broken: dict[str, Any]) -> None:
    table.hold(broken, experiment_item(GOOD))
    answer = ask("/")
    rows = rows_of(answer["body"])
    assert answer["statusCode"] == 200
    assert len(rows) == 2
    assert "41.27 dB" in rows[1]


def test_what_is_missing_is_a_dash(ask: Ask, table: FakeTable) -> None:
    table.hold({"pk": "EXPERIMENT#bare"})
    assert rows_of(ask("/")["body"]) == [["", "Unknown", "bare", *"–––––––––"]]  # noqa: RUF001 the dash


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def test_hostile_text_stays_text(ask: Ask, table: FakeTable) -> None:
    fields = dict.fromkeys(("id", "name", "codec", "status", "error", "log_tail"), HOSTILE)
    table.hold(
        experiment_item(HOSTILE, **fields, parameters={"width": HOSTILE, "height": HOSTILE}),
        experiment_item("failed", error=HOSTILE, log_tail=HOSTILE, status="failed", metrics={}),
    )
    body = ask("/")["body"]
    assert "<script>" not in body
    assert "<img" not in body
    assert HOSTILE in text_of(body)
    assert not any("alert" in link for link in links_of(body))


def test_pages_show_each_experiment_once_newest_first(ask: Ask, table: FakeTable) -> None:
    ids = [f"experiment-{number:03}" for number in range(120)]
    table.hold(*(experiment_item(experiment_id, name=experiment_id) for experiment_id in ids))
    seen: list[str] = []
    query: dict[str, str] | None = None
    for _ in range(3):
        body = ask("/", query=query)["body"]
        seen += [row[2].split()[0] for row in rows_of(body)]
        older = related_links_of(body).get("next")
        assert ("prev" in related_links_of(body)) is (query is not None)
        query = dict(parse_qsl(urlsplit(older or "").query))
    assert seen == ids
    assert older is None


def test_newer_leads_back_the_way_that_older_came(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{number}", name=f"e{number}") for number in range(120)))
    views = ["/"]
    for _ in range(2):
        views.append(related_links_of(_at(ask, views[-1]))["next"])
    newer = related_links_of(_at(ask, views[2]))["prev"]
    assert _names(_at(ask, newer)) == _names(_at(ask, views[1]))
    assert _names(_at(ask, related_links_of(_at(ask, newer))["next"])) == _names(_at(ask, views[2]))
    newest = _at(ask, related_links_of(_at(ask, newer))["prev"])
    assert _names(newest) == _names(_at(ask, "/"))
    assert "prev" not in related_links_of(newest)


def _at(ask: Ask, link: str) -> str:
    return str(ask("/", query=dict(parse_qsl(urlsplit(link).query)))["body"])


def _names(html: str) -> list[str]:
    return [row[2].split()[0] for row in rows_of(html)]


def test_an_empty_table_says_so(ask: Ask) -> None:
    assert "No experiments yet" in text_of(ask("/")["body"])


def test_the_footer_names_build_version_and_stack(ask: Ask) -> None:
    body = ask("/")["body"]
    assert f'title="{BUILD_ID}"' in body
    assert f"Build {BUILD_ID[:12]} Version 12 Stack sandbox Rendered " in text_of(body)


def test_the_cdn_may_hold_the_page_briefly(ask: Ask) -> None:
    headers = ask("/")["headers"]
    assert headers["Cache-Control"] == "public, max-age=0, s-maxage=10, stale-while-revalidate=30"
    assert headers["Content-Type"] == "text/html; charset=utf-8"
