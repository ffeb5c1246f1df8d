"""Which AWS provider the sandbox's engine starts."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.aws_plugin import official_plugin
from sandbox.places import SandboxError
from sandbox.stack import Deployment


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without the official provider, on which the user asks for it."""
    monkeypatch.setenv("AWS_PROVIDER", "official")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "pulumi"))
    return tmp_path


def install(folder: Path, says: str = "") -> Path:
    folder.mkdir(parents=True)
    executable = folder / "pulumi-resource-aws"
    executable.write_text(f'#!/bin/sh\necho "{says} $@"\n')
    executable.chmod(0o755)
    return executable


def launched(machine: Path, *arguments: str) -> str:
    """What the launcher that the engine finds says."""
    deployment: Any = SimpleNamespace(_launchers=machine / "launchers")
    Deployment._write_launchers(deployment)
    command = [str(machine / "launchers" / "pulumi-resource-aws"), *arguments]
    return str(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("value", ["", "own"])
def test_the_sandboxes_own_is_the_rule(machine: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    install(machine / "bin", "official")
    monkeypatch.setenv("AWS_PROVIDER", value)
    assert official_plugin() is None
    launched_module = f"{sys.executable} -u -m sandbox.provider"
    Deployment._write_launchers(SimpleNamespace(_launchers=machine / "launchers"))  # type: ignore[arg-type]
    assert launched_module in (machine / "launchers" / "pulumi-resource-aws").read_text()


def test_the_one_on_path_is_taken_first(machine: Path) -> None:
    install(machine / "pulumi" / "plugins" / "resource-aws-v7.51.1", "of the folder")
    on_path = install(machine / "bin", "official")
    assert official_plugin() == on_path
    assert launched(machine, "127.0.0.1:99") == "official 127.0.0.1:99\n"


def test_else_the_newest_in_pulumis_folder(machine: Path) -> None:
    plugins = machine / "pulumi" / "plugins"
    for version in ("7.9.0", "7.51.1", "6.80.0"):
        install(plugins / f"resource-aws-v{version}", version)
    # A download that was cut short, and another plugin.
    (plugins / "resource-aws-v7.60.0").mkdir()
    install(plugins / "resource-aws-native-v8.0.0", "native")
    assert launched(machine, "here") == "7.51.1 here\n"


def test_without_one_the_message_says_where_it_was_sought_and_what_to_do(machine: Path) -> None:
    with pytest.raises(SandboxError) as told:
        official_plugin()
    message = str(told.value)
    assert "no pulumi-resource-aws on PATH" in message
    assert str(machine / "pulumi" / "plugins") in message
    assert "pulumi plugin install resource aws" in message


def test_any_other_provider_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROVIDER", "offical")
    with pytest.raises(SandboxError, match="AWS_PROVIDER is offical"):
        official_plugin()
