"""The charts of quality over frames: where their lines and labels lie. templates/experiment.html draws them as SVG."""

from collections.abc import Sequence
from typing import NamedTuple

from experiments.frame_quality import FrameQuality
from experiments.metrics import METRICS, Metric

from renderer import presentation
from renderer.presentation import Figure

# The plot in units of the drawing, which a browser scales to the width that it has.
WIDTH, HEIGHT = 600, 140


class FrameChart(NamedTuple):
    """One metric over the frames."""

    title: str
    summary: str
    """What the line shows, for those who don't see it."""
    points: str
    lowest: Figure
    highest: Figure
    last_frame: int


def draw(frames: FrameQuality) -> list[FrameChart]:
    """Return a chart for each metric that is recorded."""
    recorded = ((METRICS[key], values) for key, values in frames.series.items() if values)
    return [_chart(metric, values, frames.step) for metric, values in recorded]


def _chart(metric: Metric, values: Sequence[float], step: int) -> FrameChart:
    low, high = min(values), max(values)
    lowest, highest = (presentation.figure(metric, value) for value in (low, high))
    worst = 1 + step * values.index(low)
    summary = f"From {_text(lowest)} (frame {worst:,}) to {_text(highest)}."
    return FrameChart(metric.label, summary, _points(values, low, high), lowest, highest, step * len(values))


def _points(values: Sequence[float], low: float, high: float) -> str:
    """Lay the values out from the left edge to the right; what never changes is a line in the middle."""
    across, span = WIDTH / max(len(values) - 1, 1), high - low
    heights = [HEIGHT * (high - value) / span if span else HEIGHT / 2 for value in values]
    places = [f"{across * place:.1f},{height:.1f}" for place, height in enumerate(heights)]
    return " ".join(places if len(values) > 1 else [*places, f"{WIDTH},{heights[0]:.1f}"])


def _text(figure: Figure) -> str:
    return " ".join(filter(None, figure))
