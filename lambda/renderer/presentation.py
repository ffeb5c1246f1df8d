"""How figures and times are written on pages: each with its unit, always to the same precision."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from experiments.metrics import LOSSLESS_PSNR_DB, Metric, Unit

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# Ages beyond this are easier to read as a date.
OLDEST_AGE = timedelta(days=30)
# Beyond any figure of a real experiment; written out in full it would burst its column.
LARGEST_WRITTEN_OUT = 1e9
SMALLEST_COST = 0.0001


class Figure(NamedTuple):
    """A number as it is written, and its unit."""

    number: str
    unit: str


def figure(metric: Metric, value: Any) -> Figure:
    """Write a metric's value, as its unit is written."""
    return _WRITERS[metric.unit](value, metric.decimals)


def decibels(value: float, decimals: int) -> Figure:
    """Write a ratio in dB; that of identical pictures has no upper bound."""
    return Figure("≥ 100", "dB") if value >= LOSSLESS_PSNR_DB else quality(value, decimals, "dB")


def bitrate(kbps: float) -> Figure:
    """Write a bitrate; fractions count only where it is low."""
    return Figure(_decimal(kbps, 0 if kbps >= 100 else 1), "kbps")


def quality(value: float, places: int, unit: str) -> Figure:
    """Write a quality on any scale."""
    return Figure(_decimal(value, places), unit)


def frame_rate(fps: float) -> Figure:
    """Write how many frames are encoded in a second."""
    return Figure(_decimal(fps, 1), "fps")


def difference(value: float, places: int, unit: str) -> Figure:
    """Write by how much something is more or less."""
    return Figure(_signed(_decimal(abs(value), places), value), unit)


def compression_ratio(ratio: float) -> Figure:
    """Write how many times smaller the encoded clip is than the raw one."""
    return Figure(f"{_decimal(ratio, 0 if ratio >= 100 else 1)}×", "")  # noqa: RUF001 it is the multiplication sign


def cost(usd: float) -> Figure:
    """Write a cost; that of one encode is a fraction of a cent, and never nothing."""
    if 0 < usd < SMALLEST_COST / 2:
        return Figure(f"< {SMALLEST_COST}", "USD")
    return Figure(_decimal(usd, 2 if usd >= 1 or usd == 0 else 4), "USD")


def price(usd: float, unit: str) -> Figure:
    """Write what a unit costs, to ten decimals as far as it has them."""
    return Figure(f"{usd:.10f}".rstrip("0").rstrip("."), f"USD per {unit}")


def quantity(value: float, unit: str) -> Figure:
    """Write an amount to four digits at least, however small it is; a whole number in full."""
    if value == round(value):
        return Figure(_decimal(value, 0), unit)
    return Figure(_decimal(value, max(3 - math.floor(math.log10(abs(value))), 0)), unit)


def size(octets: int) -> Figure:
    """Write a file's size in decimal units, as browsers do for downloads."""
    if octets < 1000:
        return Figure(f"{octets}", "bytes")
    if octets < 1_000_000:
        return Figure(_decimal(octets / 1000, 1), "kB")
    return Figure(_decimal(octets / 1_000_000, 1), "MB")


def duration(seconds: float) -> Figure:
    """Write a time span as seconds, minutes:seconds or hours:minutes."""
    if round(seconds, 1) < MINUTE:
        return Figure(_decimal(seconds, 1), "s")
    if round(seconds) < HOUR:
        minutes, rest = divmod(round(seconds), MINUTE)
        return Figure(f"{minutes}:{rest:02}", "min")
    if seconds < LARGEST_WRITTEN_OUT:
        hours, minutes = divmod(round(seconds / MINUTE), MINUTE)
        return Figure(f"{hours:,}:{minutes:02}", "h")
    return Figure(_decimal(seconds / HOUR, 0), "h")


def this_minute(now: datetime) -> datetime:
    """Return the moment to which ages count, so that they change a page, and its entity tag, once a minute at most."""
    return now.replace(second=0, microsecond=0)


def age(moment: datetime, now: datetime) -> str:
    """Write how long ago a moment was; of one long ago, its date."""
    passed = now - moment
    seconds = int(passed.total_seconds())
    if passed > OLDEST_AGE or seconds < -MINUTE:
        return f"{moment:%Y-%m-%d}"
    if seconds < MINUTE:
        return f"{max(seconds, 0)} s ago"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min ago"
    if seconds < DAY:
        return f"{seconds // HOUR} h ago"
    return f"{seconds // DAY} d ago"


def month(name: str) -> str:
    """Write a month such as `2026-11`."""
    return f"{datetime.strptime(name, '%Y-%m'):%b %Y}"


def timestamp(moment: datetime) -> str:
    """Write a moment to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


_WRITERS: dict[str, Callable[[Any, int], Figure]] = {
    Unit.BYTES: lambda value, _: size(value),
    Unit.DECIBEL: decibels,
    Unit.FPS: lambda value, _: frame_rate(value),
    Unit.KBPS: lambda value, _: bitrate(value),
    Unit.NONE: lambda value, decimals: quality(value, decimals, ""),
    Unit.SECONDS: lambda value, _: duration(value),
    Unit.TIMES: lambda value, _: compression_ratio(value),
    Unit.USD: lambda value, _: cost(value),
}


def _signed(digits: str, value: float) -> str:
    if not digits.strip("0.,"):
        return digits
    return f"−{digits}" if value < 0 else f"+{digits}"  # noqa: RUF001 the minus sign


def _decimal(number: float, places: int) -> str:
    if abs(number) >= LARGEST_WRITTEN_OUT:
        return f"{number:.1e}"
    return f"{number:,.{places}f}"
