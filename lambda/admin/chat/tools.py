"""What the model can look up: each tool reads what the dashboard shows, and returns it as bounded JSON."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from experiments.bjontegaard import Delta, Fit, NotComparable
from experiments.costs import CostReport, Prices
from experiments.criteria import Criteria
from experiments.jobs.log import LogLine, Logs
from experiments.json_schema import Schema, Validator
from experiments.metrics import METRICS
from experiments.model import Experiment, Status
from experiments.quality import quality
from experiments.rate_distortion import SCALES, Curve, CurveComparison, bd_matrix, curves_of, sweeps_through
from experiments.repository import ExperimentRepository
from web.documents import CostDocument, PublishedExperiment, as_json

from admin.chat_documents import Proposal
from admin.requests import InvalidRequestError

MOST_CHARACTERS = 8000
"""How long a result may be: about 2,500 tokens."""
MOST_LISTED = 30
FEWEST_COMPARED, MOST_COMPARED = 2, 6
MOST_LOG_LINES = 100
MOST_LINES_SEARCHED = 2000
LONGEST_TEXT = 500

Result = dict[str, Any]


class ToolError(Exception):
    """A tool can't do what it is asked for; its text tells the model why."""


@dataclass(frozen=True, slots=True)
class Lab:
    """Where tools look things up."""

    repository: ExperimentRepository
    logs: Logs
    prices: Prices

    def experiment(self, experiment_id: str) -> Experiment:
        """Return an experiment.

        Raises:
            ToolError: there is none of that id.
        """
        found = self.repository.get(experiment_id)
        if found is None:
            raise ToolError(f"there is no experiment with the id {experiment_id!r}: list_experiments finds ids")
        return found


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that the model can ask for."""

    description: str
    arguments: Mapping[str, Schema]
    required: Sequence[str]
    use: Callable[[Lab, Mapping[str, Any]], Result | Proposal]

    def __post_init__(self) -> None:
        """Refuse arguments that can't be checked.

        Raises:
            ValueError: their schemas are such.
        """
        Validator(self.schema)

    @property
    def schema(self) -> Schema:
        """What its arguments have to be."""
        return {
            "type": "object",
            "properties": self.arguments,
            "required": list(self.required),
            "additionalProperties": False,
        }

    def checked(self, arguments: object) -> Mapping[str, Any]:
        """Return arguments that fit the schema; what is null was not meant.

        Raises:
            ToolError: they don't fit.
        """
        given = (
            {name: value for name, value in arguments.items() if value is not None}
            if isinstance(arguments, Mapping)
            else arguments
        )
        if problems := list(Validator(self.schema).problems(given)):
            raise ToolError(str(InvalidRequestError(problems)))
        return given  # type: ignore[return-value]  # it is an object, says the schema


def bounded(result: Result) -> Result:
    """Return a result that isn't too long: of its longest list the last are left out, and it says so."""
    if _length(result) <= MOST_CHARACTERS:
        return result
    lists = {name: value for name, value in result.items() if isinstance(value, list) and len(value) > 1}
    if not lists:
        return {"cut_off": json.dumps(result, ensure_ascii=False)[: MOST_CHARACTERS // 2]}
    name = max(lists, key=lambda each: _length(lists[each]))
    kept = lists[name][: len(lists[name]) * 3 // 4]
    left_out = {**result.get("left_out", {})}
    left_out[name] = left_out.get(name, 0) + len(lists[name]) - len(kept)
    return bounded({**result, name: kept, "left_out": left_out})


def _list_experiments(lab: Lab, asked: Mapping[str, Any]) -> Result:
    criteria = Criteria(
        status=Status(asked["status"]) if "status" in asked else None,
        codec=asked.get("codec"),
        text=asked.get("text", ""),
    )
    page = lab.repository.find(criteria, int(asked.get("limit", 10)))
    by_status = lab.repository.totals().by_status
    return {
        "experiments": [_summary(experiment) for experiment in page.experiments],
        "there_are_more": page.next_cursor is not None,
        "number_of_all_experiments_by_status": {status.value: number for status, number in by_status.items()},
    }


def _inspect_experiment(lab: Lab, asked: Mapping[str, Any]) -> Result:
    lab.experiment(asked["id"])
    record = lab.repository.record(asked["id"])
    if record is None:
        raise ToolError("it has just been deleted")
    document = json.loads(as_json(PublishedExperiment.of(record.experiment, "/")))
    for unhelpful in ("artefacts", "rd_points"):
        document.pop(unhelpful)
    rerun_by = [{"id": each.id, "status": each.status} for each in record.reruns]
    return _shown({**document, "run_again_by": rerun_by})


def _compare_experiments(lab: Lab, asked: Mapping[str, Any]) -> Result:
    compared = [lab.experiment(each) for each in dict.fromkeys(asked["ids"])]
    if len(compared) < FEWEST_COMPARED:
        raise ToolError("a comparison takes two experiments at least")
    others = [point for clip in {each.clip for each in compared} for point in lab.repository.curve_points(clip)]
    clips = sweeps_through(compared, others)
    scale = next(each for each in SCALES if each.key == asked.get("metric", "psnr"))
    fit = Fit.CUBIC if asked.get("fit") == "cubic" else Fit.PCHIP
    curves = {clip: curves_of(sweeps, scale) for clip, sweeps in clips.items()}
    return {
        "experiments": [_summary(experiment) for experiment in compared],
        "metric": scale.name,
        "unit": scale.unit,
        "fit": fit.value,
        "clips": [{"clip": clip, **_compared(of_clip, fit)} for clip, of_clip in curves.items() if of_clip],
    }


def _compared(curves: Sequence[Curve], fit: Fit) -> Result:
    matrix = bd_matrix(curves, fit)
    return {
        "curves": [
            {"name": curve.name, "points_kbps_quality": [[round(x, 1), round(y, 4)] for x, y in curve.pairs]}
            for curve in curves
        ],
        "comparisons": [_differences(each) for row in matrix for each in row if each],
    }


def _differences(comparison: CurveComparison) -> Result:
    rate, better = comparison.rate, comparison.quality
    named = {"anchor": comparison.anchor.name, "test": comparison.test.name}
    if isinstance(rate, NotComparable):
        return {**named, "not_comparable": rate.reason}
    found = {**named, "bd_rate_percent": round(rate.value, 2), "rests_on_little": comparison.is_weak(rate)}
    return found | ({"bd_quality": round(better.value, 4)} if isinstance(better, Delta) else {})


def _costs(lab: Lab, _asked: Mapping[str, Any]) -> Result:
    usage, snapshots = lab.repository.totals().usage, lab.repository.snapshots()
    report = CostReport.of(usage, lab.prices, datetime.now(UTC), snapshots)
    return {"unit": "USD", **_shown(json.loads(as_json(CostDocument.of(report, lab.prices))))}


def _read_log(lab: Lab, asked: Mapping[str, Any]) -> Result:
    experiment = lab.experiment(asked["id"])
    words = str(asked.get("text", "")).casefold().split()
    levels = _LEVELS[asked.get("level", "info")]
    lines = list(islice(lab.logs.newest(experiment.id), MOST_LINES_SEARCHED))
    found = (line for line in lines if line.level not in levels and all(each in line.text.casefold() for each in words))
    return {
        "id": experiment.id,
        "status": experiment.status,
        "newest_first": [_line(each) for each in islice(found, int(asked.get("limit", 40)))],
        "lines_searched": len(lines),
    }


# What is left out at each level.
_MINOR = ("verbose", "debug", "trace")
_LEVELS = {"info": (), "warning": ("info", *_MINOR), "error": ("warning", "info", *_MINOR)}


def _line(line: LogLine) -> Result:
    return _shown(
        {"attempt": line.attempt, "number": line.number, "source": line.source, "level": line.level, "text": line.text}
    )


def _summary(experiment: Experiment) -> Result:
    metrics = experiment.metrics
    return _shown(
        {
            "id": experiment.id,
            "name": experiment.name,
            "codec": experiment.codec,
            "clip": experiment.clip,
            "status": experiment.status,
            "created_at": f"{experiment.created_at:%Y-%m-%dT%H:%M:%SZ}" if experiment.created_at else None,
            "progress": experiment.progress,
            "quality": quality(metrics.psnr_db, metrics.ssim),
            **{metric.key: metric.of(experiment) for metric in METRICS.values() if metric.is_summary},
            "error": experiment.error,
        }
    )


def _shown(record: Mapping[str, Any]) -> Result:
    """Return a record without what isn't known in it, its texts not too long."""
    return {name: _shortened(value) for name, value in record.items() if value not in (None, "", {}, [])}


def _shortened(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _shown(value)
    if isinstance(value, list):
        return [_shortened(element) for element in value]
    return value[:LONGEST_TEXT] if isinstance(value, str) else value


def _length(value: object) -> int:
    return len(json.dumps(value, ensure_ascii=False))


def _text(description: str, **limits: Any) -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": 100, "description": description, **limits}


def _whole(description: str, most: int) -> Schema:
    return {"type": "integer", "minimum": 1, "maximum": most, "description": description}


def _names(values: Iterable[str]) -> list[str]:
    return [str(value) for value in values]


ID = _text("An experiment's id, as list_experiments gives it.", maxLength=200)

READERS = {
    "list_experiments": Tool(
        "Find experiments, newest first, and how many there are in each status.",
        {
            "status": _text("Only those in this status.", enum=_names(Status)),
            "codec": _text("Only those of this codec, e.g. x265."),
            "text": _text("Words that all occur in id, name, codec, clip, worker or error."),
            "limit": _whole("How many to return, 10 by default.", MOST_LISTED),
        },
        (),
        _list_experiments,
    ),
    "inspect_experiment": Tool(
        "All that is recorded of one experiment: parameters, metrics, times, costs, errors, what runs it again.",
        {"id": ID},
        ("id",),
        _inspect_experiment,
    ),
    "compare_experiments": Tool(
        "Compare two to six experiments: their figures, the rate-distortion curves on which they lie, and the BD-rate "
        "in percent and the BD-quality between those curves, clip by clip.",
        {
            "ids": {"type": "array", "items": ID, "minItems": FEWEST_COMPARED, "maxItems": MOST_COMPARED},
            "metric": _text("What quality is measured by; psnr by default.", enum=[each.key for each in SCALES]),
            "fit": _text("How curves are interpolated; pchip by default.", enum=["pchip", "cubic"]),
        },
        ("ids",),
        _compare_experiments,
    ),
    "costs": Tool(
        "What the lab spends: by month and category, by codec, per successful experiment, and this month's forecast.",
        {},
        (),
        _costs,
    ),
    "read_log": Tool(
        "The newest lines of an experiment's log.",
        {
            "id": ID,
            "level": _text("The least grave level; info by default.", enum=list(_LEVELS)),
            "text": _text("Words that all occur in a line."),
            "limit": _whole("How many lines, 40 by default.", MOST_LOG_LINES),
        },
        ("id",),
        _read_log,
    ),
}
