"""Watching: what goes on, the logs of experiments, and what administrators did."""

from datetime import UTC, datetime
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from experiments.jobs.lifecycle import IllegalChangeError, is_under_way
from experiments.jobs.log import LogLine
from web.artefact_links import is_linkable
from web.documents import Problem
from web.listing_query import ListingQuery
from web.routes import Operation, RouteTable

from admin.answers import answer
from admin.documents import Audit, Line, Log, MonitorDocument
from admin.log_pages import LogQuery, next_piece
from admin.requests import ROOT
from admin.services import services

# Each administrator keeps it, and asks about it each time.
REVALIDATED_BY_EACH = "private, no-cache"

table = RouteTable(ROOT)


@table.get(
    "/monitor",
    cache_control=REVALIDATED_BY_EACH,
    operation=Operation(answers={HTTPStatus.OK: MonitorDocument, HTTPStatus.NOT_MODIFIED: None}),
)
def get_monitor() -> Response[str]:
    """What goes on: jobs, workers, queue, spend and errors. It has an ETag."""
    return answer(services().monitor.look(datetime.now(UTC)))


@table.get(
    "/experiments/{id}/log",
    operation=Operation(
        query=LogQuery,
        answers={HTTPStatus.OK: Log},
        refusals={HTTPStatus.NOT_FOUND: Problem, HTTPStatus.BAD_REQUEST: Problem},
    ),
)
def get_log(experiment_id: str) -> Response[str]:
    """What an experiment's programs have printed, piece by piece."""
    query = LogQuery.from_parameters(table.router.current_event.query_string_parameters)
    # Read first: once it has ended, all of its log is written.
    experiment = services().repository.get(experiment_id, consistent=True) if is_linkable(experiment_id) else None
    if experiment is None:
        raise IllegalChangeError("read", experiment_id, None)
    lines = services().logs.read(experiment_id, query.position)
    piece = next_piece(lines, query, datetime.now(UTC), is_growing=is_under_way(experiment))
    after = _position(piece.lines[-1]) if piece.lines else query.after
    return answer(Log(lines=tuple(map(_line, piece.lines)), after=after, complete=piece.is_last))


@table.get(
    "/audit",
    operation=Operation(
        query=ListingQuery,
        query_fields={"cursor": "cursor"},
        answers={HTTPStatus.OK: Audit},
        refusals={HTTPStatus.BAD_REQUEST: Problem},
    ),
)
def get_audit() -> Response[str]:
    """Who did what, newest first."""
    page = services().audit.page(table.router.current_event.query_string_parameters.get("cursor"))
    return answer(Audit(entries=page.entries, next_cursor=page.next_cursor))


def _position(line: LogLine) -> str:
    return f"{line.attempt}-{line.number}"


def _line(line: LogLine) -> Line:
    return Line(
        attempt=line.attempt, number=line.number, at=line.at, source=line.source, level=line.level, text=line.text
    )
