"""Where the sandbox keeps what it makes: `.sandbox/` in the project, and the user's cache folder for the engine."""

import os
from pathlib import Path

PROJECT = Path(__file__).parent.parent
HOME = PROJECT / ".sandbox"
PROJECT_NAME = "ai-video-codec-dashboard"
STACK = "sandbox"
DEFAULT_PORT = 4566
# What processes that outlive a command write, nobody else can read, wherever it ends up.
PRIVATE_UMASK = 0o077


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
