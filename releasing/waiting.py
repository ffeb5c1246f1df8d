"""Waiting for AWS in dynamic providers, whose printed lines Pulumi shows."""

import time
from collections.abc import Iterator

# The first looks come soon after one another, as most things take no time; then they are spared.
FIRST_POLL_SECONDS = 0.25
POLL_SECONDS = 5
LIMIT_SECONDS = 600


def looks(awaited: str, limit_seconds: float = LIMIT_SECONDS) -> Iterator[float]:
    """Once, and then again and again until the limit is over, saying what is waited for.

    Yields:
        The seconds that have passed.

    """
    began, pause, passed = time.monotonic(), FIRST_POLL_SECONDS, 0.0
    yield passed
    while passed < limit_seconds:
        if not passed or pause == POLL_SECONDS:
            tell(f"Waiting for {awaited}" + (f", for {passed:.0f} s now" if passed else ""))
        time.sleep(pause)
        pause, passed = min(2 * pause, POLL_SECONDS), time.monotonic() - began
        yield passed


def tell(line: str) -> None:
    """Let Pulumi show a line beside the resource."""
    print(line, flush=True)  # noqa: T201 Pulumi shows what a dynamic provider prints
