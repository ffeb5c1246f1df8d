"""Whether what is deployed is what git says: `make verify`.

    python -m operations.verify --stack production [--outputs FILE|-] [--json]

It only reads; the read role in docs/ci.md has the permissions that it takes. Given the stack's outputs as JSON, it
needs no Pulumi CLI. The exit code is 0 where all agrees, 1 where something differs, 2 where it could not look.
"""

import argparse
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from operations.checks.check import CouldNotLook
from operations.checks.look import Findings, look
from operations.checks.report import as_json, print_report
from operations.checks.target import ROOT, Target
from sandbox.places import DEFAULT_PORT, HOME, STACK, SandboxError


def main() -> int:
    """Verify a stack, print what was found, and return the exit code."""
    arguments = _parse_arguments()
    # What a page or a file holds may not be in the terminal's encoding.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    try:
        config = configuration(arguments.stack, arguments.port)
        outputs = _outputs(arguments)
        findings = look(Target.of(config, arguments.stack, outputs))
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


def configuration(stack: str, port: int, root: Path = ROOT) -> dict[str, Any]:
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


def _outputs(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.outputs:
        return read_outputs(arguments.outputs)
    return _sandbox_outputs(arguments.port) if arguments.stack == STACK else _stack_outputs(arguments.stack)


def _sandbox_outputs(port: int) -> dict[str, Any]:
    # Only here, as Pulumi's automation takes a while to import.
    from sandbox.emulator import Emulator
    from sandbox.engine import find_engine
    from sandbox.stack import Deployment

    emulator = Emulator(HOME, port)
    if not emulator.answers():
        raise CouldNotLook(f"The embedded AWS isn't running at {emulator.url}: run make sandbox.")
    try:
        return Deployment(emulator, find_engine(lambda line: print(line, file=sys.stderr))).outputs()  # noqa: T201
    except SandboxError as error:
        raise CouldNotLook(str(error)) from None


def _stack_outputs(stack: str) -> dict[str, Any]:
    command = ["pulumi", "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    try:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CouldNotLook("There is no pulumi on PATH; install it, or give the outputs with --outputs FILE.") from None
    if result.returncode:
        raise CouldNotLook(f"pulumi stack output failed: {' '.join(result.stderr.split())}")
    outputs: dict[str, Any] = json.loads(result.stdout)
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
