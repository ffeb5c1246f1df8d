"""Jobs that the sandbox carries out itself, without a queue: its sample experiments."""

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from experiments.configuration import CodecConfiguration
from experiments.jobs.planning import planned
from experiments.model import Experiment, Status

from worker.clips import Clip
from worker.experiment import Host, Job, clip_parameters, perform
from worker.publish import Publisher


def plan(
    clip: Clip,
    configuration: CodecConfiguration,
    experiment_id: str = "",
    attempt: int = 1,
    parent_id: str | None = None,
) -> Job:
    """Return a job whose experiment is queued now; without an id it gets a new one.

    `parent_id` names the experiment that this one runs again.
    """
    queued = planned(clip.name, clip_parameters(clip), configuration, datetime.now(UTC), parent_id=parent_id)
    return Job(replace(queued, id=experiment_id or queued.id, attempt=attempt), clip, configuration)


def start(job: Job, host: Host) -> Job:
    """Return the job with its experiment running since now, on this host."""
    now = datetime.now(UTC)
    running = replace(job.experiment, status=Status.RUNNING, started_at=now, updated_at=now, worker=host.name)
    return replace(job, experiment=running)


def run_job(job: Job, host: Host, publisher: Publisher) -> Experiment:
    """Run a queued job and publish every step of it; returns the experiment as it ended, succeeded or failed.

    Raises:
        ClientError, BotoCoreError: the table takes no records, so that nobody can learn of the outcome.
        OSError: there is no room for temporary files.
    """
    started = start(job, host)
    publisher.record(started.experiment)
    with tempfile.TemporaryDirectory(prefix="experiment-") as folder:
        note_progress = partial(publisher.note_progress, started.experiment)
        return publisher.publish(perform(started, host, Path(folder), note_progress))
