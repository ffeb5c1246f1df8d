"""What an encoding host does with one job, from start to published result; a queue's consumer calls it per message."""

import tempfile
from functools import partial
from pathlib import Path

from experiments.model import Experiment

from worker.experiment import Host, Job, perform, start
from worker.publish import Publisher


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
