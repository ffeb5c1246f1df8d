"""Worker processes on the embedded AWS: each job ends once, whatever becomes of the workers that run it."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from experiments.jobs.lifecycle import MOST_ATTEMPTS, STALLED_AFTER
from experiments.model import Status

from sandbox.emulator import Emulator
from tests.stack.worker_lab import BUCKET, Lab, is_running, until
from worker.build import build_id


@pytest.fixture
def lab(emulator: Emulator, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lab]:
    lab = Lab(emulator, request.node.name.replace("_", "-")[:80], tmp_path)
    yield lab
    lab.close()


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
