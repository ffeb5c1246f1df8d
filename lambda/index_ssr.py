"""The renderer: the Lambda function that answers the dashboard's public pages, as HTML rendered on the server."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain
from typing import Any

import gc_pause
import health
from api.csv_table import as_csv
from api.documents import CostDocument, ExperimentList, Problem, PublishedExperiment, as_json
from api.feed import FINISHED, LENGTH, render_feed
from api.openapi import description
from artefact_links import is_linkable, signed_link
from aws_clients import dynamodb_client, s3_client
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from conditional import answered_conditionally, weak_tag
from experiments.costs import CostReport, Prices, spent
from experiments.criteria import Criteria
from experiments.cursor import InvalidCursor
from experiments.excerpt import excerpt_of
from experiments.model import Experiment
from experiments.order import in_order
from experiments.repository import ExperimentRepository, Page
from http_api import NOT_A_REQUEST, Event, as_routed, is_request, link_to_root, method_of, without_body
from last_good import LastGoodPages
from listing_query import InvalidQuery, ListingQuery, page_links
from pages import message, templates
from pages.compare import MOST, ids_from, render_comparison
from pages.costs import render_costs
from pages.curves import CLIP, curves_link, render_curves
from pages.experiment import render_experiment
from pages.message import Message, render_message
from pages.overview import render_overview
from release import Release
from social_card import social_card

API = "/api/"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
PROBLEM = "application/problem+json"
CSV = "text/csv; charset=utf-8; header=present"
PNG = "image/png"
ATOM = "application/atom+xml; charset=utf-8"
# The CDN holds a page for 10 seconds, and then answers with the old one while it fetches the next.
CACHED_BRIEFLY = {"Cache-Control": "public, max-age=0, s-maxage=10, stale-while-revalidate=30"}
# The CDN holds it until a release invalidates it.
CACHED_BY_RELEASE = {"Cache-Control": "public, max-age=0, s-maxage=86400"}
# Kept, and asked about each time.
REVALIDATED = {"Cache-Control": "no-cache"}
NOT_CACHED = {"Cache-Control": "no-store"}
RETRY_SOON = {"Retry-After": "30"}
READ_METHODS = {"Allow": "GET, HEAD"}

MEDIA_BUCKET = os.environ["MEDIA_BUCKET"]
PRICES = Prices.from_json(os.environ["PRICES"])

release = Release.from_environment(os.environ)
experiments = ExperimentRepository(os.environ["TABLE_NAME"], dynamodb_client())
# For requests that don't depend on each other; its threads begin with the first of them.
at_once = ThreadPoolExecutor(MOST)
last_good = LastGoodPages()
logger = Logger(service="renderer", serialize_stacktrace=False)
app = APIGatewayHttpResolver()
# SnapStart keeps what is there after import, and nobody waits for that. Else it is made when a request needs it.
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    s3_client()
    templates.compile_all()
gc_pause.end()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer a request of API Gateway's HTTP API."""
    if not is_request(event):
        logger.warning("Not a request", keys=sorted(event) if isinstance(event, dict) else type(event).__name__)
        return NOT_A_REQUEST
    response = answered_conditionally(event, app.resolve(as_routed(event), context))
    return without_body(response) if method_of(event) == "HEAD" else response


@app.get("/")
def show_overview() -> Response[str]:
    """Show the experiments that the query asks for; without one, the newest."""
    began, now = time.perf_counter(), datetime.now(UTC)
    totals = at_once.submit(experiments.totals)
    query, page = _asked_for()
    found = totals.result()
    read = time.perf_counter()
    html = render_overview(page, query, found, spent(found.usage, PRICES, now), release, now=now, began=began)
    timing = {"Server-Timing": f"table;dur={_ms(began, read)}, render;dur={_ms(read, time.perf_counter())}"}
    return _page(html, timing)


@app.get("/experiments.csv")
def download_table() -> Response[str]:
    """Send the experiments that the overview shows of the same query."""
    query, page = _asked_for()
    headers = {"Content-Disposition": 'attachment; filename="experiments.csv"'}
    return Response(HTTPStatus.OK, CSV, as_csv(page.experiments), CACHED_BRIEFLY | headers | _leading_on(page, query))


@app.get("/feed.atom")
def show_feed() -> Response[str]:
    """Show the experiments that have finished lately."""
    pages = [experiments.find(Criteria(status=status), LENGTH) for status in FINISHED]
    finished = [excerpt_of(experiment) for page in pages for experiment in page.experiments]
    return Response(HTTPStatus.OK, ATOM, render_feed(finished, release), CACHED_BRIEFLY)


@app.get("/social-card")
def show_social_card() -> Response[bytes]:
    """Show the picture that goes with links to the site."""
    return Response(HTTPStatus.OK, PNG, social_card(), CACHED_BY_RELEASE)


@app.get("/api/experiments")
def list_experiments() -> Response[str]:
    """List the experiments that the overview shows of the same query."""
    query, page = _asked_for()
    document = ExperimentList.of(page, query, link_to_root(app.current_event.path))
    return Response(HTTPStatus.OK, JSON, as_json(document), REVALIDATED | _leading_on(page, query))


@app.get("/api/experiments/<experiment_id>")
def describe_experiment(experiment_id: str) -> Response[str]:
    """Tell everything that is recorded of one experiment."""
    experiment = _linked(experiment_id)
    if experiment is None:
        return _say(message.NO_SUCH_EXPERIMENT)
    document = PublishedExperiment.of(experiment, link_to_root(app.current_event.path))
    return Response(HTTPStatus.OK, JSON, as_json(document), REVALIDATED)


@app.get("/api/costs")
def list_costs() -> Response[str]:
    """Tell what the lab spends."""
    document = CostDocument.of(_costs(datetime.now(UTC)), PRICES)
    return Response(HTTPStatus.OK, JSON, as_json(document), REVALIDATED)


@app.get("/api/openapi.json")
def describe_api() -> Response[str]:
    """Describe the API to programs that make clients of it."""
    return Response(HTTPStatus.OK, JSON, as_json(description(release.version)), REVALIDATED)


@app.get("/curves")
def show_curves() -> Response[str]:
    """Show the rate-distortion curves of a clip; of the first one where none is asked for."""
    parameters = app.current_event.query_string_parameters
    clips = experiments.clips()
    clip = parameters.get(CLIP) or next(iter(clips), "")
    if clip and clip not in clips:
        return _say(message.no_such_clip((known, curves_link(known)) for known in clips))
    return _page(render_curves(clips, clip, experiments.curve_points(clip) if clip else [], parameters, release))


@app.get("/compare")
def compare_experiments() -> Response[str]:
    """Show two to six experiments side by side."""
    parameters = app.current_event.query_string_parameters
    ids = ids_from(parameters.get("ids") or "")
    if ids is None:
        return _say(message.NOT_TWO_TO_SIX)
    found = dict(zip(ids, at_once.map(experiments.get, ids), strict=True))
    if not any(found.values()):
        return _say(message.NO_SUCH_EXPERIMENT)
    clips = {experiment.clip for experiment in found.values() if experiment and experiment.clip}
    measured = chain.from_iterable(at_once.map(experiments.curve_points, sorted(clips)))
    return _page(render_comparison(found, measured, parameters, release))


@app.get("/costs")
def show_costs() -> Response[str]:
    """Show what the lab spends, by month, category and codec."""
    now = datetime.now(UTC)
    return _page(render_costs(_costs(now), PRICES, release, now=now))


@app.get("/health")
def show_health() -> Response[dict[str, Any]]:
    """Tell which build this is, and whether what it depends on answers.

    A template with a mistake fails it, though no page that needs it was asked for: the release gate asks for health.
    """
    templates.compile_all()
    found = health.examine(
        release,
        {
            "table": lambda: experiments.newest(1),
            "media": lambda: s3_client().head_bucket(Bucket=MEDIA_BUCKET),
        },
    )
    status = HTTPStatus.OK if found.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(status, "application/json", found.as_json(), NOT_CACHED)


@app.get("/experiments/<experiment_id>")
def show_experiment(experiment_id: str) -> Response[str]:
    """Show everything that is recorded of one experiment."""
    record = experiments.record(experiment_id) if is_linkable(experiment_id) else None
    if record is None:
        return _say(message.NO_SUCH_EXPERIMENT)
    neighbours = experiments.neighbours(record.experiment)
    html = render_experiment(record, neighbours, release, now=datetime.now(UTC))
    return _page(html)


@app.get("/experiments/<experiment_id>/video")
def open_video(experiment_id: str) -> Response[str]:
    """Lead to the video, which the browser plays."""
    return _lead_to(experiment_id, lambda experiment: experiment.artefacts.video_key, message.NO_VIDEO)


@app.get("/experiments/<experiment_id>/reference")
def open_reference(experiment_id: str) -> Response[str]:
    """Lead to the clip without loss, which the browser plays beside the video."""
    return _lead_to(experiment_id, lambda experiment: experiment.artefacts.reference_key, message.NO_REFERENCE)


@app.get("/experiments/<experiment_id>/decoder")
def download_decoder(experiment_id: str) -> Response[str]:
    """Lead to the decoder bundle, as a download."""
    return _lead_to(
        experiment_id,
        lambda experiment: experiment.artefacts.decoder_key,
        message.NO_DECODER,
        download_name=f"{experiment_id}-decoder.zip",
    )


@app.not_found
def refuse(_error: Exception) -> Response[str]:
    """Say that there is no such page, or nothing to be done with it but reading."""
    if app.current_event.http_method != "GET":
        return _say(message.READING_ONLY, READ_METHODS)
    return _say(message.NO_SUCH_PAGE)


@app.exception_handler(InvalidCursor)  # type: ignore[untyped-decorator]
def refuse_cursor(_error: InvalidCursor) -> Response[str]:
    """Say that the link is broken."""
    return _say(message.BROKEN_CURSOR)


@app.exception_handler(InvalidQuery)  # type: ignore[untyped-decorator]
def refuse_query(error: InvalidQuery) -> Response[str]:
    """Say which values would do."""
    return _say(message.bad_query(str(error)))


@app.exception_handler([ClientError, BotoCoreError])  # type: ignore[untyped-decorator]
def apologise_for_aws(error: ClientError | BotoCoreError) -> Response[str]:
    """Show the page as it last was, or say that what it depends on does not answer."""
    logger.exception("AWS failed", reason=health.error_code(error))
    html = last_good.marked(_address(), datetime.now(UTC))
    if html:
        return Response(HTTPStatus.OK, HTML, html, NOT_CACHED | RETRY_SOON)
    return _say(message.NOT_AVAILABLE_NOW, RETRY_SOON, reference=app.lambda_context.aws_request_id)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def apologise(_error: Exception) -> Response[str]:
    """Say that something went wrong, and where the log tells what."""
    logger.exception("Unexpected error")
    return _say(message.UNEXPECTED, reference=app.lambda_context.aws_request_id)


def _costs(now: datetime) -> CostReport:
    snapshots = at_once.submit(experiments.snapshots)
    return CostReport.of(experiments.totals().usage, PRICES, now, snapshots.result())


def _asked_for() -> tuple[ListingQuery, Page]:
    query = ListingQuery.from_parameters(app.current_event.query_string_parameters)
    try:
        page = experiments.find(query.criteria, query.limit, query.cursor, query.before)
    except ClientError as error:
        # Without a cursor the query is always valid.
        if (query.cursor or query.before) and health.error_code(error) == "ValidationException":
            raise InvalidCursor from error
        raise
    page = replace(page, experiments=[excerpt_of(experiment) for experiment in page.experiments])
    if query.sort:
        page = replace(page, experiments=in_order(page.experiments, query.sort))
    return query, page


def _leading_on(page: Page, query: ListingQuery) -> dict[str, str]:
    links = [f'<{link}>; rel="{relation}"' for relation, link in page_links(page, query).items()]
    return {"Link": ", ".join(links)} if links else {}


def _page(html: str, headers: dict[str, str] | None = None) -> Response[str]:
    """Answer with a page, which is kept for when the table does not answer.

    Its entity tag leaves out the footer, which tells when it was rendered.
    """
    last_good.keep(_address(), html, datetime.now(UTC))
    tag = weak_tag(html.partition("<footer")[0] + release.build_id)
    return Response(HTTPStatus.OK, HTML, html, CACHED_BRIEFLY | {"ETag": tag} | (headers or {}))


def _address() -> str:
    return f"{app.current_event.raw_path}?{app.current_event.raw_query_string}"


def _linked(experiment_id: str) -> Experiment | None:
    return experiments.get(experiment_id) if is_linkable(experiment_id) else None


def _lead_to(
    experiment_id: str, key_of: Callable[[Experiment], str | None], absent: Message, download_name: str | None = None
) -> Response[str]:
    experiment = _linked(experiment_id)
    if experiment is None:
        return _say(message.NO_SUCH_EXPERIMENT)
    key = key_of(experiment)
    if not key:
        return _say(absent)
    location = signed_link(s3_client(), MEDIA_BUCKET, key, download_name)
    return Response(HTTPStatus.FOUND, body="", headers=NOT_CACHED | {"Location": location})


def _say(what: Message, headers: dict[str, str] | None = None, reference: str = "") -> Response[str]:
    headers = NOT_CACHED | (headers or {})
    path = app.current_event.path
    if path.startswith(API):
        problem = Problem(status=what.status, title=what.title, detail=f"{what.advice} {reference}".strip())
        return Response(what.status, PROBLEM, as_json(problem), headers)
    return Response(what.status, HTML, render_message(what, release, link_to_root(path), reference), headers)


def _ms(began: float, ended: float) -> str:
    return f"{1000 * (ended - began):.1f}"
