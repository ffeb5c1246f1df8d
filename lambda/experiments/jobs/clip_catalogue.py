"""The clips that experiments can use, and their sizes; worker/clips.py draws them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from experiments.model import Scalar

PIXEL_FORMAT = "yuv420p"
"""The samples of every clip: 8 bits, 4:2:0."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a clip in samples, its rate in frames per second, and its number of frames."""

    width: int = 640
    height: int = 360
    fps: int = 30
    frames: int = 60

    @classmethod
    def of(cls, parameters: Mapping[str, Scalar]) -> Self:
        """Read what an experiment's parameters say of its clip; the rest is as usual.

        Raises:
            ValueError: a size is no number.
        """
        return cls(**{name: int(parameters[name]) for name in cls.__slots__ if name in parameters})

    @property
    def samples(self) -> int:
        """The luma samples of all frames."""
        return self.width * self.height * self.frames


@dataclass(frozen=True, slots=True)
class SampleClip:
    """A clip by its name."""

    name: str
    title: str
    shape: Shape = Shape()


CLIPS = {
    clip.name: clip
    for clip in (
        SampleClip("mandelbrot-zoom", "Zoom into the Mandelbrot set: fine texture, moving camera, grain"),
        SampleClip("game-of-life", "Game of life over a turning test picture: chaotic motion, hard edges, grain"),
    )
}


def clip_parameters(name: str, shape: Shape) -> dict[str, Scalar]:
    """Return what an experiment's parameters say of its clip."""
    sizes: dict[str, Scalar] = {size: getattr(shape, size) for size in Shape.__slots__}
    return {"clip": name, **sizes, "pixel_format": PIXEL_FORMAT}
