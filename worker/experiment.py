"""One experiment: a clip, encoded as configured, decoded, compared with the original, and bundled for download.

Whatever goes wrong becomes a failed experiment that says why, and keeps all that was known by then.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.configuration import CodecConfiguration, ConfigurationError
from experiments.frame_quality import FrameQuality
from experiments.jobs.clip_catalogue import Shape
from experiments.metrics import Metrics, RDPoint
from experiments.model import MOST_ERROR_CHARACTERS, Artefacts, Experiment, Scalar, Status

from worker.clips import LOSSLESS, RECIPES, Clip, make_clip, reference_video
from worker.codecs import Codec, find_codec
from worker.command import CommandError, log_tail, run
from worker.decoder_bundle import write_bundle
from worker.ffmpeg import run_ffmpeg
from worker.measure import check_same_shape, frame_quality, with_quality, with_rate_and_speed
from worker.y4m import Video, VideoError, read_video

G4DN_XLARGE_USD_PER_HOUR = 0.526
"""The price of a g4dn.xlarge: on demand, Linux, us-east-1 (https://aws.amazon.com/ec2/pricing/on-demand/)."""

_FRAMES_ENCODED = re.compile(r"^frame= *(\d+)\s", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Host:
    """Where experiments run: the name that they carry as `worker`, and what an hour of it costs in USD."""

    name: str
    usd_per_hour: float = G4DN_XLARGE_USD_PER_HOUR


@dataclass(frozen=True, slots=True)
class Job:
    """An experiment that is still to be run, and what to run."""

    experiment: Experiment
    clip: Clip
    configuration: CodecConfiguration


@dataclass(slots=True)
class Outcome:
    """What has come of a job so far: the experiment's record, and its files."""

    experiment: Experiment
    video: Path | None = None
    """What a browser plays."""
    reference: Path | None = None
    """The clip without loss, for comparison."""
    decoder: Path | None = None
    frames: FrameQuality | None = None


def job_of(experiment: Experiment, clip_folder: Path) -> Job:
    """Return what an experiment's parameters ask for; its clip is drawn unless the folder has it.

    Raises:
        ConfigurationError: they ask for what there is not.
        CommandError, OSError: the clip could not be drawn.
    """
    if experiment.clip not in RECIPES:
        raise ConfigurationError(f"there is no clip {experiment.clip!r}: use one of {', '.join(RECIPES)}")
    configuration = CodecConfiguration.of(experiment)
    try:
        shape = Shape.of(experiment.parameters)
    except ValueError as error:
        raise ConfigurationError(f"a parameter is no number: {error}") from None
    clip = make_clip(experiment.clip, clip_folder, shape)
    described = replace(experiment, parameters={**experiment.parameters, **clip_parameters(clip)})
    return Job(described, clip, configuration)


def perform(job: Job, host: Host, folder: Path, on_progress: Callable[[float], None] | None = None) -> Outcome:
    """Run a started job to its end; its files are left in `folder`. Never raises: a failure is an outcome.

    `on_progress` is told about once a second, in another thread, how much is encoded, from 0 to 1.
    """
    outcome = Outcome(job.experiment)
    try:
        _perform_steps(job, host, folder, outcome, on_progress)
    except CommandError as failure:
        fail(outcome, str(failure), failure.log_tail)
    except (ConfigurationError, VideoError) as failure:
        fail(outcome, str(failure))
    except Exception as failure:  # A defect of the worker must not leave an experiment running for ever.
        fail(outcome, f"the worker failed: {type(failure).__name__}: {failure}", traceback.format_exc())
    return outcome


def fail(outcome: Outcome, error: str, log: str = "") -> None:
    """Turn an outcome into a failure that says why; what was measured stays."""
    _end(outcome, Status.FAILED)
    _note(outcome, error=" ".join(error.split())[:MOST_ERROR_CHARACTERS], log_tail=log_tail(log))


def _perform_steps(
    job: Job, host: Host, folder: Path, outcome: Outcome, on_progress: Callable[[float], None] | None
) -> None:
    codec = find_codec(job.configuration.codec)
    codec.check(job.configuration)
    _note(outcome, parameters={**job.experiment.parameters, "encoder": codec.encoder})
    bitstream = _encode(codec, job, host, folder, outcome, on_progress)
    decoded_path, decoded = _decode(codec, bitstream, folder)
    check_same_shape(job.clip.video, decoded)
    _measure(job, decoded_path, folder, outcome)
    outcome.video = bitstream if codec.plays_in_browsers else _playable(decoded_path, folder)
    outcome.reference = reference_video(job.clip)
    _bundle(codec, bitstream, decoded, folder, outcome)
    decoded_path.unlink()
    _end(outcome, Status.SUCCEEDED)


def _encode(
    codec: Codec, job: Job, host: Host, folder: Path, outcome: Outcome, on_progress: Callable[[float], None] | None
) -> Path:
    bitstream = folder / f"video.{codec.container}"
    command = codec.encode_command(job.configuration, job.clip.path, bitstream)
    watch = _progress_of(job.clip, on_progress) if on_progress else None
    try:
        seconds = run(command, f"{codec.name} encode", folder, watch=watch).seconds
    except CommandError as failure:
        _note_encode_time(outcome, failure.seconds, host)
        raise
    _note_encode_time(outcome, seconds, host)
    encoded_bytes = bitstream.stat().st_size if bitstream.exists() else 0
    if not encoded_bytes:
        raise VideoError(f"{codec.name} encode ended well, but wrote nothing")
    _note(outcome, metrics=with_rate_and_speed(Metrics(), job.clip.video, encoded_bytes, seconds))
    return bitstream


def _progress_of(clip: Clip, on_progress: Callable[[float], None]) -> Callable[[str], None]:
    """Return what turns an encoder's standard output into progress."""

    def watch(printed: str) -> None:
        if frames := _FRAMES_ENCODED.findall(printed):
            on_progress(min(int(frames[-1]) / clip.video.frames, 1.0))

    return watch


def _note_encode_time(outcome: Outcome, seconds: float, host: Host) -> None:
    seconds = round(seconds, 3)
    cost_usd = round(seconds / 3600 * host.usd_per_hour, 8)
    _note(outcome, metrics=Metrics(encode_seconds=seconds), cost_usd=cost_usd)


def _decode(codec: Codec, bitstream: Path, folder: Path) -> tuple[Path, Video]:
    decoded = folder / "decoded.y4m"
    run(codec.decode_command(bitstream, decoded), f"{codec.name} decode", folder)
    return decoded, read_video(decoded)


def _measure(job: Job, decoded: Path, folder: Path, outcome: Outcome) -> None:
    metrics = with_quality(outcome.experiment.metrics, job.clip.path, decoded, folder)
    point = RDPoint(
        bitrate_kbps=metrics.bitrate_kbps or 0.0,
        psnr_db=metrics.psnr_db,
        ssim=metrics.ssim,
        vmaf=metrics.vmaf,
        label=job.configuration.label,
    )
    outcome.frames = frame_quality(folder)
    _note(outcome, metrics=metrics, rd_points=(point,))


def _playable(decoded: Path, folder: Path) -> Path:
    """Return a video of a learned codec's decoded frames, which no browser could decode itself."""
    video = folder / "playable.webm"
    run_ffmpeg(["-i", decoded, *LOSSLESS, video], "video for browsers", folder)
    return video


def _bundle(codec: Codec, bitstream: Path, decoded: Video, folder: Path, outcome: Outcome) -> None:
    bundle = write_bundle(folder / "decoder.zip", outcome.experiment.name, codec, bitstream, decoded)
    outcome.decoder = bundle.path
    _note(outcome, artefacts=Artefacts(decoder_bytes=bundle.bytes, decoder_sha256=bundle.sha256))


def _end(outcome: Outcome, status: Status) -> None:
    now = datetime.now(UTC)
    _note(outcome, status=status, finished_at=now, updated_at=now)


def _note(outcome: Outcome, **known: Any) -> None:
    outcome.experiment = replace(outcome.experiment, **known)


def clip_parameters(clip: Clip) -> dict[str, Scalar]:
    """Return what an experiment's record says of its clip."""
    fps = clip.video.fps
    return {
        "clip": clip.name,
        "width": clip.video.width,
        "height": clip.video.height,
        "fps": fps.numerator if fps.denominator == 1 else float(fps),
        "frames": clip.video.frames,
        "pixel_format": clip.video.pixel_format,
    }
