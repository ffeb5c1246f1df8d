"""Whether the old site is taken over without a gap: while people visit it, and while the takeover is killed."""

import os
import random
import time
from pathlib import Path

from benchmarks.figures import Figure
from tests.takeover_rehearsal import Kills, Rehearsal, Visitors

SEED = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(10**6))
EXPERIMENTS = 5000
KILLS_AT_FIRST, KILLS = 4, 10
# About as long as the first takeover of so many experiments.
FIRST_SECONDS = 120
REQUESTS = 5000


def measure_takeover(folder: Path) -> list[Figure]:
    """Take over a site that was built as by hand, forth and back and forth, with visitors who never pause."""
    rehearsal = Rehearsal.prepare(folder / "project", EXPERIMENTS)
    kills = Kills(rehearsal, random.Random(SEED))
    try:
        untouched = rehearsal.old.description()
        began = time.monotonic()
        with Visitors(rehearsal, count=1) as visitors:
            kills.forth_for_the_first_time(KILLS_AT_FIRST, FIRST_SECONDS / KILLS_AT_FIRST)
            kills.back_and_forth(KILLS - len(kills.killed))
            visitors.wait_for(REQUESTS)
        seconds = time.monotonic() - began
        lost = len(rehearsal.lost())
        changed = sum(untouched[part] != now for part, now in rehearsal.old.description().items())
    finally:
        rehearsal.close()
    print(f"KILLS_SEED={SEED}: {'; '.join(kills.killed)}")
    for failure in visitors.failures[:10]:
        print(f"  {failure}")
    return [
        Figure(f"visitors' requests, of {visitors.requests:,}: failed", [len(visitors.failures)], "", 0),
        Figure("  fewer than wanted", [max(0, REQUESTS - visitors.requests)], "", 0),
        Figure(f"of {len(rehearsal.old.experiments):,} experiments: lost", [lost], "", 0),
        Figure(f"takeovers, killed {len(kills.killed)} times: not resumed", [len(kills.killed) - kills.resumed], "", 0),
        Figure("parts of the old site that have changed", [changed], "", 0),
        Figure("  in all", [seconds], "s"),
    ]
