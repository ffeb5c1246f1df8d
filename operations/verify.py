"""Whether what is deployed is what git says: `make verify`.

    python -m operations.verify --stack production [--outputs FILE|-] [--json]

It only reads; the read role in docs/ci.md has the permissions that it takes. Given the stack's outputs as JSON, it
needs no Pulumi CLI. The exit code is 0 where all agrees, 1 where something differs, 2 where it could not look.
"""

import argparse
import io
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from operations.checks.check import CouldNotLook, Findings
from operations.checks.report import as_json, print_report
from sandbox.emulator import HOST
from sandbox.places import DEFAULT_PORT, PROJECT, STACK


def main() -> int:
    """Verify a stack, print what was found, and return the exit code."""
    arguments = _parse_arguments()
    # What a page or a file holds may not be in the terminal's encoding.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        findings = verify(arguments.stack, arguments.port, arguments.outputs)
    except CouldNotLook as obstacle:
        findings = Findings([], [str(obstacle)])
    if arguments.json:
        sys.stdout.write(as_json(findings))
    else:
        print_report(findings, arguments.stack)
    sys.stdout.flush()
    for reason in findings.obstacles:
        sys.stderr.write(f"error: could not look: {reason}\n")
    return findings.outcome


def verify(stack: str, port: int, outputs_file: str | None) -> Findings:
    """Look at a stack, by the outputs in a file or else by those that Pulumi has.

    Raises:
        CouldNotLook: at nothing at all.

    """
    config = configuration(stack, port)
    if stack == STACK:
        _expect_emulator(port)
    asked = None if outputs_file else _ask_for_outputs(stack, port)
    # Only here: Pulumi's AWS SDK takes its time to import, and meanwhile the engine looks up the outputs.
    from operations.checks.look import look
    from operations.checks.target import Target

    outputs = _answered(asked) if asked else read_outputs(str(outputs_file))
    return look(Target.of(config, stack, outputs))


def configuration(stack: str, port: int, root: Path = PROJECT) -> dict[str, Any]:
    """A stack's configuration in git; the sandbox's is on the port at which its embedded AWS is.

    Raises:
        CouldNotLook: there is none, or it can't be read.

    """
    file = root / f"Pulumi.{stack}.yaml"
    try:
        text = file.read_text(encoding="utf-8")
        if stack == STACK:
            text = text.replace(f":{DEFAULT_PORT}", f":{port}")
        return dict(yaml.safe_load(text)["config"])
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
        raise CouldNotLook(f"{file.name} can't be read: {' '.join(str(error).split())}") from None


def read_outputs(source: str) -> dict[str, Any]:
    """A stack's outputs from a JSON file, or from standard input where the file is `-`.

    Raises:
        CouldNotLook: it can't be read, or holds no outputs.

    """
    try:
        outputs = json.loads(sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CouldNotLook(f"The outputs in {source} can't be read: {error}") from None
    if not isinstance(outputs, dict):
        raise CouldNotLook(f"The outputs in {source} are no JSON object; make outputs prints one.")
    return outputs


def _expect_emulator(port: int) -> None:
    with socket.socket() as connection:
        if connection.connect_ex((HOST, port)):
            raise CouldNotLook(f"The embedded AWS isn't running at http://{HOST}:{port}: run make sandbox.")


def _ask_for_outputs(stack: str, port: int) -> "subprocess.Popen[str]":
    """Start the command that prints the stack's outputs as JSON."""
    sandbox = [sys.executable, "-m", "sandbox", "--port", str(port), "outputs"]
    pulumi = ["pulumi", "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    command = sandbox if stack == STACK else pulumi
    try:
        return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise CouldNotLook("There is no pulumi on PATH; install it, or give the outputs with --outputs FILE.") from None


def _answered(asked: "subprocess.Popen[str]") -> dict[str, Any]:
    printed, reason = asked.communicate()
    if asked.returncode:
        raise CouldNotLook(f"The stack's outputs can't be had: {' '.join(reason.split())}")
    outputs: dict[str, Any] = json.loads(printed)
    return outputs


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations.verify", description=__doc__.partition("\n")[0])
    parser.add_argument("--stack", default=STACK, help="the stack's name (default: %(default)s)")
    parser.add_argument("--outputs", metavar="FILE", help="the stack's outputs as JSON; - for standard input")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="the embedded AWS's port (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
