"""Whether deployments that are killed while AWS is in its harshest mood are made good by the next one."""

from pathlib import Path

from benchmarks.figures import Figure
from tests.killed_deployments import SEED, kill_and_converge

PROJECTS, CREATIONS, UPDATES = 2, 3, 7
KILLS = PROJECTS * (CREATIONS + UPDATES)


def measure_kills(folder: Path) -> list[Figure]:
    """Kill deployments at random moments; the first that is not made good ends it, with the reason."""
    kill_and_converge(folder, PROJECTS, CREATIONS, UPDATES)
    return [Figure(f"of {KILLS} killed deployments not made good, seed {SEED}", [0], "", 0)]
