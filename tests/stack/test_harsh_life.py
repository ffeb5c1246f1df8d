"""A stack's whole life on an AWS in its harshest mood: created, changed, killed, rolled back, destroyed.

`HARSH_SEEDS=<seed>,<seed>` repeats other moods; `python -m benchmarks harsh` plays more of them, and longer ones.
"""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.manners import HARSH
from tests.inventory import held, recorded
from tests.project_copy import ProjectCopy

SEEDS = [int(seed) for seed in os.environ.get("HARSH_SEEDS", "1,2,3").split(",")]
# Twice as fast as the sandbox goes else, as a life is long.
CLOCK = 120


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[list[ProjectCopy]]:
    projects = [ProjectCopy.make(tmp_path / f"seed-{seed}") for seed in SEEDS]
    for project, seed in zip(projects, SEEDS, strict=True):
        project.emulator.behave(replace(HARSH, seed=seed, clock=CLOCK))
    yield projects
    for project in projects:
        project.close()


def test_a_stack_lives_through_aws_in_its_harshest_mood(projects: list[ProjectCopy]) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(_live, projects))


def _live(project: ProjectCopy) -> None:
    project.run("up")
    assert project.up() == set(), "a second deployment has nothing to do"
    first = project.outputs()

    _change(project)
    project.run("up")
    _kill_an_update(project)
    project.run("up")
    assert held(project.emulator).keys() == recorded(project.state())

    project.environment["RENDERER_VERSION"] = first["renderer_version"]
    project.run("up")
    assert first["renderer_code_sha256"] in project.get(first["dashboard_url"]).text
    project.environment.clear()

    project.run("destroy")
    assert not held(project.emulator)


def _change(project: ProjectCopy) -> None:
    with (project.folder / "lambda" / "index_ssr.py").open("a", encoding="utf-8") as renderer:
        renderer.write("\n# changed\n")
    with (project.folder / "dashboard" / "admin.html").open("a", encoding="utf-8") as page:
        page.write("<!-- changed -->\n")


def _kill_an_update(project: ProjectCopy) -> None:
    """Kill a deployment once it has begun to change something."""
    _change(project)
    process = project.start("up")
    assert process.stdout is not None
    assert any("updat" in line for line in process.stdout), "it ended before it changed anything"
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
