"""Files that others see whole, or as they were."""

import os
import tempfile
from pathlib import Path


def write_whole(file: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file in place of the one that is there, if any; its folder is made if need be.

    Args:
        file: Which.
        content: Text is written as UTF-8.
        mode: Who may read it; by default, its owner alone.

    Raises:
        OSError: it can't be written, as where the disk is full.

    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=file.parent, prefix=f"{file.name}.")
    try:
        with open(descriptor, "wb") as opened:
            opened.write(content.encode() if isinstance(content, str) else content)
        os.chmod(unfinished, mode)
        os.replace(unfinished, file)
    finally:
        Path(unfinished).unlink(missing_ok=True)
