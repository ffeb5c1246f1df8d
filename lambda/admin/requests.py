"""What administrators send: read and checked in one place, with every problem named."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn, Self

from experiments.codec_catalogue import CODECS
from experiments.jobs.clip_catalogue import CLIPS
from experiments.json_schema import FieldProblem, Schema, Validator
from web.http_api import Event, header_of

MOST_BODY_BYTES = 64 * 1024
MOST_PROBLEMS = 50
LONGEST_NAME = 200
MOST_RERUNS = 100
"""How many experiments are run again at once."""
ROOT = "/api/admin"
"""The path that all requests' paths begin with."""
KEY = r"^[A-Za-z0-9_-]{1,128}$"
IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "The same one repeats a request: what was done is not done again.",
    "schema": {"type": "string", "pattern": KEY},
}

START = Validator(
    {
        "type": "object",
        "properties": {
            "codec": {"type": "string", "enum": list(CODECS)},
            "clip": {"type": "string", "enum": list(CLIPS)},
            "name": {
                "type": "string",
                "maxLength": LONGEST_NAME,
                "description": "What it does, where that is left out.",
            },
            "parameters": {
                "type": "object",
                "description": "What the codec's own schema says: see `/api/admin/codecs`.",
            },
        },
        "required": ["codec", "clip", "parameters"],
        "additionalProperties": False,
    }
)
RERUN = Validator(
    {
        "type": "object",
        "properties": {"parameters": {"type": "object", "description": "Others than those of the experiment."}},
        "additionalProperties": False,
    }
)
RERUNS = Validator(
    {
        "type": "object",
        "properties": {
            "ids": {
                "type": "array",
                "items": {"type": "string", "maxLength": 256},
                "maxItems": MOST_RERUNS,
                "description": "Where that is left out: the newest that failed and were not run again.",
            }
        },
        "additionalProperties": False,
    }
)


def _with(schema: Schema, **properties: Schema) -> Schema:
    return {**schema, "properties": {**schema["properties"], **properties}}


_PARAMETERS = {
    codec.name: {name: rule for name, rule in codec.parameters.items() if name != "$schema"}
    for codec in CODECS.values()
}
START_OF_ANY_CODEC: Schema = {
    "oneOf": [
        _with(START.schema, codec={"type": "string", "const": codec}, parameters=parameters)
        for codec, parameters in _PARAMETERS.items()
    ]
}
"""START, as programs are told of it: what the parameters may be depends on the codec."""
RERUN_OF_ANY_CODEC = _with(RERUN.schema, parameters={"anyOf": list(_PARAMETERS.values())})


class RefusalError(Exception):
    """A request that cannot be answered as it is."""

    def __init__(self, status: HTTPStatus, title: str, detail: str, retry_after: int | None = None) -> None:
        self.status, self.title, self.detail = status, title, detail
        self.retry_after = retry_after
        """In how many seconds it may be."""
        super().__init__(f"{title}. {detail}")


class InvalidRequestError(Exception):
    """A request that asks for what there is not."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)[:MOST_PROBLEMS]
        super().__init__("; ".join(f"{problem.path} {problem.message}".strip() for problem in self.problems))


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """An experiment that somebody wants."""

    codec: str
    clip: str
    parameters: Mapping[str, Any]
    """What fits the codec's schema."""
    name: str = ""

    @classmethod
    def from_document(cls, document: object) -> Self:
        """Read a request's document.

        Raises:
            InvalidRequestError: it is none, or asks of a codec what that doesn't take.
        """
        problems = list(START.problems(document))
        asked: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
        codec, parameters = asked.get("codec"), asked.get("parameters")
        if isinstance(codec, str) and codec in CODECS and isinstance(parameters, Mapping):
            problems += CODECS[codec].validator.problems(parameters, "/parameters")
        if problems:
            raise InvalidRequestError(problems)
        return cls(**asked)


def checked(document: object, validator: Validator) -> Mapping[str, Any]:
    """Return a document that fits the schema of an object.

    Raises:
        InvalidRequestError: it doesn't.
    """
    if problems := list(validator.problems(document)):
        raise InvalidRequestError(problems)
    assert isinstance(document, Mapping)  # noqa: S101 the schema says so
    return document


def key_of(event: Event) -> str:
    """Return the key by which a client repeats a request.

    Raises:
        RefusalError: there is none, or one that isn't allowed.
    """
    key = header_of(event, "idempotency-key")
    if not re.fullmatch(KEY, key):
        advice = "Send a header Idempotency-Key of 1 to 128 letters, digits, - and _; the same one to repeat a request."
        raise RefusalError(HTTPStatus.BAD_REQUEST, "Not without a key", advice)
    return key


def body_of(event: Event) -> Any:
    """Return what a request's JSON body says; without a body, an empty object.

    Raises:
        RefusalError: it is too large, not JSON, or does not say that it is JSON.
    """
    body = _bytes_of(event)
    if not body:
        return {}
    if len(body) > MOST_BODY_BYTES:
        limit = f"Send at most {MOST_BODY_BYTES // 1024} KiB."
        raise RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Too much at once", limit)
    if header_of(event, "content-type").partition(";")[0].strip().lower() != "application/json":
        raise RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Not JSON", "Send a body of the type application/json.")
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise RefusalError(HTTPStatus.BAD_REQUEST, "Not JSON", "The body cannot be read as JSON.") from None


def _bytes_of(event: Event) -> bytes:
    body = str(event.get("body") or "")
    if not event.get("isBase64Encoded"):
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise RefusalError(HTTPStatus.BAD_REQUEST, "Not JSON", "The body is damaged.") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
