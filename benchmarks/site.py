"""A deployed dashboard with many experiments, for benchmarks of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from experiments.repository import ExperimentRepository
from web import aws_clients

from benchmarks.function import load
from benchmarks.recorded_table import RecordedTable
from operations.demo_data import fill
from sandbox.emulator import REGION, ROOT_KEY
from tests.project_copy import ProjectCopy


@dataclass(frozen=True)
class Site:
    """The dashboard on an embedded AWS, through its CDN."""

    project: ProjectCopy
    outputs: dict[str, Any]
    _session: requests.Session = field(default_factory=requests.Session)

    @property
    def table_name(self) -> str:
        """The table of its experiments."""
        return str(self.outputs["table_name"])

    @property
    def url(self) -> str:
        """What browsers open, without a slash at the end."""
        return str(self.outputs["dashboard_url"]).rstrip("/")

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which its function runs, and those that Lambda gives it."""
        function = self.project.emulator.client("lambda").get_function_configuration(
            FunctionName=self.outputs["renderer_function"]
        )
        return {
            **function["Environment"]["Variables"],
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.project.emulator.url,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        }

    def renderer(self) -> Any:
        """The function in this process, with a client of this site's table."""
        os.environ.update(self.environment)
        renderer = load()
        renderer.services().experiments = self.repository(self.table_name)
        return renderer

    def repository(self, table_name: str, recorded: RecordedTable | None = None) -> ExperimentRepository:
        """Return the experiments of a table, read as the function reads them, or answered from memory."""
        client = aws_clients.dynamodb_client()
        if recorded:
            recorded.stand_in_for(client)
        return ExperimentRepository(table_name, client)

    def get(self, path: str) -> requests.Response:
        """Request a page over a connection that is kept, as browsers do; `ProjectCopy.get` opens one each time."""
        local, host = f"http://127.0.0.1:{self.project.port}{path}", urlsplit(self.url).netloc
        response = self._session.get(local, headers={"Host": host}, timeout=30)
        response.raise_for_status()
        return response


@contextmanager
def deployed(folder: Path, experiments: int) -> Iterator[Site]:
    """Deploy a copy of the project, with so many made-up experiments."""
    project = ProjectCopy.make(folder)
    try:
        project.run("up")
        site = Site(project, project.outputs())
        fill(site.table_name, project.emulator.client("dynamodb"), experiments)
        yield site
    finally:
        project.close()
