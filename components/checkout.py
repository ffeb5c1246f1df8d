"""The checkout that is deployed: which commit, and whether it holds anything that no commit does."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Checkout:
    """A state of the source, as git knows it."""

    commit: str
    """The full hash; empty where the folder is no checkout."""
    dirty: bool
    """Whether files differ from that commit or are unknown to it, those that git ignores left out."""

    @classmethod
    def of(cls, folder: Path) -> "Checkout":
        """Ask git; without git, or outside a checkout, nothing is known."""
        try:
            return cls(commit=_git(folder, "rev-parse", "HEAD"), dirty=bool(_git(folder, "status", "--porcelain")))
        except (OSError, subprocess.CalledProcessError):
            return cls(commit="", dirty=False)


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
