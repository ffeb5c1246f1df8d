"""The OpenAPI document, made of what stands at the routes and of the types that they name.

Powertools would make one with pydantic, whose import and models take several times as long as those of a whole
function; what is described here needs only the types, and only when a deployment packages the functions.
"""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from itertools import chain

from admin.documents import InvalidRequestProblem
from admin.requests import IDEMPOTENCY_KEY
from admin.routes import TABLES as ADMIN_TABLES
from renderer.routes import API
from renderer.routes import table as public_table
from web.documents import Problem
from web.routes import HttpRoute, Operation

from description.schemas import Schema, Schemas, hints_of, query_parameter

SECURITY = {"administrator": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}
"""RFC 9110's, which Python has from 3.13 on: the document is the same by whichever it is made."""


def openapi() -> Schema:
    """Return the document of `/api/openapi.json`, but for the version of the function."""
    schemas = Schemas()
    public = _paths(public_table.routes, schemas, _public)
    admin = _paths(chain.from_iterable(table.routes for table in ADMIN_TABLES), schemas, _admin)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AI Video Codec Lab",
            "version": "",
            "description": "Experiments with video codecs: for everybody to read, with an ETag; under `/api/admin` for "
            "administrators to run, with an access token.",
        },
        # Relative to this document, wherever it is served.
        "servers": [{"url": ".."}],
        "paths": public | admin,
        "components": {"schemas": schemas.named, "securitySchemes": SECURITY},
    }


def _paths(
    routes: Iterable[HttpRoute], schemas: Schemas, describe: Callable[[HttpRoute, Operation, Schemas], Schema]
) -> dict[str, Schema]:
    paths: dict[str, Schema] = {}
    for route in routes:
        if route.operation:
            paths.setdefault(route.path, {})[route.method.lower()] = describe(route, route.operation, schemas)
    return paths


def _public(route: HttpRoute, operation: Operation, schemas: Schemas) -> Schema:
    """Describe what everybody may read; a refusal is a problem below the API's path, else a page."""
    refusal = Problem if route.path.startswith(API) else "text/html"
    (document,) = operation.answers.values()
    return {
        **_request(route, operation, schemas),
        "responses": {
            "200": _response(route.summary, document, schemas),
            "304": {"description": "As before: the ETag is one of If-None-Match."},
            "default": _response("Why there is no other answer.", refusal, schemas),
        },
    }


def _admin(route: HttpRoute, operation: Operation, schemas: Schemas) -> Schema:
    # API Gateway's own, as those for too many requests are.
    unauthorised = {HTTPStatus.UNAUTHORIZED: {"description": "There is no valid access token."}}
    told = {
        status: _response(PHRASES.get(status, status.phrase), document, schemas)
        for status, document in {**operation.answers, **_refusals(operation)}.items()
    }
    described: Schema = {
        **_request(route, operation, schemas),
        "security": [{name: [] for name in SECURITY}],
        "responses": {str(int(status)): response for status, response in sorted((told | unauthorised).items())},
    }
    if operation.body is not None:
        content = {"application/json": {"schema": operation.body}}
        described["requestBody"] = {"required": operation.is_body_required, "content": content}
    return described


def _refusals(operation: Operation) -> dict[HTTPStatus, type]:
    refusals: dict[HTTPStatus, type] = {HTTPStatus.FORBIDDEN: Problem, HTTPStatus.SERVICE_UNAVAILABLE: Problem}
    if IDEMPOTENCY_KEY in operation.parameters or operation.body is not None:
        refusals[HTTPStatus.BAD_REQUEST] = Problem
    if operation.body is not None:
        refusals |= {
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Problem,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Problem,
            HTTPStatus.UNPROCESSABLE_ENTITY: InvalidRequestProblem,
        }
    return {**refusals, **operation.refusals}


def _request(route: HttpRoute, operation: Operation, schemas: Schemas) -> Schema:
    hints = hints_of(operation.query) if operation.query else {}
    sent = operation.query_fields or {name: name for name in hints}
    query = [query_parameter(name, hints[read_into], schemas) for name, read_into in sent.items()]
    return {"operationId": route.name, "summary": route.summary, "parameters": [*route.parameters, *query]}


def _response(description: str, document: type | str | None, schemas: Schemas) -> Schema:
    if document is None:
        return {"description": description}
    if isinstance(document, str):
        return {"description": description, "content": {document: {"schema": {"type": "string"}}}}
    media_type = "application/problem+json" if issubclass(document, Problem) else "application/json"
    return {"description": description, "content": {media_type: {"schema": schemas.of(document)}}}
