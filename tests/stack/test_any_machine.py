"""The sandbox on machines as people have them: in a folder of any name, at one port and then at another, cut short."""

import os
import signal
from collections.abc import Iterator

import pytest

from releasing.project import PROJECT_NAME, SANDBOX, SANDBOX_PORT
from sandbox.emulator import Emulator
from tests.inventory import held
from tests.project_copy import ProjectCopy, changes, free_port
from tests.sign_in import administrator

FOLDER = "a %41 100% #1 ?x=y & \"b\" 'c' é $HOME $(d) [e] *;"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectCopy]:
    """A deployed project."""
    project = ProjectCopy.make(tmp_path_factory.mktemp("machine") / FOLDER)
    project.run("up")
    yield project
    project.close()


def test_it_stands_in_a_folder_of_any_name_and_moves_to_another_port(project: ProjectCopy) -> None:
    assert project.state()
    before, outputs = project.port, project.outputs()
    move(project)
    printed = project.run("up")
    moved = project.outputs()
    urls = {name for name in outputs if name.endswith("_url")}
    assert all(f":{project.port}" in moved[name] and f":{before}" not in moved[name] for name in urls)
    # The admin API is told the queue's URL, and so is published anew.
    assert {name for name in outputs if moved[name] != outputs[name]} == {*urls, "admin_version", "release"}
    assert {change.split()[0] for change in changes(printed)} == {"updated"}
    assert f":{project.port}" in project.get(f"{moved['dashboard_url']}config.json").text
    assert project.get(moved["dashboard_url"]).status_code == 200
    assert administrator(project, moved).access


def test_it_is_stopped_by_default_wherever_it_runs_and_a_state_that_was_cut_short_is_made_whole(
    project: ProjectCopy,
) -> None:
    outputs, running, port = project.outputs(), emulator_pid(project), project.port
    project.port = SANDBOX_PORT
    project.run("down")
    with pytest.raises(ProcessLookupError):
        os.killpg(running, 0)
    project.port = port
    file = project.emulator.folder / "state" / ".pulumi" / "stacks" / PROJECT_NAME / f"{SANDBOX}.json"
    file.write_text(file.read_text()[:10000])
    assert "make sandbox goes on from a copy" in project.fail("outputs")
    assert "state was damaged; it goes on from the last whole copy" in project.run("up")
    assert project.outputs() == outputs
    assert project.up() == set()


def test_after_a_crash_it_comes_back_at_another_port_and_is_destroyed_at_a_third(project: ProjectCopy) -> None:
    os.kill(emulator_pid(project), signal.SIGKILL)
    move(project)
    project.run("up")
    assert project.get(project.outputs()["dashboard_url"]).status_code == 200
    move(project)
    project.run("destroy")
    assert not held(project.emulator)


def move(project: ProjectCopy) -> None:
    """Choose another port for the commands that follow."""
    project.port = free_port()
    project.emulator = Emulator(project.emulator.folder, project.port)


def emulator_pid(project: ProjectCopy) -> int:
    return int((project.emulator.folder / "emulator.pid").read_text().split()[0])
