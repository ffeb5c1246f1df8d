"""The catalogue of metrics: each is declared once here, and pages, sort orders, CSV, JSON, curves and tools follow.

A metric is a field of `Fidelity` or `Metrics`, with what is to be known of it. A further one is a line here, a line of
docs/data-model.md, and where it is measured (worker/measure.py).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from experiments.fields import amount, between, count, mapping, text

if TYPE_CHECKING:
    from experiments.model import Experiment

# Identical pictures have an infinite PSNR, which DynamoDB cannot keep; 100 dB stands for it, and for all above.
LOSSLESS_PSNR_DB = 100.0


class Unit(StrEnum):
    """What a metric is counted in, which also says how it is written (renderer/presentation.py)."""

    NONE = ""
    DECIBEL = "dB"
    KBPS = "kbps"
    TIMES = "×"  # noqa: RUF001 the multiplication sign
    BYTES = "bytes"
    SECONDS = "s"
    FPS = "fps"
    USD = "USD"


class MetricGroup(StrEnum):
    """What a metric tells of an experiment; metrics are listed in this order."""

    QUALITY = "Quality"
    RATE = "Rate"
    EFFORT = "Time and cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is to be known of a metric."""

    key: str = ""
    """Its name in table, JSON, CSV and links."""
    label: str
    heading: str = ""
    """What it is called where there is little room; empty where that is its label."""
    meaning: str = ""
    """What its column in the overview says of it; empty where it has none."""
    group: MetricGroup = MetricGroup.QUALITY
    plane: str = ""
    """Of which plane it is, Y, U or V; empty for the whole picture."""
    unit: Unit = Unit.NONE
    decimals: int = 2
    """How many it is written with, where the unit doesn't say that."""
    read: Callable[[object], Any] = amount
    """Reads what the table has; None where that is broken."""
    compute: "Callable[[Experiment], float | None] | None" = None
    """Works it out, where it is none that is measured."""
    best: Callable[..., Any] | None = max
    """`max` where more is better, `min` where less is; None where nothing is, as of properties of the clip."""
    is_sortable: bool = False
    is_compared: bool = True
    """Whether experiments side by side show it."""
    curve: str = ""
    """Its name in links to curves by it, of which more has to be better; empty where there are none."""
    has_curve_in_decibels: bool = False
    """Whether there are curves by -10·log10(1 - x) of it, too, as x264 and Daala write SSIM to spread it evenly."""

    @property
    def name(self) -> str:
        """Its label, and of which plane it is."""
        return f"{self.label} {self.plane}".strip()

    @property
    def short(self) -> str:
        """What it is called where there is little room."""
        return self.heading or self.label

    @property
    def is_summary(self) -> bool:
        """Whether it stands for an experiment where there is room for few: the chat's lists have such."""
        return self.is_sortable and self.is_compared

    def of(self, experiment: "Experiment") -> Any:
        """Return its value; None where that isn't known."""
        return self.compute(experiment) if self.compute else getattr(experiment.metrics, self.key)

    def of_plane(self, plane: str) -> "Metric":
        """Return the same of a plane."""
        curve = self.curve and f"{self.curve}-{plane.lower()}"
        of_plane = replace(self, plane=plane, curve=curve, has_curve_in_decibels=False)
        return replace(of_plane, is_sortable=False, meaning="")


def psnr(value: object) -> float | None:
    """Read a PSNR in dB; infinity, as measured between identical pictures, and all above 100 are 100."""
    result = amount(value)
    if result is None:
        return LOSSLESS_PSNR_DB if isinstance(value, (float, str)) and str(value) == "inf" else None
    return min(result, LOSSLESS_PSNR_DB)


def seconds_taken(experiment: "Experiment") -> float | None:
    """Count the seconds from start to end; without these times, those that the encoder took."""
    started, finished = experiment.started_at, experiment.finished_at
    if started and finished and finished >= started:
        return (finished - started).total_seconds()
    return experiment.metrics.encode_seconds


def _measured(metric: Metric) -> Any:
    return field(default=None, metadata={"metric": metric})


_PSNR = Metric(
    label="PSNR",
    meaning="Peak signal-to-noise ratio over all planes",
    unit=Unit.DECIBEL,
    read=psnr,
    is_sortable=True,
    curve="psnr",
)
_SSIM = Metric(
    label="SSIM",
    meaning="Structural similarity, 1 at best",
    decimals=4,
    read=between(-1, 1),
    is_sortable=True,
    curve="ssim",
    has_curve_in_decibels=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How like the original pictures are: PSNR in dB (at most 100), SSIM from 0 to 1, VMAF from 0 to 100."""

    psnr_db: float | None = _measured(_PSNR)
    ssim: float | None = _measured(_SSIM)
    vmaf: float | None = _measured(Metric(label="VMAF", read=between(0, 100), is_sortable=True, curve="vmaf"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics(Fidelity):
    """What was measured of a whole clip; PSNR in dB (at most 100), SSIM from 0 to 1, VMAF from 0 to 100."""

    psnr_y_db: float | None = _measured(_PSNR.of_plane("Y"))
    psnr_u_db: float | None = _measured(_PSNR.of_plane("U"))
    psnr_v_db: float | None = _measured(_PSNR.of_plane("V"))
    ssim_y: float | None = _measured(_SSIM.of_plane("Y"))
    ssim_u: float | None = _measured(_SSIM.of_plane("U"))
    ssim_v: float | None = _measured(_SSIM.of_plane("V"))
    bitrate_kbps: float | None = _measured(
        Metric(
            label="Bitrate",
            meaning="Encoded bits per second of the clip",
            group=MetricGroup.RATE,
            unit=Unit.KBPS,
            best=min,
            is_sortable=True,
        )
    )
    compression_ratio: float | None = _measured(
        Metric(
            label="Compression ratio",
            heading="Ratio",
            meaning="Compression ratio: raw size to encoded size",
            group=MetricGroup.RATE,
            unit=Unit.TIMES,
            is_sortable=True,
        )
    )
    """Raw bytes per encoded byte."""
    encoded_bytes: int | None = _measured(
        Metric(label="Encoded size", group=MetricGroup.RATE, unit=Unit.BYTES, read=count, best=min)
    )
    raw_bytes: int | None = _measured(
        Metric(label="Raw size", group=MetricGroup.RATE, unit=Unit.BYTES, read=count, best=None)
    )
    encode_seconds: float | None = _measured(
        Metric(label="Encoding", group=MetricGroup.EFFORT, unit=Unit.SECONDS, best=min)
    )
    encode_fps: float | None = _measured(Metric(label="Encoding speed", group=MetricGroup.EFFORT, unit=Unit.FPS))
    duration_seconds: float | None = _measured(
        Metric(label="Clip length", group=MetricGroup.RATE, unit=Unit.SECONDS, best=None)
    )
    """How long the clip plays."""

    @classmethod
    def from_map(cls, value: object) -> Self:
        """Read a map of metrics; whatever is broken in it is None."""
        metrics = mapping(value)
        return cls(**{key: read(metrics[key]) for key, read in _READERS.items() if key in metrics})


@dataclass(frozen=True, slots=True, kw_only=True)
class RDPoint(Fidelity):
    """One point of a rate-distortion curve."""

    bitrate_kbps: float
    label: str = ""
    """The quality setting, e.g. `CRF 28`."""

    @classmethod
    def from_map(cls, value: object) -> Self | None:
        """Read one point; None where it has no bitrate, since it could not be drawn."""
        point = mapping(value)
        bitrate = amount(point.get("bitrate_kbps"))
        if bitrate is None:
            return None
        measured = {key: _READERS[key](point[key]) for key in _OF_A_POINT if key in point}
        return cls(bitrate_kbps=bitrate, label=text(point.get("label")) or "", **measured)


def _declared() -> Iterator[Metric]:
    """Yield what is measured, each metric of the whole picture before those of its planes."""
    found = [replace(each.metadata["metric"], key=each.name) for each in fields(Metrics)]
    for whole in (metric for metric in found if not metric.plane):
        yield from (metric for metric in found if metric.label == whole.label)


MEASURED = tuple(_declared())
"""What `Metrics` has."""
SECONDS_TAKEN = Metric(
    key="seconds_taken",
    label="From start to end",
    heading="Duration",
    meaning="From the start of the experiment to its end",
    group=MetricGroup.EFFORT,
    unit=Unit.SECONDS,
    compute=seconds_taken,
    best=min,
    is_sortable=True,
    is_compared=False,
)
COST = Metric(
    key="cost_usd",
    label="Cost",
    meaning="Cost of the encode",
    group=MetricGroup.EFFORT,
    unit=Unit.USD,
    compute=lambda experiment: experiment.cost_usd,
    best=min,
    is_sortable=True,
)
METRICS = {
    metric.key: metric for group in MetricGroup for metric in (SECONDS_TAKEN, *MEASURED, COST) if metric.group is group
}
"""All metrics by their keys, in the order in which they are listed."""

_READERS = {metric.key: metric.read for metric in MEASURED}
_OF_A_POINT = tuple(each.name for each in fields(Fidelity))
