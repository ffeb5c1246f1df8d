"""A stack as one finds it: its configuration in git, and the outputs that its last deployment left."""

import argparse
import json
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from releasing.project import PROJECT, SANDBOX, SANDBOX_HOST, SANDBOX_PORT, CouldNotLook

# How Pulumi writes an encrypted value.
SECRET = re.compile(r"^\s*(- )?secure: ", re.MULTILINE)


def stack_parser(module: str, documentation: str) -> argparse.ArgumentParser:
    """A command line that names a stack; the documentation's first line says what for."""
    parser = argparse.ArgumentParser(
        prog=f"python -m operations.{module}", description=documentation.partition("\n")[0]
    )
    parser.add_argument("--stack", default=SANDBOX, help="the stack's name (default: %(default)s)")
    parser.add_argument("--port", type=int, default=SANDBOX_PORT, help="the embedded AWS's port (default: %(default)s)")
    return parser


def configuration(stack: str, port: int, root: Path = PROJECT) -> dict[str, Any]:
    """A stack's configuration in git; the sandbox's is on the port at which its embedded AWS is.

    Where some of it is secret, Pulumi tells it.

    Raises:
        CouldNotLook: there is none, or it can't be read.

    """
    file = root / f"Pulumi.{stack}.yaml"
    try:
        text = file.read_text(encoding="utf-8")
        if stack == SANDBOX:
            text = text.replace(f":{SANDBOX_PORT}", f":{port}")
        config = dict(yaml.safe_load(text)["config"])
        return _decrypted(stack, root) if SECRET.search(text) else config
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
        raise CouldNotLook(f"{file.name} can't be read: {' '.join(str(error).split())}") from None


def _decrypted(stack: str, root: Path) -> dict[str, Any]:
    """A stack's configuration as Pulumi tells it: what is no text as its JSON, as it hands it to providers."""
    command = ["pulumi", "config", "--json", "--show-secrets", "--stack", stack, "--non-interactive"]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ValueError(result.stderr)
    return {key: told["value"] for key, told in json.loads(result.stdout).items()}


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


def expect_emulator(port: int) -> None:
    """See that the embedded AWS is there.

    Raises:
        CouldNotLook: nothing listens at its port.

    """
    with socket.socket() as connection:
        if connection.connect_ex((SANDBOX_HOST, port)):
            raise CouldNotLook(f"The embedded AWS isn't running at http://{SANDBOX_HOST}:{port}: run make sandbox.")


def ask_for_outputs(stack: str, port: int) -> "subprocess.Popen[str]":
    """Start the command that prints the stack's outputs as JSON; `answered` waits for it.

    Raises:
        CouldNotLook: there is no such command.

    """
    sandbox = [sys.executable, "-m", "sandbox", "--port", str(port), "outputs"]
    pulumi = ["pulumi", "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    command = sandbox if stack == SANDBOX else pulumi
    try:
        return subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        raise CouldNotLook("There is no pulumi on PATH; install it, or give the outputs with --outputs FILE.") from None


def answered(asked: "subprocess.Popen[str]") -> dict[str, Any]:
    """The outputs that were asked for.

    Raises:
        CouldNotLook: the stack has none.

    """
    printed, reason = asked.communicate()
    if asked.returncode:
        raise CouldNotLook(f"The stack's outputs can't be had: {' '.join(reason.split())}")
    outputs: dict[str, Any] = json.loads(printed)
    return outputs


def outputs_of(stack: str, port: int) -> dict[str, Any]:
    """A stack's outputs; where it is the sandbox, its embedded AWS has to be running.

    Raises:
        CouldNotLook: the stack isn't deployed.

    """
    if stack == SANDBOX:
        expect_emulator(port)
    outputs = answered(ask_for_outputs(stack, port))
    if not outputs.get("table_name"):
        raise CouldNotLook(f"The outputs of stack '{stack}' name no table. Is it deployed?")
    return outputs
