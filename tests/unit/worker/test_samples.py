"""The sandbox's samples: run once, made good where an earlier run was stopped, otherwise left alone."""

from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from experiments.model import Status
from experiments.repository import ExperimentRepository
from rich.console import Console

from sandbox import samples
from sandbox.places import SandboxError
from sandbox.samples import SAMPLES, Sample, run_samples
from tests.unit.worker.aws import Cloud
from tests.unit.worker.conftest import TINY
from worker.clips import RECIPES, Clip, make_clip
from worker.codecs import find_codec
from worker.configuration import Configuration

TWO = [
    Sample("game-of-life", Configuration(codec="x264", preset="ultrafast", quality=28)),
    Sample(
        "game-of-life",
        Configuration(codec="x264", preset="medium", quality=0, options={"profile": "baseline"}),
        ends=Status.FAILED,
    ),
]


@pytest.fixture(autouse=True)
def tiny_clips(monkeypatch: pytest.MonkeyPatch, clip_folder: Path) -> None:
    def make_tiny(name: str, cache_folder: Path) -> Clip:
        return make_clip(name, clip_folder, TINY)

    monkeypatch.setattr(samples, "make_clip", make_tiny)


def run(cloud: Cloud, folder: Path) -> str:
    """Run the two samples; what the person at the terminal sees."""
    console = Console(file=StringIO(), width=120)
    run_samples("table", "media", cloud.client, folder, console, TWO)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_samples_are_run_and_reported(tmp_path: Path) -> None:
    cloud = Cloud()
    report = run(cloud, tmp_path)
    assert cloud.experiment("sample-game-of-life-x264-crf-28").status is Status.SUCCEEDED
    assert cloud.experiment("sample-game-of-life-x264-crf-0-baseline").status is Status.FAILED
    assert "game-of-life · x264 · CRF 28" in report
    assert "failed: x264 encode failed: baseline profile doesn't support lossless" in report
    assert "2/2" in report


def test_samples_that_are_there_are_left_alone(tmp_path: Path) -> None:
    cloud = Cloud()
    run(cloud, tmp_path)
    before = dict(cloud.items)
    assert run(cloud, tmp_path) == ""
    assert cloud.items == before


def test_a_sample_that_an_earlier_run_left_unfinished_is_run_again(tmp_path: Path) -> None:
    cloud = Cloud()
    run(cloud, tmp_path)
    finished = cloud.experiment(TWO[0].id)
    for left in (Status.RUNNING, Status.QUEUED, Status.FAILED):
        ExperimentRepository("table", cloud.client("dynamodb")).put(replace(finished, status=left))
        cloud.uploads.clear()
        run(cloud, tmp_path)
        assert cloud.experiment(TWO[0].id).status is Status.SUCCEEDED
        assert not any("baseline" in key for key in cloud.uploads)


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
def test_a_table_that_does_not_answer_is_one_clear_line(tmp_path: Path, operation: str) -> None:
    with pytest.raises(SandboxError) as caught:
        run(Cloud(refuses={operation}), tmp_path)
    assert operation in str(caught.value)
    assert str(caught.value).endswith("make sandbox goes on from here.")
    assert len(str(caught.value).splitlines()) == 1


def test_the_set_is_what_the_dashboard_is_to_show() -> None:
    assert len({sample.id for sample in SAMPLES}) == len(SAMPLES)
    succeeding = [sample for sample in SAMPLES if sample.ends is Status.SUCCEEDED]
    points = Counter((sample.clip, sample.configuration.codec) for sample in succeeding)
    assert {clip for clip, _ in points} == set(RECIPES)
    assert len({codec for _, codec in points}) == 3
    assert set(points.values()) == {4}
    assert len(SAMPLES) == len(succeeding) + 1
    for sample in SAMPLES:
        find_codec(sample.configuration.codec).check(sample.configuration)
