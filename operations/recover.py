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
from typing import Any

import botocore.exceptions

from operations.stack import configuration, expect_emulator, stack_parser
from releasing.project import PROJECT, SANDBOX, CouldNotLook
from releasing.recovery import Client, Pulumi, pending_creations, recover, unread


def main() -> int:
    """Recover a stack; the exit code, 2 where it could not be done."""
    parser = stack_parser("recover", str(__doc__))
    parser.add_argument("--yes", action="store_true", help="don't ask before the stack's state is changed")
    parser.add_argument("--release-lock", action="store_true", help="first end the update that has the lock")
    parser.add_argument("--check", action="store_true", help="change nothing; see that nothing is to be done")
    arguments = parser.parse_args()
    try:
        return _main(arguments)
    except (CouldNotLook, botocore.exceptions.BotoCoreError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _main(arguments: argparse.Namespace) -> int:
    pulumi, client = _of_sandbox(arguments.port) if arguments.stack == SANDBOX else _of(arguments.stack)
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
    from sandbox.places import HOME
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
