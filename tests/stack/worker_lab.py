"""A place for worker processes: a table, a queue and a bucket on the embedded AWS, and encoders that can be held."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from experiments.jobs.lifecycle import Jobs
from experiments.jobs.log import Logs
from experiments.jobs.queue import JobQueue
from experiments.jobs.workers import WorkerRegistry
from experiments.model import Experiment, Status
from experiments.repository import ExperimentRepository

from sandbox.emulator import Emulator
from tests.project_copy import ROOT
from tests.stack.experiments_table import create_table
from worker.ffmpeg import binary

BUCKET = "media"
TINY = {"width": 64, "height": 64, "fps": 30, "frames": 10}
X264: dict[str, Any] = {"preset": "ultrafast", "crf": 28, **TINY}
# ffmpeg, but while there is a file `hold`, it encodes for ever; `held` tells that it does, and by which process.
FFMPEG = """#!/bin/sh
case "$*" in *libx264*) if [ -e {folder}/hold ]; then
  echo frame=5; echo "x264 [info]: holding" >&2; echo $$ > {folder}/held.new; mv {folder}/held.new {folder}/held
  exec sleep 600
fi;; esac
exec {ffmpeg} "$@"
"""


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something holds; what it is."""
    deadline = time.monotonic() + 60
    while not (found := holds()):
        assert time.monotonic() < deadline, "it never came to hold"
        threading.Event().wait(0.05)
    return found


@dataclass
class Lab:
    """A table, a queue and a bucket, and the workers that share them."""

    emulator: Emulator
    name: str
    folder: Path
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        dynamodb, self.sqs = self.emulator.client("dynamodb"), self.emulator.client("sqs")
        create_table(dynamodb, self.name)
        self.emulator.client("s3").create_bucket(Bucket=BUCKET)
        self.queue = JobQueue(self.sqs.create_queue(QueueName=self.name)["QueueUrl"], self.sqs)
        self.repository = ExperimentRepository(self.name, dynamodb)
        self.jobs, self.logs = Jobs(self.repository), Logs(self.name, dynamodb)
        self.workers = WorkerRegistry(self.name, dynamodb)
        ffmpeg = self.folder / "ffmpeg"
        ffmpeg.write_text(FFMPEG.format(folder=self.folder, ffmpeg=binary()))
        ffmpeg.chmod(0o755)

    def start(self, **parameters: Any) -> None:
        """Start experiment `e1`."""
        now = datetime.now(UTC)
        asked = Experiment(id="e1", codec="x264", clip="game-of-life", created_at=now, parameters=X264 | parameters)
        self.queue.send(self.jobs.enqueue(asked, "key", now))

    def worker(self, name: str = "host-1", stalled_after: int = 60, metadata: str = "") -> "subprocess.Popen[bytes]":
        """Start a worker."""
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.emulator.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": metadata,
            "IMAGEIO_FFMPEG_EXE": str(self.folder / "ffmpeg"),
            "JOB_QUEUE_URL": self.queue.url,
            "MEDIA_BUCKET": BUCKET,
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'lambda'}",
            "TABLE_NAME": self.name,
        }
        options = ["--name", name, "--stalled-after", str(stalled_after), "--clips", str(self.folder / "clips")]
        with (self.folder / "workers.log").open("ab") as log:
            command = [sys.executable, "-m", "worker", *options]
            process = subprocess.Popen(command, cwd=self.folder, env=environment, stderr=log)
        self.processes.append(process)
        return process

    def hold(self) -> None:
        """Let encodes run for ever."""
        (self.folder / "hold").touch()

    def release(self) -> None:
        """Let the next encodes run as they do."""
        self.end_held()
        (self.folder / "hold").unlink(missing_ok=True)

    def until_held(self) -> int:
        """Wait until an encode runs for ever; its process's id."""
        until((self.folder / "held").exists)
        return int((self.folder / "held").read_text())

    def end_held(self) -> None:
        """End the encode that a killed worker has left, if any."""
        held = self.folder / "held"
        if held.exists():
            if is_running(int(held.read_text())):
                os.kill(int(held.read_text()), signal.SIGKILL)
            held.unlink()

    def experiment(self) -> Experiment:
        """The experiment as it is now."""
        experiment = self.repository.get("e1")
        assert experiment is not None
        return experiment

    def until_status(self, *statuses: Status) -> Experiment:
        """Wait until the experiment is in one of some statuses."""
        until(lambda: self.experiment().status in statuses)
        return self.experiment()

    def messages(self) -> int:
        """How many messages the queue holds, seen or hidden."""
        return sum(self.queue.depth())

    def close(self) -> None:
        """Kill what is left."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.end_held()


def is_running(process: int) -> bool:
    """Whether there is a process of that id."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
