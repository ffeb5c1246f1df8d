"""The life of a job on the embedded AWS: only legal changes, each counted once, however many want to make it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from experiments.jobs.lifecycle import MOST_ATTEMPTS, STALLED_AFTER, IllegalChangeError, Jobs
from experiments.metrics import Metrics
from experiments.model import Experiment, Status
from experiments.repository import ExperimentRepository

from sandbox.emulator import Emulator
from tests.stack.experiments_table import create_table

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOW + STALLED_AFTER
QUEUED = Experiment(id="e1", name="life", codec="x265", clip="life", created_at=NOW, status=Status.QUEUED)


@pytest.fixture(scope="module")
def dynamodb(emulator: Emulator) -> Any:
    return emulator.client("dynamodb")


@pytest.fixture
def jobs(dynamodb: Any, request: pytest.FixtureRequest) -> Jobs:
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)
    create_table(dynamodb, name)
    return Jobs(ExperimentRepository(name, dynamodb))


@pytest.fixture
def running(jobs: Jobs) -> Experiment:
    jobs.enqueue(QUEUED, "key", NOW)
    return jobs.claim("e1", "host-1", "build-1", NOW)


def stored(jobs: Jobs) -> Experiment:
    experiment = jobs.repository.get("e1")
    assert experiment is not None
    return experiment


def counted(jobs: Jobs) -> dict[Status, int]:
    return {status: count for status, count in jobs.repository.totals().by_status.items() if count}


def test_a_job_goes_from_the_queue_through_a_worker_to_its_end(jobs: Jobs) -> None:
    assert jobs.enqueue(QUEUED, "key", NOW) == "e1"
    running = jobs.claim("e1", "host-1", "build-1", NOW)
    assert (running.status, running.worker, running.worker_build) == (Status.RUNNING, "host-1", "build-1")
    assert (running.attempt, running.started_at) == (1, NOW)
    assert jobs.heartbeat(running, 0.5, LATER) is False
    assert (stored(jobs).progress, stored(jobs).heartbeat_at) == (0.5, LATER)
    ended = replace(running, status=Status.SUCCEEDED, finished_at=LATER, metrics=Metrics(encode_seconds=3))
    jobs.end(ended)
    assert stored(jobs) == ended
    assert counted(jobs) == {Status.SUCCEEDED: 1}


def test_the_same_key_starts_one_experiment_however_often_it_comes_at_once(jobs: Jobs) -> None:
    def start(number: int) -> str:
        return jobs.enqueue(replace(QUEUED, id=f"e{number}"), f"key-{number % 5}", NOW)

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(start, range(40)))
    assert len(set(ids)) == 5
    assert {found.id for found in jobs.repository.newest(100).experiments} == set(ids)
    assert counted(jobs) == {Status.QUEUED: 5}


def test_of_workers_at_once_one_gets_the_job(jobs: Jobs) -> None:
    jobs.enqueue(QUEUED, "key", NOW)

    def claim(worker: str) -> str | Status | None:
        try:
            return jobs.claim("e1", worker, "build-1", NOW).worker
        except IllegalChangeError as refusal:
            return refusal.status

    workers = [f"host-{number}" for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(claim, workers))
    assert sorted(map(str, answers)) == sorted([stored(jobs).worker, *["running"] * 5])
    assert counted(jobs) == {Status.RUNNING: 1}


CHANGES: dict[str, Callable[[Jobs, Experiment], Any]] = {
    "claim": lambda jobs, _: jobs.claim("e1", "host-2", "build-1", LATER),
    "heartbeat": lambda jobs, held: jobs.heartbeat(held, None, LATER),
    "request_stop": lambda jobs, _: jobs.request_stop("e1", LATER),
    "hand_back": lambda jobs, held: jobs.hand_back(held, LATER),
    "end": lambda jobs, held: jobs.end(replace(held, status=Status.FAILED)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_happens_to_what_has_ended(jobs: Jobs, running: Experiment, change: str) -> None:
    ended = jobs.end(replace(running, status=Status.SUCCEEDED))
    with pytest.raises(IllegalChangeError, match=r"^experiment e1 cannot be \w.*: it is succeeded$") as refusal:
        CHANGES[change](jobs, running)
    assert refusal.value.status is Status.SUCCEEDED
    assert stored(jobs) == ended


@pytest.mark.parametrize("change", ["claim", "request_stop"])
def test_what_is_not_there_cannot_be_changed(jobs: Jobs, change: str) -> None:
    with pytest.raises(IllegalChangeError, match="there is none of that id") as refusal:
        CHANGES[change](jobs, QUEUED)
    assert refusal.value.status is None


def test_a_job_that_was_handed_back_was_not_tried(jobs: Jobs, running: Experiment) -> None:
    jobs.hand_back(running, NOW)
    assert stored(jobs) == replace(QUEUED, updated_at=NOW)
    assert jobs.claim("e1", "host-2", "build-1", NOW).attempt == 1


def test_a_queued_job_is_cancelled_at_once(jobs: Jobs) -> None:
    jobs.enqueue(QUEUED, "key", NOW)
    assert jobs.request_stop("e1", NOW).status is Status.CANCELLED
    assert counted(jobs) == {Status.CANCELLED: 1}


def test_the_worker_is_told_to_stop_a_running_job(jobs: Jobs, running: Experiment) -> None:
    jobs.request_stop("e1", NOW)
    assert jobs.heartbeat(running, None, NOW) is True
    jobs.end(replace(running, status=Status.CANCELLED))
    assert counted(jobs) == {Status.CANCELLED: 1}


def test_a_job_that_is_to_be_stopped_does_not_return_to_the_queue(jobs: Jobs, running: Experiment) -> None:
    jobs.request_stop("e1", NOW)
    assert jobs.hand_back(running, NOW).status is Status.CANCELLED


def test_a_job_whose_worker_is_silent_is_another_workers(jobs: Jobs, running: Experiment) -> None:
    with pytest.raises(IllegalChangeError):
        jobs.claim("e1", "host-2", "build-1", LATER - timedelta(seconds=1))
    assert jobs.claim("e1", "host-2", "build-1", LATER).attempt == 2
    for change in ("heartbeat", "hand_back", "end"):
        with pytest.raises(IllegalChangeError, match="it is running"):
            CHANGES[change](jobs, running)
    assert stored(jobs).worker == "host-2"


def test_a_job_over_which_workers_keep_vanishing_fails_with_the_reason(jobs: Jobs) -> None:
    jobs.enqueue(QUEUED, "key", NOW)
    for number in range(MOST_ATTEMPTS):
        assert jobs.claim("e1", f"host-{number}", "b", NOW + number * STALLED_AFTER).status is Status.RUNNING
    failed = jobs.claim("e1", "host-9", "b", NOW + MOST_ATTEMPTS * STALLED_AFTER)
    assert (failed.status, failed.error) == (Status.FAILED, "its worker vanished 3 times, at last host-2")
    assert counted(jobs) == {Status.FAILED: 1}


def test_a_stalled_job_that_is_to_be_stopped_is_cancelled(jobs: Jobs, running: Experiment) -> None:
    jobs.request_stop("e1", NOW)
    assert jobs.claim("e1", "host-2", "b", LATER).status is Status.CANCELLED


def test_a_stalled_job_is_cancelled_without_its_worker(jobs: Jobs, running: Experiment) -> None:
    assert jobs.request_stop("e1", LATER).status is Status.CANCELLED
