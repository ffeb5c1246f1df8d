"""What is wrong with a JSON value, by the part of JSON Schema (2020-12) that this project's schemas are written in.

The validators that name every problem bring compiled code, which Lambda's layer has none of; tests hold this one
against `jsonschema`. In one thing it is stricter: it refuses text that could be shown or stored only in part.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_LONGEST_NAME = 100
_NAMES = {
    "object": "an object",
    "array": "a list",
    "string": "text, without control characters",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """Why a value doesn't fit."""

    path: str
    """Where it is, as a JSON Pointer (RFC 6901); empty for the whole."""
    message: str


def problems_of(value: object, schema: Schema, path: str = "") -> Iterator[FieldProblem]:
    """Yield everything that is wrong with a value."""
    if not _is_of(schema["type"], value):
        yield FieldProblem(path, f"must be {_NAMES[schema['type']]}")
        return
    if "enum" in schema and value not in schema["enum"]:
        yield FieldProblem(path, f"must be one of {', '.join(map(str, schema['enum']))}")
    match value:
        case Mapping():
            yield from _of_object(value, schema, path)
        case list():
            yield from _of_array(value, schema, path)
        case str():
            yield from _of_text(value, schema, path)
        case int() | float():
            yield from _of_number(value, schema, path)


def child(path: str, name: str | int) -> str:
    """Return the JSON Pointer of a member; of a name that is no good text or very long, what can be shown."""
    shown = str(name)[:_LONGEST_NAME].encode(errors="replace").decode()
    return f"{path}/{shown.replace('~', '~0').replace('/', '~1')}"


def _is_of(kind: str, value: object) -> bool:
    match kind:
        case "object":
            return isinstance(value, Mapping)
        case "array":
            return isinstance(value, list)
        case "string":
            return isinstance(value, str) and value.isprintable()
        case "boolean":
            return isinstance(value, bool)
    if isinstance(value, float):
        return math.isfinite(value) and (kind == "number" or value.is_integer())
    return isinstance(value, int) and not isinstance(value, bool)


def _of_object(value: Mapping[str, Any], schema: Schema, path: str) -> Iterator[FieldProblem]:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            yield FieldProblem(child(path, name), "is missing")
    for name, member in value.items():
        if name in known:
            yield from problems_of(member, known[name], child(path, name))
        elif schema.get("additionalProperties") is False:
            yield FieldProblem(child(path, name), f"is not known here: use {', '.join(known) or 'none'}")


def _of_array(value: list[Any], schema: Schema, path: str) -> Iterator[FieldProblem]:
    if len(value) > schema.get("maxItems", math.inf):
        yield FieldProblem(path, f"must have at most {schema['maxItems']} elements")
        return
    for place, element in enumerate(value):
        yield from problems_of(element, schema["items"], child(path, place))


def _of_text(value: str, schema: Schema, path: str) -> Iterator[FieldProblem]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf):
        yield FieldProblem(path, f"must have {schema.get('minLength', 0)} to {schema['maxLength']} characters")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield FieldProblem(path, f"must look like {schema['pattern']}")


def _of_number(value: float, schema: Schema, path: str) -> Iterator[FieldProblem]:
    lowest, highest = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not isinstance(value, bool) and not lowest <= value <= highest:
        yield FieldProblem(path, f"must be from {lowest} to {highest}")
