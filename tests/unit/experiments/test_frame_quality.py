"""Quality frame by frame: short however long the clip, without losing a dip; broken items are none."""

from typing import Any

import pytest
from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.frame_quality import MOST_VALUES, FrameQuality


def test_a_short_clip_keeps_each_frame() -> None:
    frames = FrameQuality.of([41.234, 40.0, float("inf")], [0.98, 0.97, 1.0])
    assert frames == FrameQuality(step=1, psnr_db=(41.23, 40.0, 100.0), ssim=(0.98, 0.97, 1.0))


@pytest.mark.parametrize("count", [MOST_VALUES, MOST_VALUES + 1, 1000, 100_000])
def test_a_long_clip_is_shortened_and_keeps_its_dip(count: int) -> None:
    psnrs = [40.0] * count
    psnrs[count * 2 // 3] = 20.0
    frames = FrameQuality.of(psnrs, [0.9] * count)
    assert len(frames.psnr_db) == len(frames.ssim) == -(-count // frames.step) <= MOST_VALUES
    assert frames.psnr_db.index(20.0) == count * 2 // 3 // frames.step


def test_an_item_gives_back_what_was_stored() -> None:
    frames = FrameQuality.of([41.23, 40.0], [0.98, 0.97])
    item = item_to_python(item_to_attribute_values(frames.to_item("e1")))
    assert FrameQuality.from_item(item) == frames
    assert not {"feed", "status", "codec"} & item.keys()


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"psnr_db": "many", "ssim": {}},
        {"psnr_db": [40.0, "x"], "ssim": [None]},
        {"step": "s", "psnr_db": []},
    ],
)
def test_a_broken_item_is_none(item: dict[str, Any]) -> None:
    assert FrameQuality.from_item(item) is None


def test_what_is_whole_of_a_broken_item_is_kept() -> None:
    frames = FrameQuality.from_item({"step": -1, "psnr_db": [40.0], "ssim": [None]})
    assert frames == FrameQuality(step=1, psnr_db=(40.0,), ssim=())
