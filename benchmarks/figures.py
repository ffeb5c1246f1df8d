"""A measured figure, its limit, and how figures are shown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """What was measured, in a unit, over some runs in one session of the benchmark."""

    what: str
    values: Sequence[float]
    unit: str
    limit: float | None = None
    """At most this much; None where the figure is shown for comparison alone."""

    @property
    def median(self) -> float:
        """The middle of the runs."""
        return statistics.median(self.values)

    @property
    def holds(self) -> bool:
        """Whether the median is within the limit."""
        return self.limit is None or self.median <= self.limit


def show(title: str, figures: Sequence[Figure], console: Console) -> None:
    """Print figures as a table: median, range, number of runs, limit, and the median's share of the limit."""
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("figure")
    for column in ("median", "min", "max", "runs", "limit", "of limit"):
        table.add_column(column, justify="right")
    for figure in figures:
        table.add_row(
            figure.what,
            _shown(figure.median, figure.unit),
            _shown(min(figure.values), figure.unit),
            _shown(max(figure.values), figure.unit),
            str(len(figure.values)),
            "" if figure.limit is None else _shown(figure.limit, figure.unit),
            "" if figure.limit is None else f"{figure.median / figure.limit:.2f}",
            style=None if figure.holds else "red",
        )
    console.print(table)


def _shown(value: float, unit: str) -> str:
    return f"{value:,.1f} {unit}" if value < 100 else f"{value:,.0f} {unit}"
