"""The chart of monthly costs: a bar for each month, stacked by category. templates/costs.html draws it as SVG."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from experiments.costs import Category, Month, total

from renderer import presentation
from renderer.charts import Axis, Frame, Tick, value_ticks

FRAME = Frame(height=300, bottom=250)
# As wide as twelve bars have room for.
BAR_WIDTH = 28
# What is less is no more than a hair's breadth of nothing, and its axis would have labels of nine digits.
LEAST_DRAWN_USD = presentation.SMALLEST_COST


class BarPart(NamedTuple):
    """A category's part of a bar; its colour is a class of the stylesheet."""

    colour: str
    top: float
    height: float


class Bar(NamedTuple):
    """A month."""

    label: str
    middle: float
    parts: Sequence[BarPart]


class CostChart(NamedTuple):
    """All that the template draws."""

    description: str
    legend: Sequence[tuple[str, Category]]
    bars: Sequence[Bar]
    ticks: Sequence[Tick]
    bar_width: int = BAR_WIDTH
    frame: Frame = FRAME


def draw(months: Sequence[Month]) -> CostChart | None:
    """Lay out months, oldest first; None where they cost too little for a bar to be seen."""
    totals = [total(month.costs.values()) or 0 for month in months]
    if not months or max(totals) < LEAST_DRAWN_USD:
        return None
    y = Axis(0, 1.05 * max(totals), FRAME.bottom, FRAME.top)
    room = (FRAME.right - FRAME.left) / len(months)
    written = [
        f"{presentation.month(month.month)}: {' '.join(presentation.cost(usd))}"
        for month, usd in zip(months, totals, strict=True)
    ]
    return CostChart(
        description=f"{'; '.join(written)}.",
        legend=[(_colour(place), category) for place, category in enumerate(Category)],
        bars=[_bar(month, FRAME.left + (place + 0.5) * room, y) for place, month in enumerate(months)],
        ticks=value_ticks(y),
    )


def _bar(month: Month, middle: float, y: Axis) -> Bar:
    usd = [cost.usd if (cost := month.costs[category]) else 0 for category in Category]
    edges = pairwise(y.at(reached) for reached in accumulate(usd, initial=0))
    parts = [
        BarPart(_colour(place), top, round(bottom - top, 1))
        for place, (bottom, top) in enumerate(edges)
        if top < bottom
    ]
    return Bar(presentation.month(month.month)[:3], round(middle, 1), parts)


def _colour(place: int) -> str:
    """Return the class of a category, by its place among all."""
    return f"series-{place}"
