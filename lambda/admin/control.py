"""What administrators do to experiments, by the page or by the chat: start, stop, run again, delete."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from experiments.codec_catalogue import CODECS
from experiments.configuration import CodecConfiguration, ConfigurationError
from experiments.criteria import Criteria
from experiments.fields import count
from experiments.jobs.clip_catalogue import CLIPS, clip_parameters
from experiments.jobs.lifecycle import IllegalChangeError, Jobs, is_under_way
from experiments.jobs.planning import planned
from experiments.jobs.queue import JobQueue
from experiments.json_schema import FieldProblem
from experiments.model import Experiment, Scalar, Status
from experiments.repository import ExperimentRepository

from admin import audit
from admin.files import ExperimentFiles
from admin.requests import MOST_RERUNS, InvalidRequestError, StartRequest

PAGE = "page"
CHAT = "chat"
_PAGE_LENGTH = 100
_MOST_PAGES = 5


class KeySpentError(Exception):
    """The experiment that was started with a key has been deleted since."""


class Started(NamedTuple):
    """An experiment that was started, now or, with the same key, before."""

    experiment: Experiment
    is_new: bool


class Rerun(NamedTuple):
    """An experiment that runs another one again."""

    id: str
    parent_id: str


class LeftOut(NamedTuple):
    """An experiment that was not run again."""

    id: str
    reason: str


class Reruns(NamedTuple):
    """What came of running several experiments again."""

    started: list[Rerun]
    left_out: list[LeftOut]


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Control:
    """Acts on the experiments of one table. Errors of AWS are the caller's to handle; all may then be repeated."""

    jobs: Jobs
    queue: JobQueue
    files: ExperimentFiles
    now: Callable[[], datetime] = field(default=_now)

    def start(self, request: StartRequest, key: str, who: str, via: str = PAGE) -> Started:
        """Queue a new experiment; with the same key again, return the first one.

        Raises:
            KeySpentError: that one has been deleted.
        """
        configuration = CODECS[request.codec].configuration(request.parameters)
        of_clip = clip_parameters(request.clip, CLIPS[request.clip].shape)
        experiment = planned(request.clip, of_clip, configuration, self.now(), name=request.name)
        return self._enqueue(experiment, key, "start", who, via)

    def stop(self, experiment_id: str, who: str, via: str = PAGE) -> Experiment:
        """Cancel a job, or tell the worker that is at it to stop; returns what has become of it.

        Raises:
            IllegalChangeError: it has ended, or there is none of that id.
        """
        now = self.now()
        return self.jobs.request_stop(experiment_id, now, [audit.noting(now, who, "stop", experiment_id, {"via": via})])

    def rerun(
        self, experiment_id: str, parameters: Mapping[str, Any] | None, key: str, who: str, via: str = PAGE
    ) -> Started:
        """Queue an experiment that runs another one again, with its parameters or others; repeatable as `start` is.

        Raises:
            IllegalChangeError: it is a job still, or there is none of that id.
            InvalidRequestError: its codec doesn't take the parameters, or codec or clip aren't known any more.
            KeySpentError: the one that was started with this key has been deleted.
        """
        parent = self._repository.get(experiment_id, consistent=True)
        if parent is None or is_under_way(parent):
            raise IllegalChangeError("run again", experiment_id, parent)
        return self._enqueue(_again(parent, parameters, self.now()), _key_of_rerun(key, parent.id), "rerun", who, via)

    def rerun_failed(self, ids: Sequence[str] | None, key: str, who: str, via: str = PAGE) -> Reruns:
        """Run several experiments again, at most a hundred; without ids, the newest that failed and weren't run again.

        With the same key again, what is missing is started.
        """
        done = Reruns([], [])
        for experiment_id in dict.fromkeys(ids) if ids is not None else self._failed_for_good(key):
            try:
                started = self.rerun(experiment_id, None, key, who, via)
            except (IllegalChangeError, InvalidRequestError, KeySpentError) as refusal:
                done.left_out.append(LeftOut(experiment_id, str(refusal)))
            else:
                done.started.append(Rerun(started.experiment.id, experiment_id))
            if len(done.started) == MOST_RERUNS:
                break
        return done

    def delete(self, experiment_id: str, who: str, via: str = PAGE) -> None:
        """Delete an experiment that is no job, and all that there is of it.

        It is gone at once. What it leaves behind is deleted after that, and also what is left of others where that
        could not be completed; so a delete that failed may be repeated.

        Raises:
            IllegalChangeError: it is a job, or there is none of that id, nor anything left of one.
        """
        unfinished = self._repository.removed()
        if experiment_id not in unfinished:
            self._remove(experiment_id, who, via)
        for removed in {experiment_id, *unfinished}:
            self._delete_remains(removed)

    @property
    def _repository(self) -> ExperimentRepository:
        return self.jobs.repository

    def _enqueue(self, experiment: Experiment, key: str, action: str, who: str, via: str) -> Started:
        detail = {"via": via, "name": experiment.name, "parameters": experiment.parameters}
        if experiment.parent_id:
            detail["parent_id"] = experiment.parent_id
        now = experiment.created_at or self.now()
        note = audit.noting(now, who, action, experiment.id, detail)
        experiment_id = self.jobs.enqueue(experiment, key, now, [note])
        present = self._repository.get(experiment_id, consistent=True)
        if present is None:
            raise KeySpentError("the experiment that was started with this key has been deleted: use another key")
        if present.status is Status.QUEUED:
            # On a repeat as well: the first message may not have been sent.
            self.queue.send(experiment_id)
        return Started(present, is_new=experiment_id == experiment.id)

    def _failed_for_good(self, key: str) -> Iterator[str]:
        """Yield the newest experiments that failed and were not run again, unless with this key."""
        cursor = None
        for _ in range(_MOST_PAGES):
            page = self._repository.find(Criteria(status=Status.FAILED), _PAGE_LENGTH, cursor)
            for experiment in page.experiments:
                record = self._repository.record(experiment.id)
                if not (record and record.reruns) or self._repository.written_with(_key_of_rerun(key, experiment.id)):
                    yield experiment.id
            cursor = page.next_cursor
            if cursor is None:
                return

    def _remove(self, experiment_id: str, who: str, via: str) -> None:
        present = _deletable(experiment_id, self._repository.get(experiment_id, consistent=True))
        # A clip's reference counts with the first of its experiments, but stays for the others.
        recorded, found = present.artefacts.stored_bytes or 0, self.files.stored_bytes(experiment_id)
        now = self.now()
        detail = {"via": via, "name": present.name, "parameters": present.parameters}
        note = audit.noting(now, who, "delete", experiment_id, detail)
        self._repository.remove(
            experiment_id,
            min(recorded, found) if found else recorded,
            now,
            lambda experiment: _deletable(experiment_id, experiment),
            [note],
        )

    def _delete_remains(self, experiment_id: str) -> None:
        self._repository.delete_remains(experiment_id)
        self.files.delete(experiment_id)
        self._repository.forget_removed(experiment_id)


def _deletable(experiment_id: str, experiment: Experiment | None) -> Experiment:
    if experiment is None or is_under_way(experiment):
        raise IllegalChangeError("deleted", experiment_id, experiment)
    return experiment


def _key_of_rerun(key: str, parent_id: str) -> str:
    """Return a key of its own for each experiment; a slash is in no client's key."""
    return f"{key}/{parent_id}"


def _again(parent: Experiment, parameters: Mapping[str, Any] | None, now: datetime) -> Experiment:
    """Return an experiment that runs another one again.

    Raises:
        InvalidRequestError: its codec doesn't take the parameters, or codec or clip aren't known any more.
    """
    if parent.clip not in CLIPS:
        raise InvalidRequestError([FieldProblem("", f"there is no clip {parent.clip!r} any more")])
    if parent.codec not in CODECS:
        raise InvalidRequestError([FieldProblem("", f"there is no codec {parent.codec!r} any more")])
    configuration = _configuration(parent, parameters)
    names = clip_parameters(parent.clip, CLIPS[parent.clip].shape)
    of_clip: dict[str, Scalar] = {name: parent.parameters.get(name, usual) for name, usual in names.items()}
    name = parent.name if parameters is None else ""
    return planned(parent.clip, of_clip, configuration, now, name=name, parent_id=parent.id)


def _configuration(parent: Experiment, parameters: Mapping[str, Any] | None) -> CodecConfiguration:
    codec = CODECS[parent.codec]
    if parameters is not None:
        _refuse(codec.validator.problems(parameters, "/parameters"))
        return codec.configuration(parameters, threads=count(parent.parameters.get("threads")) or 1)
    try:
        configuration = CodecConfiguration.of(parent)
    except ConfigurationError as error:
        raise InvalidRequestError([FieldProblem("", str(error))]) from None
    _refuse(codec.problems(configuration))
    return configuration


def _refuse(problems: Iterable[FieldProblem]) -> None:
    if found := list(problems):
        raise InvalidRequestError(found)
