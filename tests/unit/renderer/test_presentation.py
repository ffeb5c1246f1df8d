"""Figures and times, as they are written on pages."""

from datetime import UTC, datetime, timedelta

import pytest
from experiments.metrics import METRICS
from renderer import presentation

NOW = datetime(2026, 11, 24, 6, 12, 56, tzinfo=UTC)


@pytest.mark.parametrize(
    ("figure", "written"),
    [
        (presentation.figure(METRICS["psnr_db"], 41.268), "41.27 dB"),
        (presentation.figure(METRICS["psnr_db"], 100.0), "≥ 100 dB"),
        (presentation.figure(METRICS["ssim"], 0.98765), "0.9877"),
        (presentation.bitrate(89.66), "89.7 kbps"),
        (presentation.bitrate(1234567.8), "1,234,568 kbps"),
        (presentation.bitrate(1e200), "1.0e+200 kbps"),
        (presentation.quality(0.98765, 4, ""), "0.9877"),
        (presentation.difference(-38.24, 1, "%"), "−38.2 %"),  # noqa: RUF001 the minus sign
        (presentation.difference(12345.6, 1, "%"), "+12,345.6 %"),
        (presentation.difference(-0.04, 1, "%"), "0.0 %"),
        (presentation.compression_ratio(57.83), "57.8×"),  # noqa: RUF001 the multiplication sign
        (presentation.compression_ratio(924.1), "924×"),  # noqa: RUF001 likewise
        (presentation.cost(0), "0.00 USD"),
        (presentation.cost(0.00123), "0.0012 USD"),
        (presentation.cost(0.00001), "< 0.0001 USD"),
        (presentation.cost(12.345), "12.35 USD"),
        (presentation.quantity(1_234, "s"), "1,234 s"),
        (presentation.quantity(1_234.56, "s"), "1,235 s"),
        (presentation.quantity(0.0012345, "GB"), "0.001234 GB"),
        (presentation.quantity(0, "GB"), "0 GB"),
        (presentation.quantity(1e300, "GB"), "1.0e+300 GB"),
        (presentation.size(999), "999 bytes"),
        (presentation.size(123_456), "123.5 kB"),
        (presentation.size(5_200_000), "5.2 MB"),
        (presentation.duration(0), "0.0 s"),
        (presentation.duration(59.94), "59.9 s"),
        (presentation.duration(59.97), "1:00 min"),
        (presentation.duration(192), "3:12 min"),
        (presentation.duration(3599.9), "1:00 h"),
        (presentation.duration(7500), "2:05 h"),
        (presentation.duration(1e15), "2.8e+11 h"),
    ],
)
def test_figures_carry_their_unit(figure: presentation.Figure, written: str) -> None:
    assert " ".join(figure).strip() == written


@pytest.mark.parametrize(
    ("passed", "written"),
    [
        (timedelta(seconds=-3), "0 s ago"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(hours=3, minutes=59), "3 h ago"),
        (timedelta(days=30), "30 d ago"),
        (timedelta(days=31), "2026-10-24"),
        (timedelta(days=-2), "2026-11-26"),
    ],
)
def test_age_is_told_until_a_date_says_more(passed: timedelta, written: str) -> None:
    assert presentation.age(NOW - passed, NOW) == written


def test_a_timestamp_is_in_utc() -> None:
    assert presentation.timestamp(NOW) == "2026-11-24 06:12:56 UTC"
