"""The sandbox's samples: run once, made good where an earlier run was stopped, otherwise left alone."""

from collections import Counter
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from experiments.configuration import CodecConfiguration
from experiments.model import Artefacts, Status
from experiments.repository import ExperimentRepository
from rich.console import Console

from sandbox import samples
from sandbox.places import SandboxError
from sandbox.samples import SAMPLES, Sample, run_samples
from tests.unit.worker.aws import Cloud
from tests.unit.worker.conftest import TINY
from worker.clips import RECIPES, Clip, make_clip
from worker.codecs import find_codec

X264 = CodecConfiguration(codec="x264", preset="ultrafast", quality=28)
GOOD = Sample("game-of-life", X264)
FAILED = Sample("game-of-life", replace(X264, quality=0, options={"profile": "baseline"}), ends=Status.FAILED)
RERUN = Sample("game-of-life", replace(X264, quality=20), parent=FAILED)
LOST = Sample("game-of-life", replace(X264, quality=24), loses_files=True)
RUNNING = Sample("game-of-life", replace(X264, quality=30), ends=Status.RUNNING)
FEW = [GOOD, FAILED, RERUN, LOST, RUNNING]


@pytest.fixture(autouse=True)
def tiny_clips(monkeypatch: pytest.MonkeyPatch, clip_folder: Path) -> None:
    def make_tiny(name: str, cache_folder: Path) -> Clip:
        return make_clip(name, clip_folder, TINY)

    monkeypatch.setattr(samples, "make_clip", make_tiny)


def run(cloud: Cloud, folder: Path) -> str:
    """Run the few samples; what the person at the terminal sees."""
    console = Console(file=StringIO(), width=120)
    run_samples("table", "media", cloud.client, folder, console, FEW)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_samples_are_run_and_reported(tmp_path: Path) -> None:
    cloud = Cloud()
    report = run(cloud, tmp_path)
    assert [cloud.experiment(sample.id).status for sample in FEW] == [sample.ends for sample in FEW]
    assert "game-of-life · x264 · CRF 28" in report
    assert "failed: x264 encode failed: baseline profile doesn't support lossless" in report
    assert "game-of-life · x264 · CRF 30  running" in report
    assert "5/5" in report


def test_samples_show_a_rerun_lost_files_and_work_in_progress(tmp_path: Path) -> None:
    cloud = Cloud()
    run(cloud, tmp_path)
    failed, rerun, lost, running = (cloud.experiment(sample.id) for sample in FEW[1:])
    assert (failed.attempt, failed.parent_id, rerun.attempt, rerun.parent_id) == (1, None, 2, failed.id)
    assert rerun.parameters["crf"] != failed.parameters["crf"]
    assert lost.metrics.ssim is not None
    assert lost.artefacts == Artefacts()
    assert not any(lost.id in key for key in cloud.objects)
    assert f"EXPERIMENT#{lost.id}" in cloud.frames
    assert (running.worker, running.progress) == ("sandbox", 0.4)
    assert running.started_at is not None
    assert running.finished_at is None


def test_samples_that_are_there_are_left_alone(tmp_path: Path) -> None:
    cloud = Cloud()
    run(cloud, tmp_path)
    before = dict(cloud.items)
    assert run(cloud, tmp_path) == ""
    assert cloud.items == before


def test_a_sample_that_an_earlier_run_left_unfinished_is_run_again(tmp_path: Path) -> None:
    cloud = Cloud()
    run(cloud, tmp_path)
    finished = cloud.experiment(GOOD.id)
    for left in (Status.RUNNING, Status.QUEUED, Status.FAILED):
        ExperimentRepository("table", cloud.client("dynamodb")).put(replace(finished, status=left))
        cloud.uploads.clear()
        run(cloud, tmp_path)
        assert cloud.experiment(GOOD.id).status is Status.SUCCEEDED
        assert {key.split("/")[1] for key in cloud.uploads} == {GOOD.id}


@pytest.mark.parametrize("operation", ["GetItem", "PutItem"])
def test_a_table_that_does_not_answer_is_one_clear_line(tmp_path: Path, operation: str) -> None:
    with pytest.raises(SandboxError) as caught:
        run(Cloud(refuses={operation}), tmp_path)
    assert operation in str(caught.value)
    assert str(caught.value).endswith("make sandbox goes on from here.")
    assert len(str(caught.value).splitlines()) == 1


def test_the_set_is_what_the_dashboard_is_to_show() -> None:
    assert len({sample.id for sample in SAMPLES}) == len(SAMPLES)
    special = [sample for sample in SAMPLES if sample.parent or sample.loses_files or sample.ends != Status.SUCCEEDED]
    points = Counter((sample.clip, sample.configuration.codec) for sample in SAMPLES if sample not in special)
    assert set(points) == {(clip, codec) for clip in RECIPES for codec in ("x264", "x265", "av1", "vp9")}
    assert set(points.values()) == {6}
    assert Counter(sample.ends for sample in special) == {Status.FAILED: 1, Status.SUCCEEDED: 2, Status.RUNNING: 1}
    for sample in SAMPLES:
        find_codec(sample.configuration.codec).check(sample.configuration)
