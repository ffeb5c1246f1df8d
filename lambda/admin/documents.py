"""The JSON documents of the admin API, as types; `admin.description` describes them from these definitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from api.documents import Problem, PublishedExperiment
from experiments.model import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Who is signed in."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecDocument:
    """A codec, and what one may ask of it."""

    name: str
    title: str
    parameters: Annotated[Mapping[str, Any], {"description": "JSON Schema (2020-12) of an experiment's parameters."}]
    defaults: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDocument:
    """A clip that experiments can use."""

    name: str
    title: str
    width: int
    height: int
    frames_per_second: float
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What experiments can be made of."""

    codecs: tuple[CodecDocument, ...]
    clips: tuple[ClipDocument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneExperiment:
    """An experiment as it is now."""

    experiment: PublishedExperiment


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiments:
    """A page of experiments, newest first."""

    experiments: tuple[PublishedExperiment, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class StartedRerun:
    """An experiment that runs another one again."""

    id: str
    parent_id: str


@dataclass(frozen=True, slots=True)
class LeftOutRerun:
    """An experiment that was not run again, and why."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class StartedReruns:
    """What came of running several experiments again."""

    started: tuple[StartedRerun, ...]
    left_out: tuple[LeftOutRerun, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a request that makes no sense."""

    path: Annotated[str, {"description": "Where it is in the body, as a JSON Pointer (RFC 6901)."}]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRequestProblem(Problem):
    """Why a request makes no sense, all at once."""

    problems: tuple[Fault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictProblem(Problem):
    """Why something cannot be done to an experiment as it is now."""

    present_status: Status | None
