"""The file in which Pulumi keeps the state, after an accident and after a move of the emulator."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.places import SandboxError
from sandbox.state import follow_emulator, heal_state

WHOLE = '{"version": 3, "checkpoint": {"latest": {"resources": []}}}'
OLD, NEW = "http://127.0.0.1:4566", "http://127.0.0.1:4600"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "stacks" / "project" / "sandbox.json"
    file.parent.mkdir(parents=True)
    (tmp_path / "backups" / "project" / "sandbox").mkdir(parents=True)
    return file


def backup(file: Path, moment: int) -> Path:
    return file.parents[2] / "backups" / "project" / "sandbox" / f"sandbox.{moment}.json"


def test_a_whole_state_or_none_is_left_alone(file: Path) -> None:
    assert heal_state(file) is None
    assert not file.exists()
    file.write_text(WHOLE)
    assert heal_state(file) is None
    assert file.read_text() == WHOLE


@pytest.mark.parametrize("damaged", ["", WHOLE[:-7]])
def test_a_state_that_was_cut_short_is_the_last_whole_copy_again(file: Path, damaged: str) -> None:
    file.write_text(damaged)
    copy = file.with_suffix(".json.bak")
    copy.write_text(WHOLE)
    backup(file, 1).write_text('{"older": true}')
    assert heal_state(file) == copy
    assert file.read_text() == WHOLE


def test_a_damaged_copy_is_passed_over_for_the_newest_whole_one(file: Path) -> None:
    for damaged in (file, file.with_suffix(".json.bak"), backup(file, 300)):
        damaged.write_text(WHOLE[:-7])
    backup(file, 100).write_text('{"older": true}')
    backup(file, 200).write_text(WHOLE)
    assert heal_state(file) == backup(file, 200)
    assert file.read_text() == WHOLE


def test_where_every_copy_is_damaged_it_says_how_to_go_on(file: Path) -> None:
    file.write_text("{")
    backup(file, 1).write_text("")
    with pytest.raises(SandboxError, match=rf"state is damaged.*{file}\n.*make sandbox-clean, then make sandbox"):
        heal_state(file)


def test_a_first_state_that_was_never_whole_is_none(file: Path) -> None:
    file.write_text("")
    assert heal_state(file) is None
    assert not file.exists()


def test_the_state_follows_the_emulator_in_how_it_is_reached_and_in_nothing_else(file: Path) -> None:
    def resources(url: str) -> list[dict[str, Any]]:
        config = {"endpoints": f'[{{"sqs":"{url}"}}]', "aws:endpoints": [{"sqs": url}]}
        return [
            {"type": "pulumi:providers:aws", "id": "1", "inputs": config, "outputs": config},
            {"type": "aws:sqs/queue:Queue", "id": f"{url}/0/jobs", "outputs": {"url": f"{OLD}/0/jobs"}},
            {"type": "aws:lambda/function:Function", "id": "f", "inputs": {"environment": {"URL": OLD}}},
            {"type": "dashboard:jobs:JobQueue", "outputs": {"url": OLD}},
        ]

    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources(OLD)}}}))
    assert follow_emulator(file, 4600)
    assert json.loads(file.read_text())["checkpoint"]["latest"]["resources"] == resources(NEW)
    assert not follow_emulator(file, 4600)


def test_a_state_without_resources_names_no_port(file: Path) -> None:
    assert not follow_emulator(file, 4600)
    file.write_text('{"checkpoint": {"latest": null}}')
    assert not follow_emulator(file, 4600)
