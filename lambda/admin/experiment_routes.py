"""Running experiments: what they can be made of and cost, and starting, stopping, re-running and deleting them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from botocore.exceptions import ClientError
from experiments.codec_catalogue import CODECS
from experiments.cursor import InvalidCursorError
from experiments.jobs.clip_catalogue import CLIPS
from experiments.jobs.lifecycle import IllegalChangeError
from experiments.model import Experiment
from experiments.repository import Page
from web.artefact_links import is_linkable
from web.documents import Problem, PublishedExperiment
from web.health import error_code
from web.http_api import link_to_root
from web.listing_query import ListingQuery
from web.routes import Operation, RouteTable

from admin.administrator import Administrator
from admin.answers import answer, nothing
from admin.control import Control, KeySpentError, Started
from admin.documents import (
    Catalogue,
    ClipDocument,
    CodecDocument,
    ConflictProblem,
    Experiments,
    LeftOutRerun,
    OneExperiment,
    StartedRerun,
    StartedReruns,
)
from admin.estimates import Estimate, estimate_of
from admin.requests import (
    IDEMPOTENCY_KEY,
    RERUN,
    RERUN_OF_ANY_CODEC,
    RERUNS,
    ROOT,
    START_OF_ANY_CODEC,
    RefusalError,
    StartRequest,
    body_of,
    checked,
    key_of,
)
from admin.services import services

LISTED_BY = {**{name: name for name in ("status", "codec", "quality", "limit", "cursor")}, "q": "text"}
"""What a listing may be asked for, and what the public pages call that."""

STARTED = {HTTPStatus.CREATED: OneExperiment, HTTPStatus.OK: OneExperiment}
CONFLICTING = {HTTPStatus.NOT_FOUND: Problem, HTTPStatus.CONFLICT: ConflictProblem}

table = RouteTable(ROOT)


@table.get("/codecs", operation=Operation(answers={HTTPStatus.OK: Catalogue}))
def get_catalogue() -> Response[str]:
    """What experiments can be made of."""
    codecs = [
        CodecDocument(name=codec.name, title=codec.title, parameters=codec.parameters, defaults=codec.defaults)
        for codec in CODECS.values()
    ]
    clips = [
        ClipDocument(
            name=clip.name,
            title=clip.title,
            width=clip.shape.width,
            height=clip.shape.height,
            frames_per_second=clip.shape.fps,
            frames=clip.shape.frames,
        )
        for clip in CLIPS.values()
    ]
    return answer(Catalogue(codecs=tuple(codecs), clips=tuple(clips)))


@table.post("/estimates", Operation(body=START_OF_ANY_CODEC, is_body_required=True, answers={HTTPStatus.OK: Estimate}))
def estimate() -> Response[str]:
    """What an experiment will cost."""
    request = StartRequest.from_document(_body())
    return answer(estimate_of(request, services().repository, services().prices))


@table.get(
    "/experiments",
    operation=Operation(
        query=ListingQuery,
        query_fields=LISTED_BY,
        answers={HTTPStatus.OK: Experiments},
        refusals={HTTPStatus.BAD_REQUEST: Problem},
    ),
)
def list_all_experiments() -> Response[str]:
    """Experiments, newest first."""
    parameters = table.router.current_event.query_string_parameters
    asked = {field: parameters[name] for name, field in LISTED_BY.items() if name in parameters}
    page = _found(ListingQuery.from_parameters(asked))
    return answer(Experiments(experiments=tuple(map(_published, page.experiments)), next_cursor=page.next_cursor))


@table.post(
    "/experiments",
    Operation(
        parameters=[IDEMPOTENCY_KEY],
        body=START_OF_ANY_CODEC,
        is_body_required=True,
        answers=STARTED,
        refusals={HTTPStatus.CONFLICT: Problem},
    ),
)
def start_experiment() -> Response[str]:
    """Start an experiment; 200 where that was done with this key before."""
    key, request = _key(), StartRequest.from_document(_body())
    return _started(lambda: _control().start(request, key, _who()))


@table.post("/experiments/{id}/stop", Operation(answers={HTTPStatus.OK: OneExperiment}, refusals=CONFLICTING))
def stop_experiment(experiment_id: str) -> Response[str]:
    """Cancel a queued experiment, and tell the worker that is at a running one to stop."""
    stopped = _control().stop(_known(experiment_id, "stopped"), _who())
    return answer(OneExperiment(experiment=_published(stopped)))


@table.post(
    "/experiments/{id}/rerun",
    Operation(parameters=[IDEMPOTENCY_KEY], body=RERUN_OF_ANY_CODEC, answers=STARTED, refusals=CONFLICTING),
)
def rerun_experiment(experiment_id: str) -> Response[str]:
    """Run an experiment again, with its parameters or others; 200 as of a start."""
    key, parameters = _key(), checked(_body(), RERUN).get("parameters")
    return _started(lambda: _control().rerun(_known(experiment_id, "run again"), parameters, key, _who()))


@table.post(
    "/reruns", Operation(parameters=[IDEMPOTENCY_KEY], body=RERUNS.schema, answers={HTTPStatus.OK: StartedReruns})
)
def rerun_failed_experiments() -> Response[str]:
    """Run several experiments again, at most a hundred."""
    key, ids = _key(), checked(_body(), RERUNS).get("ids")
    done = _control().rerun_failed(ids, key, _who())
    return answer(
        StartedReruns(
            started=tuple(StartedRerun(*rerun) for rerun in done.started),
            left_out=tuple(LeftOutRerun(*rerun) for rerun in done.left_out),
        )
    )


@table.delete("/experiments/{id}", Operation(answers={HTTPStatus.NO_CONTENT: None}, refusals=CONFLICTING))
def delete_experiment(experiment_id: str) -> Response[str]:
    """Delete an experiment that has ended, with its log and files."""
    _control().delete(_known(experiment_id, "deleted"), _who())
    return nothing()


def _who() -> str:
    return Administrator.of(table.router.current_event.raw_event).name


def _control() -> Control:
    return services().control


def _body() -> Any:
    return body_of(table.router.current_event.raw_event)


def _key() -> str:
    return key_of(table.router.current_event.raw_event)


def _known(experiment_id: str, change: str) -> str:
    """Return an id that an experiment may have."""
    if not is_linkable(experiment_id):
        raise IllegalChangeError(change, experiment_id, None)
    return experiment_id


def _started(start: Callable[[], Started]) -> Response[str]:
    try:
        experiment, is_new = start()
    except KeySpentError as error:
        raise RefusalError(HTTPStatus.CONFLICT, "Not with this key", str(error)) from None
    return answer(OneExperiment(experiment=_published(experiment)), HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def _found(query: ListingQuery) -> Page:
    try:
        return services().repository.find(query.criteria, query.limit, query.cursor)
    except ClientError as error:
        # Without a cursor the query is always valid.
        if query.cursor and error_code(error) == "ValidationException":
            raise InvalidCursorError("the cursor is none of this list: start again from the first page") from error
        raise


def _published(experiment: Experiment) -> PublishedExperiment:
    return PublishedExperiment.of(experiment, link_to_root(table.router.current_event.path))
