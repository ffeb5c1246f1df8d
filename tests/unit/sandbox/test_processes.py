"""Telling a recorded process from another that has its id; ending with the parent."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import processes
from sandbox.processes import is_alive


@pytest.fixture(params=["proc", "ps"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Linux, and a system whose processes `ps` alone knows."""
    if request.param == "ps":
        if shutil.which("ps") is None:
            pytest.skip("this system has no ps, and does without it")
        monkeypatch.setattr(processes, "PROC", tmp_path)
    # Where `ps` believes in a terminal of 80 columns, it cuts command lines off.
    monkeypatch.setenv("COLUMNS", "80")
    return str(request.param)


@pytest.mark.usefixtures("system")
def test_a_process_is_told_by_a_word_far_along_its_command_line() -> None:
    program = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program, "x" * 200, "the-word"], stdin=subprocess.PIPE) as process:
        assert is_alive(process.pid, "the-word")
        assert is_alive(process.pid)
        assert not is_alive(process.pid, "another-word")
        process.communicate()
    assert not is_alive(process.pid)


@pytest.mark.usefixtures("system")
def test_a_zombie_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-c", "", "the-word"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process.pid)
    process.wait()


def test_a_process_ends_with_a_parent_that_is_killed() -> None:
    child = "import signal; from sandbox.processes import end_with_parent; end_with_parent(); print('up', flush=True)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child + '; signal.pause()'!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.kill()
        # At its end only when the child, too, has let go of it.
        assert process.stdout.read() == b""


def test_an_interrupt_counts_when_the_program_that_got_it_too_has_ended() -> None:
    """As where Ctrl-C cancels a deployment, which first notes what is under way."""
    child = "trap 'echo cancelling; echo cancelled; exit 1' INT; echo up; while :; do read -r _; done"
    parent = f"""
import subprocess
from sandbox.processes import interrupted_last
try:
    with interrupted_last():
        subprocess.run(["/bin/sh", "-c", {child!r}], stdin=subprocess.PIPE)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.read() == "cancelling\ncancelled\ninterrupted\n"
        assert process.wait() == 0
