"""The API's OpenAPI description, generated from the types of its documents and of its query.

Powertools would generate one with pydantic, whose import and models take several times as long as those of the whole
function; what is described here needs only the types, and only when somebody asks for it.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from listing_query import ListingQuery

from api.documents import CostDocument, ExperimentList, Problem, PublishedExperiment

Schema = dict[str, Any]

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


@cache
def description(version: str) -> Schema:
    """Return the document of `/api/openapi.json` for a version of the function."""
    schemas = _Schemas()
    listing = [_query_parameter(name, hint, schemas) for name, hint in _hints(ListingQuery).items()]
    one = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    problem = {"application/problem+json": {"schema": schemas.of(Problem)}}
    page = _text("text/html")
    paths = {
        "/api/experiments": _read(
            "listExperiments", "Experiments, newest first.", listing, _json(ExperimentList, schemas), problem
        ),
        "/api/experiments/{id}": _read(
            "getExperiment", "One experiment.", [one], _json(PublishedExperiment, schemas), problem
        ),
        "/api/costs": _read("getCosts", "What the lab spends.", [], _json(CostDocument, schemas), problem),
        "/experiments.csv": _read(
            "getTable", "The same page of experiments as a table.", listing, _text("text/csv"), page
        ),
        "/feed.atom": _read(
            "getFeed", "The experiments that have finished lately.", [], _text("application/atom+xml"), page
        ),
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AI Video Codec Lab",
            "version": version,
            "description": "Experiments with video codecs: read only, for everybody. An answer has an ETag.",
        },
        # Relative to this document, wherever it is served.
        "servers": [{"url": ".."}],
        "paths": paths,
        "components": {"schemas": schemas.named},
    }


class _Schemas:
    """JSON Schemas of types, those of dataclasses by name."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}

    def of(self, hint: Any) -> Schema:
        """Return a type's schema.

        Raises:
            TypeError: the documents hold a type that isn't known here.

        """
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            keywords: Schema = arguments[1]
            return self.of(arguments[0]) | keywords
        if origin in (Union, UnionType):
            return self._any_of([self.of(argument) for argument in arguments])
        if origin is tuple:
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is Mapping:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        if hint in _SCALARS:
            return {"type": _SCALARS[hint]}
        if hint is datetime:
            return {"type": "string", "format": "date-time"}
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return {"type": "string", "enum": [member.value for member in hint]}
        if is_dataclass(hint) and isinstance(hint, type):
            return self._reference(hint)
        raise TypeError(f"api/openapi.py: no JSON Schema is known for {hint}; add it to _Schemas.of")

    def _reference(self, record: type) -> Schema:
        if record.__name__ not in self.named:
            properties = {name: self.of(hint) for name, hint in _hints(record).items()}
            self.named[record.__name__] = {
                "type": "object",
                "description": _in_one_line(record.__doc__),
                "properties": properties,
                "required": list(properties),
            }
        return {"$ref": f"#/components/schemas/{record.__name__}"}

    def _any_of(self, schemas: list[Schema]) -> Schema:
        """Return the union; of types without more to them as a list of types, which reads better."""
        if all(schema.keys() == {"type"} for schema in schemas):
            return {"type": [schema["type"] for schema in schemas]}
        return {"anyOf": schemas}


def _hints(record: type) -> dict[str, Any]:
    hints = get_type_hints(record, include_extras=True)
    return {attribute.name: hints[attribute.name] for attribute in fields(record)}


def _query_parameter(name: str, hint: Any, schemas: _Schemas) -> Schema:
    """Describe an optional parameter: what may be None in the query may be left out of the request."""
    kind, keywords = get_args(hint)
    schema = schemas.of(kind)
    sent = next(iter(schema.get("anyOf", [])), schema)
    if isinstance(sent["type"], list):
        sent = {"type": sent["type"][0]}
    limits = {keyword: value for keyword, value in keywords.items() if keyword != "description"}
    return {"name": name, "in": "query", "description": keywords["description"], "schema": sent | limits}


def _read(operation: str, summary: str, parameters: list[Schema], content: Schema, refusal: Schema) -> Schema:
    answers = {
        "200": {"description": summary, "content": content},
        "304": {"description": "As before: the ETag is one of If-None-Match."},
        "default": {"description": "Why there is no other answer.", "content": refusal},
    }
    return {"get": {"operationId": operation, "summary": summary, "parameters": parameters, "responses": answers}}


def _json(record: type, schemas: _Schemas) -> Schema:
    return {"application/json": {"schema": schemas.of(record)}}


def _text(media_type: str) -> Schema:
    return {media_type: {"schema": {"type": "string"}}}


def _in_one_line(docstring: str | None) -> str:
    return " ".join((docstring or "").split())
