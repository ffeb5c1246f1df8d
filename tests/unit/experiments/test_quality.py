"""The quality badge at and around every threshold."""

import math

import pytest
from experiments.quality import THRESHOLDS, Quality, quality


@pytest.mark.parametrize(
    ("psnr_db", "ssim", "expected"),
    [
        (40.0, 0.98, Quality.EXCELLENT),
        (100.0, 1.0, Quality.EXCELLENT),
        (math.inf, 1.0, Quality.EXCELLENT),
        (39.999, 0.98, Quality.GOOD),
        (40.0, 0.9799, Quality.GOOD),
        (35.0, 0.95, Quality.GOOD),
        (34.999, 0.95, Quality.ACCEPTABLE),
        (35.0, 0.9499, Quality.ACCEPTABLE),
        (30.0, 0.90, Quality.ACCEPTABLE),
        (29.999, 0.90, Quality.POOR),
        (30.0, 0.8999, Quality.POOR),
        (45.0, 0.5, Quality.POOR),
        (12.0, 0.99, Quality.POOR),
        (0.0, -1.0, Quality.POOR),
        (None, 0.99, None),
        (40.0, None, None),
        (None, None, None),
        (math.nan, 0.99, None),
        (40.0, math.nan, None),
    ],
)
def test_the_lower_of_psnr_and_ssim_decides(
    psnr_db: float | None, ssim: float | None, expected: Quality | None
) -> None:
    assert quality(psnr_db, ssim) is expected


def test_a_legend_can_be_made_of_the_thresholds() -> None:
    assert [(str(t.quality), t.psnr_db, t.ssim) for t in THRESHOLDS] == [
        ("Excellent", 40.0, 0.98),
        ("Good", 35.0, 0.95),
        ("Acceptable", 30.0, 0.90),
    ]
