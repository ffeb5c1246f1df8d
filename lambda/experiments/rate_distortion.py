"""Rate-distortion curves: which experiments make one, what they measure it by, and how far apart two of them are.

A curve is what one codec in one configuration made of one clip, at several quality points. The worker measures one
point per experiment; so experiments that differ in nothing but the quality point are the points of one curve. Other
writers put a whole sweep into one experiment; its points are found by their labels or, without labels, by their places.
Of a point that was measured again, the newest measurement counts: whoever repeats one means to replace it. Only
experiments that succeeded count.
"""

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from experiments.bjontegaard import Delta, Fit, NotComparable, Point, bd_quality, bd_rate
from experiments.metrics import LOSSLESS_PSNR_DB, MEASURED, RDPoint, Unit
from experiments.model import Experiment, Scalar, Status

# Fewer points or less overlap than these make a comparison weak: the common test conditions use four points, and the
# `bjontegaard` package warns below this overlap.
LEAST_POINTS = 4
LEAST_OVERLAP = 0.75

# A bit and a terabit per second: what lies beyond is a mistake, and would only squeeze the other points together.
LEAST_KBPS, MOST_KBPS = 1e-3, 1e9

DECIMALS_OF_DECIBELS = 2

# Parameters that are those of the clip: curves of different pictures are not to be compared.
_SOURCE = ("width", "height", "fps", "frames", "pixel_format")


class Scale(NamedTuple):
    """What curves are drawn by: a metric, of which more is better, or its decibels."""

    key: str
    """Its name in links."""
    name: str
    unit: str
    decimals: int
    """How many it is written with."""
    metric: str
    """The metric's key."""
    in_decibels: bool = False
    """Whether it is -10·log10(1 - x) of the metric."""

    def of(self, measurement: "Measurement") -> float | None:
        """Return what was measured; None where it was not, or has no bound, as between identical pictures."""
        value = measurement.read(self.metric)
        if value is None or (self.unit == Unit.DECIBEL and value >= (1 if self.in_decibels else LOSSLESS_PSNR_DB)):
            return None
        return -10 * math.log10(1 - value) if self.in_decibels else value


def _scales() -> Iterator[Scale]:
    """Yield what there may be curves by: each metric of the whole picture, those of its planes, its decibels."""
    drawn = [metric for metric in MEASURED if metric.curve]
    for label in dict.fromkeys(metric.label for metric in drawn):
        alike = [metric for metric in drawn if metric.label == label]
        for metric in alike:
            name = f"{metric.label}-{metric.plane}" if metric.plane else metric.label
            yield Scale(metric.curve, name, metric.unit, metric.decimals, metric.key)
        for metric in (each for each in alike if each.has_curve_in_decibels):
            yield Scale(
                f"{metric.curve}-db", f"{metric.label} (dB)", Unit.DECIBEL, DECIMALS_OF_DECIBELS, metric.key, True
            )


SCALES = tuple(_scales())


class Measurement(NamedTuple):
    """A point of a sweep and the experiment that measured it."""

    experiment: Experiment
    point: RDPoint

    def read(self, attribute: str) -> float | None:
        """Return a metric of the point; one of a plane only the whole experiment's metrics have, if this is its all."""
        value: float | None = getattr(self.point, attribute, None)
        if value is None and len(self.experiment.rd_points) == 1:
            value = getattr(self.experiment.metrics, attribute)
        return value


class Sweep(NamedTuple):
    """What one codec in one configuration made of one clip, from the lowest bitrate to the highest."""

    name: str
    """The codec, and what tells it from other configurations of it."""
    measurements: Sequence[Measurement]


class CurvePoint(NamedTuple):
    """A point as it is drawn."""

    bitrate_kbps: float
    quality: float
    label: str
    """The quality setting, e.g. `CRF 28`."""
    experiment_id: str = ""
    """The experiment that measured it."""


class Curve(NamedTuple):
    """A sweep by one scale."""

    name: str
    points: tuple[CurvePoint, ...]

    @property
    def pairs(self) -> tuple[Point, ...]:
        """The points as the comparison takes them."""
        return tuple((point.bitrate_kbps, point.quality) for point in self.points)


class CurveComparison(NamedTuple):
    """A test curve against an anchor."""

    anchor: Curve
    test: Curve
    rate: Delta | NotComparable
    quality: Delta | NotComparable

    def is_weak(self, found: Delta | NotComparable) -> bool:
        """Whether a result of it rests on few points, or on a small part of a curve."""
        few_points = min(len(self.anchor.points), len(self.test.points)) < LEAST_POINTS
        return isinstance(found, Delta) and (few_points or found.overlap < LEAST_OVERLAP)


def sweeps_by_clip(experiments: Iterable[Experiment]) -> dict[str, list[Sweep]]:
    """Return the sweeps of each clip, by the clip's name; of a clip in several sizes, each is one of its own."""
    return _named(_measured(_newest_first(experiments)))


def sweeps_through(compared: Sequence[Experiment], others: Iterable[Experiment]) -> dict[str, list[Sweep]]:
    """Return the sweeps on which the compared experiments lie, and which others make with them, by the clip's name.

    Of a point that was measured again it is the compared experiment that counts. One that is a whole sweep by itself is
    not mixed with others.
    """
    ids = {experiment.id for experiment in compared}
    whole = {experiment.id for experiment in compared if len(experiment.rd_points) > 1}
    clips = _measured([*_newest_first(compared), *_newest_first(others)], whole)
    through = {
        clip: {
            configuration: sweep
            for configuration, sweep in sweeps.items()
            if any(measurement.experiment.id in ids for measurement in sweep.values())
        }
        for clip, sweeps in clips.items()
    }
    return _named({clip: sweeps for clip, sweeps in through.items() if sweeps})


def curves_of(sweeps: Iterable[Sweep], scale: Scale) -> list[Curve]:
    """Return the sweeps by a scale; those that have no point of it are left out."""
    curves = (Curve(sweep.name, _points(sweep, scale)) for sweep in sweeps)
    return [curve for curve in curves if curve.points]


def bd_matrix(curves: Sequence[Curve], fit: Fit) -> list[list[CurveComparison | None]]:
    """Return a row per anchor with a column per test curve; None where they are the same."""
    return [[None if test is anchor else _compare(anchor, test, fit) for test in curves] for anchor in curves]


def _compare(anchor: Curve, test: Curve, fit: Fit) -> CurveComparison:
    arguments = anchor.pairs, test.pairs, fit, (anchor.name, test.name)
    return CurveComparison(anchor, test, bd_rate(*arguments), bd_quality(*arguments))


def _points(sweep: Sweep, scale: Scale) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(measurement.point.bitrate_kbps, value, measurement.point.label, measurement.experiment.id)
        for measurement in sweep.measurements
        if (value := scale.of(measurement)) is not None
    )


_Named = tuple[str, frozenset[tuple[str, Scalar]]]
"""A clip or a codec, and its parameters."""
_Measurements = dict[str | int, Measurement]
"""By label, or else by place."""
_Clips = Mapping[_Named, dict[_Named, _Measurements]]
"""What was measured of each clip in each configuration."""


def _measured(experiments: Iterable[Experiment], apart: Container[str] = ()) -> _Clips:
    """Sort experiments by clip and configuration; of a point measured several times the first counts.

    Those whose ids are in `apart` are configurations of their own.
    """
    clips: dict[_Named, dict[_Named, _Measurements]] = {}
    for experiment in experiments:
        if experiment.status is not Status.SUCCEEDED or not experiment.clip or not experiment.codec:
            continue
        codec, parameters = _configuration_of(experiment)
        if experiment.id in apart:
            parameters |= {("experiment", experiment.id)}
        sweep = clips.setdefault(_clip_of(experiment), {}).setdefault((codec, parameters), {})
        for place, point in enumerate(experiment.rd_points):
            if LEAST_KBPS <= point.bitrate_kbps <= MOST_KBPS:
                sweep.setdefault(point.label or place, Measurement(experiment, point))
    return clips


def _named(clips: _Clips) -> dict[str, list[Sweep]]:
    names = _distinct_names(clips)
    return {names[clip]: _sweeps(clips[clip]) for clip in sorted(clips, key=names.__getitem__)}


def _newest_first(experiments: Iterable[Experiment]) -> list[Experiment]:
    return sorted(experiments, key=_created, reverse=True)


def _created(experiment: Experiment) -> float:
    return experiment.created_at.timestamp() if experiment.created_at else 0


def _clip_of(experiment: Experiment) -> _Named:
    return experiment.clip, frozenset((name, value) for name, value in experiment.parameters.items() if name in _SOURCE)


def _configuration_of(experiment: Experiment) -> _Named:
    """Return all that tells experiments on a clip apart but the quality point, whose name `rate_control` gives."""
    parameters = experiment.parameters
    left_out = {*_SOURCE, "clip", parameters.get("rate_control")}
    return experiment.codec, frozenset((name, value) for name, value in parameters.items() if name not in left_out)


def _sweeps(sweeps: Mapping[_Named, _Measurements]) -> list[Sweep]:
    names = _distinct_names(sweeps)
    found = (
        Sweep(
            names[configuration], sorted(measurements.values(), key=lambda measurement: measurement.point.bitrate_kbps)
        )
        for configuration, measurements in sweeps.items()
    )
    return sorted(found, key=lambda sweep: sweep.name)


def _distinct_names(variants: Iterable[_Named]) -> dict[_Named, str]:
    """Return a name for each; where several have the same one, with the parameters that they don't have in common."""
    by_name: dict[str, list[_Named]] = {}
    for variant in variants:
        by_name.setdefault(variant[0], []).append(variant)
    names = {}
    for name, alike in by_name.items():
        common = frozenset.intersection(*(parameters for _, parameters in alike))
        for variant in alike:
            own = sorted(f"{key} {value}" for key, value in variant[1] - common)
            names[variant] = " · ".join([name, *own])
    return names
