"""What the admin API can do, operation by operation, for the OpenAPI description."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from api.documents import Problem
from api.schemas import Schema, Schemas, hints_of, query_parameter
from experiments.codec_catalogue import CODECS
from listing_query import ListingQuery

from admin.chat_documents import (
    CONTINUE,
    CONVERSATION_ID,
    DECISION,
    QUESTION,
    ChatOverview,
    ChatStep,
    ConversationDocument,
    Proposal,
)
from admin.documents import (
    Audit,
    Catalogue,
    ConflictProblem,
    Experiments,
    InvalidRequestProblem,
    Log,
    MonitorDocument,
    OneExperiment,
    StartedReruns,
    User,
)
from admin.estimates import Estimate
from admin.log_pages import LogQuery
from admin.requests import KEY, RERUN, RERUNS, START

ROOT = "/api/admin"
SECURITY = {"administrator": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}


def _in_path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


ID = _in_path("id")
CONVERSATION: Schema = {
    **_in_path("conversation"),
    "description": "A new one has an id of the client's own, such as a UUID.",
    "schema": {"type": "string", "pattern": CONVERSATION_ID},
}
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The same one repeats a request: what was done is not done again.",
    "schema": {"type": "string", "pattern": KEY},
}
_LISTING = hints_of(ListingQuery)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A request that administrators may send."""

    method: str
    path: str
    """After `/api/admin`, with its parameters in braces."""
    name: str
    summary: str
    answers: Mapping[HTTPStatus, type | None]
    """The documents of the answers; None has no content."""
    parameters: Sequence[Schema] = ()
    """Those of path and headers."""
    query: Mapping[str, Any] = field(default_factory=dict)
    """Those of the query, as annotated types."""
    body: Schema | None = None
    is_body_required: bool = False
    refusals: Mapping[HTTPStatus, type] = field(default_factory=dict)
    """Problems beside those that every operation has of its kind."""


def _with(schema: Mapping[str, Any], **properties: Schema) -> Schema:
    return {**schema, "properties": {**schema["properties"], **properties}}


_PARAMETERS = {
    codec.name: {name: rule for name, rule in codec.parameters.items() if name != "$schema"}
    for codec in CODECS.values()
}
_START = {
    "oneOf": [
        _with(START, codec={"type": "string", "const": codec}, parameters=parameters)
        for codec, parameters in _PARAMETERS.items()
    ]
}
_MISSING = {HTTPStatus.NOT_FOUND: Problem}
_NOT_AS_IT_IS = {**_MISSING, HTTPStatus.CONFLICT: ConflictProblem}
_NOT_NOW = {**_MISSING, HTTPStatus.CONFLICT: Problem}
_STARTED = {HTTPStatus.CREATED: OneExperiment, HTTPStatus.OK: OneExperiment}

OPERATIONS = (
    Operation(method="GET", path="/me", name="getUser", summary="Who is signed in.", answers={HTTPStatus.OK: User}),
    Operation(
        method="GET",
        path="/codecs",
        name="getCatalogue",
        summary="What experiments can be made of.",
        answers={HTTPStatus.OK: Catalogue},
    ),
    Operation(
        method="POST",
        path="/estimates",
        name="estimate",
        summary="What an experiment will cost.",
        body=_START,
        is_body_required=True,
        answers={HTTPStatus.OK: Estimate},
    ),
    Operation(
        method="GET",
        path="/experiments",
        name="listAllExperiments",
        summary="Experiments, newest first.",
        query={
            **{name: _LISTING[name] for name in ("status", "codec", "quality", "limit", "cursor")},
            "q": _LISTING["text"],
        },
        answers={HTTPStatus.OK: Experiments},
        refusals={HTTPStatus.BAD_REQUEST: Problem},
    ),
    Operation(
        method="POST",
        path="/experiments",
        name="startExperiment",
        summary="Start an experiment; 200 where that was done with this key before.",
        parameters=[IDEMPOTENCY_KEY],
        body=_START,
        is_body_required=True,
        answers=_STARTED,
        refusals={HTTPStatus.CONFLICT: Problem},
    ),
    Operation(
        method="DELETE",
        path="/experiments/{id}",
        name="deleteExperiment",
        summary="Delete an experiment that has ended, with its log and files.",
        parameters=[ID],
        answers={HTTPStatus.NO_CONTENT: None},
        refusals=_NOT_AS_IT_IS,
    ),
    Operation(
        method="POST",
        path="/experiments/{id}/stop",
        name="stopExperiment",
        summary="Cancel a queued experiment, and tell the worker that is at a running one to stop.",
        parameters=[ID],
        answers={HTTPStatus.OK: OneExperiment},
        refusals=_NOT_AS_IT_IS,
    ),
    Operation(
        method="POST",
        path="/experiments/{id}/rerun",
        name="rerunExperiment",
        summary="Run an experiment again, with its parameters or others; 200 as of a start.",
        parameters=[ID, IDEMPOTENCY_KEY],
        body=_with(RERUN, parameters={"anyOf": list(_PARAMETERS.values())}),
        answers=_STARTED,
        refusals=_NOT_AS_IT_IS,
    ),
    Operation(
        method="POST",
        path="/reruns",
        name="rerunFailedExperiments",
        summary="Run several experiments again, at most a hundred.",
        parameters=[IDEMPOTENCY_KEY],
        body=dict(RERUNS),
        answers={HTTPStatus.OK: StartedReruns},
    ),
    Operation(
        method="GET",
        path="/monitor",
        name="getMonitor",
        summary="What goes on: jobs, workers, queue, spend and errors. It has an ETag.",
        answers={HTTPStatus.OK: MonitorDocument, HTTPStatus.NOT_MODIFIED: None},
    ),
    Operation(
        method="GET",
        path="/experiments/{id}/log",
        name="getLog",
        summary="What an experiment's programs have printed, piece by piece.",
        parameters=[ID],
        query=hints_of(LogQuery),
        answers={HTTPStatus.OK: Log},
        refusals={**_MISSING, HTTPStatus.BAD_REQUEST: Problem},
    ),
    Operation(
        method="GET",
        path="/audit",
        name="getAudit",
        summary="Who did what, newest first.",
        query={"cursor": _LISTING["cursor"]},
        answers={HTTPStatus.OK: Audit},
        refusals={HTTPStatus.BAD_REQUEST: Problem},
    ),
    Operation(
        method="GET",
        path="/chat",
        name="getChat",
        summary="Whether one can chat with a model, and one's own conversations.",
        answers={HTTPStatus.OK: ChatOverview},
    ),
    Operation(
        method="GET",
        path="/chat/{conversation}",
        name="getConversation",
        summary="What was said.",
        parameters=[CONVERSATION],
        answers={HTTPStatus.OK: ConversationDocument},
        refusals=_MISSING,
    ),
    Operation(
        method="DELETE",
        path="/chat/{conversation}",
        name="deleteConversation",
        summary="Forget a conversation, if there is one.",
        parameters=[CONVERSATION],
        answers={HTTPStatus.NO_CONTENT: None},
        refusals=_MISSING,
    ),
    Operation(
        method="POST",
        path="/chat/{conversation}/messages",
        name="ask",
        summary="Ask the model, which takes a first step: it answers, or uses tools.",
        parameters=[CONVERSATION, IDEMPOTENCY_KEY],
        body=dict(QUESTION),
        is_body_required=True,
        answers={HTTPStatus.OK: ChatStep},
        refusals=_NOT_NOW,
    ),
    Operation(
        method="POST",
        path="/chat/{conversation}/continue",
        name="continueAnswer",
        summary="Let the model take the next step.",
        parameters=[CONVERSATION],
        body=dict(CONTINUE),
        answers={HTTPStatus.OK: ChatStep},
        refusals=_NOT_NOW,
    ),
    Operation(
        method="POST",
        path="/chat/{conversation}/proposals/{id}",
        name="decideProposal",
        summary="Carry out what the model has proposed, once, or refuse it; what is decided stays so.",
        parameters=[CONVERSATION, ID],
        body=dict(DECISION),
        is_body_required=True,
        answers={HTTPStatus.OK: Proposal},
        refusals=_NOT_NOW,
    ),
)


def methods_of(path: str) -> set[str]:
    """Return the methods that a path takes; none where there is no such path."""
    return {
        operation.method
        for operation in OPERATIONS
        if re.fullmatch(ROOT + re.sub(r"\{\w+\}", "[^/]+", operation.path), path)
    }


def admin_paths(schemas: Schemas) -> dict[str, Schema]:
    """Return the description of every path."""
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        paths.setdefault(ROOT + operation.path, {})[operation.method.lower()] = _described(operation, schemas)
    return paths


def _described(operation: Operation, schemas: Schemas) -> Schema:
    query = [query_parameter(name, hint, schemas) for name, hint in operation.query.items()]
    described: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": [{name: [] for name in SECURITY}],
        "parameters": [*operation.parameters, *query],
        "responses": _responses(operation, schemas),
    }
    if operation.body is not None:
        content = {"application/json": {"schema": operation.body}}
        described["requestBody"] = {"required": operation.is_body_required, "content": content}
    return described


def _responses(operation: Operation, schemas: Schemas) -> Schema:
    answers = {
        status: _response(status, "application/json", document, schemas)
        for status, document in operation.answers.items()
    }
    refusals = {
        status: _response(status, "application/problem+json", document, schemas)
        for status, document in _refusals(operation).items()
    }
    # API Gateway's own, as those for too many requests are.
    unauthorised = {HTTPStatus.UNAUTHORIZED: {"description": "There is no valid access token."}}
    return {str(int(status)): response for status, response in sorted((answers | unauthorised | refusals).items())}


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


def _response(status: HTTPStatus, media_type: str, document: type | None, schemas: Schemas) -> Schema:
    content = {"content": {media_type: {"schema": schemas.of(document)}}} if document else {}
    return {"description": status.phrase, **content}
