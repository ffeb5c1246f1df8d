"""Whether a first deployment into an empty account succeeds by itself where AWS is in its harshest mood."""

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import monotonic

from benchmarks.figures import Figure
from sandbox.manners import HARSH
from tests.project_copy import ProjectCopy, changes

SEEDS = range(1, 11)
# Side by side, as a deployment waits more than it works.
AT_ONCE = 2
# Of what a deployment that failed has printed: its end says why.
SHOWN_CHARACTERS = 2000


def measure_harsh(folder: Path) -> list[Figure]:
    """First and second deployments, each seed in an account of its own."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lives = list(pool.map(lambda seed: _deploy_twice(folder, seed), SEEDS))
    failed = sum(first is None for first, _ in lives)
    changed = sum(second for _, second in lives)
    return [
        Figure(f"first deployments under harsh manners that failed, of {len(SEEDS)} seeds", [failed], "", 0),
        Figure("  second ones that changed something", [changed], "", 0),
        Figure("  a first one takes", [first for first, _ in lives if first is not None], "s"),
    ]


def _deploy_twice(folder: Path, seed: int) -> tuple[float | None, bool]:
    """How many seconds the first deployment took, None where it failed, and whether the second changed anything."""
    project = ProjectCopy.make(folder / f"seed-{seed}")
    project.emulator.behave(replace(HARSH, seed=seed))
    try:
        began = monotonic()
        first = project.start("up")
        printed, _ = first.communicate()
        seconds = monotonic() - began
        if first.returncode:
            sys.stderr.write(f"Seed {seed} failed:\n{printed[-SHOWN_CHARACTERS:]}\n")
            return None, False
        second = project.start("up")
        printed, _ = second.communicate()
        return seconds, bool(second.returncode or changes(printed))
    finally:
        project.close()
