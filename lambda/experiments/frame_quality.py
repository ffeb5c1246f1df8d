"""How good each frame of an experiment is: a short series, kept in an item of its own so that no listing reads it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from experiments.fields import count, number, sequence
from experiments.metrics import LOSSLESS_PSNR_DB, psnr
from experiments.model import partition_key

FRAMES_SORT_KEY = "FRAMES"
MOST_VALUES = 300
"""Values kept of a metric: about as many as a chart can show, and far from DynamoDB's limit of 400 KB an item."""


@dataclass(frozen=True, slots=True)
class FrameQuality:
    """PSNR in dB (at most 100) and SSIM over all planes, in the frames' order."""

    step: int
    """Frames that each value stands for; the worst of them counts, so that no dip is lost."""
    psnr_db: tuple[float, ...]
    ssim: tuple[float, ...]

    @classmethod
    def of(cls, psnr_db: Sequence[float], ssim: Sequence[float]) -> Self:
        """Return the series of a clip's frames, shortened to `MOST_VALUES`."""
        step = max(1, -(-len(psnr_db) // MOST_VALUES))
        return cls(step, _worst_of_each(psnr_db, step, places=2), _worst_of_each(ssim, step, places=5))

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self | None:
        """Read an item's plain values; None where they are no series that could be shown."""
        series = cls(
            step=count(item.get("step")) or 1,
            psnr_db=_whole(psnr(value) for value in sequence(item.get("psnr_db"))[:MOST_VALUES]),
            ssim=_whole(number(value) for value in sequence(item.get("ssim"))[:MOST_VALUES]),
        )
        return series if series.psnr_db or series.ssim else None

    @property
    def series(self) -> dict[str, tuple[float, ...]]:
        """The values of each metric by its key."""
        return {"psnr_db": self.psnr_db, "ssim": self.ssim}

    def to_item(self, experiment_id: str) -> dict[str, Any]:
        """Return the item with its keys; without `feed`, `status` and `codec` it is in no index."""
        keys = {"pk": partition_key(experiment_id), "sk": FRAMES_SORT_KEY}
        return keys | {"step": self.step} | {key: list(values) for key, values in self.series.items()}


def _worst_of_each(values: Sequence[float], step: int, places: int) -> tuple[float, ...]:
    groups = (values[start : start + step] for start in range(0, len(values), step))
    return tuple(round(min(*group, LOSSLESS_PSNR_DB), places) for group in groups)


def _whole(values: Iterable[float | None]) -> tuple[float, ...]:
    """Return all values, or none where one is broken: the others would move to wrong frames."""
    read = tuple(values)
    return tuple(value for value in read if value is not None) if None not in read else ()
