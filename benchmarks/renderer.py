"""How long the renderer takes for 50 of 1,000 experiments, and how much it sends; MLflow beside it."""

import gzip
from pathlib import Path

from benchmarks.figures import Figure, ratios
from benchmarks.function import ask
from benchmarks.mlflow_server import VERSION, MlflowServer, NotInstalled, mlflow_server
from benchmarks.recorded_table import RecordedTable
from benchmarks.site import Site, deployed
from benchmarks.timing import in_turn
from components.renderer import package_renderer
from tests.project_copy import ROOT

EXPERIMENTS = 1000
PAGE = 50
RUNS = 200
# A hundredth of them is the p99.
HANDLER_RUNS = 1000
KIB = 1024


def measure_renderer(folder: Path) -> list[Figure]:
    """Its page and its package; the handler in this process; the whole way through CDN and API, and through MLflow."""
    with deployed(folder / "project", EXPERIMENTS) as site:
        page = site.get("/").content
        return [
            Figure("function zip", [_zip_bytes(folder) / KIB], "KiB", limit=150),
            Figure("page of 50 experiments, gzipped", [len(gzip.compress(page)) / KIB], "KiB", limit=40),
            *_measure_handler(site),
            *_measure_requests(folder / "mlflow", site),
        ]


def _zip_bytes(folder: Path) -> int:
    return package_renderer(ROOT / "lambda", folder).path.stat().st_size


def _measure_handler(site: Site) -> list[Figure]:
    """All that the function does; between the requests, as on a working day, an experiment changes."""
    renderer = site.renderer()
    (with_table,) = in_turn(lambda: ask(renderer), runs=RUNS)
    table = RecordedTable()
    renderer.services().experiments = site.repository(site.table_name, table)
    ask(renderer)
    (times,) = in_turn(lambda: ask(renderer), runs=HANDLER_RUNS, before=table.change)
    (all_new,) = in_turn(lambda: ask(renderer), runs=RUNS, before=lambda: table.change(PAGE + 1))
    return [
        Figure("handler of /, DynamoDB's answers from memory", times, "ms", limit=4),
        Figure("handler of /, DynamoDB's answers from memory", times, "ms", limit=12, percentile=99),
        Figure("  of a page that this process has not seen yet", all_new, "ms"),
        Figure("  with the emulator's table", with_table, "ms"),
    ]


def _measure_requests(folder: Path, site: Site) -> list[Figure]:
    whole, peer = "whole request through emulated CDN, API and Lambda", f"MLflow {VERSION}, runs/search for 50 of 1,000"
    try:
        with mlflow_server(folder, _published(site)) as mlflow:
            ours, theirs = _take_turns(site, mlflow)
    except NotInstalled as reason:
        (ours,) = in_turn(lambda: site.get("/"), runs=RUNS)
        return [Figure(whole, ours, "ms"), Figure(f"{peer}: {reason}", [], "ms")]
    return [
        Figure(whole, ours, "ms"),
        Figure(peer, theirs, "ms"),
        Figure("whole request against MLflow's", ratios(ours, theirs), "×", limit=0.5),  # noqa: RUF001 times
    ]


def _take_turns(site: Site, mlflow: MlflowServer) -> list[list[float]]:
    assert len(mlflow.search(PAGE).json()["runs"]) == PAGE
    return in_turn(lambda: site.get("/"), lambda: mlflow.search(PAGE), runs=RUNS)


def _published(site: Site) -> list[dict[str, object]]:
    """All experiments as the API publishes them, newest first."""
    published, link = [], "?limit=100"
    while link:
        page = site.get(f"/api/experiments{link}").json()
        published += page["experiments"]
        link = page["next"]
    return published
