"""Takes what an interrupted deployment has left in AWS into the stack: `make recover`.

    python -m operations.recover --stack production [--yes] [--release-lock]

An engine that is killed while it creates something leaves a pending creation in the stack's state. AWS may have the
thing by then, and the next deployment would create it anew: it fails where the name is taken, else there are two. Here
AWS is asked for each of them: what is there becomes one of the stack's resources, the rest is forgotten, and a refresh
then reads everything. It can be run again at any time, and goes on where it was killed itself.

`pulumi refresh --import-pending-creates` doesn't do that: it makes a pending import of a pending creation, which the
refresh then drops (OperationTypeImporting in pkg/cmd/pulumi/operations/refresh.go of Pulumi 3.250).
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import botocore.exceptions

from operations.checks.check import CouldNotLook
from operations.left_behind import LOOKS, found
from operations.stack import configuration, expect_emulator, stack_parser
from sandbox.places import HOME, PROJECT, STACK, SandboxError

Client = Callable[[str, str | None], Any]
"""Makes a boto3 client of a service, in a region or else in the stack's."""
Pulumi = Callable[..., str]
"""Runs a command of Pulumi's for the stack, with the text that it reads, and returns what it printed."""
CREATING = "creating"
# What was created just now is not told to every reader at once:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
SECOND_LOOK_SECONDS = 3


def main() -> int:
    """Recover a stack; the exit code, 2 where it could not be done."""
    parser = stack_parser("recover", str(__doc__))
    parser.add_argument("--yes", action="store_true", help="don't ask before the stack's state is changed")
    parser.add_argument("--release-lock", action="store_true", help="first end the update that has the lock")
    parser.add_argument("--check", action="store_true", help="change nothing; see that nothing is to be done")
    arguments = parser.parse_args()
    try:
        return _main(arguments)
    except (CouldNotLook, SandboxError, botocore.exceptions.BotoCoreError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


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
        raise CouldNotLook(f"{type_} is not known to make recover: add it to operations/left_behind.py") from None
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


def _main(arguments: argparse.Namespace) -> int:
    pulumi, client = _of_sandbox(arguments.port) if arguments.stack == STACK else _of(arguments.stack)
    if arguments.check:
        return _check(pulumi, arguments.stack)
    if arguments.release_lock:
        pulumi("cancel", "--yes")
        _say("The stack's lock is released.")
    if not recover(pulumi, client, _say, lambda: arguments.yes or _agreed()):
        _say("Nothing was changed.")
        return 1
    pulumi("refresh", "--yes", "--skip-preview", shown=True)
    _say(f"The stack knows what AWS has. Deploy: make up STACK={arguments.stack}")
    return 0


def _check(pulumi: Pulumi, stack: str) -> int:
    deployment = json.loads(pulumi("stack", "export"))["deployment"] or {}
    urns = [resource["urn"] for resource in pending_creations(deployment)] + list(unread(deployment))
    for urn in urns:
        _say(f"{urn.rsplit('::', 1)[-1]}: an interrupted deployment was creating it")
    if urns:
        sys.stderr.write(f"error: the stack doesn't know what AWS has of these. First run make recover STACK={stack}\n")
    return 1 if urns else 0


def _of_sandbox(port: int) -> tuple[Pulumi, Client]:
    """The sandbox's own engine and embedded AWS, which has to be running."""
    from sandbox.emulator import Emulator
    from sandbox.engine import find_engine
    from sandbox.stack import Deployment

    expect_emulator(port)
    emulator = Emulator(HOME, port)
    return Deployment(emulator, find_engine(_say)).pulumi, lambda service, _: emulator.client(service)


def _of(stack: str) -> tuple[Pulumi, Client]:
    """The `pulumi` on PATH, and AWS as the stack's configuration says."""

    def pulumi(*arguments: str, text: str = "", shown: bool = False) -> str:
        command = ["pulumi", *arguments, "--stack", stack, "--non-interactive"]
        output = None if shown else subprocess.PIPE
        try:
            result = subprocess.run(command, cwd=PROJECT, input=text, stdout=output, text=True, check=False)
        except FileNotFoundError:
            raise CouldNotLook("There is no pulumi on PATH; see https://www.pulumi.com/docs/install/") from None
        if result.returncode:
            raise CouldNotLook(
                f"pulumi {' '.join(arguments)} failed, as it says above. Where it is the lock of an update that is no "
                f"more: make recover STACK={stack} RELEASE_LOCK=1"
            )
        return result.stdout or ""

    def client(service: str, region: str | None) -> Any:
        from releasing.aws_connection import RETRIES, connected

        config = configuration(stack, 0)
        return connected(service, {**config, **({"aws:region": region} if region else {})}, RETRIES)

    return pulumi, client


def _agreed() -> bool:
    sys.stderr.write("Change the stack's state like this? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
