"""Watching: what goes on, the logs of experiments, and what administrators did."""

from datetime import UTC, datetime

from artefact_links import is_linkable
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from experiments.jobs import IllegalChangeError, is_under_way
from experiments.log import LogLine

from admin.answers import answer
from admin.documents import Audit, Line, Log
from admin.log_pages import LogQuery, next_piece
from admin.services import services

# Each administrator keeps it, and asks about it each time.
REVALIDATED = {"Cache-Control": "private, no-cache"}

router = Router()  # type: ignore[no-untyped-call]


@router.get("/monitor")
def show_monitor() -> Response[str]:
    """Tell what goes on."""
    return answer(services().monitor.look(datetime.now(UTC)), headers=REVALIDATED)


@router.get("/experiments/<experiment_id>/log")
def show_log(experiment_id: str) -> Response[str]:
    """Tell what an experiment's programs have printed, from a line on."""
    query = LogQuery.from_parameters(router.current_event.query_string_parameters)
    # Read first: once it has ended, all of its log is written.
    experiment = services().repository.get(experiment_id, consistent=True) if is_linkable(experiment_id) else None
    if experiment is None:
        raise IllegalChangeError("read", experiment_id, None)
    lines = services().logs.read(experiment_id, query.position)
    piece = next_piece(lines, query, datetime.now(UTC), is_growing=is_under_way(experiment))
    after = _position(piece.lines[-1]) if piece.lines else query.after
    return answer(Log(lines=tuple(map(_line, piece.lines)), after=after, complete=piece.is_last))


@router.get("/audit")
def show_audit() -> Response[str]:
    """Tell who did what."""
    page = services().audit.page(router.current_event.query_string_parameters.get("cursor"))
    return answer(Audit(entries=page.entries, next_cursor=page.next_cursor))


def _position(line: LogLine) -> str:
    return f"{line.attempt}-{line.number}"


def _line(line: LogLine) -> Line:
    return Line(
        attempt=line.attempt, number=line.number, at=line.at, source=line.source, level=line.level, text=line.text
    )
