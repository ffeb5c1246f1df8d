"""How the admin API answers: JSON documents, and problems (RFC 9457) that say what to do next."""

from collections.abc import Mapping
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from web.documents import Problem, as_json
from web.routes import CACHE_CONTROL, NOT_STORED

JSON = "application/json"
PROBLEM = "application/problem+json"


def answer(document: object, status: HTTPStatus = HTTPStatus.OK) -> Response[str]:
    """Answer with a document."""
    return Response(status, JSON, as_json(document))


def nothing() -> Response[str]:
    """Answer that it is done, and that there is nothing to tell."""
    return Response(HTTPStatus.NO_CONTENT, body="")


def problem(document: Problem, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Answer with why there is no other answer."""
    headers = {CACHE_CONTROL: NOT_STORED} | dict(headers or {})
    return Response(HTTPStatus(document.status), PROBLEM, as_json(document), headers)
