"""Publishing: every step of an experiment is visible, and no record names a file that is not there."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from experiments.attribute_values import item_to_python
from experiments.configuration import CodecConfiguration
from experiments.frame_quality import FrameQuality
from experiments.model import Status
from experiments.repository import ExperimentRepository

from sandbox.sample_jobs import plan, run_job, start
from tests.unit.worker.aws import Cloud
from worker.clips import Clip
from worker.experiment import Host, Job, Outcome, perform
from worker.publish import Publisher

HOST = Host("host-1")
X264 = CodecConfiguration(codec="x264", preset="ultrafast", quality=28)
REFUSED = CodecConfiguration(codec="x264", preset="medium", quality=0, options={"profile": "baseline"})


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def publisher(cloud: Cloud) -> Publisher:
    return Publisher(ExperimentRepository("table", cloud.client("dynamodb")), cloud.client("s3"), "media")


def test_an_experiment_is_seen_running_and_then_with_its_files(cloud: Cloud, publisher: Publisher, clip: Clip) -> None:
    job = plan(clip, X264, "e1")
    publisher.record(job.experiment)
    ended = run_job(job, HOST, publisher)
    assert [experiment.status for experiment in cloud.history] == [Status.QUEUED, Status.RUNNING, Status.SUCCEEDED]
    assert cloud.history[1].worker == "host-1"
    assert ended == cloud.experiment("e1")

    artefacts = ended.artefacts
    assert artefacts.video_key == "experiments/e1/video.mp4"
    assert artefacts.decoder_key == "experiments/e1/decoder.zip"
    assert artefacts.reference_key is not None
    assert set(cloud.objects) == {artefacts.video_key, artefacts.decoder_key, artefacts.reference_key}
    assert cloud.content_types == {
        artefacts.video_key: "video/mp4",
        artefacts.decoder_key: "application/zip",
        artefacts.reference_key: "video/webm",
    }
    assert len(cloud.objects[artefacts.video_key]) == ended.metrics.encoded_bytes
    assert artefacts.stored_bytes == sum(map(len, cloud.objects.values()))
    bundle = zipfile.ZipFile(BytesIO(cloud.objects[artefacts.decoder_key]))
    assert bundle.read("video.mp4") == cloud.objects[artefacts.video_key]


def test_the_quality_of_each_frame_is_kept_beside_the_record(cloud: Cloud, publisher: Publisher, clip: Clip) -> None:
    ended = run_job(plan(clip, X264, "e1"), HOST, publisher)
    frames = FrameQuality.from_item(item_to_python(cloud.frames["EXPERIMENT#e1"]))
    assert frames is not None
    assert (frames.step, len(frames.psnr_db), len(frames.ssim)) == (1, clip.video.frames, clip.video.frames)
    assert min(frames.psnr_db) <= (ended.metrics.psnr_db or 0) <= max(frames.psnr_db)
    assert sum(frames.ssim) / len(frames.ssim) == pytest.approx(ended.metrics.ssim, abs=1e-4)


@pytest.mark.parametrize("is_another_process", [False, True])
def test_experiments_on_one_clip_share_its_reference(
    cloud: Cloud, publisher: Publisher, clip: Clip, is_another_process: bool
) -> None:
    first = run_job(plan(clip, X264, "e1"), HOST, publisher)
    other = replace(publisher, _references=set()) if is_another_process else publisher
    second = run_job(plan(clip, X264, "e2"), HOST, other)
    assert first.artefacts.reference_key == second.artefacts.reference_key
    reference_key = str(first.artefacts.reference_key)
    assert cloud.uploads.count(reference_key) == 1
    stored = first.artefacts.stored_bytes, second.artefacts.stored_bytes
    assert sum(filter(None, stored)) == sum(map(len, cloud.objects.values()))
    assert stored[0] == (stored[1] or 0) + len(cloud.objects[reference_key])


def test_a_failed_experiment_is_published_with_its_reason(cloud: Cloud, publisher: Publisher, clip: Clip) -> None:
    run_job(plan(clip, REFUSED, "e1"), HOST, publisher)
    failed = cloud.experiment("e1")
    assert failed.status is Status.FAILED
    assert failed.error == "x264 encode failed: baseline profile doesn't support lossless"
    assert "Possible profiles" in failed.log_tail
    assert cloud.objects == {}
    assert failed.artefacts.stored_bytes is None


def test_progress_is_seen_until_the_experiment_ends(
    cloud: Cloud, publisher: Publisher, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    def perform_visibly(job: Job, host: Host, folder: Path, on_progress: Callable[[float], None]) -> Outcome:
        on_progress(0.25)
        running = cloud.experiment("e1")
        assert running.progress == 0.25
        assert running.heartbeat_at == running.updated_at
        as_started = replace(running, progress=None, heartbeat_at=None, updated_at=job.experiment.updated_at)
        assert as_started == job.experiment
        return perform(job, host, folder)

    monkeypatch.setattr("sandbox.sample_jobs.perform", perform_visibly)
    ended = run_job(plan(clip, X264, "e1"), HOST, publisher)
    publisher.note_progress(ended, 0.5)
    assert cloud.experiment("e1") == ended
    assert (ended.status, ended.progress) == (Status.SUCCEEDED, None)


def test_no_experiment_fails_because_its_progress_cannot_be_told(
    cloud: Cloud, publisher: Publisher, clip: Clip
) -> None:
    cloud.refuses.add("UpdateItem")
    running = start(plan(clip, X264, "e1"), HOST).experiment
    publisher.record(running)
    publisher.note_progress(running, 0.25)
    assert (cloud.experiment("e1").status, cloud.experiment("e1").progress) == (Status.RUNNING, None)


def test_measurements_are_kept_where_the_files_cannot_be(cloud: Cloud, publisher: Publisher, clip: Clip) -> None:
    cloud.refuses.add("PutObject")
    run_job(plan(clip, X264, "e1"), HOST, publisher)
    failed = cloud.experiment("e1")
    assert failed.status is Status.FAILED
    assert failed.error.startswith("its files could not be uploaded: ")
    assert "AccessDenied" in failed.error
    assert failed.metrics.ssim is not None
    assert failed.artefacts.video_key is None


def test_a_table_that_takes_nothing_stops_the_job_before_it_costs_anything(
    cloud: Cloud, publisher: Publisher, clip: Clip
) -> None:
    cloud.refuses.add("PutItem")
    with pytest.raises(ClientError, match="PutItem"):
        run_job(plan(clip, X264, "e1"), HOST, publisher)
    assert cloud.objects == {}
