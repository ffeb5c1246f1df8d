"""Deployments killed at random moments: the next `up` brings all that git says, once, and leaves nothing astray.

`python -m benchmarks kills` does it oftener. `KILLS_SEED=<seed>` repeats a run.
"""

from pathlib import Path

from tests.killed_deployments import kill_and_converge


def test_deployments_killed_at_random_moments_are_followed_by_ones_that_converge(tmp_path: Path) -> None:
    kill_and_converge(tmp_path, projects=2, creations=1, updates=3)
