"""Whether a recorded process still is the one that was meant: ids are used again, and the dead linger as zombies."""

import subprocess
from pathlib import Path

PROC = Path("/proc")


def is_alive(pid: int, program: str = "") -> bool:
    """Whether the process runs, and its command line names the program."""
    state, command = _from_proc(pid) if (PROC / "self" / "stat").exists() else _from_ps(pid)
    return state not in ("", "Z") and program in command


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
