"""Processes: whether a recorded one still is the one that was meant, and how one ends with the one that started it."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
PARENT_POLL_SECONDS = 1
STOP_LIMIT_SECONDS = 30
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class RecordedProcess:
    """A process that outlives the one that started it, leads a group, and has noted its id as a file's first word."""

    file: Path
    program: str
    """What its command line names; of others that get its id later, none does."""

    def record(self) -> list[str]:
        """Return the words that it has noted, none where there is no such process."""
        try:
            return self.file.read_text(encoding="utf-8").split()
        except FileNotFoundError:
            return []

    def is_running(self) -> bool:
        """Whether it runs."""
        pid = self._pid()
        return pid is not None and is_alive(pid, self.program)

    def stop(self) -> None:
        """Stop it, with all that runs in its group."""
        pid = self._pid()
        if pid is None:
            return
        if self.is_running():
            _signal_group(pid, signal.SIGTERM)
            if not _wait_for_exit(pid):
                _signal_group(pid, signal.SIGKILL)
                _wait_for_exit(pid)
        elif not is_alive(pid):
            # It died by itself, and others of its group may be left; were the id somebody else's by now, none are.
            _signal_group(pid, signal.SIGKILL)
        self.file.unlink(missing_ok=True)

    def _pid(self) -> int | None:
        words = self.record()
        return int(words[0]) if words and words[0].isdecimal() else None


def is_alive(pid: int, program: str = "") -> bool:
    """Whether the process runs, and its command line names the program; ids are used again, the dead are zombies."""
    state, command = _from_proc(pid) if (PROC / "self" / "stat").exists() else _from_ps(pid)
    return state not in ("", "Z") and program in command


def end_with_parent() -> None:
    """End this process once its parent is gone, as it is where it was killed; whatever is under way, nobody waits."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def interrupted_last() -> Iterator[None]:
    """Let Ctrl-C, which the program that this one waits for gets as well, count here when that one has ended.

    Raises:
        KeyboardInterrupt: then.

    """
    interrupts: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _frame: interrupts.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if interrupts:
            raise KeyboardInterrupt


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _wait_for_exit(pid: int) -> bool:
    deadline = time.monotonic() + STOP_LIMIT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        try:
            os.killpg(pid, 0)
        except (ProcessLookupError, PermissionError):
            return True
        time.sleep(POLL_SECONDS)
    return False


def _from_proc(pid: int) -> tuple[str, str]:
    """State and command line on Linux, where a small system may have no `ps`."""
    try:
        # The state comes after the name, which stands in parentheses and may hold anything.
        state = (PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        return state, (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return "", ""


def _from_ps(pid: int) -> tuple[str, str]:
    """State and command line on any other POSIX system."""
    command = ["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)]
    state, _, line = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().partition(" ")
    return state[:1], line
