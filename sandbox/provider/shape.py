"""The inputs of a resource type: how the request to AWS is made of them, and how they are compared with what AWS tells.

They are declared as a table of defaults: a plain value is what a property is when the program does not give it, `None`
where it then is nothing; a dict is a nested object, `[]` a list of plain values, and `[{...}]` a list of objects.
What they are named in AWS's API, and in which form it takes them, botocore's service models say.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final

from sandbox.provider.wire import UNKNOWN, has_unknown

AWS_DECIDES: Final = "AWS decides"
"""The default of a property for which AWS picks a value, and keeps it, when the program gives none."""

Problem = tuple[str, str]
"""A property's path, and what is wrong with it."""
Shape = Any
"""botocore's description of a value in AWS's API."""
Step = tuple[str, Shape]
"""A name in AWS's API, and the shape of what has it."""


@dataclass(frozen=True)
class Field:
    """One property.

    `aws` is its name in AWS's API where that is another one, with dots where that nests deeper; several, where one
    operation names it so and another so.
    """

    default: Any = None
    _: KW_ONLY
    aws: str | tuple[str, ...] = ()

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        """What the program can't ask for."""
        yield from ()

    def place(self, name: str, shape: Shape) -> list[Step]:
        """Where in a shape of AWS's it is, from the outside in; nowhere where AWS does not take or tell it there."""
        others = (self.aws,) if isinstance(self.aws, str) else self.aws
        return next(filter(None, (path_in(shape, each) for each in (*others, name) if each)), [])

    def to_aws(self, value: Any, shape: Shape) -> Any:
        """The value as boto3 takes it."""
        if shape.type_name == "list":
            member = shape.member
            return _pairs(value, member) if isinstance(value, Mapping) else [self.to_aws(value, member)]
        return _as_taken(value, shape.type_name)

    def from_aws(self, value: Any, shape: Shape) -> Any:
        """The value as Pulumi takes it; None where AWS has none, which it also writes as an empty text."""
        if shape.type_name == "list":
            return self.from_aws(value[0], shape.member) if value else None
        if isinstance(value, str) and isinstance(self.default, int):
            return value == "true" if isinstance(self.default, bool) else int(value)
        return None if value == "" and self.default is None else value

    def told(self, value: Any, shape: Shape) -> Any:
        """The same, or the default where AWS has none."""
        return self.or_default(self.from_aws(value, shape))

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


class Text(Field):
    """A number or a truth that Pulumi writes as text."""

    def from_aws(self, value: Any, shape: Shape) -> Any:
        if value is None or isinstance(value, str):
            return value
        return str(value).lower() if isinstance(value, bool) else f"{value:g}"


class Pairs(Field):
    """Values by their names, which AWS takes as a list of `{"Name": ..., "Value": ...}`."""

    def from_aws(self, value: Any, shape: Shape) -> Any:
        return dict(tuple(pair.values()) for pair in value or ()) or None


class Document(Field):
    """A JSON text, compared by what it says; boto3 parses some of them."""

    def from_aws(self, value: Any, shape: Shape) -> Any:
        return super().from_aws(value if value is None or isinstance(value, str) else json.dumps(value), shape)

    def _differs(self, old: Any, new: Any) -> bool:
        return bool(_parsed(old) != _parsed(new))


@dataclass(frozen=True)
class Values(Field):
    """A list of plain values, by default one in which the order means nothing.

    Where AWS has objects in their place, `each` is the property of theirs, or the first one.
    """

    default: Any = field(default_factory=list)
    _: KW_ONLY
    ordered: bool = False
    each: str = ""

    def to_aws(self, value: Any, shape: Shape) -> Any:
        if shape.type_name == "string":
            return ",".join(value)
        return _counted([{self.each: item} if self.each else item for item in value], shape)

    def from_aws(self, value: Any, shape: Shape) -> Any:
        if isinstance(value, str):
            return value.split(",")
        return [item[self.each or next(iter(item))] if isinstance(item, Mapping) else item for item in _items(value)]

    def _differs(self, old: Any, new: Any) -> bool:
        if self.ordered:
            return bool(old != new)
        return sorted(old or [], key=str) != sorted(new or [], key=str)


@dataclass(frozen=True)
class Block(Field):
    """A nested object."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    _: KW_ONLY
    default: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", {name: _field(value) for name, value in self.fields.items()})

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, Mapping):
            yield from _problems_of_form(path, value, "an object")
            return
        for name, each in value.items():
            if name not in self.fields:
                yield f"{path}.{name}".lstrip("."), "is not known to the sandbox's provider"
            elif each is not None:
                yield from self.fields[name].problems(f"{path}.{name}".lstrip("."), each)

    def to_aws(self, value: Any, shape: Shape) -> Any:
        """What is not given takes its default, or is left to AWS; what AWS does not take there is left out."""
        if shape.type_name == "list":
            return [self.to_aws(value, shape.member)]
        request: dict[str, Any] = {}
        for name, inner in self.fields.items():
            given, place = inner.or_default(value.get(name)), inner.place(name, shape)
            if given is not None and place:
                put(request, [step for step, _ in place], inner.to_aws(given, place[-1][1]))
        if "Quantity" in _members(shape):
            request["Quantity"] = len(request.get("Items", ()))
        return request

    def from_aws(self, value: Any, shape: Shape) -> Any:
        """What AWS tells of it; what it never tells in this place is left out."""
        if value is None:
            return None
        if shape.type_name == "list":
            return self.from_aws(value[0], shape.member) if value else None
        places = {name: inner.place(name, shape) for name, inner in self.fields.items()}
        return {
            name: self.fields[name].told(get(value, [step for step, _ in place]), place[-1][1])
            for name, place in places.items()
            if place
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


@dataclass(frozen=True)
class Blocks(Field):
    """A list of objects, by default one in which the order means nothing.

    `key` is the property that tells them apart, their first one where nothing else is said; without one (`""`) they are
    told apart by their place.
    """

    of: Any = field(default_factory=dict)
    _: KW_ONLY
    key: str | None = None
    ordered: bool = False
    default: Any = field(default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "of", _field(self.of))
        if self.key is None:
            object.__setattr__(self, "key", next(iter(self.of.fields)))

    def problems(self, path: str, value: Any) -> Iterator[Problem]:
        if not isinstance(value, list):
            yield from _problems_of_form(path, value, "a list")
            return
        for index, item in enumerate(value):
            yield from self.of.problems(f"{path}[{index}]", item)

    def to_aws(self, value: Any, shape: Shape) -> Any:
        """Where AWS takes one object in the place of a list, the first one."""
        if _is_one(shape):
            return self.of.to_aws(next(iter(value), {}), shape)
        member = _list_shape(shape).member
        return _counted([self.of.to_aws(item, member) for item in value], shape)

    def from_aws(self, value: Any, shape: Shape) -> Any:
        if _is_one(shape):
            return [self.of.from_aws(value, shape)] if value else []
        return [self.of.from_aws(item, _list_shape(shape).member) for item in _items(value)]

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


def path_in(shape: Shape, path: str) -> list[Step]:
    """Where a path, such as `Policies.PasswordPolicy`, leads in a shape; nowhere where the shape has no such thing.

    Capitals make no difference between names, nor does the `s` of a list: `callbackUrls` is AWS's `CallbackURLs`. It
    leads through a list to the first of its items.
    """
    steps: list[Step] = []
    for name in path.split("."):
        shape = shape.member if steps and shape.type_name == "list" else shape
        if not (step := _step(shape, name)):
            return []
        steps.append(step)
        shape = step[1]
    return steps


def put(target: dict[str, Any], path: Sequence[str], value: Any) -> None:
    """Put a value at a path of names."""
    for name in path[:-1]:
        target = target.setdefault(name, {})
    target[path[-1]] = value


def get(source: Any, path: Iterable[str]) -> Any:
    """What is at a path of names; None where nothing is."""
    for name in path:
        source = ((source[0] if isinstance(source, list) and source else source) or {}).get(name)
    return source


def _problems_of_form(path: str, value: Any, expected: str) -> Iterator[Problem]:
    if value is not UNKNOWN:
        yield path, f"is {type(value).__name__}, not {expected}"


def _field(declared: Any) -> Field:
    match declared:
        case Field():
            return declared
        case Mapping():
            return Block(declared)
        case [Mapping() as of]:
            return Blocks(of)
        case []:
            return Values()
    return Field(declared)


def _step(shape: Shape, name: str) -> Step | None:
    if shape.type_name == "map":
        return name[0].upper() + name[1:], shape.value
    members = {member.lower(): (member, inner) for member, inner in getattr(shape, "members", {}).items()}
    spelled = name.lower()
    return members.get(spelled) or members.get(f"{spelled}s") or members.get(spelled.removesuffix("s"))


def _as_taken(value: Any, type_name: str) -> Any:
    """A plain value in the type that AWS takes it in."""
    match value, type_name:
        case (bool(), "string"):
            return str(value).lower()
        case (int(), "string"):
            return str(value)
        case (str(), "boolean"):
            return value == "true"
        case (str(), "double"):
            return float(value)
    return value


def _members(shape: Shape) -> list[str]:
    return list(getattr(shape, "members", ()))


def _pairs(values: Mapping[str, Any], shape: Shape) -> list[dict[str, Any]]:
    name, value = _members(shape)[:2]
    return [{name: each, value: values[each]} for each in values]


def _is_one(shape: Shape) -> bool:
    return shape.type_name == "structure" and "Items" not in shape.members


def _list_shape(shape: Shape) -> Shape:
    return shape.members["Items"] if shape.type_name == "structure" else shape


def _counted(items: list[Any], shape: Shape) -> Any:
    """A list as CloudFront takes it: `{"Quantity": 1, "Items": [...]}`; as it is, where its shape is a plain list."""
    if shape.type_name == "list":
        return items
    return {"Quantity": len(items), "Items": items} if items else {"Quantity": 0}


def _items(value: Any) -> list[Any]:
    return list((value.get("Items") if isinstance(value, Mapping) else value) or [])


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text
