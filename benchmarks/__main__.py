"""`make bench`: measures, prints the figures as tables, and says which miss their limit."""

import argparse
import platform
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.browser import measure_browser
from benchmarks.cold_start import measure_cold_start
from benchmarks.deployment import measure_deployments, measure_from_nothing
from benchmarks.figures import show
from benchmarks.harsh import measure_harsh
from benchmarks.jobs import measure_jobs
from benchmarks.renderer import measure_renderer
from benchmarks.scale import measure_scale
from benchmarks.takeover import measure_takeover

GROUPS = {
    "renderer": ("The renderer, with 50 of 1,000 experiments", measure_renderer),
    "cold-start": ("The renderer's first answer", measure_cold_start),
    "browser": ("The overview in Chromium", measure_browser),
    "scale": ("1,000 and 100,000 experiments", measure_scale),
    "jobs": ("Jobs, while workers are killed", measure_jobs),
    "takeover": ("The old site taken over, while it is visited and killed", measure_takeover),
    "harsh": ("First deployments where AWS is in its harshest mood", measure_harsh),
    "deployment": ("Deployments", measure_deployments),
    "from-nothing": ("make sandbox as the first command", measure_from_nothing),
}


def main() -> int:
    """Measure the groups asked for; 1 where a figure misses its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], help="which to measure (default: all)")
    groups = parser.parse_args().groups or list(GROUPS)
    console = Console()
    console.print(f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}")
    missed = []
    for group in groups:
        title, measure = GROUPS[group]
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(Path(folder))
        show(title, figures, console)
        missed += [figure.what.strip() for figure in figures if not figure.holds]
    if missed:
        console.print(f"Missed: {'; '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
