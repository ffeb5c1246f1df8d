"""The renderer: the Lambda function that answers the dashboard's public pages, as HTML rendered on the server."""

import os
from typing import Any

import renderer.gc_pause
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from experiments.cursor import InvalidCursorError
from renderer.pages import message, templates
from renderer.routes import last_good_page, say, table
from renderer.services import services
from web.aws_clients import s3_client
from web.conditional import answered_conditionally
from web.health import error_code
from web.http_api import NOT_A_REQUEST, Event, as_routed, is_request, method_of, without_body
from web.listing_query import InvalidQueryError

RETRY_SOON = {"Retry-After": "30"}
READ_METHODS = {"Allow": "GET, HEAD"}

logger = Logger(service="renderer", serialize_stacktrace=False)
app = APIGatewayHttpResolver()
app.include_router(table.router)
services()
# SnapStart keeps what is there after import, and nobody waits for that. Else it is made when a request needs it.
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
    s3_client()
    templates.compile_all()
renderer.gc_pause.end()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer a request of API Gateway's HTTP API."""
    if not is_request(event):
        logger.warning("Not a request", keys=sorted(event) if isinstance(event, dict) else type(event).__name__)
        return NOT_A_REQUEST
    response = answered_conditionally(event, app.resolve(as_routed(event), context))
    return without_body(response) if method_of(event) == "HEAD" else response


@app.not_found
def refuse(_error: Exception) -> Response[str]:
    """Say that there is no such page, or nothing to be done with it but reading."""
    if app.current_event.http_method != "GET":
        return say(message.READING_ONLY, READ_METHODS)
    return say(message.NO_SUCH_PAGE)


@app.exception_handler(InvalidCursorError)  # type: ignore[untyped-decorator]
def refuse_cursor(_error: InvalidCursorError) -> Response[str]:
    """Say that the link is broken."""
    return say(message.BROKEN_CURSOR)


@app.exception_handler(InvalidQueryError)  # type: ignore[untyped-decorator]
def refuse_query(error: InvalidQueryError) -> Response[str]:
    """Say which values would do."""
    return say(message.bad_query(str(error)))


@app.exception_handler([ClientError, BotoCoreError])  # type: ignore[untyped-decorator]
def apologise_for_aws(error: ClientError | BotoCoreError) -> Response[str]:
    """Show the page as it last was, or say that what it depends on does not answer."""
    logger.exception("AWS failed", reason=error_code(error))
    return last_good_page(RETRY_SOON) or say(
        message.NOT_AVAILABLE_NOW, RETRY_SOON, reference=app.lambda_context.aws_request_id
    )


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def apologise(_error: Exception) -> Response[str]:
    """Say that something went wrong, and where the log tells what."""
    logger.exception("Unexpected error")
    return say(message.UNEXPECTED, reference=app.lambda_context.aws_request_id)
