"""Ends what a test run has started and left: run beside it, until it is over, by itself, by Ctrl-C or by a kill.

    python leftovers.py MARK < pipe

The run's processes have the mark in their environment, whoever has started them and in whichever session they are.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "TEST_RUN"
TERMINATION_SECONDS = 10
POLL_SECONDS = 0.1


def watch() -> None:
    """Mark this process and all that it starts, and have what is left of them ended when it is gone."""
    mark = f"{os.getpid()}-{time.time_ns()}"
    os.environ[VARIABLE] = mark
    # This process alone has its other end, which is closed when it is gone.
    end_of_run, _ = os.pipe()
    others = {name: value for name, value in os.environ.items() if name != VARIABLE}
    command = [sys.executable, __file__, mark]
    subprocess.Popen(command, stdin=end_of_run, env=others, start_new_session=True).returncode = 0
    os.close(end_of_run)


def marked(mark: str) -> Iterator[int]:
    """The processes with a mark, where the system tells."""
    word = f"{VARIABLE}={mark}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if word in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def end(mark: str) -> None:
    """Terminate the processes with a mark; kill those that go on."""
    _signal(mark, signal.SIGTERM)
    deadline = time.monotonic() + TERMINATION_SECONDS
    while any(marked(mark)) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    _signal(mark, signal.SIGKILL)


def _signal(mark: str, number: signal.Signals) -> None:
    processes = set(marked(mark))
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            # Of a group whose leader is the run's, all are: the emulator's functions have another environment.
            group = os.getpgid(process)
            if group in processes:
                os.killpg(group, number)
            else:
                os.kill(process, number)


if __name__ == "__main__":
    sys.stdin.read()
    end(sys.argv[1])
