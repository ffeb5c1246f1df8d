"""Where deployed content differs from git's, as a unified diff."""

import difflib
import io
import zipfile
from collections.abc import Mapping


def archive_files(archive: bytes) -> dict[str, bytes]:
    """The files of a zip, by name.

    Raises:
        zipfile.BadZipFile: it is none.

    """
    with zipfile.ZipFile(io.BytesIO(archive)) as package:
        return {entry.filename: package.read(entry) for entry in package.infolist() if not entry.is_dir()}


def different_files(git: Mapping[str, bytes], deployed: Mapping[str, bytes]) -> dict[str, str]:
    """The diff of each file that differs, is missing, or was added."""
    return {
        name: difference(name, git.get(name), deployed.get(name))
        for name in sorted({*git, *deployed})
        if git.get(name) != deployed.get(name)
    }


def difference(name: str, git: bytes | None, deployed: bytes | None) -> str:
    """How the deployed content of a file differs from git's; None where there is no such file."""
    try:
        before, after = (("" if content is None else content.decode()).splitlines() for content in (git, deployed))
    except UnicodeDecodeError:
        return f"{name}: binary; {_size(git)} in git, {_size(deployed)} deployed"
    labels = ("/dev/null" if git is None else f"git/{name}", "/dev/null" if deployed is None else f"deployed/{name}")
    lines = "\n".join(difflib.unified_diff(before, after, *labels, lineterm=""))
    return lines or f"{name}: only ends of lines differ"


def _size(content: bytes | None) -> str:
    return "nothing" if content is None else f"{len(content)} bytes"
