"""Worker processes on the embedded AWS: each job ends once, whatever becomes of the workers that run it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from experiments.job_queue import JobQueue
from experiments.jobs import MOST_ATTEMPTS, STALLED_AFTER, Jobs
from experiments.log import Logs
from experiments.model import Experiment, Status
from experiments.repository import ExperimentRepository
from experiments.workers import WorkerRegistry

from sandbox.emulator import Emulator
from tests.project_copy import ROOT, free_port
from tests.stack.experiments_table import create_table
from worker.build import build_id
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
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)

    def close(self) -> None:
        """Kill what is left."""
        for process in self.processes:
            process.kill()
            process.wait()
        self.end_held()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = Emulator(tmp_path_factory.mktemp("workers"), free_port())
    emulator.start()
    emulator.client("s3").create_bucket(Bucket=BUCKET)
    yield emulator
    emulator.stop()


@pytest.fixture
def lab(emulator: Emulator, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    lab = Lab(emulator, request.node.name.replace("_", "-")[:80], tmp_path)
    yield lab
    lab.close()


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_job_is_run_once_however_many_workers_and_messages_there_are(lab: Lab) -> None:
    lab.start()
    for name in ("host-1", "host-2"):
        lab.worker(name)
    ended = lab.until_status(Status.SUCCEEDED, Status.FAILED)
    lab.queue.send("e1")
    until(lambda: lab.messages() == 0)
    assert lab.experiment() == ended
    assert (ended.error, ended.status, ended.attempt) == ("", Status.SUCCEEDED, 1)
    assert (ended.worker_build, ended.parameters["pixel_format"]) == (build_id(), "yuv420p")
    assert lab.emulator.client("s3").head_object(Bucket=BUCKET, Key=str(ended.artefacts.video_key))["ContentLength"]
    assert [usage.succeeded for usage in lab.repository.totals().usage] == [1]
    log = list(lab.logs.read("e1"))
    assert [line.number for line in log] == list(range(1, len(log) + 1))
    assert log[0].text == f"attempt 1 on {ended.worker}, build {build_id()}"
    assert {"x264 encode", "x264 decode", "comparison"} <= {line.source for line in log}


def test_a_job_that_cannot_be_run_fails_with_the_reason(lab: Lab) -> None:
    lab.start(preset="hasty")
    lab.worker()
    failed = lab.until_status(Status.FAILED)
    assert failed.error.startswith("x264: preset must be one of ultrafast")
    until(lambda: lab.messages() == 0)


def test_a_stop_ends_the_encoder(lab: Lab) -> None:
    lab.hold()
    lab.start()
    lab.worker()
    encoder = lab.until_held()
    until(lambda: lab.experiment().progress == 0.5)
    lab.jobs.request_stop("e1", datetime.now(UTC))
    cancelled = lab.until_status(Status.CANCELLED)
    assert not is_running(encoder)
    assert (cancelled.error, cancelled.progress) == ("", None)
    assert cancelled.metrics.encode_seconds
    assert ("x264 encode", "x264 [info]: holding") in {(line.source, line.text) for line in lab.logs.read("e1")}
    until(lambda: lab.messages() == 0)


def test_a_worker_that_is_told_to_leave_hands_its_job_back(lab: Lab) -> None:
    lab.hold()
    lab.start()
    leaving = lab.worker()
    encoder = lab.until_held()
    (worker,) = until(lambda: lab.workers.present(datetime.now(UTC)))
    assert (worker.name, worker.build, worker.job) == ("host-1", build_id(), "e1")
    leaving.terminate()
    assert leaving.wait() == 0
    assert lab.workers.present(datetime.now(UTC)) == []
    assert not is_running(encoder)
    assert (lab.experiment().status, lab.experiment().worker, lab.messages()) == (Status.QUEUED, "", 1)
    lab.release()
    lab.worker("host-2")
    ended = lab.until_status(Status.SUCCEEDED, Status.FAILED)
    assert (ended.status, ended.worker, ended.attempt) == (Status.SUCCEEDED, "host-2", 1)


def test_a_worker_whose_spot_instance_is_taken_hands_its_job_back(lab: Lab) -> None:
    lab.hold()
    lab.start()
    with metadata_service(is_announced=(lab.folder / "held").exists) as endpoint:
        leaving = lab.worker(metadata=endpoint)
        lab.until_held()
        assert leaving.wait() == 0
    assert (lab.experiment().status, lab.messages()) == (Status.QUEUED, 1)


def test_the_job_of_a_killed_worker_is_tried_again(lab: Lab) -> None:
    lab.hold()
    lab.start()
    killed = lab.worker(stalled_after=2)
    lab.until_held()
    until(lambda: list(lab.logs.read("e1")))
    killed.kill()
    assert not lab.workers.present(datetime.now(UTC) + STALLED_AFTER)
    lab.release()
    lab.worker("host-2", stalled_after=2)
    ended = lab.until_status(Status.SUCCEEDED, Status.FAILED)
    assert (ended.error, ended.worker, ended.attempt) == ("", "host-2", 2)
    assert [usage.succeeded for usage in lab.repository.totals().usage] == [1]
    assert {line.attempt for line in lab.logs.read("e1")} == {1, 2}


def test_a_job_that_kills_its_workers_fails(lab: Lab) -> None:
    lab.hold()
    lab.start()
    for number in range(MOST_ATTEMPTS):
        worker = lab.worker(f"host-{number}", stalled_after=1)
        lab.until_held()
        worker.kill()
        lab.end_held()
    lab.worker("host-9", stalled_after=1)
    failed = lab.until_status(Status.FAILED)
    assert failed.error == f"its worker vanished {MOST_ATTEMPTS} times, at last host-{MOST_ATTEMPTS - 1}"
    until(lambda: lab.messages() == 0)


class metadata_service:  # noqa: N801 it is used as a function
    """EC2's metadata service, which announces an interruption once something holds, to who comes with a token."""

    def __init__(self, is_announced: Callable[[], bool]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                self._answer(200, b"token")

            def do_GET(self) -> None:
                has_token = self.headers["X-aws-ec2-metadata-token"] == "token"
                self._answer(401 if not has_token else 200 if is_announced() else 404, b'{"action": "terminate"}')

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
