"""How long a function takes that has just been started, from its first import to its first answer."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.figures import Figure, ratios
from benchmarks.function import ask
from benchmarks.recorded_table import RecordedTable
from benchmarks.site import Site, deployed
from tests.project_copy import ROOT

EXPERIMENTS = 1000
RUNS = 21


def measure_cold_start(folder: Path) -> list[Figure]:
    """The renderer, and the least that a function needs that asks DynamoDB; each time in a process of its own."""
    with deployed(folder / "project", EXPERIMENTS) as site:
        environment = {**os.environ, **site.environment}
        answers = folder / "answers.json"
        answers.write_text(json.dumps(_record(site)), encoding="utf-8")
    # The first of each writes what Python compiles.
    times = [[_first_answer(kind, answers, environment) for kind in ("function", "bare")] for _ in range(RUNS + 1)][1:]
    function, bare = ([run[place] for run in times] for place in (0, 1))
    return [
        Figure("renderer, import to first answer", function, "ms"),
        Figure("bare handler: boto3, a DynamoDB client, a query", bare, "ms"),
        Figure("renderer against bare handler", ratios(function, bare), "×", limit=1.5),  # noqa: RUF001 times
    ]


def _record(site: Site) -> dict[str, str]:
    """What the table answers to the requests of the first page, by their bodies."""
    renderer, table = site.renderer(), RecordedTable()
    renderer.services().experiments = site.repository(site.table_name, table)
    ask(renderer)
    return {body.decode(): answer.decode() for body, answer in table.answers.items()}


def _first_answer(kind: str, answers: Path, environment: Mapping[str, str]) -> float:
    command = [sys.executable, "-m", "benchmarks.first_answer", kind, str(answers)]
    result = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(result.stdout)
