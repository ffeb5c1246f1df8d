"""Where the sandbox keeps what it makes: `.sandbox/` in the project, and the user's cache folder for the engine."""

import errno
import os
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parent.parent
HOME = PROJECT / ".sandbox"
PROJECT_NAME = "ai-video-codec-dashboard"
STACK = "sandbox"
DEFAULT_PORT = 4566
# What processes that outlive a command write, nobody else can read, wherever it ends up.
PRIVATE_UMASK = 0o077
# How the system says it, and with it all programs; some in lower case.
DISK_FULL = os.strerror(errno.ENOSPC).lower()


class SandboxError(Exception):
    """Something the person at the terminal can mend; the message says what happened and what to do."""


def make_private(folder: Path) -> None:
    """Make a folder that nobody else can enter, or close one that is there to others."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def cache_folder() -> Path:
    """The user's cache folder for this project (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / PROJECT_NAME


def write_whole(file: Path, content: str) -> None:
    """Write a file that only its owner can read, and that is there whole or as it was.

    Raises:
        OSError: it can't be written, as where the disk is full.

    """
    descriptor, unfinished = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    try:
        with open(descriptor, "w", encoding="utf-8") as opened:
            opened.write(content)
        os.replace(unfinished, file)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def advised(reason: str, advice: str) -> str:
    """What happened, and in the last line what to do: where the disk is full, nothing else helps."""
    if DISK_FULL in reason.lower():
        advice = "The disk is full: make room on it, then run the same command again."
    return f"{reason}\n{advice}"
