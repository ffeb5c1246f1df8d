"""The quality badge: the one place that says what counts as excellent, good, acceptable or poor."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Quality(StrEnum):
    """A badge; its value is its label."""

    EXCELLENT = "Excellent"
    GOOD = "Good"
    ACCEPTABLE = "Acceptable"
    POOR = "Poor"


@dataclass(frozen=True, slots=True)
class Threshold:
    """The least PSNR (dB) and the least SSIM (0 to 1) of a badge; both must be reached."""

    quality: Quality
    psnr_db: float
    ssim: float


# Best first; what reaches none of them is poor.
THRESHOLDS = (
    Threshold(Quality.EXCELLENT, psnr_db=40.0, ssim=0.98),
    Threshold(Quality.GOOD, psnr_db=35.0, ssim=0.95),
    Threshold(Quality.ACCEPTABLE, psnr_db=30.0, ssim=0.90),
)


def quality(psnr_db: float | None, ssim: float | None) -> Quality | None:
    """Return the badge for a PSNR in dB and an SSIM from 0 to 1; the lower of the two counts.

    None where a metric is missing (or not a number): half a measurement is no judgement.
    """
    if psnr_db is None or ssim is None or math.isnan(psnr_db) or math.isnan(ssim):
        return None
    for threshold in THRESHOLDS:
        if psnr_db >= threshold.psnr_db and ssim >= threshold.ssim:
            return threshold.quality
    return Quality.POOR
