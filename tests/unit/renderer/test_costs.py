"""The page of costs and its data: each number says how it came about, and what isn't recorded is no number."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from releasing.history import ReleaseHistory
from tests.unit.renderer.conftest import NOW, Ask, SetClock
from tests.unit.renderer.fakes import FakeTable
from tests.unit.renderer.html_text import links_of, rows_of, text_of
from tests.unit.renderer.test_overview import HOSTILE

GB = 2**30

pytestmark = pytest.mark.usefixtures("set_clock")


def used(month: str, user: str, **amounts: Any) -> dict[str, Any]:
    return {"pk": "AGGREGATES", "sk": f"MONTH#{month}#{user}", **amounts}


X265 = used("2026-11", "CODEC#x265", gpu_seconds=7200, stored_bytes=100 * GB, succeeded=4, failed=1)
CHAT = used("2026-10", "CHAT", input_tokens=1_000_000, output_tokens=200_000)


@pytest.fixture
def usage(table: FakeTable) -> FakeTable:
    for item in (X265, CHAT):
        table.hold_unlisted(item)
    return table


@pytest.mark.usefixtures("usage")
def test_each_number_says_how_it_came_about(ask: Ask, set_clock: SetClock) -> None:
    set_clock(datetime(2026, 11, 16, 0, 30, tzinfo=UTC))
    forecast, november, october, _, codec = rows_of(ask("/costs")["body"])
    unknown = "Not recorded"
    assert november == [
        "Nov 2026, so far",
        "1.05 USD 7,200 s × 0.526 USD per hour",  # noqa: RUF001 the multiplication sign
        "2.30 USD 100 GB-months × 0.023 USD per GB-month",  # noqa: RUF001 likewise
        unknown,
        unknown,
        unknown,
        "3.35 USD GPU time 1.05 USD + Storage 2.30 USD; not recorded: LLM tokens, Delivery, Snapshots",
    ]
    tokens = "1,000,000 input tokens × 3 USD per million + 200,000 output tokens × 15 USD per million"  # noqa: RUF001
    assert october[:4] == ["Oct 2026", unknown, unknown, f"6.00 USD {tokens}"]
    assert forecast[:2] == [
        "Nov 2026, forecast",
        "2.10 USD 7,200 s × 0.526 USD per hour ÷ 0.5000 of the month",  # noqa: RUF001 likewise
    ]
    assert codec[::3] == ["x265", "0.2630 USD 7,200 s × 0.526 USD per hour ÷ 4 successful experiments"]  # noqa: RUF001


@pytest.fixture
def releases(table: FakeTable) -> ReleaseHistory:
    """What deployments put on record; only the newest release counts."""
    history = ReleaseHistory(table, "experiments")
    history.put(8, {"release": "r8", "snapshots": {"renderer": [{"versions": 9, "memory_mb": 10240}]}})
    kept = [{"versions": 1, "memory_mb": 512}, {"versions": 3, "memory_mb": 1024}]
    history.put(9, {"release": "r9", "snapshots": {"renderer": kept, "admin_api": [{"versions": 4, "memory_mb": 256}]}})
    return history


OF_R9 = (
    "17.55 USD "
    "1 version of renderer × 512 MB × 2,592,000 s × 0.0000015046 USD per GB-second + "  # noqa: RUF001 multiplication
    "3 versions of renderer × 1,024 MB × 2,592,000 s × 0.0000015046 USD per GB-second + "  # noqa: RUF001
    "4 versions of admin api × 256 MB × 2,592,000 s × 0.0000015046 USD per GB-second"  # noqa: RUF001
)


@pytest.mark.usefixtures("usage", "releases")
def test_the_snapshots_that_the_newest_release_has_kept_are_told_with_the_key_that_bounds_them(ask: Ask) -> None:
    body = ask("/costs")["body"]
    forecast, november, october, *_ = rows_of(body)
    assert forecast[5] == november[5] == OF_R9
    assert october[5] == "Not recorded"
    assert november[6].startswith("20.90 USD ")
    assert "A lower keptReleases keeps fewer." in text_of(body)
    assert "Snapshots 0.0000015046 USD per GB and second" in text_of(body)


@pytest.mark.usefixtures("releases")
def test_snapshots_are_told_before_any_experiment_has_ended(ask: Ask) -> None:
    (forecast, november) = rows_of(ask("/costs")["body"])
    assert forecast[5] == november[5] == OF_R9


def test_a_release_from_before_snapshots_were_counted_tells_of_none(ask: Ask, releases: ReleaseHistory) -> None:
    releases.put(10, {"release": "r10"})
    assert "Nothing is recorded yet" in text_of(ask("/costs")["body"])


@pytest.mark.usefixtures("usage")
def test_the_chart_is_told_in_words_and_the_prices_are_named(ask: Ask) -> None:
    text = text_of(ask("/costs")["body"])
    assert "Costs by month Oct 2026: 6.00 USD; Nov 2026: 3.35 USD." in text
    assert "GPU time 0.526 USD per hour of encoding" in text


@pytest.mark.usefixtures("usage")
def test_a_month_that_has_just_begun_has_no_forecast(ask: Ask, set_clock: SetClock) -> None:
    set_clock(datetime(2026, 11, 1, 23, 59, tzinfo=UTC))
    body = ask("/costs")["body"]
    assert "Forecast for Nov 2026 Too early A forecast takes a whole day of the month." in text_of(body)
    assert rows_of(body)[0][0] == "Nov 2026, so far"


def test_without_any_record_it_says_so(ask: Ask) -> None:
    text = text_of(ask("/costs")["body"])
    assert "Nothing is recorded yet" in text
    assert "USD per hour of encoding" in text
    assert "0.00 USD" not in text


def test_without_success_there_is_no_cost_of_one(ask: Ask, table: FakeTable) -> None:
    table.hold_unlisted(used("2026-11", "CODEC#av1", gpu_seconds=9, stored_bytes=0, succeeded=0, failed=2))
    assert rows_of(ask("/costs")["body"])[-1][3].startswith("None yet ")


def test_hostile_codecs_stay_text_and_numbers_too_large_do_not_burst(ask: Ask, table: FakeTable) -> None:
    table.hold_unlisted(used("2026-11", f"CODEC#{HOSTILE}", gpu_seconds="9" * 23, stored_bytes="9" * 23, succeeded=1))
    body = ask("/costs")["body"]
    assert "<script" not in body
    assert "<img" not in body
    assert HOSTILE in text_of(body)
    assert max(map(len, text_of(body).replace(HOSTILE, "").split())) < 20


BROKEN = [
    used("soon", "CODEC#x", gpu_seconds=1),
    used("2026-11", "", gpu_seconds=1),
    used("2026-11", "CODEC#", gpu_seconds="much", succeeded=0.5, stored_bytes=-1),
    used("2026-11", "CODEC#x", gpu_seconds="1e999", stored_bytes="1e300", succeeded=[1]),
    used("0000-01", "CODEC#x", stored_bytes=1),
    used("2027-01", "CHAT", input_tokens={"N": 1}),
]


@pytest.mark.parametrize("item", BROKEN, ids=range(len(BROKEN)))
def test_broken_items_spoil_nothing(ask: Ask, usage: FakeTable, item: dict[str, Any]) -> None:
    usage.hold_unlisted(item)
    rows = rows_of(ask("/costs")["body"])
    assert any("100 GB-months × 0.023" in cell for row in rows for cell in row)  # noqa: RUF001 multiplication
    assert ask("/api/costs")["statusCode"] == 200


@pytest.mark.usefixtures("usage")
def test_the_page_stays_the_same_within_an_hour(ask: Ask, set_clock: SetClock) -> None:
    tag = ask("/costs")["headers"]["ETag"]
    set_clock(NOW + timedelta(minutes=29))
    assert ask("/costs", headers={"if-none-match": tag})["statusCode"] == 304
    set_clock(NOW + timedelta(hours=1))
    assert ask("/costs", headers={"if-none-match": tag})["statusCode"] == 200


@pytest.mark.usefixtures("usage", "releases")
def test_the_same_is_told_as_json_that_its_description_fits(ask: Ask) -> None:
    document = json.loads(ask("/api/openapi.json")["body"])
    content = document["paths"]["/api/costs"]["get"]["responses"]["200"]["content"]["application/json"]
    costs = json.loads(ask("/api/costs")["body"])
    Draft202012Validator({**content["schema"], "components": document["components"]}).validate(costs)
    november, october = costs["months"]
    assert (november["month"], november["gpu_time"], november["delivery"]) == ("2026-11", 1.052, None)
    assert (october["llm_tokens"], october["total"]) == (6, 6)
    assert costs["codecs"][0]["per_success"] == costs["per_success"] == pytest.approx(1.052 / 4)
    assert costs["forecast"]["storage"] == november["storage"]
    assert costs["forecast"]["snapshots"] == november["snapshots"] == pytest.approx(17.55, abs=0.005)
    assert costs["prices"]["delivered_gb_usd"] == 0.085


def test_every_page_leads_to_the_costs(ask: Ask) -> None:
    for path in ("/", "/nope", "/costs"):
        assert "./costs" in links_of(ask(path)["body"])
