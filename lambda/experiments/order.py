"""Orders of the experiments of one page by a metric.

No index holds experiments sorted by a metric, so what is sorted is a page of them, never the whole table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from experiments.model import Experiment


@dataclass(frozen=True, slots=True)
class Metric:
    """What a page can be sorted by."""

    label: str
    read: Callable[[Experiment], float | None]
    best_is_highest: bool


def seconds_taken(experiment: Experiment) -> float | None:
    """Count the seconds from start to end; without these times, those that the encoder took."""
    started, finished = experiment.started_at, experiment.finished_at
    if started and finished and finished >= started:
        return (finished - started).total_seconds()
    return experiment.metrics.encode_seconds


METRICS = {
    "psnr_db": Metric("PSNR", lambda experiment: experiment.metrics.psnr_db, best_is_highest=True),
    "ssim": Metric("SSIM", lambda experiment: experiment.metrics.ssim, best_is_highest=True),
    "vmaf": Metric("VMAF", lambda experiment: experiment.metrics.vmaf, best_is_highest=True),
    "bitrate_kbps": Metric("Bitrate", lambda experiment: experiment.metrics.bitrate_kbps, best_is_highest=False),
    "compression_ratio": Metric("Ratio", lambda experiment: experiment.metrics.compression_ratio, best_is_highest=True),
    "seconds_taken": Metric("Duration", seconds_taken, best_is_highest=False),
    "cost_usd": Metric("Cost", lambda experiment: experiment.cost_usd, best_is_highest=False),
}
ORDERS = tuple(order for name in METRICS for order in (name, f"-{name}"))
"""Each metric from its lowest value up, and with a minus from its highest down."""


def best_first(metric: str) -> str:
    """Return the order that begins with a metric's best value."""
    return f"-{metric}" if METRICS[metric].best_is_highest else metric


def reverse(order: str) -> str:
    """Return the opposite order."""
    return order.removeprefix("-") if order.startswith("-") else f"-{order}"


def in_order(experiments: Sequence[Experiment], order: str) -> list[Experiment]:
    """Return experiments in an order, those without the metric last; equal ones stay as they were."""
    read = METRICS[order.removeprefix("-")].read
    known = [(value, experiment) for experiment in experiments if (value := read(experiment)) is not None]
    known.sort(key=lambda pair: pair[0], reverse=order.startswith("-"))
    return [experiment for _, experiment in known] + [
        experiment for experiment in experiments if read(experiment) is None
    ]
