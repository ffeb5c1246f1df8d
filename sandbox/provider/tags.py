"""The tags of AWS's things. How a service takes them, and in which operations, its model in botocore says."""

import re
from collections.abc import Mapping
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.shape import Shape

Tags = Mapping[str, str]

# Each service's operations that add tags, take them off and list them; without the last, AWS tells them with the thing.
OPERATIONS = {
    "acm": ("add_tags_to_certificate", "remove_tags_from_certificate", "list_tags_for_certificate"),
    "apigatewayv2": ("tag_resource", "untag_resource", "get_tags"),
    "cognito-idp": ("tag_resource", "untag_resource", ""),
    "dynamodb": ("tag_resource", "untag_resource", "list_tags_of_resource"),
    "ec2": ("create_tags", "delete_tags", ""),
    "iam": ("tag_{}", "untag_{}", "list_{}_tags"),
    "lambda": ("tag_resource", "untag_resource", "list_tags"),
    "sqs": ("tag_queue", "untag_queue", "list_queue_tags"),
}
MOST = ("tag_resource", "untag_resource", "list_tags_for_resource")
NAME = re.compile("(?i:tags|tagkeys|tagspecifications)$")
"""How parameters with tags are named."""


def with_tags(shape: Shape, tags: Tags, kind: str) -> dict[str, Any]:
    """The parameter with which an operation gives a thing its tags, if it has one; EC2 asks of what kind it is."""
    name = _parameter(shape)
    if not name or not tags:
        return {}
    member = getattr(shape.members[name], "member", None)
    if "ResourceType" in getattr(member, "members", ()):
        return {name: [{"ResourceType": kind.replace("_", "-"), "Tags": as_list(tags)}]}
    return {name: _as_taken(tags, shape.members[name])}


def read_tags(aws: Aws, service: str, noun: str, thing: Tags, told: Any) -> dict[str, str]:
    """The tags of a thing, of which `thing` has id and ARN, and `told` is what AWS tells of it."""
    listing = _operations(service, noun)[2]
    if not listing:
        return as_map(next((told[name] for name in told if NAME.search(name)), None))
    of_what = _of_what(aws.operation(service, listing).input_shape, thing)
    answer = getattr(aws.client(service), listing)(**of_what)
    return as_map(next((value for name, value in answer.items() if NAME.search(name)), None))


def change_tags(aws: Aws, service: str, noun: str, thing: Tags, old: Tags, new: Tags) -> None:
    """Take off the tags that a thing should not have, and set the others."""
    adding, removing, _ = _operations(service, noun)
    if keys := [key for key in old if key not in new]:
        shape = aws.operation(service, removing).input_shape
        name = _parameter(shape)
        getattr(aws.client(service), removing)(**_of_what(shape, thing), **{name: _keys(keys, shape.members[name])})
    if new:
        shape = aws.operation(service, adding).input_shape
        getattr(aws.client(service), adding)(**_of_what(shape, thing), **with_tags(shape, new, noun))


def as_list(tags: Tags) -> list[dict[str, str]]:
    """Tags as most of AWS's services take them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_map(tags: Any) -> dict[str, str]:
    """Tags in whatever form a service returns them; AWS's own are left out."""
    if isinstance(tags, Mapping) and "Items" not in tags:
        return dict(tags)
    listed = tags["Items"] if isinstance(tags, Mapping) else tags or ()
    return {tag["Key"]: tag["Value"] for tag in listed if not tag["Key"].startswith("aws:")}


def _operations(service: str, noun: str) -> tuple[str, ...]:
    return tuple(each.format(noun) for each in OPERATIONS.get(service, MOST))


def _parameter(shape: Shape) -> str:
    return next(filter(NAME.search, shape.members), "")


def _of_what(shape: Shape, thing: Tags) -> dict[str, Any]:
    """The parameter that says whose tags they are: an ARN where it is named so, an id or a name else."""
    name = next(name for name in shape.required_members if not NAME.search(name))
    value = thing["arn"] if name.lower().endswith(("arn", "resource")) else thing["id"]
    return {name: [value] if shape.members[name].type_name == "list" else value}


def _as_taken(tags: Tags, shape: Shape) -> Any:
    if shape.type_name == "map":
        return dict(tags)
    return as_list(tags) if shape.type_name == "list" else {"Items": as_list(tags)}


def _keys(keys: list[str], shape: Shape) -> Any:
    if shape.type_name == "structure":
        return {"Items": keys}
    return keys if shape.member.type_name == "string" else [{"Key": key} for key in keys]
