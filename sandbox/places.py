"""Where the sandbox keeps what it makes: `.sandbox/` in the project, and the user's cache folder for the engine."""

import errno
import os
from pathlib import Path

from releasing.project import PROJECT, PROJECT_NAME, CouldNotLook

HOME = PROJECT / ".sandbox"
# What processes that outlive a command write, nobody else can read, wherever it ends up.
PRIVATE_UMASK = 0o077
# How the system says it, and with it all programs; some in lower case.
DISK_FULL = os.strerror(errno.ENOSPC).lower()


class SandboxError(CouldNotLook):
    """Something the person at the terminal can mend; the message says what happened and what to do."""


def make_private(folder: Path) -> None:
    """Make a folder that nobody else can enter, or close one that is there to others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def cache_folder() -> Path:
    """The user's cache folder for this project (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / PROJECT_NAME


def advised(reason: str, advice: str) -> str:
    """What happened, and in the last line what to do: where the disk is full, nothing else helps."""
    if DISK_FULL in reason.lower():
        advice = "The disk is full: make room on it, then run the same command again."
    return f"{reason}\n{advice}"
