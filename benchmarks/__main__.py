"""`make bench`: measures, prints a figure a line, and says which miss their limit."""

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks.browser import measure_browser
from benchmarks.cold_start import measure_cold_start
from benchmarks.deployment import measure_deployments, measure_from_nothing
from benchmarks.figures import document, line
from benchmarks.harsh import measure_harsh
from benchmarks.jobs import measure_jobs
from benchmarks.kills import measure_kills
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
    "kills": ("Deployments killed where AWS is in its harshest mood", measure_kills),
    "deployment": ("Deployments", measure_deployments),
    "from-nothing": ("make sandbox as the first command", measure_from_nothing),
}


def main() -> int:
    """Measure the groups asked for; 1 where a figure misses its limit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], help="which to measure (default: all)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    arguments = parser.parse_args()
    # Printed as JSON at the end, and as lines as soon as they are there.
    say = (lambda _line: None) if arguments.json else _say
    machine = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    say(machine)
    measured = {}
    for group in arguments.groups or GROUPS:
        title, measure = GROUPS[group]
        with tempfile.TemporaryDirectory() as folder:
            measured[group] = measure(Path(folder))
        say("\n".join([f"\n{title}", *map(line, measured[group])]))
    if arguments.json:
        groups = {group: [document(figure) for figure in figures] for group, figures in measured.items()}
        _say(json.dumps({"machine": machine, "groups": groups}, indent=2))
    missed = [figure.what.strip() for figures in measured.values() for figure in figures if not figure.holds]
    if missed:
        say(f"\nMissed: {'; '.join(missed)}")
    return 1 if missed else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
