"""The admin API: the Lambda function through which administrators run experiments, watch them and talk about them.

API Gateway lets nobody through without a valid token (components/http_api.py); this function asks for the group.
"""

import os
from http import HTTPStatus
from typing import Any

from admin.administrator import GROUP, Administrator, NotAnAdministratorError
from admin.answers import problem
from admin.documents import ConflictProblem, Fault, InvalidRequestProblem
from admin.requests import InvalidRequestError, RefusalError
from admin.routes import HEALTH, TABLES, methods_of
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from experiments.cursor import InvalidCursorError
from experiments.jobs.lifecycle import IllegalChangeError
from web.conditional import answered_conditionally
from web.documents import Problem
from web.health import error_code
from web.http_api import NOT_A_REQUEST, Event, as_routed, is_request, method_of, without_body
from web.listing_query import InvalidQueryError

RETRY_SOON = {"Retry-After": "5"}

logger = Logger(service="admin-api", serialize_stacktrace=False)
app = APIGatewayHttpResolver()
for table in TABLES:
    app.include_router(table.router)


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer a request of API Gateway's HTTP API."""
    if not is_request(event):
        logger.warning("Not a request", keys=sorted(event) if isinstance(event, dict) else type(event).__name__)
        return NOT_A_REQUEST
    response = answered_conditionally(event, app.resolve(as_routed(event), context))
    return without_body(response) if method_of(event) == "HEAD" else response


def only_administrators(resolver: APIGatewayHttpResolver, answer_on: NextMiddleware) -> Response[Any]:
    """Let nobody else do anything but ask for health, as the release gate does."""
    if resolver.current_event.path != HEALTH:
        Administrator.of(resolver.current_event.raw_event)
    return answer_on(resolver)


app.use(middlewares=[only_administrators])


@app.not_found
def refuse_path(_error: Exception) -> Response[str]:
    """Say that there is nothing, or nothing to be done so.

    Where the method would do, the path has an id that none can be, so that it was not routed.
    """
    methods = methods_of(app.current_event.path)
    if not methods or app.current_event.http_method in methods:
        return _refuse(HTTPStatus.NOT_FOUND, "Not there", "`/api/openapi.json` describes what there is.")
    allowed = ", ".join(sorted(methods))
    return _refuse(HTTPStatus.METHOD_NOT_ALLOWED, "Not with this method", f"Use {allowed}.", {"Allow": allowed})


@app.exception_handler(NotAnAdministratorError)  # type: ignore[untyped-decorator]
def refuse_others(_error: NotAnAdministratorError) -> Response[str]:
    """Say that signing in is not enough."""
    advice = f"Ask an administrator to add you to the group `{os.environ[GROUP]}`."
    return _refuse(HTTPStatus.FORBIDDEN, "Not an administrator", advice)


@app.exception_handler(RefusalError)  # type: ignore[untyped-decorator]
def refuse(refusal: RefusalError) -> Response[str]:
    """Say what would do."""
    retry = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else None
    return _refuse(refusal.status, refusal.title, refusal.detail, retry)


@app.exception_handler(InvalidRequestError)  # type: ignore[untyped-decorator]
def refuse_content(invalid: InvalidRequestError) -> Response[str]:
    """Name every problem."""
    return problem(
        InvalidRequestProblem(
            status=HTTPStatus.UNPROCESSABLE_ENTITY,
            title="That cannot be run",
            detail=str(invalid),
            problems=tuple(Fault(fault.path, fault.message) for fault in invalid.problems),
        )
    )


@app.exception_handler([InvalidQueryError, InvalidCursorError])  # type: ignore[untyped-decorator]
def refuse_query(error: InvalidQueryError | InvalidCursorError) -> Response[str]:
    """Say which values would do."""
    return _refuse(HTTPStatus.BAD_REQUEST, "Not a query", str(error))


@app.exception_handler(IllegalChangeError)  # type: ignore[untyped-decorator]
def refuse_change(refusal: IllegalChangeError) -> Response[str]:
    """Say what the experiment is now, or that there is none."""
    if refusal.present is None:
        return _refuse(HTTPStatus.NOT_FOUND, "No such experiment", "It may have been deleted. Look at the list.")
    return problem(
        ConflictProblem(
            status=HTTPStatus.CONFLICT,
            title="Not as it is now",
            detail=f"{str(refusal).capitalize()}.",
            present_status=refusal.status,
        )
    )


@app.exception_handler([ClientError, BotoCoreError])  # type: ignore[untyped-decorator]
def apologise_for_aws(error: ClientError | BotoCoreError) -> Response[str]:
    """Say that what this depends on does not answer."""
    logger.exception("AWS failed", reason=error_code(error))
    advice = f"AWS does not answer. Try again soon; nothing is done twice. {app.lambda_context.aws_request_id}"
    return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "Not available right now", advice, RETRY_SOON)


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def apologise(_error: Exception) -> Response[str]:
    """Say that something went wrong, and where the log tells what."""
    logger.exception("Unexpected error")
    advice = f"The function's log tells more, by this id: {app.lambda_context.aws_request_id}"
    return _refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong", advice)


def _refuse(status: HTTPStatus, title: str, detail: str, headers: dict[str, str] | None = None) -> Response[str]:
    return problem(Problem(status=status, title=title, detail=detail), headers)
