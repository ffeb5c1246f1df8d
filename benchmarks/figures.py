"""A measured figure, its limit, and how figures are shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

WORST = 100
STATISTICS = {50: "median", WORST: "worst"}


@dataclass(frozen=True)
class Figure:
    """What was measured, in a unit, over some runs in one session of the benchmark."""

    what: str
    values: Sequence[float]
    """Of each run; none where it could not be measured here."""
    unit: str
    limit: float | None = None
    """At most this much; None where the figure is shown for comparison alone."""
    percentile: int = 50
    """Which of the runs counts, by nearest rank."""

    @property
    def value(self) -> float:
        """The run that counts."""
        return sorted(self.values)[math.ceil(len(self.values) * self.percentile / 100) - 1]

    @property
    def holds(self) -> bool:
        """Whether it is within the limit, as far as it could be measured."""
        return self.limit is None or not self.values or self.value <= self.limit


def show(title: str, figures: Sequence[Figure], console: Console) -> None:
    """Print figures as a table: which run counts, range, number of runs, limit, and the share of the limit."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("figure")
    for column in ("value", "", "min", "max", "runs", "limit", "of limit"):
        table.add_column(column, justify="left" if column == "" else "right")
    for figure in figures:
        table.add_row(*_cells(figure), style=None if figure.holds else "red")
    console.print(table)


def ratios(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Return how many times longer these runs took than those that they took turns with."""
    return [this / that for this, that in zip(these, those, strict=True)]


def _cells(figure: Figure) -> list[str]:
    if not figure.values:
        return [figure.what, "not measured"]
    return [
        figure.what,
        _shown(figure.value, figure.unit),
        STATISTICS.get(figure.percentile, f"p{figure.percentile}") if len(figure.values) > 1 else "",
        _shown(min(figure.values), figure.unit),
        _shown(max(figure.values), figure.unit),
        str(len(figure.values)),
        "" if figure.limit is None else _shown(figure.limit, figure.unit),
        f"{figure.value / figure.limit:.2f}" if figure.limit else "",
    ]


def _shown(value: float, unit: str) -> str:
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f} {unit}"
