"""MLflow's server with the same experiments as its runs, to compare with: what the dashboard's readers come from.

It is no dependency of the project: uv keeps its environment in the user's cache.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import uv

from releasing.project import SANDBOX_HOST
from tests.project_copy import free_port

VERSION = "3.17.2"
RUNS_PROGRAM = Path(__file__).with_name("mlflow_runs.py")
START_LIMIT_SECONDS = 120
POLL_SECONDS = 0.2
SETTINGS = {
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


class NotInstalled(Exception):  # noqa: N818 reads better where it is raised
    """MLflow can't be installed here; the message says why."""


@dataclass(frozen=True)
class MlflowServer:
    """A running server, asked over a connection that is kept."""

    url: str
    _session: requests.Session = field(default_factory=requests.Session)

    def search(self, count: int) -> requests.Response:
        """Request the newest runs, as MLflow's own page does."""
        query = {"experiment_ids": ["0"], "max_results": count, "order_by": ["attributes.start_time DESC"]}
        response = self._session.post(f"{self.url}/api/2.0/mlflow/runs/search", json=query, timeout=30)
        response.raise_for_status()
        return response


@contextmanager
def mlflow_server(folder: Path, experiments: Sequence[dict[str, Any]]) -> Iterator[MlflowServer]:
    """Run a server of one process, with a SQLite database that holds the experiments, newest first.

    Raises:
        NotInstalled: MLflow can't be installed.

    """
    folder.mkdir()
    database, runs = f"sqlite:///{folder / 'mlflow.db'}", folder / "runs.json"
    _install()
    runs.write_text(json.dumps(experiments), encoding="utf-8")
    subprocess.run([*_python(), str(RUNS_PROGRAM), database, str(runs)], env=_environment(), cwd=folder, check=True)
    port = free_port()
    options = ["--backend-store-uri", database, "--host", SANDBOX_HOST, "--port", str(port), "--workers", "1"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*_python(), "-m", "mlflow", "server", *options],
            env=_environment(),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        server = MlflowServer(f"http://{SANDBOX_HOST}:{port}")
        _wait_until_ready(server, process)
        yield server
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _python() -> list[str]:
    environment = ["--no-project", "--quiet", "--python", sys.executable, "--with", f"mlflow=={VERSION}"]
    return [uv.find_uv_bin(), "run", *environment, "python"]


def _environment() -> dict[str, str]:
    """Without what this project tells its own Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | SETTINGS


def _install() -> None:
    result = subprocess.run([*_python(), "-c", ""], capture_output=True, text=True, check=False)
    if result.returncode:
        raise NotInstalled(" ".join(result.stderr.split())[:200])


def _wait_until_ready(server: MlflowServer, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while True:
        try:
            requests.get(f"{server.url}/health", timeout=5).raise_for_status()
        except requests.RequestException:
            assert process.poll() is None, "MLflow's server ended as it started"
            assert time.monotonic() < deadline, "MLflow's server doesn't answer"
            time.sleep(POLL_SECONDS)
        else:
            return
