"""YUV4MPEG2 files: raw frames with their size and rate, what every codec here reads and every decoder writes.

The format: https://wiki.multimedia.cx/index.php/YUV4MPEG2
"""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

_LONGEST_HEADER = 1024


class VideoError(Exception):
    """A file is no video that can be measured; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Video:
    """The properties of 8-bit 4:2:0 video."""

    width: int
    height: int
    fps: Fraction
    frames: int
    sha256: str
    """Of all raw frames, hexadecimal: what the video shows, whatever its file's header says."""

    @property
    def pixel_format(self) -> str:
        """The samples' format, by ffmpeg's name for it."""
        return "yuv420p"

    @property
    def frame_bytes(self) -> int:
        """The size of a raw frame in bytes."""
        return _frame_bytes(self.width, self.height)

    @property
    def raw_bytes(self) -> int:
        """The size of all raw frames in bytes."""
        return self.frames * self.frame_bytes

    @property
    def duration_seconds(self) -> float:
        """How long it plays, in seconds."""
        return float(self.frames / self.fps)


def read_video(path: Path) -> Video:
    """Read a Y4M file through, and return its properties.

    Raises:
        VideoError: it is none, is not 8-bit 4:2:0, has no frames, or is cut off.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        width, height, fps = _read_header(file, path.name)
        frames, sha256 = _read_frames(file, _frame_bytes(width, height), path.name)
    return Video(width, height, fps, frames, sha256)


def _read_header(file: BinaryIO, name: str) -> tuple[int, int, Fraction]:
    magic, *tags = file.readline(_LONGEST_HEADER).decode("ascii", "replace").split() or [""]
    if magic != "YUV4MPEG2":
        raise VideoError(f"{name} is no Y4M video")
    parameters = {tag[0]: tag[1:] for tag in tags}
    chroma = parameters.get("C", "420")
    if chroma not in ("420", "420jpeg", "420mpeg2", "420paldv"):
        raise VideoError(f"{name} has {chroma} samples: only 8-bit 4:2:0 is measured")
    try:
        fps = Fraction(parameters["F"].replace(":", "/"))
        width, height = int(parameters["W"]), int(parameters["H"])
    except (KeyError, ValueError, ZeroDivisionError):
        raise VideoError(f"{name} has a broken Y4M header") from None
    if width <= 0 or height <= 0 or fps <= 0:
        raise VideoError(f"{name} has a broken Y4M header")
    return width, height, fps


def _read_frames(file: BinaryIO, frame_bytes: int, name: str) -> tuple[int, str]:
    frames, digest = 0, hashlib.sha256()
    while marker := file.readline(_LONGEST_HEADER):
        frame = file.read(frame_bytes)
        if not marker.startswith(b"FRAME") or len(frame) < frame_bytes:
            raise VideoError(f"{name} is cut off or damaged after frame {frames}")
        digest.update(frame)
        frames += 1
    if not frames:
        raise VideoError(f"{name} has no frames")
    return frames, digest.hexdigest()


def _frame_bytes(width: int, height: int) -> int:
    """Luma, and two chroma planes of half the width and height, rounded up."""
    return width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
