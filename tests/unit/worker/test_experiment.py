"""Experiments, for real: tiny clips through real encoders, and everything that can go wrong on the way."""

import hashlib
import json
import math
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import pytest
from experiments.configuration import CodecConfiguration, ConfigurationError
from experiments.jobs.clip_catalogue import Shape
from experiments.metrics import Metrics
from experiments.model import Experiment, Status
from renderer.excerpt import excerpt_of

from sandbox.sample_jobs import plan, start
from worker import codecs, experiment
from worker.clips import Clip, make_clip
from worker.codecs import find_codec
from worker.command import CommandError
from worker.experiment import Host, Job, Outcome, fail, job_of, perform
from worker.ffmpeg import binary, filters, run_ffmpeg
from worker.measure import check_same_shape, with_quality, with_rate_and_speed
from worker.y4m import Video, VideoError, read_video

HOST = Host("host-1", usd_per_hour=3600.0)
CONFIGURATIONS = [
    CodecConfiguration(codec="x264", preset="fast", quality=28),
    CodecConfiguration(codec="x265", preset="fast", quality=28),
    CodecConfiguration(codec="vp9", preset="8", quality=36),
    CodecConfiguration(codec="av1", preset="12", quality=36),
]


def run_once(clip: Clip, configuration: CodecConfiguration, folder: Path) -> Outcome:
    folder.mkdir(exist_ok=True)
    return perform(start(plan(clip, configuration), HOST), HOST, folder)


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda configuration: configuration.codec)
def test_every_codec_encodes_is_measured_and_can_be_decoded(
    configuration: CodecConfiguration, clip: Clip, tmp_path: Path
) -> None:
    outcome = run_once(clip, configuration, tmp_path / "work")
    done = outcome.experiment
    assert (done.status, done.error) == (Status.SUCCEEDED, "")
    assert_plausible(done, clip)
    assert done.parameters["encoder"] in {"libx264", "libx265", "libvpx-vp9", "libsvtav1"}
    assert outcome.video is not None
    assert outcome.video.stat().st_size == done.metrics.encoded_bytes
    assert outcome.reference is not None
    assert_bundle_decodes_to_what_was_measured(outcome, tmp_path / "unpacked", clip)


def assert_plausible(done: Experiment, clip: Clip) -> None:
    metrics = done.metrics
    for name in Metrics.__slots__:
        assert getattr(metrics, name) is not None, name
    assert metrics.psnr_db is not None
    assert 20 < metrics.psnr_db < 60
    assert metrics.ssim is not None
    assert 0.5 < metrics.ssim < 1
    assert metrics.raw_bytes == 64 * 64 * 3 // 2 * 10
    assert metrics.encoded_bytes is not None
    assert metrics.duration_seconds == pytest.approx(1 / 3, abs=0.001)
    assert metrics.bitrate_kbps == pytest.approx(metrics.encoded_bytes * 8 * 3 / 1000, rel=1e-3)
    assert metrics.compression_ratio == pytest.approx(metrics.raw_bytes / metrics.encoded_bytes, rel=1e-2)
    # This host costs a dollar a second.
    assert metrics.encode_seconds == done.cost_usd
    assert done.created_at is not None
    assert done.started_at is not None
    assert done.finished_at is not None
    assert done.created_at <= done.started_at < done.finished_at == done.updated_at
    assert (done.worker, done.attempt, done.clip) == ("host-1", 1, "game-of-life")
    assert done.rd_points[0].psnr_db == metrics.psnr_db
    assert done.rd_points[0].label == f"CRF {done.parameters['crf']}"
    assert (done.parameters["width"], done.parameters["fps"], done.parameters["frames"]) == (64, 30, 10)


def assert_bundle_decodes_to_what_was_measured(outcome: Outcome, folder: Path, clip: Clip) -> None:
    assert outcome.decoder is not None
    packed = outcome.decoder.read_bytes()
    artefacts = outcome.experiment.artefacts
    assert (artefacts.decoder_bytes, artefacts.decoder_sha256) == (len(packed), hashlib.sha256(packed).hexdigest())
    with zipfile.ZipFile(outcome.decoder) as archive:
        archive.extractall(folder)
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    decoded = decode(folder, "--ffmpeg", str(binary()))
    assert decoded.returncode == 0, decoded.stderr
    original = replace(clip.video, sha256="")
    assert replace(read_video(folder / "decoded.y4m"), sha256="") == original
    again = with_quality(Metrics(), clip.path, folder / "decoded.y4m", folder)
    assert (again.psnr_db, again.ssim) == (outcome.experiment.metrics.psnr_db, outcome.experiment.metrics.ssim)


def decode(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command of the bundle's README."""
    assert "python decode.py decoded.y4m" in (folder / "README.txt").read_text()
    command = [sys.executable, "decode.py", "decoded.y4m", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def unpacked(clip: Clip, tmp_path: Path) -> Path:
    """The decoder bundle of an x264 experiment, unpacked."""
    outcome = run_once(clip, CONFIGURATIONS[0], tmp_path / "work")
    assert outcome.decoder is not None
    with zipfile.ZipFile(outcome.decoder) as archive:
        archive.extractall(tmp_path / "unpacked")
    return tmp_path / "unpacked"


def test_the_bundle_finds_an_ffmpeg_by_itself(unpacked: Path) -> None:
    decoded = decode(unpacked)
    assert decoded.returncode == 0, decoded.stderr
    assert decoded.stdout == "decoded.y4m: 10 frames, the very ones that were measured\n"


def test_the_bundle_notices_a_damaged_bitstream(unpacked: Path) -> None:
    video = unpacked / "video.mp4"
    video.write_bytes(video.read_bytes()[:-1])
    decoded = decode(unpacked)
    assert decoded.returncode == 1
    assert decoded.stderr.startswith("video.mp4 is damaged")


def test_the_bundle_notices_other_frames_than_those_measured(unpacked: Path) -> None:
    manifest = json.loads((unpacked / "manifest.json").read_text())
    (unpacked / "manifest.json").write_text(json.dumps(manifest | {"frames_sha256": "00"}))
    decoded = decode(unpacked)
    assert decoded.returncode == 1
    assert decoded.stderr == "decoded.y4m does not hold the 10 frames that were measured.\n"


def test_the_same_encode_gives_the_same_bundle(clip: Clip, tmp_path: Path) -> None:
    outcomes = [run_once(clip, CONFIGURATIONS[2], tmp_path / folder) for folder in ("one", "two")]
    assert outcomes[0].experiment.artefacts.decoder_sha256 == outcomes[1].experiment.artefacts.decoder_sha256
    assert outcomes[0].decoder is not None
    entries = zipfile.ZipFile(outcomes[0].decoder).infolist()
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}, "the time of day is no part of it"


def test_identical_pictures_have_a_psnr_that_can_be_kept(clip: Clip, tmp_path: Path) -> None:
    metrics = with_quality(Metrics(), clip.path, clip.path, tmp_path)
    assert (metrics.psnr_db, metrics.psnr_y_db, metrics.ssim, metrics.ssim_v) == (100.0, 100.0, 1.0, 1.0)
    lossless = CodecConfiguration(codec="vp9", preset="8", quality=0, options={"lossless": 1})
    done = run_once(clip, lossless, tmp_path / "work").experiment
    assert (done.status, done.metrics.psnr_db) == (Status.SUCCEEDED, 100.0)
    assert Experiment.from_item(done.to_item()).metrics == done.metrics


def test_frames_are_compared_by_number_whatever_their_time_stamps(clip: Clip, tmp_path: Path) -> None:
    early = tmp_path / "early.y4m"
    early.write_bytes(clip.path.read_bytes().replace(b" F30:1 ", b" F31:1 ", 1))
    assert read_video(early).fps == 31
    assert with_quality(Metrics(), clip.path, early, tmp_path).psnr_db == 100.0


def test_psnr_is_that_of_its_definition(clip: Clip, tmp_path: Path) -> None:
    content = clip.path.read_bytes()
    header = content[: content.index(b"\n") + 1]
    step = clip.video.frame_bytes + len(b"FRAME\n")
    frames = [bytearray(content[start : start + step]) for start in range(len(header), len(content), step)]
    for frame in frames:
        for position in range(6, 6 + 64 * 64):
            frame[position] += 2 if frame[position] < 128 else -2
    off_by_two = tmp_path / "off-by-two.y4m"
    off_by_two.write_bytes(header + b"".join(frames))
    metrics = with_quality(Metrics(), clip.path, off_by_two, tmp_path)
    # Every luma sample is off by two, chroma is not: a mean squared error of 4 in luma, of 4 * 2/3 over all samples.
    assert metrics.psnr_y_db == pytest.approx(10 * math.log10(255**2 / 4), abs=0.001)
    assert metrics.psnr_u_db == 100.0
    assert metrics.psnr_db == pytest.approx(10 * math.log10(255**2 / (4 * 2 / 3)), abs=0.001)


def test_vmaf_is_left_out_where_it_cannot_be_measured(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.measure.filters", lambda: filters() - {"libvmaf"})
    metrics = with_quality(Metrics(), clip.path, clip.path, tmp_path)
    assert (metrics.vmaf, metrics.ssim) == (None, 1.0)


def test_vmaf_is_left_out_where_the_frames_are_too_small_for_it(tmp_path: Path) -> None:
    tiny = make_clip("game-of-life", tmp_path, Shape(width=16, height=16, fps=30, frames=3))
    metrics = with_quality(Metrics(), tiny.path, tiny.path, tmp_path)
    assert (metrics.vmaf, metrics.psnr_db, metrics.ssim) == (None, 100.0, 1.0)


def test_rate_and_speed() -> None:
    two_seconds = Video(width=640, height=360, fps=Fraction(30), frames=60, sha256="")
    metrics = with_rate_and_speed(Metrics(ssim=0.5), two_seconds, encoded_bytes=207_360, encode_seconds=1.5)
    assert metrics == Metrics(
        ssim=0.5,
        bitrate_kbps=829.44,
        compression_ratio=100.0,
        encode_seconds=1.5,
        encode_fps=40.0,
        duration_seconds=2.0,
        encoded_bytes=207_360,
        raw_bytes=20_736_000,
    )


@pytest.mark.parametrize(
    ("decoded", "reason"),
    [
        (Video(64, 64, Fraction(30), 9, ""), "decoded to 9 frames, but the clip has 10"),
        (Video(32, 64, Fraction(30), 10, ""), "decoded to 32x64, but the clip has 64x64"),
    ],
)
def test_metrics_of_another_shape_would_mean_nothing(clip: Clip, decoded: Video, reason: str) -> None:
    with pytest.raises(VideoError, match=reason):
        check_same_shape(clip.video, decoded)


def test_what_an_encoder_refuses_is_a_failed_experiment_that_says_why(clip: Clip, tmp_path: Path) -> None:
    refused = CodecConfiguration(codec="x264", preset="medium", quality=0, options={"profile": "baseline"})
    outcome = run_once(clip, refused, tmp_path)
    done = outcome.experiment
    assert done.name == "game-of-life · x264 · CRF 0 · profile baseline"
    assert done.status is Status.FAILED
    assert done.error == "x264 encode failed: baseline profile doesn't support lossless"
    assert "Possible profiles" in done.log_tail
    assert str(tmp_path) not in done.log_tail
    assert str(clip.path.parent) not in done.log_tail
    assert done.finished_at is not None
    assert done.cost_usd is not None
    assert done.cost_usd > 0
    assert done.parameters["encoder"] == "libx264"
    # This host costs a dollar a second.
    assert done.metrics == Metrics(encode_seconds=done.cost_usd)
    assert (outcome.video, outcome.decoder) == (None, None)


@pytest.mark.parametrize(
    ("configuration", "error"),
    [
        (CodecConfiguration(codec="x266", preset="fast", quality=1), "there is no codec 'x266'"),
        (CodecConfiguration(codec="x264", preset="warp", quality=1), "x264: preset must be one of ultrafast"),
    ],
)
def test_what_no_codec_takes_is_a_failed_experiment(
    clip: Clip, tmp_path: Path, configuration: CodecConfiguration, error: str
) -> None:
    done = run_once(clip, configuration, tmp_path).experiment
    assert done.status is Status.FAILED
    assert done.error.startswith(error)
    assert len(done.error.splitlines()) == 1


def test_a_clip_that_is_gone_is_a_failed_experiment(clip: Clip, tmp_path: Path) -> None:
    gone = replace(clip, path=tmp_path / "gone.y4m")
    done = run_once(gone, CONFIGURATIONS[0], tmp_path / "work").experiment
    assert done.status is Status.FAILED
    assert done.error == "x264 encode failed: Error opening input: No such file or directory"


def test_what_was_measured_before_a_failure_is_kept(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_reference(clip: Clip) -> Path:
        raise CommandError("reference of game-of-life failed: no space left on device")

    monkeypatch.setattr(experiment, "reference_video", no_reference)
    outcome = run_once(clip, CONFIGURATIONS[0], tmp_path)
    assert outcome.experiment.status is Status.FAILED
    assert outcome.experiment.error.endswith("no space left on device")
    assert outcome.experiment.metrics.ssim is not None
    assert outcome.experiment.rd_points
    assert outcome.video is not None


def test_a_defect_of_the_worker_does_not_leave_an_experiment_running(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Metrics:
        raise RuntimeError("no\nPSNR " + "!" * 1000)

    monkeypatch.setattr(experiment, "with_quality", broken)
    done = run_once(clip, CONFIGURATIONS[0], tmp_path).experiment
    assert done.status is Status.FAILED
    assert done.error.startswith("the worker failed: RuntimeError: no PSNR !!!")
    assert len(done.error) <= 400
    assert "in broken" in done.log_tail


def test_a_rerun_names_what_it_runs_again(clip: Clip) -> None:
    job = plan(clip, CONFIGURATIONS[0], attempt=2, parent_id="20261124-061256-x264-00000000")
    assert (job.experiment.status, job.experiment.attempt) == (Status.QUEUED, 2)
    assert job.experiment.parent_id == "20261124-061256-x264-00000000"
    assert job.experiment.id.split("-")[2] == "x264"


@dataclass(frozen=True)
class OwnProcessCodec:
    """A stand-in for a learned codec: other programs, a bitstream that no browser plays, a decoder of its own."""

    name: str = "tiny-neural"
    encoder: str = "tiny-neural 0.1"
    container: str = "bin"
    plays_in_browsers: bool = False
    program: str = "import sys, zlib; d = open(sys.argv[1], 'rb').read(); open(sys.argv[2], 'wb').write({}(d))"

    def unavailable(self) -> str | None:
        return None

    def check(self, configuration: CodecConfiguration) -> None:
        """Take everything."""

    def encode_command(self, configuration: CodecConfiguration, source: Path, bitstream: Path) -> Sequence[str]:
        return [sys.executable, "-c", self.program.format("zlib.compress"), str(source), str(bitstream)]

    def decode_command(self, bitstream: Path, target: Path) -> Sequence[str]:
        return [sys.executable, "-c", self.program.format("zlib.decompress"), str(bitstream), str(target)]

    def decoder_files(self) -> Mapping[str, bytes]:
        return {"decode.py": b"# as above\n"}


def test_a_learned_codec_joins_without_a_change_elsewhere(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codecs, "CODECS", [OwnProcessCodec()])
    learned = CodecConfiguration(codec="tiny-neural", preset="", rate_control="lambda", quality=0.01)
    outcome = run_once(clip, learned, tmp_path)
    done = outcome.experiment
    assert (done.status, done.error) == (Status.SUCCEEDED, "")
    assert done.name == "game-of-life · tiny-neural · LAMBDA 0.01"
    assert done.metrics.psnr_db == 100.0
    assert done.metrics.encoded_bytes == (tmp_path / "video.bin").stat().st_size
    assert outcome.decoder is not None
    assert zipfile.ZipFile(outcome.decoder).namelist() == [
        "README.txt",
        "SHA256SUMS",
        "decode.py",
        "manifest.json",
        "video.bin",
    ]
    assert outcome.video is not None
    assert outcome.video.suffix == ".webm"
    run_ffmpeg(["-i", outcome.video, "-fps_mode", "passthrough", "shown.y4m"], "decoding", tmp_path)
    assert read_video(tmp_path / "shown.y4m").sha256 == clip.video.sha256


def test_progress_is_the_part_of_the_clip_that_is_encoded(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.command._WATCH_SECONDS", 0.001)
    os.mkfifo(tmp_path / "seen")
    told: list[float] = []

    def on_progress(progress: float) -> None:
        if not told:
            told.append(progress)
            (tmp_path / "seen").write_text("")

    # One write, whatever PYTHONUNBUFFERED says: half of it would be another progress.
    program = r"import os; os.write(1, b'frame=3\nframe=4\n'); open('seen').read()  # {}"
    talking = OwnProcessCodec(program=program)
    monkeypatch.setattr(codecs, "CODECS", [talking])
    job = start(plan(clip, CodecConfiguration(codec="tiny-neural", preset="", quality=1)), HOST)
    perform(job, HOST, tmp_path, on_progress)
    assert told == [0.4]


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=lambda configuration: configuration.codec)
def test_ffmpeg_tells_its_progress(configuration: CodecConfiguration, clip: Clip, tmp_path: Path) -> None:
    codec = find_codec(configuration.codec)
    command = codec.encode_command(configuration, clip.path, tmp_path / f"video.{codec.container}")
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "\nframe=10\n" in f"\n{printed}"


def test_an_encoder_that_writes_nothing_has_failed(clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "CODECS", [OwnProcessCodec(program="pass  # {}")])
    done = run_once(clip, CodecConfiguration(codec="tiny-neural", preset="", quality=1), tmp_path).experiment
    assert (done.status, done.error) == (Status.FAILED, "tiny-neural encode ended well, but wrote nothing")


def test_a_decoder_that_loses_a_frame_has_failed_and_is_not_measured(
    clip: Clip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lossy = OwnProcessCodec(program=OwnProcessCodec.program.replace("(d)", f"(d)[:{clip.path.stat().st_size - 6150}]"))
    monkeypatch.setattr(codecs, "CODECS", [lossy])
    done = run_once(clip, CodecConfiguration(codec="tiny-neural", preset="", quality=1), tmp_path).experiment
    assert (done.status, done.error) == (Status.FAILED, "decoded to 9 frames, but the clip has 10")
    assert done.metrics.psnr_db is None
    assert done.metrics.bitrate_kbps is not None


def test_what_goes_wrong_is_noted_no_longer_than_lists_show_it(clip: Clip) -> None:
    outcome = Outcome(plan(clip, CONFIGURATIONS[1], "e1").experiment)
    fail(outcome, "no room " * 40_000, "a line of the log\n" * 40_000)
    assert outcome.experiment.error.startswith("no room no room")
    assert len(outcome.experiment.error) + len(outcome.experiment.log_tail) < 3000
    assert excerpt_of(outcome.experiment) == outcome.experiment


def test_a_job_holds_what_to_run(clip: Clip) -> None:
    job = plan(clip, CONFIGURATIONS[1], "an-id")
    assert job == Job(job.experiment, clip, CONFIGURATIONS[1])
    assert job.experiment.id == "an-id"
    assert job.experiment.name == "game-of-life · x265 · CRF 28"


def test_an_experiment_asks_for_the_job_that_it_was_planned_for(clip: Clip, clip_folder: Path) -> None:
    asked = CodecConfiguration(codec="x264", preset="fast", quality=28, threads=2, options={"bf": 2})
    planned = plan(clip, asked, "e1")
    assert job_of(planned.experiment, clip_folder) == planned


@pytest.mark.parametrize(
    ("clip_name", "parameters", "reason"),
    [
        ("big-buck-bunny", {"preset": "fast", "crf": 28}, "there is no clip 'big-buck-bunny': use one of mandelbrot-"),
        ("game-of-life", {"crf": 28}, "the parameters lack 'preset'"),
        ("game-of-life", {"preset": "fast", "rate_control": "qp", "crf": 28}, "the parameters lack 'qp'"),
        ("game-of-life", {"preset": "fast", "crf": "best"}, "a parameter is no number: could not convert"),
        ("game-of-life", {"preset": "fast", "crf": 28, "frames": "all"}, "a parameter is no number: invalid literal"),
    ],
)
def test_what_cannot_be_run_says_why(clip_name: str, parameters: dict[str, str], reason: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        job_of(Experiment(id="e1", codec="x264", clip=clip_name, parameters=parameters), tmp_path)
    assert str(refusal.value).startswith(reason)
