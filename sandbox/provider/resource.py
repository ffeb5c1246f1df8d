"""What all resource types share: how inputs become a thing in AWS, and what of it differs."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import botocore.exceptions

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import Answer, ProviderError, is_gone
from sandbox.provider.shape import AWS_DECIDES, Block, Field, Problem
from sandbox.provider.wire import has_unknown

Properties = Mapping[str, Any]
TAGS = {"tags": Field()}
MANAGED = "Managed by Pulumi"
"""The description that pulumi-aws gives where AWS wants one."""
REGION = {"region": Field(default=AWS_DECIDES)}


class Resource:
    """The handler of a resource type; it holds no state.

    A subclass declares the type and says how to create, read, update and delete a thing of it. `known` is what the
    stack knows of the thing: its outputs, with the inputs among them.
    """

    tokens: ClassVar[tuple[str, ...]]
    """Pulumi's names of the type."""
    inputs: ClassVar[Block]
    """Its inputs, without `tags` and `region`."""
    replace_on: ClassVar[frozenset[str]] = frozenset()
    """The inputs that AWS can't change on an existing thing."""
    identity: ClassVar[tuple[str, ...]] = ()
    """The inputs that its id is made of, none where AWS gives it one. They can't be changed either."""
    named_by: ClassVar[str] = "name"
    """The input for which pulumi-aws makes up a name where the program gives none.

    Where the program gives one, the old thing goes before the new one comes, even under another name:
    https://github.com/pulumi/pulumi-terraform-bridge/blob/main/pkg/tfbridge/schema.go (nameRequiresDeleteBeforeReplace)
    """
    deleted_first: ClassVar[bool] = False
    """Whether it is so whatever its name, as pulumi-aws says of some types."""
    imported_as: ClassVar[str] = "(?P<id>.+)"
    """What `pulumi import` takes for an id, with the inputs that it names."""
    computed: ClassVar[tuple[str, ...]] = ()
    """The outputs that are known once it is created."""
    tagged: ClassVar[bool] = False
    regional: ClassVar[bool] = True

    def __init__(self) -> None:
        self.shape = Block(
            fields={**self.inputs.fields, **(TAGS if self.tagged else {}), **(REGION if self.regional else {})}
        )

    # What a subclass says.

    def identifier(self, inputs: Properties) -> str:
        """The id of the thing, where that follows from its inputs."""
        return "/".join(str(inputs[name]) for name in self.identity)

    def create(self, aws: Aws, inputs: Properties) -> str:
        """Create the thing, with an error of AWS where there is one already, and return its id."""
        raise NotImplementedError

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        """Do what is left once it has its id: what takes further requests, and waiting until it can be used."""

    def imported(self, aws: Aws, import_id: str) -> dict[str, str]:
        """What `read` needs to know of a thing that is imported, its `id` among it unless that follows.

        Raises:
            ProviderError: the import id has another form.

        """
        match = re.fullmatch(self.imported_as, import_id)
        if match is None:
            raise ProviderError(f"{import_id} is no import id of this type; see {self._documentation()}")
        return {name: value for name, value in match.groupdict().items() if value is not None}

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """The inputs and outputs as AWS has them, `tagsAll` for tags; None or an error of AWS if the thing is gone."""
        raise NotImplementedError

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        """Bring the thing to the inputs; `changed` names those that differ."""
        raise NotImplementedError

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """Delete the thing; an error of AWS that it is gone does no harm."""
        raise NotImplementedError

    def taken_for_done(self, inputs: Properties) -> Properties:
        """The inputs that the stack believes to be in place even if an update fails: it doesn't try them again."""
        return inputs

    def unknown_after(self, changed: set[str], known: Properties) -> Iterable[str]:
        """The outputs that an update of these inputs will change, for previews."""
        return ()

    # What the engine asks for.

    def problems(self, inputs: Properties) -> Iterable[Problem]:
        """What the program can't ask for, and where to add it."""
        file = f"sandbox/provider/{type(self).__module__.rsplit('.', 1)[-1]}.py"
        for path, reason in self.shape.problems("", inputs):
            yield path, f"{path} {reason}" + (f": add it to {file}" if "not known" in reason else "")

    def changes(self, aws: Aws, old_inputs: Properties, known: Properties, inputs: Properties) -> set[str]:
        """The inputs that differ from what there is, as the stack knows it."""
        changed = self.shape.changes({**old_inputs, **known}, inputs) - {"tags", "region"}
        if self.tagged and (has_unknown(inputs.get("tags")) or (known.get("tagsAll") or {}) != aws.tags(inputs)):
            changed.add("tags")
        if self.regional and known.get("region", aws.region) != aws.region:
            changed.add("region")
        return changed

    def replaces(self, changed: set[str]) -> set[str]:
        """Those of the changed inputs that only a new thing can have."""
        return changed & (self.replace_on | set(self.identity) | {"region"})

    def lacks_name(self, inputs: Properties) -> bool:
        """Whether pulumi-aws would make up the thing's name: https://www.pulumi.com/docs/iac/concepts/resources/names."""
        named = self.shape.fields.get(self.named_by)
        return named is not None and getattr(named, "required", False) and self.named_by not in inputs

    def goes_first(self, inputs: Properties) -> bool:
        """Whether the old thing is deleted before the new one is created."""
        return self.deleted_first or self.named_by in inputs

    def state(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """All outputs as AWS has them, and the inputs that AWS knows nothing of as they were; None if it is gone."""
        return _unless_gone(lambda: self.new_state(aws, identifier, known))

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
        _unless_gone(lambda: self.delete(aws, identifier, known))

    def _documentation(self) -> str:
        _, module, name = self.tokens[0].split(":")
        return f"https://www.pulumi.com/registry/packages/aws/api-docs/{module.split('/')[0]}/{name.lower()}/#import"

    @staticmethod
    def _own_tags(aws: Aws, tags: Mapping[str, str], known: Properties) -> dict[str, str] | None:
        given = known.get("tags") or {}
        own = {key: value for key, value in tags.items() if key in given or aws.default_tags.get(key) != value}
        return own or None


class Setting(Resource):
    """What AWS puts in the place of what is there, so that creating and updating it are one."""

    def create(self, aws: Aws, inputs: Properties) -> str:
        self.put(aws, inputs)
        return self.identifier(inputs)

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        self.put(aws, inputs)

    def put(self, aws: Aws, inputs: Properties) -> None:
        """Set it."""
        raise NotImplementedError


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as most of AWS's services take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_map(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags as most of AWS's services return them; AWS's own are left out."""
    return {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("aws:")}


def superfluous_tags(known: Properties, tags: Mapping[str, str]) -> list[str]:
    """The keys of the tags that the thing has and should not have."""
    return [key for key in known.get("tagsAll") or {} if key not in tags]


def _unless_gone(request: Callable[[], Answer]) -> Answer | None:
    try:
        return request()
    except botocore.exceptions.ClientError as error:
        if is_gone(error):
            return None
        raise
