"""The renderer's routes: what each shows, for how long the CDN may hold it, and what programs are told of it."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import chain
from typing import Any

from aws_lambda_powertools.event_handler import Response
from botocore.exceptions import ClientError
from experiments.costs import CostReport, spent
from experiments.criteria import Criteria
from experiments.cursor import InvalidCursorError
from experiments.model import Experiment
from experiments.order import in_order
from experiments.repository import Page
from web import health
from web.artefact_links import is_linkable, signed_link
from web.aws_clients import s3_client
from web.conditional import weak_tag
from web.documents import CostDocument, ExperimentList, Problem, PublishedExperiment, as_json
from web.http_api import link_to_root
from web.listing_query import ListingQuery, page_links
from web.routes import CACHE_CONTROL, HELD_BRIEFLY, HELD_UNTIL_RELEASE, NOT_STORED, REVALIDATED, Operation, RouteTable

from renderer.api_document import api_document
from renderer.csv_table import as_csv
from renderer.excerpt import excerpt_of
from renderer.feed import FINISHED, LENGTH, render_feed
from renderer.pages import message, templates
from renderer.pages.compare import ids_from, render_comparison
from renderer.pages.costs import render_costs
from renderer.pages.curves import CLIP, curves_link, render_curves
from renderer.pages.experiment import render_experiment
from renderer.pages.message import Message, render_message
from renderer.pages.overview import render_overview
from renderer.services import services

API = "/api/"
HTML = "text/html; charset=utf-8"
JSON = "application/json"
PROBLEM = "application/problem+json"
CSV = "text/csv; charset=utf-8; header=present"
ATOM = "application/atom+xml; charset=utf-8"

table = RouteTable()


@table.get("/", cache_control=HELD_BRIEFLY)
def show_overview() -> Response[str]:
    """Show the experiments that the query asks for; without one, the newest."""
    began, now = time.perf_counter(), datetime.now(UTC)
    totals = services().at_once.submit(services().experiments.totals)
    query, page = _find_page()
    found = totals.result()
    read = time.perf_counter()
    cost = spent(found.usage, services().prices, now)
    html = render_overview(page, query, found, cost, services().release, now=now, began=began)
    timing = {"Server-Timing": f"table;dur={_ms(began, read)}, render;dur={_ms(read, time.perf_counter())}"}
    return _page(html, timing)


@table.get(
    "/experiments.csv",
    cache_control=HELD_BRIEFLY,
    operation=Operation(query=ListingQuery, answers={HTTPStatus.OK: "text/csv"}),
)
def get_table() -> Response[str]:
    """The same page of experiments as a table."""
    query, page = _find_page()
    headers = {"Content-Disposition": 'attachment; filename="experiments.csv"'}
    return Response(HTTPStatus.OK, CSV, as_csv(page.experiments), headers | _link_header(page, query))


@table.get(
    "/feed.atom", cache_control=HELD_BRIEFLY, operation=Operation(answers={HTTPStatus.OK: "application/atom+xml"})
)
def get_feed() -> Response[str]:
    """The experiments that have finished lately."""
    pages = [services().experiments.find(Criteria(status=status), LENGTH) for status in FINISHED]
    finished = [excerpt_of(experiment) for page in pages for experiment in page.experiments]
    return Response(HTTPStatus.OK, ATOM, render_feed(finished, services().release))


@table.get("/social-card", cache_control=HELD_UNTIL_RELEASE)
def redirect_to_social_card() -> Response[str]:
    """Redirect links of old to the picture that goes with links to the site, a static file."""
    return Response(HTTPStatus.MOVED_PERMANENTLY, body="", headers={"Location": "social-card.png"})


@table.get(
    "/api/experiments",
    cache_control=REVALIDATED,
    operation=Operation(query=ListingQuery, answers={HTTPStatus.OK: ExperimentList}),
)
def list_experiments() -> Response[str]:
    """Experiments, newest first."""
    query, page = _find_page()
    document = ExperimentList.of(page, query, _root())
    return Response(HTTPStatus.OK, JSON, as_json(document), _link_header(page, query))


@table.get(
    "/api/experiments/{id}",
    cache_control=REVALIDATED,
    operation=Operation(answers={HTTPStatus.OK: PublishedExperiment}),
)
def get_experiment(experiment_id: str) -> Response[str]:
    """One experiment."""
    experiment = _linked(experiment_id)
    if experiment is None:
        return say(message.NO_SUCH_EXPERIMENT)
    return _json(PublishedExperiment.of(experiment, _root()))


@table.get("/api/costs", cache_control=REVALIDATED, operation=Operation(answers={HTTPStatus.OK: CostDocument}))
def get_costs() -> Response[str]:
    """What the lab spends."""
    return _json(CostDocument.of(_costs(datetime.now(UTC)), services().prices))


@table.get("/api/openapi.json", cache_control=REVALIDATED)
def describe_api() -> Response[str]:
    """Describe the API to programs that make clients of it."""
    return Response(HTTPStatus.OK, JSON, api_document(services().release.version))


@table.get("/curves", cache_control=HELD_BRIEFLY)
def show_curves() -> Response[str]:
    """Show the rate-distortion curves of a clip; of the first one where none is asked for."""
    experiments, parameters = services().experiments, _parameters()
    clips = experiments.clips()
    clip = parameters.get(CLIP) or next(iter(clips), "")
    if clip and clip not in clips:
        return say(message.no_such_clip((known, curves_link(known)) for known in clips))
    points = experiments.curve_points(clip) if clip else []
    return _page(render_curves(clips, clip, points, parameters, services().release))


@table.get("/compare", cache_control=HELD_BRIEFLY)
def compare_experiments() -> Response[str]:
    """Show two to six experiments side by side."""
    experiments, at_once = services().experiments, services().at_once
    ids = ids_from(_parameters().get("ids") or "")
    if ids is None:
        return say(message.NOT_TWO_TO_SIX)
    found = dict(zip(ids, at_once.map(experiments.get, ids), strict=True))
    if not any(found.values()):
        return say(message.NO_SUCH_EXPERIMENT)
    clips = {experiment.clip for experiment in found.values() if experiment and experiment.clip}
    measured = chain.from_iterable(at_once.map(experiments.curve_points, sorted(clips)))
    return _page(render_comparison(found, measured, _parameters(), services().release))


@table.get("/costs", cache_control=HELD_BRIEFLY)
def show_costs() -> Response[str]:
    """Show what the lab spends, by month, category and codec."""
    now = datetime.now(UTC)
    return _page(render_costs(_costs(now), services().prices, services().release, now=now))


@table.get("/health")
def show_health() -> Response[dict[str, Any]]:
    """Tell which build this is, and whether what it depends on answers.

    A template with a mistake fails it, though no page that needs it was asked for: the release gate asks for health.
    """
    templates.compile_all()
    found = health.examine(
        services().release,
        {
            "table": lambda: services().experiments.newest(1),
            "media": lambda: s3_client().head_bucket(Bucket=services().media_bucket),
        },
    )
    status = HTTPStatus.OK if found.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(status, JSON, found.as_json())


@table.get("/experiments/{id}", cache_control=HELD_BRIEFLY)
def show_experiment(experiment_id: str) -> Response[str]:
    """Show everything that is recorded of one experiment."""
    experiments = services().experiments
    record = experiments.record(experiment_id) if is_linkable(experiment_id) else None
    if record is None:
        return say(message.NO_SUCH_EXPERIMENT)
    neighbours = experiments.neighbours(record.experiment)
    return _page(render_experiment(record, neighbours, services().release, now=datetime.now(UTC)))


@table.get("/experiments/{id}/video")
def open_video(experiment_id: str) -> Response[str]:
    """Redirect to the video, which the browser plays."""
    return _redirect(experiment_id, lambda experiment: experiment.artefacts.video_key, message.NO_VIDEO)


@table.get("/experiments/{id}/reference")
def open_reference(experiment_id: str) -> Response[str]:
    """Redirect to the clip without loss, which the browser plays beside the video."""
    return _redirect(experiment_id, lambda experiment: experiment.artefacts.reference_key, message.NO_REFERENCE)


@table.get("/experiments/{id}/decoder")
def download_decoder(experiment_id: str) -> Response[str]:
    """Redirect to the decoder bundle, as a download."""
    return _redirect(
        experiment_id,
        lambda experiment: experiment.artefacts.decoder_key,
        message.NO_DECODER,
        download_name=f"{experiment_id}-decoder.zip",
    )


def say(what: Message, headers: dict[str, str] | None = None, reference: str = "") -> Response[str]:
    """Answer with why there is nothing else to show: programs get a problem (RFC 9457), people a page."""
    headers = {CACHE_CONTROL: NOT_STORED} | (headers or {})
    path = table.router.current_event.path
    if path.startswith(API):
        problem = Problem(status=what.status, title=what.title, detail=f"{what.advice} {reference}".strip())
        return Response(what.status, PROBLEM, as_json(problem), headers)
    return Response(what.status, HTML, render_message(what, services().release, link_to_root(path), reference), headers)


def last_good_page(headers: dict[str, str]) -> Response[str] | None:
    """Answer with the page as it was last shown; None where it wasn't."""
    html = services().last_good.marked(_address(), datetime.now(UTC))
    return Response(HTTPStatus.OK, HTML, html, {CACHE_CONTROL: NOT_STORED} | headers) if html else None


def _costs(now: datetime) -> CostReport:
    experiments = services().experiments
    snapshots = services().at_once.submit(experiments.snapshots)
    return CostReport.of(experiments.totals().usage, services().prices, now, snapshots.result())


def _find_page() -> tuple[ListingQuery, Page]:
    query = ListingQuery.from_parameters(_parameters())
    try:
        page = services().experiments.find(query.criteria, query.limit, query.cursor, query.before)
    except ClientError as error:
        # Without a cursor the query is always valid.
        if (query.cursor or query.before) and health.error_code(error) == "ValidationException":
            raise InvalidCursorError from error
        raise
    page = replace(page, experiments=[excerpt_of(experiment) for experiment in page.experiments])
    if query.sort:
        page = replace(page, experiments=in_order(page.experiments, query.sort))
    return query, page


def _link_header(page: Page, query: ListingQuery) -> dict[str, str]:
    links = [f'<{link}>; rel="{relation}"' for relation, link in page_links(page, query).items()]
    return {"Link": ", ".join(links)} if links else {}


def _page(html: str, headers: dict[str, str] | None = None) -> Response[str]:
    """Answer with a page, which is kept for when the table does not answer.

    Its entity tag leaves out the footer, which tells when it was rendered.
    """
    services().last_good.keep(_address(), html, datetime.now(UTC))
    tag = weak_tag(html.partition("<footer")[0] + services().release.build_id)
    return Response(HTTPStatus.OK, HTML, html, {"ETag": tag} | (headers or {}))


def _json(document: object) -> Response[str]:
    return Response(HTTPStatus.OK, JSON, as_json(document))


def _parameters() -> dict[str, str]:
    return table.router.current_event.query_string_parameters


def _root() -> str:
    return link_to_root(table.router.current_event.path)


def _address() -> str:
    event = table.router.current_event.raw_event
    return f"{event['rawPath']}?{event.get('rawQueryString', '')}"


def _linked(experiment_id: str) -> Experiment | None:
    return services().experiments.get(experiment_id) if is_linkable(experiment_id) else None


def _redirect(
    experiment_id: str, key_of: Callable[[Experiment], str | None], absent: Message, download_name: str | None = None
) -> Response[str]:
    """Redirect to an experiment's file, by a link that is signed for it."""
    experiment = _linked(experiment_id)
    if experiment is None:
        return say(message.NO_SUCH_EXPERIMENT)
    key = key_of(experiment)
    if not key:
        return say(absent)
    location = signed_link(s3_client(), services().media_bucket, key, download_name)
    return Response(HTTPStatus.FOUND, body="", headers={"Location": location})


def _ms(began: float, ended: float) -> str:
    return f"{1000 * (ended - began):.1f}"
