"""What an experiment will cost, by what others like it took."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean

from experiments.costs import Prices
from experiments.criteria import Criteria
from experiments.jobs.clip_catalogue import CLIPS, Shape
from experiments.model import Experiment, Status
from experiments.repository import ExperimentRepository

from admin.requests import StartRequest

MOST_MEASURED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What an experiment will cost; null where nothing like it was ever measured."""

    usd: float | None
    gpu_seconds: float | None
    """How long its encoder will run."""
    basis: str
    """Where that comes from, in a few words."""


def estimate_of(request: StartRequest, repository: ExperimentRepository, prices: Prices) -> Estimate:
    """Scale what the newest experiments with the same codec and preset took, by the samples that there are to encode.

    Quality and options change the time too, but by less than the preset does.
    """
    recorded = repository.find(Criteria(codec=request.codec, status=Status.SUCCEEDED), MOST_MEASURED).experiments
    preset = request.parameters["preset"]
    measured = [seconds for one in recorded if one.parameters.get("preset") == preset for seconds in _per_sample(one)]
    if not measured:
        return Estimate(usd=None, gpu_seconds=None, basis="nothing like it has been measured")
    seconds = fmean(measured) * CLIPS[request.clip].shape.samples
    return Estimate(
        usd=round(seconds / 3600 * prices.gpu_hour_usd, 8),
        gpu_seconds=round(seconds, 3),
        basis=f"mean of {len(measured)} like it",
    )


def _per_sample(experiment: Experiment) -> Iterator[float]:
    """Yield how many seconds encoding took per luma sample, if that is known."""
    seconds = experiment.metrics.encode_seconds
    if seconds is None or not all(size in experiment.parameters for size in ("width", "height", "frames")):
        return
    try:
        samples = Shape.of(experiment.parameters).samples
    except (ValueError, OverflowError):
        return
    if samples > 0:
        yield seconds / samples
