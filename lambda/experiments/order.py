"""Orders of the experiments of one page by a metric.

No index holds experiments sorted by a metric, so what is sorted is a page of them, never the whole table.
"""

from collections.abc import Sequence

from experiments.metrics import METRICS, Metric
from experiments.model import Experiment

SORTABLE = {metric.key: metric for metric in METRICS.values() if metric.is_sortable}
"""What a page can be sorted by."""
ORDERS = tuple(order for key in SORTABLE for order in (key, f"-{key}"))
"""Each metric from its lowest value up, and with a minus from its highest down."""


def best_first(metric: Metric) -> str:
    """Return the order that begins with a metric's best value."""
    return f"-{metric.key}" if metric.best is max else metric.key


def reverse(order: str) -> str:
    """Return the opposite order."""
    return order.removeprefix("-") if order.startswith("-") else f"-{order}"


def in_order(experiments: Sequence[Experiment], order: str) -> list[Experiment]:
    """Return experiments in an order, those without the metric last; equal ones stay as they were."""
    read = SORTABLE[order.removeprefix("-")].of
    known = [(value, experiment) for experiment in experiments if (value := read(experiment)) is not None]
    known.sort(key=lambda pair: pair[0], reverse=order.startswith("-"))
    return [experiment for _, experiment in known] + [
        experiment for experiment in experiments if read(experiment) is None
    ]
