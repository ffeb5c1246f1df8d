"""What all resource types share: how inputs become a thing in AWS, and what of it differs.

A type is a class whose attributes say what pulumi-aws makes of its inputs, and which operations of AWS's API it asks
for that. Most need no more; where an operation is not like the others, the class says it in a method.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

import botocore.exceptions

from releasing.aws_connection import is_gone
from sandbox.provider.emulator import Aws
from sandbox.provider.errors import CONFLICT_POLLS, Answer, ProviderError, patiently
from sandbox.provider.shape import AWS_DECIDES, Block, Field, Problem, Shape, get, path_in, put
from sandbox.provider.tags import change_tags, read_tags, with_tags
from sandbox.provider.wire import has_unknown

Properties = Mapping[str, Any]
MANAGED = "Managed by Pulumi"
"""The description that pulumi-aws gives where AWS wants one."""


DOCUMENTATION = "https://www.pulumi.com/registry/packages/aws/api-docs"
GLOBAL_SERVICES = frozenset({"budgets", "cloudfront", "iam", "route53"})
"""Those that are the same in all regions."""


class Resource:
    """The handler of the resource type of the class's name, in the Pulumi module of its module's; it holds no state.

    `known` is what the stack knows of a thing: its outputs, with the inputs among them. Texts with names in braces are
    filled with what is known, such as `{bucket}/{key}`, with its `{id}`, and `{region}` and `{account}`.
    """

    service: ClassVar[str] = ""
    """boto3's name of the service, if not the module's."""
    noun: ClassVar[str]
    """What the names of the service's operations call it, such as `cache_policy`, if not as the class is named."""
    creates: ClassVar[str] = "create_{}"
    reads: ClassVar[str] = "get_{}"
    updates: ClassVar[str] = "update_{}"
    deletes: ClassVar[str] = "delete_{}"
    id_as: ClassVar[str] = ""
    """The operations' parameter for its id."""
    id_at: ClassVar[str] = ""
    """Where in the answer to its creation AWS tells the id that it has given it."""
    given_in: ClassVar[str | tuple[str, ...]] = ()
    """The parameter in which its inputs are, where they are not parameters themselves."""
    found_in: ClassVar[str] = ""
    """Where in AWS's answer it is; where that is a list, among others."""

    inputs: ClassVar[Mapping[str, Any]]
    """Its inputs, without `tags` and `region`: see shape.py."""
    identity: ClassVar[str] = ""
    """Its id, where that is made of inputs; they can't be changed."""
    import_ids: ClassVar[tuple[str, ...]] = ()
    """What `pulumi import` takes for an id, if that is not its id."""
    replaced_by: ClassVar[frozenset[str]] = frozenset()
    """The other inputs that AWS can't change on an existing thing."""
    named_by: ClassVar[str] = "name"
    """The input for which pulumi-aws makes up a name where the program gives none.

    Where the program gives one, the old thing goes before the new one comes, even under another name:
    https://github.com/pulumi/pulumi-terraform-bridge/blob/main/pkg/tfbridge/schema.go (nameRequiresDeleteBeforeReplace)
    """
    deleted_first: ClassVar[bool] = False
    """Whether it is so whatever its name, as pulumi-aws says of some types."""
    outputs: ClassVar[Mapping[str, str]] = {}
    """What else is known once it is created: where that is in AWS's answer (in a list, in its item), or a filled text.

    Nothing, where the type says it in `further`.
    """
    moving: ClassVar[tuple[str, ...]] = ()
    """Those that any update changes."""
    tagged: ClassVar[bool] = False
    untold: ClassVar[frozenset[str]] = frozenset()
    """The inputs of which the emulator does not tell, so that they stay as the stack knows them."""
    apart: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """The inputs that have an operation of their own, by the method that asks for it."""
    ours: ClassVar[frozenset[str]] = frozenset()
    """The inputs of which AWS knows nothing."""
    bears: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """AWS's error codes that pulumi-aws bears with for a while, and asks again: in `creates` or in `deletes`."""
    waits_for: ClassVar[str] = ""
    """What creation waits for, in words, for docs/sandbox.md."""
    differs_in: ClassVar[str] = ""
    """Where it differs from pulumi-aws, in words, for docs/sandbox.md."""

    def __init_subclass__(cls) -> None:
        if cls.__module__ != __name__:
            cls.service = cls.service or module_of(cls)
        if "noun" not in vars(cls):
            cls.noun = re.sub("(?<!^)([A-Z])", r"_\1", cls.__name__).lower()

    def __init__(self) -> None:
        self.regional = self.service not in GLOBAL_SERVICES
        shared = {**({"tags": None} if self.tagged else {}), **({"region": AWS_DECIDES} if self.regional else {})}
        self.shape = Block({**self.inputs, **shared})
        self.own = Block(self.inputs)
        self.computed = (*self.outputs, *(("tagsAll",) if self.tagged else ()))

    # What a type may say otherwise.

    def identifier(self, aws: Aws, inputs: Properties) -> str:
        """The id of the thing, where that follows from its inputs."""
        return _filled(self.identity, aws, inputs)

    def create(self, aws: Aws, inputs: Properties) -> str:
        """Create the thing, with an error of AWS where there is one already, and return its id."""
        answer = self.call(aws, "creates", inputs, **self.tags_at_creation(aws, inputs))
        return str(get(answer, self.id_at.split("."))) if self.id_at else self.identifier(aws, inputs)

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        """Do what is left once it has its id: what takes further requests, and waiting until it can be used."""
        given = {name for name, value in inputs.items() if self.shape.fields[name].differs(None, value)}
        self.set_apart(aws, identifier, {}, inputs, given)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """The inputs and outputs as AWS has them, `tagsAll` for tags; None or an error of AWS if the thing is gone."""
        here = {name: known[name] for name in self.placed_by() if name in known}
        for told, shape, answer in self.told(aws, identifier, known):
            told_of = self.properties(told, shape)
            state = {**told_of, **{name: value for name, value in here.items() if told_of.get(name) is None}}
            if all(state[name] in (None, value) for name, value in here.items()):
                state |= self.further(aws, identifier, {**known, **state}, answer)
                tags = read_tags(aws, self.service, self.noun, {**state, "id": identifier}, told) if self.tagged else {}
                return {**state, **({"tagsAll": tags} if self.tagged else {})}
        return None

    def properties(self, told: Any, shape: Shape) -> dict[str, Any]:
        """The inputs that AWS tells of."""
        return {name: value for name, value in self.own.from_aws(told, shape).items() if name not in self.untold}

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        """The outputs that are no inputs."""
        values = {**state, "id": identifier}
        for name, source in self.outputs.items():
            if source:
                values[name] = _filled(source, aws, values) if "{" in source else get(answer, source.split("."))
        found = {name: values.get(name) for name in self.outputs}
        return {name: each.isoformat() if isinstance(each, datetime) else each for name, each in found.items()}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        """Bring the thing to the inputs; `changed` names those that differ."""
        if changed - {"tags"} - self.ours - self.set_apart(aws, identifier, known, inputs, changed):
            self.call(aws, "updates", inputs, identifier)
        if "tags" in changed:
            self.change_tags(aws, identifier, known, inputs)

    def set_apart(
        self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]
    ) -> set[str]:
        """Bring those inputs into place that have an operation of their own; their names."""
        for method, names in self.apart.items():
            if changed & {*names}:
                getattr(self, method)(aws, identifier, known, inputs)
        return {name for names in self.apart.values() for name in names}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """Delete the thing; an error of AWS that it is gone does no harm."""
        self.ask(aws, "deletes", self.address(aws, "deletes", identifier, known))

    def imported(self, aws: Aws, import_id: str) -> dict[str, str]:
        """What `read` needs to know of a thing that is imported, its `id` among it unless that follows.

        Raises:
            ProviderError: the import id has another form.

        """
        for form in self.import_ids or (self.identity or "{id}",):
            if match := re.fullmatch(_pattern(form), import_id):
                return match.groupdict()
        page = f"{DOCUMENTATION}/{module_of(type(self))}/{type(self).__name__.lower()}/#import"
        raise ProviderError(f"{import_id} is no import id of this type; see {page}")

    def taken_for_done(self, inputs: Properties) -> Properties:
        """The inputs that the stack believes to be in place even if an update fails: it doesn't try them again."""
        return inputs

    def unknown_after(self, changed: set[str], known: Properties) -> Iterable[str]:
        """The outputs that an update of these inputs will change, for previews."""
        return self.moving

    # How AWS is asked.

    def operation(self, which: str) -> str:
        """The name of an operation: of the one that `creates`, `reads`, `updates` or `deletes`."""
        return str(getattr(self, which)).format(self.noun)

    def call(self, aws: Aws, which: str, inputs: Properties, identifier: str = "", **more: Any) -> Any:
        """Ask with all inputs that the operation takes."""
        shape = aws.operation(self.service, self.operation(which)).input_shape
        fixed = self.replaced_by if which == "updates" else ()
        given = self.only(*(self.own.fields.keys() - fixed))
        request = given.to_aws(inputs, shape)
        if place := Field(aws=self.given_in).place("", shape) if self.given_in else []:
            rest = self.only(*(name for name, each in given.fields.items() if not each.place(name, shape)))
            put(request, [name for name, _ in place], rest.to_aws(inputs, place[-1][1]))
        return self.ask(aws, which, {**self.address(aws, which, identifier, inputs), **request, **more})

    def ask(self, aws: Aws, which: str, request: Properties) -> Any:
        """Ask, and bear with what pulumi-aws bears with."""
        ask = getattr(aws.client(self.service), self.operation(which))
        return patiently(lambda: ask(**request), *self.bears.get(which, ()), polls=CONFLICT_POLLS)

    def address(self, aws: Aws, which: str, identifier: str, known: Properties) -> dict[str, Any]:
        """The parameters that say which thing an operation is for."""
        shape = aws.operation(self.service, self.operation(which)).input_shape
        names = {name: known[name] for name in self.placed_by() if known.get(name) is not None}
        request: dict[str, Any] = self.only(*names).to_aws(names, shape)
        if self.id_as and (place := path_in(shape, self.id_as)):
            put(request, [name for name, _ in place], Field().to_aws(identifier, place[-1][1]))
        return {**request, **({"AccountId": aws.account_id} if "AccountId" in shape.required_members else {})}

    def told(self, aws: Aws, identifier: str, known: Properties) -> Iterator[tuple[Any, Shape, Any]]:
        """What AWS tells of things of this type at the place of this one, its shape, and where the outputs are."""
        client, operation = aws.client(self.service), self.operation("reads")
        request = self.address(aws, "reads", identifier, known)
        pages = client.get_paginator(operation).paginate if client.can_paginate(operation) else None
        shape = aws.operation(self.service, operation).output_shape
        place = path_in(shape, self.found_in) if self.found_in else []
        inner = place[-1][1] if place else shape
        for answer in pages(**request) if pages else [getattr(client, operation)(**request)]:
            found = get(answer, [name for name, _ in place])
            if inner.type_name == "list":
                yield from ((each, inner.member, each) for each in found or ())
            elif found:
                yield found, inner, answer

    def only(self, *names: str) -> Block:
        """Some of the inputs."""
        return Block({name: self.own.fields[name] for name in names})

    def placed_by(self) -> set[str]:
        """The inputs that say where it is."""
        return set(re.findall(r"{(\w+)}", " ".join((self.identity, *self.import_ids)))) & self.inputs.keys()

    def tags_at_creation(self, aws: Aws, inputs: Properties) -> dict[str, Any]:
        """The tags as its creation takes them."""
        shape = aws.operation(self.service, self.operation("creates")).input_shape
        return with_tags(shape, aws.tags(inputs), self.noun) if self.tagged else {}

    def change_tags(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        """Give the thing the tags of the inputs."""
        thing = {**known, "id": identifier}
        change_tags(aws, self.service, self.noun, thing, known.get("tagsAll") or {}, aws.tags(inputs))

    # What the engine asks for.

    def problems(self, inputs: Properties) -> Iterable[Problem]:
        """What the program can't ask for, and where to add it."""
        file = f"sandbox/provider/services/{type(self).__module__.rsplit('.', 1)[-1]}.py"
        for path, reason in self.shape.problems("", inputs):
            yield path, f"{path} {reason}" + (f": add it to {file}" if "not known" in reason else "")

    def changes(self, aws: Aws, old_inputs: Properties, known: Properties, inputs: Properties) -> set[str]:
        """The inputs that differ from what there is, as the stack knows it."""
        changed = self.own.changes({**old_inputs, **known}, inputs)
        if self.tagged and (has_unknown(inputs.get("tags")) or (known.get("tagsAll") or {}) != aws.tags(inputs)):
            changed.add("tags")
        if self.regional and known.get("region", aws.region) != aws.region:
            changed.add("region")
        return changed

    def replaces(self, changed: set[str]) -> set[str]:
        """Those of the changed inputs that only a new thing can have."""
        return changed & (self.replaced_by | set(re.findall(r"{(\w+)}", self.identity)) | {"region"})

    def lacks_name(self, inputs: Properties) -> bool:
        """Whether pulumi-aws would make up the thing's name: https://www.pulumi.com/docs/iac/concepts/resources/names."""
        return self.named_by in self.inputs and self.named_by not in inputs

    def goes_first(self, inputs: Properties) -> bool:
        """Whether the old thing is deleted before the new one is created."""
        return self.deleted_first or self.named_by in inputs

    def state(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """All outputs as AWS has them, and the inputs that AWS knows nothing of as they were; None if it is gone."""
        return unless_gone(lambda: self.new_state(aws, identifier, known))

    def new_state(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """The same, with an error of AWS that it is gone: what is new may not be there for every reader yet."""
        actual = self.read(aws, identifier, known)
        if actual is None:
            return None
        kept = {name: known[name] for name in self.shape.fields if name in known and name not in actual}
        if self.tagged:
            actual["tags"] = self._own_tags(aws, actual["tagsAll"], known)
        if self.regional:
            actual["region"] = aws.region
        return {name: value for name, value in {**kept, **actual}.items() if value is not None}

    def refreshed_inputs(self, inputs: Properties, state: Properties) -> dict[str, Any]:
        """The inputs that would lead to this state, written as the program writes them."""
        refreshed: dict[str, Any] = self.shape.as_given(inputs, state)
        return refreshed

    def destroy(self, aws: Aws, identifier: str, known: Properties) -> None:
        """Delete the thing, if it is there."""
        unless_gone(lambda: self.delete(aws, identifier, known))

    @staticmethod
    def _own_tags(aws: Aws, tags: Mapping[str, str], known: Properties) -> dict[str, str] | None:
        given = known.get("tags") or {}
        own = {key: value for key, value in tags.items() if key in given or aws.default_tags.get(key) != value}
        return own or None


def module_of(handler: type[Resource]) -> str:
    """Pulumi's name of its module: that of Python's without the underscore that a keyword takes."""
    return handler.__module__.rsplit(".", 1)[-1].removesuffix("_")


class Setting(Resource):
    """What AWS puts in the place of what is there, so that creating and updating it are one."""

    creates = updates = "put_{}"


def _filled(form: str, aws: Aws, known: Properties) -> str:
    account = {"account": aws.account_id} if "{account}" in form else {}
    return form.format_map({**known, **account, "region": aws.region})


def _pattern(form: str) -> str:
    """A form such as `{bucket}/{key}` as a regular expression; the first name is as short as can be."""
    pattern, names = re.escape(form), re.findall(r"{(\w+)}", form)
    for name in names:
        pattern = pattern.replace(rf"\{{{name}\}}", f"(?P<{name}>.+{'?' if name == names[0] else ''})")
    return pattern


def unless_gone(request: Callable[[], Answer]) -> Answer | None:
    """What AWS answers; None where it says that there is no such thing."""
    try:
        return request()
    except botocore.exceptions.ClientError as error:
        if is_gone(error):
            return None
        raise
