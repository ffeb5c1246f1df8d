"""The sandbox's sample experiments: real clips, really encoded and measured on this machine.

Beside the sweeps for the rate-distortion curves there is one that fails, its re-run, one whose files are lost, and one
that stays running, so that every page can be seen in every state.

What is there already stays: only experiments that are missing, or that did not end as they should (an earlier run was
stopped, say), are run.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from experiments.configuration import CodecConfiguration
from experiments.model import Artefacts, Experiment, Scalar, Status
from experiments.quality import quality
from experiments.repository import ExperimentRepository
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sandbox.places import SandboxError, advised
from sandbox.sample_jobs import plan, run_job, start
from worker.clips import RECIPES, Clip, make_clip, reference_video
from worker.command import CommandError
from worker.experiment import Host, Job, Outcome, perform
from worker.publish import Publisher

HOST = Host("sandbox")


@dataclass(frozen=True, slots=True)
class Sample:
    """An experiment that the sandbox should have, and how it should end."""

    clip: str
    configuration: CodecConfiguration
    ends: Status = Status.SUCCEEDED
    parent: "Sample | None" = None
    """The one that it runs again."""
    loses_files: bool = False

    @property
    def id(self) -> str:
        """The same in every run, so that a sample is never there twice."""
        asked = self.configuration
        parts = ["sample", self.clip, asked.codec, asked.preset, *asked.label.lower().split()]
        return "-".join([*parts, *map(str, asked.options.values())])


def _sweep(codec: str, preset: str, *crfs: float, **options: Scalar) -> list[CodecConfiguration]:
    return [CodecConfiguration(codec=codec, preset=preset, quality=crf, options=options) for crf in crfs]


# Six points per codec, from excellent to poor; presets that finish in about a second on one core.
_SWEEPS = [
    *_sweep("x264", "veryfast", 12, 17, 22, 26, 32, 38),
    *_sweep("x265", "ultrafast", 11, 17, 22, 26, 32, 38),
    *_sweep("av1", "11", 12, 24, 34, 41, 52, 60),
    *_sweep("vp9", "8", 14, 24, 34, 43, 53, 62, deadline="realtime"),
]
# The baseline profile of H.264 has no lossless mode, so the encoder refuses: a mistake that people really make.
_IN_VAIN = CodecConfiguration(codec="x264", preset="veryfast", quality=0, options={"profile": "baseline"})
_FAILED = Sample("game-of-life", _IN_VAIN, ends=Status.FAILED)
_MENDED = replace(_IN_VAIN, quality=20, options={})

# The last ones are the newest, and so the first to be seen.
SAMPLES = [
    *(Sample(clip, configuration) for clip in RECIPES for configuration in _SWEEPS),
    _FAILED,
    Sample("game-of-life", _MENDED, parent=_FAILED),
    Sample("game-of-life", CodecConfiguration(codec="x265", preset="ultrafast", quality=24), loses_files=True),
    Sample("game-of-life", CodecConfiguration(codec="av1", preset="4", quality=30), ends=Status.RUNNING),
]


def run_samples(
    table_name: str,
    media_bucket: str,
    client: Callable[[str], Any],
    cache_folder: Path,
    console: Console,
    samples: list[Sample] = SAMPLES,
) -> list[Experiment]:
    """Run the sample experiments that the table does not have yet, two at a time or more, and return them.

    `client` gives a boto3 client for a service's name. Clips are kept in the cache folder.

    Raises:
        SandboxError: a clip cannot be drawn, or the table or the bucket does not answer.
    """
    publisher = Publisher(ExperimentRepository(table_name, client("dynamodb")), client("s3"), media_bucket)
    try:
        missing = [sample for sample in samples if not _is_there(sample, publisher.repository)]
        if not missing:
            return []
        return _run(missing, publisher, cache_folder, console)
    except (ClientError, BotoCoreError) as error:
        raise SandboxError(f"The sample experiments stopped: {error}. make sandbox goes on from here.") from error
    except (CommandError, OSError) as error:
        advice = "Mend that, then run make sandbox again: it goes on from here."
        raise SandboxError(advised(f"The sample experiments cannot run: {error}", advice)) from error


def _is_there(sample: Sample, repository: ExperimentRepository) -> bool:
    experiment = repository.get(sample.id)
    return experiment is not None and experiment.status is sample.ends


def _run(samples: list[Sample], publisher: Publisher, cache_folder: Path, console: Console) -> list[Experiment]:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with (
        Progress(*columns, console=console) as progress,
        # Encoders here have one thread each, so that two of them make full use of two cores.
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        task = progress.add_task("Drawing clips", total=len(samples))
        names = dict.fromkeys(sample.clip for sample in samples)
        clips = dict(zip(names, pool.map(lambda name: _make_clip(name, cache_folder), names), strict=True))
        progress.update(task, description="Encoding and measuring")
        jobs = [_plan(sample, clips[sample.clip]) for sample in samples]
        for job in jobs:
            publisher.record(job.experiment)
        running = [pool.submit(_carry_out, sample, job, publisher) for sample, job in zip(samples, jobs, strict=True)]
        experiments = []
        try:
            for future in as_completed(running):
                experiments.append(future.result())
                progress.console.print(_line(experiments[-1]), markup=False, highlight=False, soft_wrap=True)
                progress.advance(task)
        except BaseException:
            # Whatever ended this run, what has not begun must not hold it up.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return experiments


def _make_clip(name: str, cache_folder: Path) -> Clip:
    clip = make_clip(name, cache_folder)
    reference_video(clip)
    return clip


def _plan(sample: Sample, clip: Clip) -> Job:
    if sample.parent is None:
        return plan(clip, sample.configuration, sample.id)
    return plan(clip, sample.configuration, sample.id, attempt=2, parent_id=sample.parent.id)


def _carry_out(sample: Sample, job: Job, publisher: Publisher) -> Experiment:
    if sample.ends is Status.RUNNING:
        return _leave_running(job, publisher)
    if sample.loses_files:
        return _run_without_files(job, publisher)
    return run_job(job, HOST, publisher)


def _leave_running(job: Job, publisher: Publisher) -> Experiment:
    """Make it look as if a worker were at it, without spending any time."""
    running = replace(start(job, HOST).experiment, progress=0.4)
    publisher.record(running)
    return running


def _run_without_files(job: Job, publisher: Publisher) -> Experiment:
    """Run a job of which only the measurements are published."""
    started = start(job, HOST)
    publisher.record(started.experiment)
    with TemporaryDirectory() as folder:
        outcome = perform(started, HOST, Path(folder))
    measured = replace(outcome.experiment, artefacts=Artefacts())
    return publisher.publish(Outcome(measured, frames=outcome.frames))


def _line(experiment: Experiment) -> str:
    if experiment.status is Status.FAILED:
        return f"  {experiment.name}  failed: {experiment.error}"
    if experiment.status is Status.RUNNING:
        return f"  {experiment.name}  running"
    metrics = experiment.metrics
    badge = quality(metrics.psnr_db, metrics.ssim)
    return (
        f"  {experiment.name}  {metrics.psnr_db:.1f} dB  {metrics.ssim:.3f}  {metrics.bitrate_kbps:,.0f} kbps  {badge}"
    )
