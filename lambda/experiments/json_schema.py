"""What is wrong with a JSON value, by the part of JSON Schema (2020-12) that this project's schemas are written in.

The validators that name every problem bring compiled code, which Lambda's layer has none of; tests hold this one
against `jsonschema`. A schema with a keyword that it doesn't check is refused when it is declared. In one thing it is
stricter: it refuses text that could be shown or stored only in part.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_LONGEST_NAME = 100
_OF_ALL_TYPES = {"$schema", "type", "enum", "title", "description", "default"}
_KEYWORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "number": {"minimum", "maximum"},
    "integer": {"minimum", "maximum"},
    "boolean": set(),
}
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


class Validator:
    """A schema, by which it finds all that is wrong with values."""

    def __init__(self, schema: Schema) -> None:
        """Take a schema.

        Raises:
            ValueError: it has a keyword that is not checked here, or not with its type.
        """
        _refuse_unknown(schema, "")
        self.schema = schema

    def problems(self, value: object, path: str = "") -> Iterator[FieldProblem]:
        """Yield everything that is wrong with a value, which stands at a path."""
        yield from _problems(value, self.schema, path)


def _refuse_unknown(schema: Schema, path: str) -> None:
    kind = schema.get("type")
    if kind not in list(_KEYWORDS):
        raise ValueError(f"the schema at {path or '/'} has the type {kind!r}: use one of {', '.join(_KEYWORDS)}")
    if unknown := schema.keys() - _KEYWORDS[kind] - _OF_ALL_TYPES:
        names = ", ".join(sorted(unknown))
        raise ValueError(f"the schema at {path or '/'} has {names}: {__name__} doesn't check that of type {kind}")
    for name, member in schema.get("properties", {}).items():
        _refuse_unknown(member, child(path, name))
    if "items" in schema:
        _refuse_unknown(schema["items"], child(path, "items"))


def _problems(value: object, schema: Schema, path: str) -> Iterator[FieldProblem]:
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
        case str() if wrong := _out_of_range(len(value), schema.get("minLength"), schema.get("maxLength")):
            yield FieldProblem(path, f"must have {_counted(wrong)} characters")
        case int() | float() if wrong := _out_of_range(value, schema.get("minimum"), schema.get("maximum")):
            yield FieldProblem(path, f"must be {wrong}")


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
            yield from _problems(member, known[name], child(path, name))
        elif schema.get("additionalProperties") is False:
            yield FieldProblem(child(path, name), f"is not known here: use {', '.join(known) or 'none'}")


def _of_array(value: list[Any], schema: Schema, path: str) -> Iterator[FieldProblem]:
    if wrong := _out_of_range(len(value), schema.get("minItems"), schema.get("maxItems")):
        yield FieldProblem(path, f"must have {_counted(wrong)} elements")
        return
    for place, element in enumerate(value):
        yield from _problems(element, schema["items"], child(path, place))


def _out_of_range(value: float, lowest: float | None, highest: float | None) -> str:
    """Return which range a number had to be in; empty where it is."""
    if (lowest is None or lowest <= value) and (highest is None or value <= highest):
        return ""
    if lowest is None:
        return f"at most {highest}"
    return f"at least {lowest}" if highest is None else f"from {lowest} to {highest}"


def _counted(wrong: str) -> str:
    return wrong.removeprefix("from ")
