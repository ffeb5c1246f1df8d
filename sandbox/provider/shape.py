"""The inputs of a resource type, declared once: what they are named in AWS's API, and how they are compared.

From one declaration come the check for unknown and missing properties, the request to AWS, the state read back from
AWS, and the comparison of the two.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.provider.wire import UNKNOWN, has_unknown

AWS_DECIDES: Final = "AWS decides"
"""The default of a property for which AWS picks a value itself when the program gives none."""

Problem = tuple[str, str]
"""A property's path, and what is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One property.

    `aws` is its name in AWS's API, with dots where that nests deeper; empty where the handler translates by itself.
    `default` is what the property is when the program does not give it.
    """

    aws: str = ""
    default: Any = None
    required: bool = False

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """What the program can't ask for."""
        yield from ()

    def to_aws(self, value: Any) -> Any:
        """The value as boto3 takes it."""
        return value

    def from_aws(self, value: Any) -> Any:
        """The value as Pulumi takes it; None where AWS has none, which it also writes as an empty text."""
        return None if value == "" and self.default is None else value

    def differs(self, old: Any, new: Any) -> bool:
        """Whether going from old to new is a change; None means that it is not given."""
        if new is None and self.default is AWS_DECIDES:
            return False
        if has_unknown(new):
            return True
        return bool(self._differs(self.or_default(old), self.or_default(new)))

    def as_given(self, given: Any, actual: Any) -> Any:
        """The actual value, as the program would write it: left out where the program does and AWS has the default."""
        return actual if self.differs(actual, given) else given

    def or_default(self, value: Any) -> Any:
        """The value, or what it is when the program does not give it."""
        return (None if self.default is AWS_DECIDES else self.default) if value is None else value

    def _differs(self, old: Any, new: Any) -> bool:
        return bool(old != new)


@dataclass(frozen=True, kw_only=True)
class Document(Field):
    """A JSON text, compared by what it says."""

    def _differs(self, old: Any, new: Any) -> bool:
        return bool(_parsed(old) != _parsed(new))


@dataclass(frozen=True, kw_only=True)
class Values(Field):
    """A list of plain values, by default one in which the order means nothing.

    `counted` lists are CloudFront's: `{"Quantity": 1, "Items": [...]}`.
    """

    default: Any = field(default_factory=list)
    ordered: bool = False
    counted: bool = False

    def to_aws(self, value: Any) -> Any:
        return _counted(value) if self.counted else value

    def from_aws(self, value: Any) -> Any:
        return _items(value, self.counted)

    def _differs(self, old: Any, new: Any) -> bool:
        if self.ordered:
            return bool(old != new)
        return sorted(old or [], key=str) != sorted(new or [], key=str)


@dataclass(frozen=True, kw_only=True)
class Block(Field):
    """A nested object. Where `counted`, its one list is CloudFront's: `{"Quantity": 1, "Items": [...]}`."""

    fields: Mapping[str, Field]
    counted: bool = False

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        if value is UNKNOWN:
            return
        if not isinstance(value, Mapping):
            yield path, f"is {type(value).__name__}, not an object"
            return
        yield from (
            (_join(path, name), "is not known to the sandbox's provider") for name in value.keys() - self.fields
        )
        for name, inner in self.fields.items():
            if value.get(name) is not None:
                yield from inner.problems(_join(path, name), value[name])
            elif inner.required:
                yield _join(path, name), "is required"

    def to_aws(self, value: Any) -> dict[str, Any]:
        """What is not given takes its default, or is left to AWS."""
        request: dict[str, Any] = {}
        for name, inner in self.fields.items():
            given = inner.or_default(value.get(name))
            if inner.aws and given is not None:
                _put(request, inner.aws.split("."), inner.to_aws(given))
        if self.counted:
            request["Quantity"] = len(request.get("Items", ()))
        return request

    def from_aws(self, value: Any) -> Any:
        if value is None:
            return None
        return {
            name: inner.from_aws(_get(value, inner.aws.split("."))) for name, inner in self.fields.items() if inner.aws
        }

    def changes(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
        """The names of the properties that differ."""
        return {name for name, inner in self.fields.items() if inner.differs(old.get(name), new.get(name))}

    def as_given(self, given: Any, actual: Any) -> Any:
        """Property by property."""
        if given is None or actual is None:
            return super().as_given(given, actual)
        values = {name: inner.as_given(given.get(name), actual.get(name)) for name, inner in self.fields.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _differs(self, old: Any, new: Any) -> bool:
        if old is None or new is None:
            return old is not new
        return bool(self.changes(old, new))


@dataclass(frozen=True, kw_only=True)
class Blocks(Field):
    """A list of nested objects, by default one in which the order means nothing.

    `key` is the property that tells them apart; without one they are told apart by their place.
    """

    of: Block
    key: str = ""
    ordered: bool = False
    counted: bool = False
    default: Any = field(default_factory=list)

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        if value is UNKNOWN:
            return
        if not isinstance(value, list):
            yield path, f"is {type(value).__name__}, not a list"
            return
        for index, item in enumerate(value):
            yield from self.of.problems(f"{path}[{index}]", item)

    def to_aws(self, value: Any) -> Any:
        items = [self.of.to_aws(item) for item in value]
        return _counted(items) if self.counted else items

    def from_aws(self, value: Any) -> Any:
        return [self.of.from_aws(item) for item in _items(value, self.counted)]

    def as_given(self, given: Any, actual: Any) -> Any:
        """In the order that the program gives, with what it does not name at the end."""
        if not given or not actual:
            return super().as_given(given, actual)
        given_by_key, actual_by_key = self._by_key(given), self._by_key(actual)
        if self.ordered:
            return [self.of.as_given(given_by_key.get(key), item) for key, item in actual_by_key.items()]
        keys = [key for key in given_by_key if key in actual_by_key]
        keys += [key for key in actual_by_key if key not in given_by_key]
        return [self.of.as_given(given_by_key.get(key), actual_by_key[key]) for key in keys]

    def _differs(self, old: Any, new: Any) -> bool:
        old_by_key, new_by_key = self._by_key(old or []), self._by_key(new or [])
        if old_by_key.keys() != new_by_key.keys() or (self.ordered and list(old_by_key) != list(new_by_key)):
            return True
        return any(self.of.differs(old_by_key[key], item) for key, item in new_by_key.items())

    def _by_key(self, items: Sequence[Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
        return {item.get(self.key) if self.key else index: item for index, item in enumerate(items)}


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _counted(items: Sequence[Any]) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": list(items)} if items else {"Quantity": 0}


def _items(value: Any, counted: bool) -> list[Any]:
    return list(((value or {}).get("Items") if counted else value) or [])


def _put(target: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        target = target.setdefault(name, {})
    target[path[-1]] = value


def _get(source: Any, path: Sequence[str]) -> Any:
    for name in path:
        source = (source or {}).get(name)
    return source
