"""A test run that is interrupted leaves no process."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.killed_deployments import session
from tests.project_copy import ROOT

LIMIT_SECONDS = 60
POLL_SECONDS = 0.1


@pytest.mark.parametrize("interruption", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process(tmp_path: Path, interruption: signal.Signals) -> None:
    emulators = tmp_path / "run"
    command = [sys.executable, "-m", "pytest", "tests/stack/test_table.py", "-n1", "--basetemp", str(emulators)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        _wait_until(lambda: any(_working_in(emulators)))
        os.killpg(run.pid, interruption)
    _wait_until(lambda: not any(_working_in(emulators)))
    _wait_until(lambda: not session(run.pid))


def _wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(POLL_SECONDS)


def _working_in(folder: Path) -> Iterator[int]:
    """The processes whose working folder is in a folder, as the embedded AWS's."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                yield int(process.name)
