"""Whether every job ends exactly once while workers are killed, and every key starts one experiment."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from subprocess import Popen

from experiments.model import Experiment, Status

from benchmarks.figures import Figure
from sandbox.emulator import Emulator
from sandbox.manners import KIND
from tests.project_copy import free_port
from tests.stack.worker_lab import X264, Lab

JOBS, WORKERS = 500, 4
KILL_EVERY_SECONDS = 5
STALLED_AFTER_SECONDS = 10
STARTS, KEYS, AT_ONCE = 200, 20, 16
# What a worker prints of a job that it has brought to its end.
ENDED = re.compile(r" (job-\d+) (?:succeeded|failed)\b")


def measure_jobs(folder: Path) -> list[Figure]:
    """Jobs that are run while every few seconds a worker is killed (kill -9), and many starts at once with few keys."""
    with _lab(folder, "starts") as lab:
        started = _start_at_once(lab)
    with _lab(folder, "jobs") as lab:
        _enqueue(lab)
        began = time.monotonic()
        kills = _Workers(lab).run_out(JOBS)
        seconds = time.monotonic() - began
        ended = Counter(ENDED.findall((lab.folder / "workers.log").read_text(encoding="utf-8", errors="replace")))
        by_status = lab.repository.totals().by_status
    lost = JOBS - by_status[Status.SUCCEEDED] - by_status[Status.FAILED]
    return [
        Figure(f"experiments of {STARTS} starts at once with {KEYS} keys, beside {KEYS}", [abs(started - KEYS)], "", 0),
        Figure(f"{JOBS} jobs, {WORKERS} workers, one killed every {KILL_EVERY_SECONDS} s: lost", [lost], "", 0),
        Figure("  run to their end twice", [sum(times > 1 for times in ended.values())], "", 0),
        Figure("  failed", [by_status[Status.FAILED]], ""),
        Figure("  workers killed", [kills], ""),
        Figure("  in all", [seconds], "s"),
    ]


@contextmanager
def _lab(folder: Path, name: str) -> Iterator[Lab]:
    place = folder / name
    place.mkdir()
    emulator = Emulator(place / "emulator", free_port())
    emulator.behave(KIND)
    emulator.start()
    lab = Lab(emulator, name, place)
    try:
        yield lab
    finally:
        lab.close()
        emulator.stop()


def _start_at_once(lab: Lab) -> int:
    """How many experiments there are of starts at once, each key as often as the others."""

    def start(number: int) -> str:
        return lab.jobs.enqueue(_experiment(number), f"key-{number % KEYS}", datetime.now(UTC))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        returned = set(pool.map(start, range(STARTS)))
    queued = lab.repository.totals().by_status[Status.QUEUED]
    return queued if len(returned) == queued else STARTS


def _enqueue(lab: Lab) -> None:
    for number in range(JOBS):
        lab.queue.send(lab.jobs.enqueue(_experiment(number), f"key-{number}", datetime.now(UTC)))


def _experiment(number: int) -> Experiment:
    parameters = X264 | {"crf": 18 + number % 20}
    name = f"job-{number}"
    return Experiment(id=name, codec="x264", clip="game-of-life", created_at=datetime.now(UTC), parameters=parameters)


@dataclass
class _Workers:
    """Workers that are killed one after the other, each to be replaced by another one."""

    lab: Lab
    started: int = field(default=0)

    def run_out(self, jobs: int) -> int:
        """Run until all jobs have ended; how many workers were killed."""
        running = [self._start() for _ in range(WORKERS)]
        for kills, place in enumerate(cycle(range(WORKERS))):
            if self._all_ended(jobs, within=KILL_EVERY_SECONDS):
                return kills
            running[place].kill()
            running[place] = self._start()
        raise AssertionError("cycle does not end")

    def _start(self) -> "Popen[bytes]":
        self.started += 1
        return self.lab.worker(f"host-{self.started}", stalled_after=STALLED_AFTER_SECONDS)

    def _all_ended(self, jobs: int, within: float) -> bool:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            by_status = self.lab.repository.totals().by_status
            if by_status[Status.SUCCEEDED] + by_status[Status.FAILED] == jobs:
                return True
            time.sleep(0.5)
        return False
