"""The page of costs: by month, category and codec, with what each number is made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from experiments.aggregates import month_of
from experiments.costs import Category, Charge, CodecReport, Cost, CostReport, Costs, Prices, total
from web.release import RunningRelease

from renderer import presentation
from renderer.pages import cost_chart
from renderer.pages.cost_chart import CostChart
from renderer.pages.templates import render
from renderer.presentation import Figure


class Explained(NamedTuple):
    """A figure, and how it came about."""

    figure: Figure
    how: str


Cell = Explained | None
"""What the template shows as "Not recorded" where it is None."""

TOO_EARLY = Explained(Figure("Too early", ""), "A forecast takes a whole day of the month.")
NO_SUCCESS = Explained(Figure("None yet", ""), "No experiment has succeeded, or no GPU time is recorded.")
PRICES = (
    ("GPU time", "gpu_hour_usd", "hour of encoding"),
    ("Storage", "storage_gb_month_usd", "GB and month"),
    ("Delivery", "delivered_gb_usd", "GB"),
    ("LLM input", "million_input_tokens_usd", "million tokens"),
    ("LLM output", "million_output_tokens_usd", "million tokens"),
    ("Snapshots", "snapshot_gb_second_usd", "GB and second"),
)


class CostRow(NamedTuple):
    """A month or a codec, and what it cost."""

    name: str
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class CostsView:
    """All that the page's template needs."""

    month: str
    categories: Sequence[Category]
    tiles: Sequence[tuple[str, Cell]]
    chart: CostChart | None
    months: Sequence[CostRow]
    codecs: Sequence[CostRow]
    prices: Sequence[tuple[str, Figure]]


def render_costs(report: CostReport, prices: Prices, release: RunningRelease, *, now: datetime) -> str:
    """Return the page of costs at a time in UTC."""
    month = presentation.month(month_of(now))
    view = CostsView(
        month=month,
        categories=list(Category),
        tiles=list(_tiles(report, month)),
        chart=cost_chart.draw(report.months[::-1]),
        months=list(_months(report, month)),
        codecs=[_codec(each) for each in report.codecs],
        prices=[(label, presentation.price(getattr(prices, name), unit)) for label, name, unit in PRICES],
    )
    return render("costs.html", view=view, release=release, root="./")


def _tiles(report: CostReport, month: str) -> Iterator[tuple[str, Cell]]:
    if not report.months:
        return
    yield f"{month} so far", _total(report.months[0].costs)
    yield f"Forecast for {month}", _total(report.forecast.costs) if report.forecast else TOO_EARLY
    yield f"Per successful experiment, {month}", _explained(report.per_success_this_month) or NO_SUCCESS
    yield "Per successful experiment, in all", _explained(report.per_success) or NO_SUCCESS


def _months(report: CostReport, month: str) -> Iterator[CostRow]:
    if report.forecast:
        yield _by_category(f"{month}, forecast", report.forecast.costs)
    for place, each in enumerate(report.months):
        yield _by_category(presentation.month(each.month) + (", so far" if place == 0 else ""), each.costs)


def _by_category(name: str, costs: Costs) -> CostRow:
    return CostRow(name, [*(_explained(costs[category]) for category in Category), _total(costs)])


def _codec(costs: CodecReport) -> CostRow:
    cells = [_explained(costs.this_month), _explained(costs.in_all), _explained(costs.per_success) or NO_SUCCESS]
    return CostRow(costs.codec, cells)


def _explained(cost: Cost | None) -> Cell:
    return None if cost is None else Explained(presentation.cost(cost.usd), _formula(cost))


def _total(costs: Costs) -> Cell:
    """Return the sum of categories, and each of them as far as it is recorded."""
    usd = total(costs.values())
    if usd is None:
        return None
    known = [f"{category} {' '.join(presentation.cost(cost.usd))}" for category, cost in costs.items() if cost]
    unknown = [category for category, cost in costs.items() if cost is None]
    how = " + ".join(known) + (f"; not recorded: {', '.join(unknown)}" if unknown else "")
    return Explained(presentation.cost(usd), how)


def _formula(cost: Cost) -> str:
    """Write what a cost is made of, e.g. `1,234 s × 0.526 USD per hour`."""  # noqa: RUF002 the multiplication sign
    written = " + ".join(map(_product, cost.charges))
    if cost.divisor == 1 and not cost.divisor_unit:
        return written
    dividend = f"({written})" if len(cost.charges) > 1 else written
    return f"{dividend} ÷ {' '.join(presentation.quantity(cost.divisor, cost.divisor_unit))}"


def _product(charge: Charge) -> str:
    factors = charge.factors or [(charge.amount, charge.unit)]
    figures = [presentation.quantity(*factor) for factor in factors]
    figures.append(presentation.price(charge.price_usd, charge.price_unit))
    return " × ".join(" ".join(figure) for figure in figures)  # noqa: RUF001 likewise
