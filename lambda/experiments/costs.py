"""What the lab spends: what is recorded of its usage, times the prices in the stack's configuration.

Usage is that of aggregates.py, but for the snapshots of the stack's functions (snapshots.py).

What is not recorded is None, never nothing. Each cost keeps the amounts and prices that it is made of, so that it can
say how it came about.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

from experiments.aggregates import Usage, month_of
from experiments.snapshots import Snapshots

MONTHS = 12
"""How many months are told one by one."""
FIRST_FORECAST = timedelta(days=1)
"""How old a month has to be for a forecast; before that, a single experiment would decide it."""

# AWS's gigabyte: its own examples count 10 TB as 10,995,116,277,760 bytes (https://aws.amazon.com/s3/faqs/).
_GB = 2**30
# Of memory, as Lambda counts it (https://aws.amazon.com/lambda/pricing/).
_MB_IN_GB = 1024
# More bytes, seconds or tokens than any lab uses: a broken item.
_BROKEN = 1e24
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Category(StrEnum):
    """What money is spent on."""

    GPU_TIME = "GPU time"
    STORAGE = "Storage"
    LLM_TOKENS = "LLM tokens"
    DELIVERY = "Delivery"
    SNAPSHOTS = "Snapshots"


STANDING = (Category.STORAGE, Category.SNAPSHOTS)
"""What costs the same all month, whatever is done in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What usage costs, in USD; `Pulumi.yaml` has the defaults and their sources."""

    gpu_hour_usd: float
    """An hour of encoding on a worker's host."""
    storage_gb_month_usd: float
    """A GB (2^30 bytes) kept for a month."""
    delivered_gb_usd: float
    """A GB that the CDN sends."""
    million_input_tokens_usd: float
    """A million tokens that a language model is sent."""
    million_output_tokens_usd: float
    """A million tokens that it answers."""
    snapshot_gb_second_usd: float
    """A second in SnapStart's cache, for each GB of memory of a function's version."""

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what the deployment hands over.

        Raises:
            TypeError: prices are missing, or there are others.
        """
        return cls(**json.loads(text))


class Charge(NamedTuple):
    """An amount that was used, and its price."""

    amount: float
    unit: str
    price_usd: float
    price_unit: str
    """What the price is for, e.g. `hour`."""
    per: float
    """How many units of the amount that is."""
    factors: Sequence[tuple[float, str]] = ()
    """The amounts with their units that the amount is the product of; empty where it is recorded as such."""

    @property
    def usd(self) -> float:
        """What it costs."""
        return self.amount / self.per * self.price_usd


class Cost(NamedTuple):
    """A cost and what it is made of: the charges' sum, divided where it is a mean or a forecast."""

    charges: tuple[Charge, ...]
    divisor: float = 1
    divisor_unit: str = ""

    @property
    def usd(self) -> float:
        """What it comes to."""
        return sum(charge.usd for charge in self.charges) / self.divisor


Costs = Mapping[Category, Cost | None]


class Month(NamedTuple):
    """What a month costs: storage and snapshots for all of it, the rest as far as it was used."""

    month: str
    """In UTC, e.g. `2026-11`."""
    costs: Costs


class Forecast(NamedTuple):
    """What a month will cost if it goes on like this."""

    elapsed: float
    """How much of the month is over, from 0 to 1."""
    costs: Costs


class CodecReport(NamedTuple):
    """What a codec's experiments cost: GPU time and storage."""

    codec: str
    this_month: Cost | None
    in_all: Cost | None
    per_success: Cost | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostReport:
    """All that is told of costs."""

    months: Sequence[Month]
    """The latest, newest first; without a gap from the first that anything is recorded of."""
    codecs: Sequence[CodecReport]
    """The most expensive first."""
    per_success: Cost | None
    """The mean cost of an experiment that succeeded, of all that ever ended."""
    per_success_this_month: Cost | None
    forecast: Forecast | None
    """Of the current month; None while it is too young, or where nothing is recorded."""

    @classmethod
    def of(cls, recorded: Iterable[Usage], prices: Prices, now: datetime, snapshots: Iterable[Snapshots] = ()) -> Self:
        """Work out the costs of what was ever used, at a time in UTC; months after that are broken items.

        The snapshots are those that there are now; what there was in the months before is not recorded.
        """
        month = month_of(now)
        usage = _until(month, recorded)
        kept = _of_snapshots(snapshots, prices, now)
        months = [_month(usage, prices, each) for each in _latest_months(usage, month)]
        if kept:
            costs = months[0].costs if months else dict.fromkeys(Category)
            months[:1] = [Month(month, {**costs, Category.SNAPSHOTS: kept})]
        return cls(
            months=months,
            codecs=_by_codec(usage, prices, month),
            per_success=_per_success(usage, prices),
            per_success_this_month=_per_success(_in(month, usage), prices),
            forecast=_forecast(months[0].costs, now) if months else None,
        )


def total(costs: Iterable[Cost | None]) -> float | None:
    """Return the sum of the costs that are recorded, USD; None where none is."""
    known = [cost.usd for cost in costs if cost is not None]
    return sum(known) if known else None


def spent(recorded: Iterable[Usage], prices: Prices, now: datetime) -> float | None:
    """Return what the month of a time has cost so far, USD; None where nothing is recorded.

    It is what `CostReport` has, but for snapshots, for which a page would have to read another item.
    """
    month = month_of(now)
    return total(_month(_until(month, recorded), prices, month).costs.values())


def used_up(recorded: Iterable[Usage], prices: Prices) -> float | None:
    """Return what usage costs that a day or an experiment uses up, USD; None where none is recorded."""
    usage = list(recorded)
    return total(_cost(category, usage, prices) for category in Category if category not in STANDING)


class _Rate(NamedTuple):
    """How an attribute of usage is priced."""

    category: Category
    attribute: str
    unit: str
    in_unit: float
    """How much of what is recorded makes one of the unit."""
    price: str
    """An attribute of `Prices`."""
    price_unit: str
    per: float = 1


_RATES = (
    _Rate(Category.GPU_TIME, "gpu_seconds", "s", 1, "gpu_hour_usd", "hour", per=3600),
    _Rate(Category.STORAGE, "stored_bytes", "GB-months", _GB, "storage_gb_month_usd", "GB-month"),
    _Rate(Category.LLM_TOKENS, "input_tokens", "input tokens", 1, "million_input_tokens_usd", "million", per=1e6),
    _Rate(Category.LLM_TOKENS, "output_tokens", "output tokens", 1, "million_output_tokens_usd", "million", per=1e6),
    _Rate(Category.DELIVERY, "delivered_bytes", "GB", _GB, "delivered_gb_usd", "GB"),
)


def _cost(category: Category, usage: Sequence[Usage], prices: Prices) -> Cost | None:
    """Return what usage costs in a category; stored bytes are taken to be kept for a month."""
    charges = []
    for rate in (each for each in _RATES if each.category is category):
        amount = _sum(getattr(used, rate.attribute) for used in usage)
        if amount is not None:
            price = getattr(prices, rate.price)
            charges.append(Charge(amount / rate.in_unit, rate.unit, price, rate.price_unit, rate.per))
    return Cost(tuple(charges)) if charges else None


def _of_snapshots(snapshots: Iterable[Snapshots], prices: Prices, now: datetime) -> Cost | None:
    """Return what snapshots cost that stay all month: less, where a version is not called for 14 days in it.

    https://docs.aws.amazon.com/lambda/latest/dg/snapstart-security.html
    """
    began, ends = _bounds(now)
    seconds = int((ends - began).total_seconds())
    charges = tuple(_kept_for(seconds, each, prices) for each in snapshots if each.versions * each.memory_mb < _BROKEN)
    return Cost(charges) if charges else None


def _kept_for(seconds: int, snapshots: Snapshots, prices: Prices) -> Charge:
    function, versions, memory_mb = snapshots
    named = f"version{'' if versions == 1 else 's'} of {function.replace('_', ' ')}"
    factors = (versions, named), (memory_mb, "MB"), (seconds, "s")
    amount = versions * memory_mb * seconds
    return Charge(amount, "MB-seconds", prices.snapshot_gb_second_usd, "GB-second", _MB_IN_GB, factors)


def _sum(amounts: Iterable[float | None]) -> float | None:
    recorded = [amount for amount in amounts if amount is not None and abs(amount) < _BROKEN]
    return sum(recorded) if recorded else None


def _until(month: str, recorded: Iterable[Usage]) -> list[Usage]:
    return [used for used in recorded if _MONTH.fullmatch(used.month) and used.month <= month]


def _in(month: str, usage: Iterable[Usage]) -> list[Usage]:
    return [used for used in usage if used.month == month]


def _month(usage: Sequence[Usage], prices: Prices, month: str) -> Month:
    """Return a month's costs: of storage, those of all files there are by then, as they stay."""
    so_far, within = [used for used in usage if used.month <= month], _in(month, usage)
    costs = {
        category: _cost(category, so_far if category is Category.STORAGE else within, prices) for category in Category
    }
    return Month(month, costs)


def _latest_months(usage: Sequence[Usage], last: str) -> list[str]:
    if not usage:
        return []
    first, end = _number(min(used.month for used in usage)), _number(last)
    return [_name(number) for number in range(end, max(first, end - MONTHS + 1) - 1, -1)]


def _by_codec(usage: Sequence[Usage], prices: Prices, month: str) -> list[CodecReport]:
    codecs = sorted({used.codec for used in usage if used.codec})
    costs = [_of_codec(codec, [used for used in usage if used.codec == codec], prices, month) for codec in codecs]
    return sorted(costs, key=lambda each: each.in_all.usd if each.in_all else 0, reverse=True)


def _of_codec(codec: str, usage: Sequence[Usage], prices: Prices, month: str) -> CodecReport:
    of_month = _month(usage, prices, month).costs
    kept = [_kept_until(month, used) for used in usage]
    return CodecReport(
        codec=codec,
        this_month=_together(of_month.values()),
        in_all=_together(_cost(category, kept, prices) for category in Category),
        per_success=_per_success(usage, prices),
    )


def _kept_until(month: str, used: Usage) -> Usage:
    """Return usage with its stored bytes once for each month that they were kept, the first and the last included."""
    if used.stored_bytes is None:
        return used
    return replace(used, stored_bytes=used.stored_bytes * (_number(month) - _number(used.month) + 1))


def _together(costs: Iterable[Cost | None]) -> Cost | None:
    charges = tuple(charge for cost in costs if cost is not None for charge in cost.charges)
    return Cost(charges) if charges else None


def _per_success(usage: Sequence[Usage], prices: Prices) -> Cost | None:
    """Return all GPU time, that of failures included, divided by the experiments that succeeded."""
    gpu_time = _cost(Category.GPU_TIME, usage, prices)
    succeeded = _sum(used.succeeded for used in usage)
    if gpu_time is None or not succeeded:
        return None
    return Cost(gpu_time.charges, succeeded, "successful experiment" + ("s" if succeeded > 1 else ""))


def _forecast(costs: Costs, now: datetime) -> Forecast | None:
    """Scale what is used up by the part of the month that is over, in whole hours; the rest stands as it is."""
    began, ends = _bounds(now)
    passed = now.replace(minute=0, second=0, microsecond=0) - began
    if passed < FIRST_FORECAST or total(costs.values()) is None:
        return None
    elapsed = passed / (ends - began)
    scaled = {
        category: cost if cost is None or category in STANDING else Cost(cost.charges, elapsed, "of the month")
        for category, cost in costs.items()
    }
    return Forecast(elapsed, scaled)


def _bounds(moment: datetime) -> tuple[datetime, datetime]:
    """Return when the month of a time began, and when the next one does."""
    began = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return began, (began + timedelta(days=31)).replace(day=1)


def _number(month: str) -> int:
    year, month_of_year = month.split("-")
    return int(year) * 12 + int(month_of_year) - 1


def _name(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"
