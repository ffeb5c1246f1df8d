"""Telling a recorded process from another that has its id."""

import subprocess
import sys

import pytest

from sandbox.processes import is_alive


def test_a_process_is_told_by_a_word_far_along_its_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where `ps` believes in a terminal of 80 columns, it cuts command lines off."""
    monkeypatch.setenv("COLUMNS", "80")
    program = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", program, "x" * 200, "the-word"], stdin=subprocess.PIPE) as process:
        assert is_alive(process.pid, "the-word")
        assert is_alive(process.pid)
        assert not is_alive(process.pid, "another-word")
        process.communicate()
    assert not is_alive(process.pid)
