"""The old site on an embedded AWS, a copy of the project that takes it over, and visitors who never pause."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from experiments.repository import ExperimentRepository

from sandbox.manners import HARSH, KIND
from tests.old_site import DOMAIN, PAGES, OldSite
from tests.project_copy import ProjectCopy

PATHS = ("/", *(f"/{name}" for name in PAGES))
OLD_TITLE = "AiV1 Video Codec Research"
ASK_DNS_EVERY = 10
DNS_LIMIT_SECONDS = 60
"""For how long visitors hold a record's answer, at most: CloudFront's records have this TTL."""


@dataclass
class Rehearsal:
    """One takeover."""

    project: ProjectCopy
    old: OldSite

    @classmethod
    def prepare(cls, folder: Path, experiments: int) -> "Rehearsal":
        """Build the old site, and configure the stack that is to take it over."""
        project = ProjectCopy.make(folder)
        project.emulator.folder.mkdir()
        project.emulator.start()
        # It was built long ago; what takes time on AWS is meant for the deployments beside it.
        project.emulator.behave(KIND)
        try:
            old = OldSite.build(project.emulator, experiments)
            project.emulator.behave(HARSH)
            old.wait()
        except BaseException:
            project.close()
            raise
        project.configure(domain=DOMAIN, hostedZoneId=old.zone, domainAlias=False)
        return cls(project, old)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Begin a command."""
        command = [sys.executable, "-m", "operations.takeover", "--port", str(self.project.port), *arguments]
        return subprocess.Popen(
            [*command, "--watch-seconds", "1"],
            cwd=self.project.folder,
            env={**os.environ, "COLUMNS": "400"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, typed: str = "", exit_code: int = 0) -> str:
        """Carry out a command; what it printed."""
        process = self.start(*arguments)
        printed, _ = process.communicate(typed)
        assert process.returncode == exit_code, printed
        assert "Traceback" not in printed, printed
        return printed

    def kill(self, seconds: float, *arguments: str) -> bool:
        """Begin a command and kill it (kill -9) so many seconds later; false where it ended before that."""
        process = self.start(*arguments)
        try:
            printed, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return True
        assert process.returncode == 0, printed
        return False

    def holder(self) -> str:
        """Who has the domain, by CloudFront: `old` or `new`."""
        summaries = self.project.emulator.client("cloudfront").list_distributions()["DistributionList"]["Items"]
        (holder,) = [str(each["Id"]) for each in summaries if DOMAIN in each["Aliases"].get("Items", [])]
        return "old" if holder == self.old.distribution else "new"

    def lost(self) -> list[str]:
        """The experiments of the old site that the new one doesn't list."""
        return sorted(self.old.experiments - {experiment.id for experiment in self.all()})

    def all(self) -> list[Any]:
        """All experiments that the new site lists."""
        found, cursor = [], None
        while True:
            page = self.repository.newest(500, cursor)
            found += page.experiments
            cursor = page.next_cursor
            if cursor is None:
                return found

    @property
    def repository(self) -> ExperimentRepository:
        """The new site's experiments."""
        return ExperimentRepository(self.project.outputs()["table_name"], self.project.emulator.client("dynamodb"))

    def close(self) -> None:
        """Stop the embedded AWS."""
        self.project.close()


@dataclass
class Visitors:
    """People who ask the site at its domain, each as soon as the last answer is there."""

    rehearsal: Rehearsal
    count: int = 2
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    """How often which site has answered with its page."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._leave = threading.Event()
        self._threads = [threading.Thread(target=self._visit, args=(number,)) for number in range(self.count)]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, count: int, limit_seconds: float = 600) -> None:
        """Wait until they have asked so often."""
        deadline = time.monotonic() + limit_seconds
        while self.requests < count and time.monotonic() < deadline:
            self._leave.wait(0.1)

    def _visit(self, number: int) -> None:
        chance, leads_to, asked = random.Random(number), set[str](), 0
        url = self.rehearsal.project.emulator.url
        with requests.Session() as session:
            while not self._leave.is_set():
                if asked % ASK_DNS_EVERY == 0:
                    leads_to = self.rehearsal.old.leads_to()
                asked += 1
                path = chance.choice(PATHS)
                try:
                    answer = session.get(f"{url}{path}", headers={"Host": DOMAIN}, timeout=30)
                    failure = "" if answer.status_code == 200 and len(leads_to) == 1 else f"{answer.status_code}"
                    title = _who(answer.text) if path == "/" else ""
                except requests.RequestException as error:
                    failure, title = type(error).__name__, ""
                with self._lock:
                    self.requests += 1
                    self.seen.update([title] if title else [])
                    if failure:
                        self.failures.append(f"{path}: {failure}, DNS leads to {leads_to}")


def _who(page: str) -> str:
    return "old" if OLD_TITLE in page else "new"


@dataclass
class Kills:
    """Kills a takeover at random moments, and lets the next command go on from there."""

    rehearsal: Rehearsal
    chance: random.Random
    killed: list[str] = field(default_factory=list)
    """What was killed, and when."""
    resumed: int = 0

    def forth_for_the_first_time(self, times: int, within_seconds: float) -> None:
        """Kill the first takeover so often, each time later in it, and bring it to its end."""
        before = len(self.killed)
        for _ in range(times):
            self._kill(self.chance.uniform(0, within_seconds), "--yes")
        self.rehearsal.run("--yes")
        self._expect("new", len(self.killed) - before)

    def back_and_forth(self, times: int) -> None:
        """Move the domain back and forth, and kill each command once on its way; at the end the new site has it."""
        takes = {"--back": 20.0, "--yes": 30.0}
        while times > 0:
            arguments, wanted = ("--back", "old") if self.rehearsal.holder() == "new" else ("--yes", "new")
            if self._kill(self.chance.uniform(0, takes[arguments]), arguments):
                began = time.monotonic()
                self.rehearsal.run(arguments)
                takes[arguments] = time.monotonic() - began
                self._expect(wanted, 1)
                times -= 1
        if self.rehearsal.holder() == "old":
            self.rehearsal.run("--yes")

    def _kill(self, seconds: float, arguments: str) -> bool:
        if not self.rehearsal.kill(seconds, arguments):
            return False
        self.killed.append(f"{arguments} after {seconds:.1f} s")
        return True

    def _expect(self, holder: str, kills: int) -> None:
        """Count kills as resumed where the domain is where it was to go, and the new site lacks nothing."""
        if self.rehearsal.holder() == holder and (holder == "old" or not self.rehearsal.lost()):
            self.resumed += kills
