"""Processes: whether a recorded one still is the one that was meant, and how one ends with the one that started it."""

import os
import subprocess
import threading
import time
from pathlib import Path

PROC = Path("/proc")
PARENT_POLL_SECONDS = 1


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
