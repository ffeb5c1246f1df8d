"""Costs, by hand: GPU time, storage, tokens and delivery, by month and codec, and what the month will come to."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from experiments.aggregates import Usage
from experiments.costs import Category, CostReport, Costs, Prices, spent, total
from experiments.snapshots import Snapshots, snapshots_of

PRICES = Prices(
    gpu_hour_usd=0.5,
    storage_gb_month_usd=0.02,
    delivered_gb_usd=0.08,
    million_input_tokens_usd=3,
    million_output_tokens_usd=15,
    snapshot_gb_second_usd=0.000001,
)
GB = 2**30
# A quarter of November is over.
NOW = datetime(2026, 11, 8, 12, 30, tzinfo=UTC)

SEPTEMBER = Usage(month="2026-09", user="CODEC#x265", gpu_seconds=3600, succeeded=1, failed=0, stored_bytes=10 * GB)
X265 = Usage(month="2026-11", user="CODEC#x265", gpu_seconds=7200, succeeded=2, failed=1, stored_bytes=5 * GB)
AV1 = Usage(month="2026-11", user="CODEC#av1", gpu_seconds=1800, succeeded=0, failed=3, stored_bytes=0)
CHAT = Usage(month="2026-11", user="CHAT", input_tokens=2_000_000, output_tokens=100_000)
DELIVERY = Usage(month="2026-11", user="DELIVERY", delivered_bytes=25 * GB)
ALL = [SEPTEMBER, AV1, X265, CHAT, DELIVERY]

GPU_TIME, STORAGE, TOKENS, DELIVERED, KEPT = Category
NOTHING = dict.fromkeys(Category)
# Of a GB and of a quarter of one.
SNAPSHOTS = [Snapshots("renderer", 3, 1024), Snapshots("admin_api", 1, 256)]
NOVEMBER_SECONDS = 30 * 24 * 60 * 60


def report(*usage: Usage, now: datetime = NOW, snapshots: Iterable[Snapshots] = ()) -> CostReport:
    return CostReport.of(usage, PRICES, now, snapshots)


def dollars(costs: Costs) -> dict[Category, Any]:
    return {category: cost and pytest.approx(cost.usd) for category, cost in costs.items()}


def test_each_category_is_its_usage_times_its_price() -> None:
    assert dollars(report(*ALL).months[0].costs) == {
        GPU_TIME: 9000 / 3600 * 0.5,
        STORAGE: 15 * 0.02,
        TOKENS: 2 * 3 + 0.1 * 15,
        DELIVERED: 25 * 0.08,
        KEPT: None,
    }
    assert total(report(*ALL).months[0].costs.values()) == pytest.approx(1.25 + 0.3 + 7.5 + 2)


def test_files_cost_every_month_since_they_came_and_nothing_else_does() -> None:
    november, october, september = report(*ALL).months
    assert (november.month, october.month, september.month) == ("2026-11", "2026-10", "2026-09")
    assert dollars(october.costs) == {**NOTHING, STORAGE: 10 * 0.02}
    assert dollars(september.costs)[STORAGE] == 10 * 0.02


def test_files_that_are_deleted_cost_nothing_from_that_month_on() -> None:
    deleted = Usage.from_item({"sk": "MONTH#2026-10#CODEC#x265", "stored_bytes": -10 * GB})
    found = report(SEPTEMBER, deleted)
    assert [dollars(month.costs)[STORAGE] for month in found.months] == [0, 0, 10 * 0.02]
    (codec,) = found.codecs
    assert codec.in_all is not None
    assert codec.in_all.usd == pytest.approx(0.5 + 10 * 0.02)


def test_what_is_not_recorded_is_not_nothing() -> None:
    (month,) = report(CHAT).months
    assert dollars(month.costs) == {**NOTHING, TOKENS: 7.5}
    assert total([None, None]) is None
    nothing = report()
    assert (list(nothing.months), list(nothing.codecs), nothing.per_success, nothing.forecast) == ([], [], None, None)


def test_a_cost_tells_what_it_is_made_of() -> None:
    cost = report(*ALL).months[0].costs[TOKENS]
    assert cost
    assert [(charge.amount, charge.unit, charge.price_usd, charge.price_unit) for charge in cost.charges] == [
        (2_000_000, "input tokens", 3, "million"),
        (100_000, "output tokens", 15, "million"),
    ]


def test_a_codec_costs_its_gpu_time_and_its_files_the_most_expensive_first() -> None:
    x265, av1 = report(*ALL).codecs
    assert (x265.codec, av1.codec) == ("x265", "av1")
    assert x265.this_month
    assert x265.this_month.usd == pytest.approx(2 * 0.5 + 15 * 0.02)
    # 10 GB for three months, 5 GB for one.
    assert x265.in_all
    assert x265.in_all.usd == pytest.approx(3 * 0.5 + 35 * 0.02)


def test_a_success_bears_the_gpu_time_of_failures_too() -> None:
    all_time = report(*ALL)
    assert all_time.per_success
    assert all_time.per_success.usd == pytest.approx((10_800 + 1800) / 3600 * 0.5 / 3)
    assert all_time.per_success_this_month
    assert all_time.per_success_this_month.usd == pytest.approx(9000 / 3600 * 0.5 / 2)
    x265, av1 = all_time.codecs
    assert x265.per_success
    assert x265.per_success.usd == pytest.approx(10_800 / 3600 * 0.5 / 3)
    assert av1.per_success is None


def test_the_forecast_goes_on_as_so_far_and_leaves_storage_as_it_stands() -> None:
    forecast = report(*ALL).forecast
    assert forecast
    assert forecast.elapsed == 0.25
    used = {GPU_TIME: 4 * 1.25, TOKENS: 4 * 7.5, DELIVERED: 4 * 2}
    assert dollars(forecast.costs) == {**NOTHING, **used, STORAGE: 15 * 0.02}


def test_snapshots_cost_all_of_this_month_and_its_forecast_and_are_not_recorded_of_others() -> None:
    found = report(*ALL, snapshots=SNAPSHOTS)
    usd = (3 + 1 / 4) * NOVEMBER_SECONDS * 0.000001
    assert found.forecast
    assert [dollars(costs)[KEPT] for costs in (found.forecast.costs, *(month.costs for month in found.months))] == [
        *(pytest.approx(usd), pytest.approx(usd)),
        *(None, None),
    ]
    assert total(found.months[0].costs.values()) == pytest.approx(1.25 + 0.3 + 7.5 + 2 + usd)
    assert found.codecs == report(*ALL).codecs


def test_a_stack_without_experiments_has_snapshots_to_pay_for() -> None:
    found = report(snapshots=SNAPSHOTS)
    (month,) = found.months
    assert dollars(month.costs) == {**NOTHING, KEPT: pytest.approx(3.25 * NOVEMBER_SECONDS * 0.000001)}
    assert found.forecast
    assert found.forecast.costs == month.costs


BROKEN_RECORDS = [
    {},
    {"snapshots": None},
    {"snapshots": "many"},
    {"snapshots": {"renderer": None, "admin_api": [None, {}, {"versions": -1, "memory_mb": 512}]}},
    {"snapshots": {"renderer": [{"versions": "1e300", "memory_mb": 512}, {"versions": 2.5, "memory_mb": 512}]}},
]


@pytest.mark.parametrize("record", BROKEN_RECORDS, ids=range(len(BROKEN_RECORDS)))
def test_a_release_record_that_tells_of_no_snapshots_spoils_nothing(record: dict[str, Any]) -> None:
    assert report(*ALL, snapshots=snapshots_of(record)) == report(*ALL)


@pytest.mark.parametrize(("hour", "is_there"), [(23, False), (24, True)])
def test_a_forecast_takes_a_day_of_the_month(hour: int, is_there: bool) -> None:
    now = datetime(2026, 11, 1 + hour // 24, hour % 24, 59, tzinfo=UTC)
    assert (report(X265, now=now).forecast is not None) is is_there


def test_the_length_of_the_month_counts() -> None:
    february = report(Usage(month="2028-02", user="CHAT", input_tokens=1e6), now=datetime(2028, 2, 15, 12, tzinfo=UTC))
    assert february.forecast
    assert february.forecast.elapsed == 14.5 / 29


def test_twelve_months_are_told_across_the_years_and_older_files_still_cost() -> None:
    months = report(Usage(month="2019-05", user="CODEC#x264", stored_bytes=GB)).months
    assert [month.month for month in months[:: len(months) - 1]] == ["2026-11", "2025-12"]
    assert len(months) == 12
    assert dollars(months[-1].costs)[STORAGE] == 0.02


@pytest.mark.parametrize("month", ["", "soon", "2026-13", "2026-12", "9999-01", "٢٠٢٦-11"])
def test_usage_of_no_month_or_of_one_to_come_is_left_out(month: str) -> None:
    broken = Usage(month=month, user="CODEC#x265", gpu_seconds=1e9, succeeded=1)
    assert report(broken, X265) == report(X265)


def test_an_amount_that_nobody_uses_is_broken() -> None:
    assert report(Usage(month="2026-11", user="CODEC#x265", gpu_seconds=1e300), X265).months == report(X265).months


def test_what_is_spent_is_what_the_month_costs_so_far() -> None:
    broken = Usage(month="", user="", gpu_seconds=1, stored_bytes=GB)
    assert spent([*ALL, broken], PRICES, NOW) == total(report(*ALL).months[0].costs.values())
    assert spent([], PRICES, NOW) is None


def test_prices_come_as_json_and_all_of_them() -> None:
    assert Prices.from_json(
        '{"gpu_hour_usd":1,"storage_gb_month_usd":2,"delivered_gb_usd":3,' + TOKEN_PRICES
    ) == Prices(
        gpu_hour_usd=1,
        storage_gb_month_usd=2,
        delivered_gb_usd=3,
        million_input_tokens_usd=4,
        million_output_tokens_usd=5,
        snapshot_gb_second_usd=6,
    )
    with pytest.raises(TypeError, match="gpu_hour_usd"):
        Prices.from_json("{" + TOKEN_PRICES)


TOKEN_PRICES = '"million_input_tokens_usd":4,"million_output_tokens_usd":5,"snapshot_gb_second_usd":6}'
