"""The checkout that is deployed: which commit, and whether it holds anything that no commit does."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

# How one git tells another, as it tells its hooks, that it is meant and not the repository of the folder.
ELSEWHERE = ("GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE")


@dataclass(frozen=True)
class Checkout:
    """A state of the source, as git knows it."""

    commit: str
    """The full hash; empty where the folder is no checkout."""
    dirty: bool
    """Whether files differ from that commit or are unknown to it, those that git ignores left out."""

    @classmethod
    def of(cls, folder: Path) -> "Checkout":
        """Ask git; nothing is known without git, and where the folder is not itself the top of a checkout.

        So it is with a copy without history that lies somewhere in another project's checkout.
        """
        try:
            # The way up to the top, of which there is none at the top itself, and the commit.
            up, commit = _git(folder, "rev-parse", "--show-cdup", "HEAD").split("\n")
            dirty = bool(_git(folder, "status", "--porcelain"))
        except (OSError, ValueError, subprocess.CalledProcessError):
            return cls(commit="", dirty=False)
        return cls(commit="", dirty=False) if up else cls(commit, dirty)


def _git(folder: Path, *arguments: str) -> str:
    # The folder may belong to somebody else, as in a container; its code is being run already.
    # https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
    command = ["git", "-c", f"safe.directory={folder.resolve()}", *arguments]
    variables = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    result = subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=True)
    return result.stdout.decode(errors="replace").removesuffix("\n")
