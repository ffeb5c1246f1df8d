"""Running experiments: what they can be made of and cost, and starting, stopping, re-running and deleting them."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from api.documents import PublishedExperiment
from artefact_links import is_linkable
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from botocore.exceptions import ClientError
from experiments.clip_catalogue import CLIPS
from experiments.codec_catalogue import CODECS
from experiments.cursor import InvalidCursor
from experiments.jobs import IllegalChangeError
from experiments.model import Experiment
from experiments.repository import Page
from health import error_code
from http_api import link_to_root
from listing_query import ListingQuery

from admin.administrator import Administrator
from admin.answers import answer, nothing
from admin.control import Control, KeySpentError, Started
from admin.documents import (
    Catalogue,
    ClipDocument,
    CodecDocument,
    Experiments,
    LeftOutRerun,
    OneExperiment,
    StartedRerun,
    StartedReruns,
)
from admin.estimates import estimate
from admin.requests import RERUN, RERUNS, Refusal, StartRequest, body_of, checked, key_of
from admin.services import services

SEARCH = "q"
LISTED_BY = ("status", "codec", "quality", "limit", "cursor")
"""What a listing may be asked for, as on the public pages; and by SEARCH for what they call `text`."""

router = Router()  # type: ignore[no-untyped-call]


@router.get("/codecs")
def list_codecs() -> Response[str]:
    """Tell what experiments can be made of."""
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


@router.post("/estimates")
def estimate_costs() -> Response[str]:
    """Tell what an experiment will cost."""
    request = StartRequest.from_document(_body())
    return answer(estimate(request, services().repository, services().prices))


@router.get("/experiments")
def list_experiments() -> Response[str]:
    """List experiments, newest first."""
    parameters = router.current_event.query_string_parameters
    asked = {name: parameters[name] for name in LISTED_BY if name in parameters}
    page = _found(ListingQuery.from_parameters(asked | {"text": parameters.get(SEARCH, "")}))
    return answer(Experiments(experiments=tuple(map(_published, page.experiments)), next_cursor=page.next_cursor))


@router.post("/experiments")
def start_experiment() -> Response[str]:
    """Start an experiment."""
    key, request = _key(), StartRequest.from_document(_body())
    return _started(lambda: _control().start(request, key, _who()))


@router.post("/experiments/<experiment_id>/stop")
def stop_experiment(experiment_id: str) -> Response[str]:
    """Stop a queued or running experiment."""
    stopped = _control().stop(_known(experiment_id, "stopped"), _who())
    return answer(OneExperiment(experiment=_published(stopped)))


@router.post("/experiments/<experiment_id>/rerun")
def rerun_experiment(experiment_id: str) -> Response[str]:
    """Run an experiment again."""
    key, parameters = _key(), checked(_body(), RERUN).get("parameters")
    return _started(lambda: _control().rerun(_known(experiment_id, "run again"), parameters, key, _who()))


@router.post("/reruns")
def rerun_failed_experiments() -> Response[str]:
    """Run several experiments again."""
    key, ids = _key(), checked(_body(), RERUNS).get("ids")
    done = _control().rerun_failed(ids, key, _who())
    return answer(
        StartedReruns(
            started=tuple(StartedRerun(*rerun) for rerun in done.started),
            left_out=tuple(LeftOutRerun(*rerun) for rerun in done.left_out),
        )
    )


@router.delete("/experiments/<experiment_id>")
def delete_experiment(experiment_id: str) -> Response[str]:
    """Delete an experiment that has ended."""
    _control().delete(_known(experiment_id, "deleted"), _who())
    return nothing()


def _who() -> str:
    return Administrator.of(router.current_event.raw_event).name


def _control() -> Control:
    return services().control


def _body() -> Any:
    return body_of(router.current_event.raw_event)


def _key() -> str:
    return key_of(router.current_event.raw_event)


def _known(experiment_id: str, change: str) -> str:
    """Return an id that an experiment may have."""
    if not is_linkable(experiment_id):
        raise IllegalChangeError(change, experiment_id, None)
    return experiment_id


def _started(start: Callable[[], Started]) -> Response[str]:
    try:
        experiment, is_new = start()
    except KeySpentError as error:
        raise Refusal(HTTPStatus.CONFLICT, "Not with this key", str(error)) from None
    return answer(OneExperiment(experiment=_published(experiment)), HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def _found(query: ListingQuery) -> Page:
    try:
        return services().repository.find(query.criteria, query.limit, query.cursor)
    except ClientError as error:
        # Without a cursor the query is always valid.
        if query.cursor and error_code(error) == "ValidationException":
            raise InvalidCursor("the cursor is none of this list: start again from the first page") from error
        raise


def _published(experiment: Experiment) -> PublishedExperiment:
    return PublishedExperiment.of(experiment, link_to_root(router.current_event.path))
