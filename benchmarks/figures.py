"""A measured figure, its limit, and how figures are shown."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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


def line(figure: Figure) -> str:
    """Say on one line what was measured: which run counts, their number and range, the limit, and what it leaves."""
    if not figure.values:
        return f"{figure.what}: not measured"
    parts = [_shown(figure.value, figure.unit)]
    if len(figure.values) > 1:
        lowest, highest = (_shown(bound, figure.unit) for bound in (min(figure.values), max(figure.values)))
        parts.append(f"{_statistic(figure)} of {len(figure.values)} ({lowest} to {highest})")
    if figure.limit is not None:
        share = f" ({figure.value / figure.limit:.2f} of it)" if figure.limit else ""
        parts.append(f"limit {_shown(figure.limit, figure.unit)}{share}")
    return f"{figure.what}: {', '.join(parts)}{'' if figure.holds else ' MISSED'}"


def document(figure: Figure) -> dict[str, Any]:
    """Return the same for programs; what was not measured is null."""
    values = list(figure.values)
    return {
        "figure": figure.what.strip(),
        "unit": figure.unit,
        "value": figure.value if values else None,
        "statistic": _statistic(figure),
        "values": values,
        "limit": figure.limit,
        "holds": figure.holds,
    }


def ratios(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Return how many times longer these runs took than those that they took turns with."""
    return [this / that for this, that in zip(these, those, strict=True)]


def _statistic(figure: Figure) -> str:
    return STATISTICS.get(figure.percentile, f"p{figure.percentile}")


def _shown(value: float, unit: str) -> str:
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{0 if value == int(value) else decimals}f} {unit}".strip()
