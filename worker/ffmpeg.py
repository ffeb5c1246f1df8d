"""The ffmpeg binary that the `imageio-ffmpeg` package ships, and what it can do."""

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import imageio_ffmpeg

from worker.command import CommandError, Finished, run

# Every line of the log carries its level, by which a failure finds its cause; no banner, no progress line.
_QUIET = ("-hide_banner", "-nostats", "-nostdin", "-loglevel", "repeat+level+info")

# Without these the muxers write random ids and their version, and the same encode gives other bytes.
REPRODUCIBLE = ("-fflags", "+bitexact", "-map_metadata", "-1")


@cache
def binary() -> Path:
    """Return the path of ffmpeg; IMAGEIO_FFMPEG_EXE names another one.

    Raises:
        CommandError: there is none for this platform.
    """
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        message = "no ffmpeg for this platform: install one and set IMAGEIO_FFMPEG_EXE to its path"
        raise CommandError(message) from None


def ffmpeg_command(arguments: Sequence[str | Path]) -> list[str]:
    """Return the whole command line for some arguments; files that exist are written over."""
    return [str(binary()), *_QUIET, "-y", *(str(argument) for argument in arguments)]


def run_ffmpeg(arguments: Sequence[str | Path], work: str, folder: Path) -> Finished:
    """Run ffmpeg in a folder; raises as `command.run`."""
    return run(ffmpeg_command(arguments), work, folder)


@cache
def encoders() -> frozenset[str]:
    """Return the names of the encoders that the binary has, e.g. `libx265`."""
    return _listed("-encoders")


@cache
def filters() -> frozenset[str]:
    """Return the names of the filters that the binary has, e.g. `libvmaf`."""
    return _listed("-filters")


def _listed(what: str) -> frozenset[str]:
    """Return the second column of one of ffmpeg's listings: the names."""
    listing = subprocess.run(
        [str(binary()), "-hide_banner", what], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    ).stdout
    return frozenset(columns[1] for line in listing.splitlines() if len(columns := line.split()) > 2)
