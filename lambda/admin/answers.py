"""How the admin API answers: JSON documents, and problems (RFC 9457) that say what to do next."""

from collections.abc import Mapping
from http import HTTPStatus

from api.documents import Problem, as_json
from aws_lambda_powertools.event_handler import Response

JSON = "application/json"
PROBLEM = "application/problem+json"
NOT_CACHED = {"Cache-Control": "no-store"}


def answer(
    document: object, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] = NOT_CACHED
) -> Response[str]:
    """Answer with a document."""
    return Response(status, JSON, as_json(document), dict(headers))


def nothing() -> Response[str]:
    """Answer that it is done, and that there is nothing to tell."""
    return Response(HTTPStatus.NO_CONTENT, headers=dict(NOT_CACHED), body="")


def problem(document: Problem, headers: Mapping[str, str] | None = None) -> Response[str]:
    """Answer with why there is no other answer."""
    return Response(HTTPStatus(document.status), PROBLEM, as_json(document), {**NOT_CACHED, **(headers or {})})
