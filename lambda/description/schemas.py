"""JSON Schemas of the types that the API's documents and queries are made of."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

Schema = dict[str, Any]

_SCALARS: dict[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


class Schemas:
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
        if hint is Any:
            return {}
        if hint in _SCALARS:
            return {"type": _SCALARS[hint]}
        if hint is datetime:
            return {"type": "string", "format": "date-time"}
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return {"type": "string", "enum": [member.value for member in hint]}
        if is_dataclass(hint) and isinstance(hint, type):
            return self._reference(hint)
        raise TypeError(f"description/schemas.py: no JSON Schema is known for {hint}; add it to Schemas.of")

    def _reference(self, record: type) -> Schema:
        if record.__name__ not in self.named:
            properties = {name: self.of(hint) for name, hint in hints_of(record).items()}
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


def hints_of(record: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields, with their annotations."""
    hints = get_type_hints(record, include_extras=True)
    return {attribute.name: hints[attribute.name] for attribute in fields(record)}


def query_parameter(name: str, hint: Any, schemas: Schemas) -> Schema:
    """Describe an optional parameter: what may be None in the query may be left out of the request, or be empty."""
    kind, keywords = get_args(hint)
    schema = schemas.of(kind)
    sent = next(iter(schema.get("anyOf", [])), schema)
    if isinstance(sent["type"], list):
        sent = {"type": sent["type"][0]}
    limits = {keyword: value for keyword, value in keywords.items() if keyword != "description"}
    return {
        "name": name,
        "in": "query",
        "description": keywords["description"],
        "allowEmptyValue": "minLength" not in limits,
        "schema": sent | limits,
    }


def _in_one_line(docstring: str | None) -> str:
    return " ".join((docstring or "").split())
