"""What an interrupted deployment has left in AWS, taken into the stack's state.

An engine that is killed while it creates something leaves a pending creation in the state. AWS is asked for each of
them: what is there becomes one of the stack's resources, the rest is forgotten.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import botocore.exceptions

from releasing.left_behind import LOOKS, found
from releasing.project import CouldNotLook

Client = Callable[[str, str | None], Any]
"""Makes a boto3 client of a service, in a region or else in the stack's."""
Pulumi = Callable[..., str]
"""Runs a command of Pulumi's for the stack, with the text that it reads, and returns what it printed."""
CREATING = "creating"
# What was created just now is not told to every reader at once:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
SECOND_LOOK_SECONDS = 3


def recover(pulumi: Pulumi, client: Client, say: Callable[[str], None], may_go_on: Callable[[], bool]) -> bool:
    """Take what AWS has of the pending creations into the stack's state; a refresh has to follow.

    Args:
        pulumi: Runs Pulumi.
        client: Asks AWS.
        say: Gets a line for each pending creation.
        may_go_on: Whether the state may be changed, asked when all has been said.

    Returns:
        Whether it went on.

    Raises:
        CouldNotLook: of a creation it can't be told what became of it; the state is as it was.

    """
    state = json.loads(pulumi("stack", "export"))
    deployment = state["deployment"] or {}
    pending = list(pending_creations(deployment))
    if not pending:
        return True
    resources: list[dict[str, Any]] = list(deployment["resources"])
    for resource, import_id in _looked_for(client, pending, resources):
        say(f"{resource['urn'].rsplit('::', 1)[-1]} ({resource['type']}): {_outcome(resource, import_id)}")
        if import_id:
            resources = [_replaced(each) if each["urn"] == resource["urn"] else each for each in resources]
            # Without outputs, the provider reads it as it does for an import.
            resources.append({**resource, "id": import_id, "outputs": {}})
    if not may_go_on():
        return False
    pulumi("stack", "import", text=json.dumps({**state, "deployment": _without_operations(deployment, resources)}))
    return True


def pending_creations(deployment: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The resources of which the engine doesn't know whether AWS has made them."""
    for operation in deployment.get("pending_operations") or []:
        if operation["type"] == CREATING:
            yield operation["resource"]


def unread(deployment: Mapping[str, Any]) -> Iterator[str]:
    """The URNs of what was taken in, and was not read before this was interrupted, too."""
    for each in deployment.get("resources") or []:
        if each.get("custom") and each["type"] in LOOKS and not each.get("outputs"):
            yield each["urn"]


def _looked_for(
    client: Client, pending: list[dict[str, Any]], known: list[dict[str, Any]]
) -> list[tuple[dict[str, Any], str | None]]:
    """Each with its import id, if AWS has it; what AWS doesn't know of at first is looked for a second time."""
    import_ids = [_look(client, resource, known) for resource in pending]
    if not all(import_ids):
        time.sleep(SECOND_LOOK_SECONDS)
    return [
        (resource, import_id or _look(client, resource, known))
        for resource, import_id in zip(pending, import_ids, strict=True)
    ]


def _look(client: Client, resource: Mapping[str, Any], known: list[dict[str, Any]]) -> str | None:
    """The import id of the thing, if AWS has it and the stack doesn't."""
    type_, inputs = resource["type"], resource["inputs"]
    if not type_.startswith("aws:"):
        return None
    ids = {each["id"] for each in known if each["type"] == type_}
    try:
        candidates = found(lambda service: client(service, inputs.get("region")), type_, inputs)
    except KeyError:
        raise CouldNotLook(f"{type_} is not known to make recover: add it to releasing/left_behind.py") from None
    except botocore.exceptions.ClientError as error:
        raise CouldNotLook(f"AWS doesn't tell whether it has {resource['urn']}: {error}") from None
    new = [each for each in candidates if not ids & {each, each.rpartition("/")[2]}]
    if len(new) > 1:
        raise CouldNotLook(
            f"AWS has several things that may be {resource['urn']}: {', '.join(new)}. "
            "Delete all but one of those that no stack has, then recover again."
        )
    return new[0] if new else None


def _outcome(resource: Mapping[str, Any], import_id: str | None) -> str:
    if import_id:
        return f"is there, as {import_id}: taken into the stack"
    if resource["type"].startswith("aws:"):
        return "is not there: forgotten, the next deployment creates it"
    return "is done again by the next deployment"


def _replaced(resource: dict[str, Any]) -> dict[str, Any]:
    """The old one of a replacement that was under way; the next deployment deletes it."""
    return {**resource, "delete": True}


def _without_operations(deployment: Mapping[str, Any], resources: list[dict[str, Any]]) -> dict[str, Any]:
    rest = {name: value for name, value in deployment.items() if name != "pending_operations"}
    return {**rest, "resources": resources}
