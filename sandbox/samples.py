"""The sandbox's sample experiments: real clips, really encoded and measured on this machine, one of them in vain.

What is there already stays: only experiments that are missing, or that did not end as they should (an earlier run was
stopped, say), are run.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from experiments.model import Experiment, Status
from experiments.quality import quality
from experiments.repository import ExperimentRepository
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sandbox.places import SandboxError
from worker.clips import RECIPES, Clip, make_clip, reference_video
from worker.command import CommandError
from worker.configuration import Configuration
from worker.experiment import Host, plan
from worker.job import run_job
from worker.publish import Publisher

HOST = Host("sandbox")


@dataclass(frozen=True, slots=True)
class Sample:
    """An experiment that the sandbox should have, and how it should end."""

    clip: str
    configuration: Configuration
    ends: Status = Status.SUCCEEDED

    @property
    def id(self) -> str:
        """The same in every run, so that a sample is never there twice."""
        parts = ["sample", self.clip, self.configuration.codec, *self.configuration.label.lower().split()]
        return "-".join([*parts, *map(str, self.configuration.options.values())])


def _sweep(codec: str, preset: str, *crfs: float) -> list[Configuration]:
    return [Configuration(codec=codec, preset=preset, quality=crf) for crf in crfs]


# Four points per codec, from excellent to poor; presets that finish in a second or two on one core.
_SWEEPS = [
    *_sweep("x264", "medium", 12, 22, 30, 38),
    *_sweep("x265", "veryfast", 12, 22, 30, 40),
    *_sweep("av1", "8", 12, 32, 48, 63),
]
# The baseline profile of H.264 has no lossless mode, so the encoder refuses: a mistake that people really make.
_IN_VAIN = Configuration(codec="x264", preset="medium", quality=0, options={"profile": "baseline"})

SAMPLES = [
    *(Sample(clip, configuration) for clip in RECIPES for configuration in _SWEEPS),
    Sample("mandelbrot-zoom", _IN_VAIN, ends=Status.FAILED),
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
        raise SandboxError(f"The sample experiments cannot run: {error}") from error


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
        jobs = [plan(clips[sample.clip], sample.configuration, sample.id) for sample in samples]
        for job in jobs:
            publisher.record(job.experiment)
        running = [pool.submit(run_job, job, HOST, publisher) for job in jobs]
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


def _line(experiment: Experiment) -> str:
    if experiment.status is not Status.SUCCEEDED:
        return f"  {experiment.name}  {experiment.status}: {experiment.error}"
    metrics = experiment.metrics
    badge = quality(metrics.psnr_db, metrics.ssim)
    return (
        f"  {experiment.name}  {metrics.psnr_db:.1f} dB  {metrics.ssim:.3f}  {metrics.bitrate_kbps:,.0f} kbps  {badge}"
    )
