"""Where the engine comes from, and what is said where it can't be had."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import pulumi.automation as auto
import pytest

from sandbox import engine
from sandbox.engine import find_engine
from sandbox.places import SandboxError

# A Go compiler that knows this one program.
BUILDING = """\
[ $1 = env ] && echo go1.26.8
if [ $1 = build ]; then printf '#!/bin/sh\\necho v3.250.0\\n' > pulumi; /bin/chmod +x pulumi; fi"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, an empty cache folder, and no network for the official installer."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(auto.PulumiCommand, "install", _no_network)
    return folder


def test_the_pulumi_on_path_is_taken_where_its_version_fits(path: Path) -> None:
    _write_program(path / "pulumi", "echo v3.210.0")
    assert find_engine(_silent).command == "pulumi"


@pytest.mark.parametrize("other", ["v3.100.0", "v4.0.0", "development"])
def test_a_pulumi_of_another_version_is_not(path: Path, other: str) -> None:
    _write_program(path / "pulumi", f"echo {other}")
    with pytest.raises(SandboxError, match="no Go compiler"):
        find_engine(_silent)


def test_without_pulumi_network_and_go_it_says_what_to_install(path: Path) -> None:
    with pytest.raises(SandboxError) as caught:
        find_engine(_silent)
    message = str(caught.value)
    assert "no Go compiler on PATH" in message
    assert "Install Pulumi" in message
    assert len(message.splitlines()) == 2


def test_a_go_that_is_too_old_is_named(path: Path) -> None:
    _write_program(path / "go", "echo go1.19.8")
    with pytest.raises(SandboxError, match=r"Go 1\.19 on PATH"):
        find_engine(_silent)


def test_a_build_that_fails_says_at_which_step_and_why(path: Path) -> None:
    failing = 'case "$1" in env) echo go1.26.8;; mod) ;; *) echo "dial tcp: no route" >&2; exit 1;; esac'
    _write_program(path / "go", failing)
    with pytest.raises(SandboxError, match="go get failed: dial tcp: no route"):
        find_engine(_silent)


def test_a_build_is_made_once_and_kept(path: Path, tmp_path: Path) -> None:
    _write_program(path / "go", BUILDING)
    steps: list[str] = []
    built = find_engine(steps.append)
    assert built.command.startswith(str(tmp_path / "cache"))
    (path / "go").unlink()
    assert find_engine(_silent).command == built.command
    assert any(step.startswith("Building Pulumi 3.250.0") for step in steps)


@pytest.mark.parametrize("home", [None, "/no/such/folder"])
def test_without_a_home_it_is_built_in_the_cache_folder(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.delenv("GOPATH", raising=False)
    monkeypatch.delenv("HOME")
    if home:
        monkeypatch.setenv("HOME", home)
    _write_program(path / "go", f'[ "$1" = env ] || [ -n "$GOPATH" ] || exit 1\n{BUILDING}')
    assert find_engine(_silent).command.startswith(str(tmp_path / "cache"))


def test_a_build_that_another_has_begun_is_waited_for(path: Path) -> None:
    _write_program(path / "go", BUILDING)
    begun, finish = threading.Event(), threading.Event()

    def hold(step: str) -> None:
        if step.startswith("Building"):
            begun.set()
            finish.wait()

    with ThreadPoolExecutor() as pool:
        first = pool.submit(find_engine, hold)
        begun.wait()
        steps: list[str] = []
        second = pool.submit(find_engine, steps.append)
        assert wait([second], timeout=0.2).not_done
        finish.set()
        assert second.result().command == first.result().command
    assert steps == []


def test_the_version_is_that_of_the_sdk() -> None:
    """The Automation API of one version drives an engine of the same."""
    assert version("pulumi") == engine.VERSION


def _no_network(**_options: object) -> NoReturn:
    raise OSError("no network")


def _silent(_line: str) -> None:
    """Take a report and forget it."""


def _write_program(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
