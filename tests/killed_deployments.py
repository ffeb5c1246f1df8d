"""Deployments killed at random moments, and what has to be there after the next one.

Moments are counted in requests to the embedded AWS, so that they fall between any two, as between an upload and the
invalidation; every fifth of an update's is between the invalidation and the state's note of it. AWS is in its harshest
mood meanwhile. `KILLS_SEED=<seed>` repeats a run.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

import requests

from components.renderer import package_renderer
from components.static_site import site_files
from sandbox.manners import HARSH
from sandbox.processes import is_alive
from tests.inventory import held, recorded
from tests.project_copy import ProjectCopy

SEED = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(10**6))
# About as many as a deployment makes; one that ends before its moment has come is not counted.
CREATION_REQUESTS = 130
UPDATE_REQUESTS = 42
# How the emulator logs requests, where it is told to log all.
REQUEST = " -> service="
INVALIDATION = f"/invalidation{REQUEST}"
POLL_SECONDS = 0.005
RETENTIONS = (7, 14)
# Twice as fast as the sandbox goes else, as there are many deployments.
CLOCK = 120


@dataclass(frozen=True)
class Moment:
    """When a deployment is killed, and what of it."""

    requests: int
    seconds: float
    """After the last of these requests."""
    providers_too: bool
    """Else they go on for up to a second, until they notice that the engine is gone."""
    counted: str = REQUEST
    """Which requests are meant."""

    @classmethod
    def at_random(cls, chance: random.Random, requests: int) -> "Moment":
        """One of a deployment's moments; every eighth is before its first request."""
        return cls(
            requests=max(0, chance.randrange(-requests // 7, requests)),
            seconds=10 ** chance.uniform(-3, 0.4),
            providers_too=chance.random() < 0.5,
        )


@dataclass
class Site:
    """A deployed project, and how often it has been changed since its creation."""

    project: ProjectCopy
    chance: random.Random
    updates: int = 0
    first_invalidations: int = 0
    retention: int = RETENTIONS[0]
    killed: list[int] = field(default_factory=list)
    """The deployments' process ids."""

    @classmethod
    def make(cls, folder: Path, number: int) -> "Site":
        """A copy of the project, on an AWS that logs its requests and is in its harshest mood."""
        project = ProjectCopy.make(folder)
        project.environment["LOG_LEVEL"] = "DEBUG"
        project.emulator.behave(replace(HARSH, seed=SEED + number, clock=CLOCK))
        return cls(project, random.Random(f"{SEED} {number}"))

    def kill_its_creation(self) -> Moment:
        """Deploy it from nothing, and kill the deployment."""
        while True:
            self._forget()
            moment = Moment.at_random(self.chance, CREATION_REQUESTS)
            if self._is_killed_at(moment):
                return moment

    def kill_its_update(self) -> Moment:
        """Change the renderer, a static file and now and then more; deploy that, and kill the deployment."""
        while True:
            self._edit()
            moment = Moment.at_random(self.chance, UPDATE_REQUESTS)
            if self.chance.random() < 0.2:
                moment = Moment(requests=1, seconds=0, providers_too=moment.providers_too, counted=INVALIDATION)
            if self._is_killed_at(moment):
                return moment

    def names(self, undisturbed: Iterable[str]) -> list[str]:
        """What it has to consist of, given what it consists of in git."""
        names = [name.replace(f" {RETENTIONS[0]} days", f" {self.retention} days") for name in undisturbed]
        added = [f"{self.outputs['site_bucket']}/{self._added_file.name}"] if self._added_file.exists() else []
        return sorted(names + added)

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, as the state has them."""
        return next(dict(each["outputs"]) for each in self.project.state() if each["type"] == "pulumi:pulumi:Stack")

    @property
    def _added_file(self) -> Path:
        return self.project.folder / "dashboard" / "added.txt"

    def _is_killed_at(self, moment: Moment) -> bool:
        """Deploy, and kill the deployment at its moment; false where it has ended before that."""
        emulator = self.project.emulator
        emulator.folder.mkdir(exist_ok=True)
        emulator.log.touch()
        with emulator.log.open() as log:
            log.seek(0, os.SEEK_END)
            process = self.project.start("up")
            if _comes(moment, process, log):
                _kill(process, moment.providers_too)
        printed, _ = process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), printed
        self.killed.append(process.pid)
        return process.returncode != 0

    def _forget(self) -> None:
        """Begin anew, in an emulator that holds nothing."""
        emulator = self.project.emulator
        if (emulator.folder / "emulator.pid").exists():
            requests.post(f"{emulator.url}/_ministack/reset", timeout=30).raise_for_status()
        for name in ("state", "workspace"):
            shutil.rmtree(emulator.folder / name, ignore_errors=True)
        (emulator.folder / "deploying").unlink(missing_ok=True)

    def _edit(self) -> None:
        self.updates += 1
        mark = self.chance.random()
        with (self.project.folder / "lambda" / "index_ssr.py").open("a") as renderer:
            renderer.write(f"\n# {mark}\n")
        with (self.project.folder / "dashboard" / "admin.html").open("a") as page:
            page.write(f"<!-- {mark} -->\n")
        if self.chance.random() < 0.5:
            self._add_or_remove_a_file()
        if self.chance.random() < 0.3:
            self.retention = sum(RETENTIONS) - self.retention
            self.project.configure(logRetentionDays=self.retention)

    def _add_or_remove_a_file(self) -> None:
        if self._added_file.exists():
            self._added_file.unlink()
        else:
            self._added_file.write_text("added\n")


def kill_and_converge(folder: Path, projects: int, creations: int, updates: int) -> None:
    """Kill deployments of some projects side by side, and expect of each next one all that git says.

    Args:
        folder: Where the projects go.
        projects: How many; a deployment waits more than it works.
        creations: How often each is killed while it is deployed for the first time.
        updates: How often each is killed later.

    Raises:
        AssertionError: one was not; a note says which.

    """
    sites = [
        Site(ProjectCopy.make(folder / f"project-{number}"), random.Random(f"{SEED} {number}"))
        for number in range(projects)
    ]
    try:
        for number, site in enumerate(sites):
            site.project.environment["LOG_LEVEL"] = "DEBUG"
            site.project.emulator.behave(replace(HARSH, seed=SEED + number, clock=CLOCK))
        sites[0].project.run("up")
        undisturbed = list(held(sites[0].project.emulator).values())
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda site: _kill_and_converge(site, undisturbed, creations, updates), sites))
    finally:
        for site in sites:
            site.project.close()


def _kill_and_converge(site: Site, undisturbed: list[str], creations: int, updates: int) -> None:
    for kill, times in ((site.kill_its_creation, creations), (site.kill_its_update, updates)):
        for time in range(times):
            moment = kill()
            try:
                site.project.run("up")
                _expect_all_that_git_says(site, undisturbed)
                _expect_one_version_and_one_invalidation_for_each_change(site)
            except Exception as error:
                error.add_note(f"KILLS_SEED={SEED}, {site.project.folder.name}, {kill.__name__} {time}: {moment}")
                raise
        _expect_nothing_left_to_do(site)
    assert not [process for leader in site.killed for process in session(leader)]


def _expect_all_that_git_says(site: Site, undisturbed: list[str]) -> None:
    project = site.project
    things = held(project.emulator)
    assert things.keys() == recorded(project.state())
    assert sorted(things.values()) == site.names(undisturbed)
    build = package_renderer(project.folder / "lambda").sha256
    assert build in project.get(site.outputs["dashboard_url"]).text
    for key, file in site_files(project.folder / "dashboard"):
        assert project.get(f"{site.outputs['dashboard_url']}{key}").content == file.read_bytes()


def _expect_one_version_and_one_invalidation_for_each_change(site: Site) -> None:
    """Publishing anew what is published, and invalidating anew what is invalidated, AWS answers with the old one."""
    client, outputs = site.project.emulator.client, site.outputs
    versions = client("lambda").list_versions_by_function(FunctionName=outputs["renderer_function"])["Versions"]
    # Where Lambda has failed to make a snapshot, the same code has been published once more.
    snapshots = [each["CodeSha256"] for each in versions[1:] if each["State"] != "Failed"]
    assert len(snapshots) == len(set(snapshots)) == site.updates + 1
    listing = client("cloudfront").list_invalidations(DistributionId=outputs["distribution_id"])["InvalidationList"]
    invalidations = len(listing.get("Items", []))
    if not site.updates:
        # A distribution that a killed deployment has created is no new one to the next: it has to forget everything.
        site.first_invalidations = min(invalidations, 1)
    assert invalidations == site.first_invalidations + site.updates


def _expect_nothing_left_to_do(site: Site) -> None:
    assert "updated" not in site.project.run("refresh")
    assert site.project.up() == set()


def _comes(moment: Moment, process: "subprocess.Popen[str]", log: TextIO) -> bool:
    """Wait for the moment; false where the deployment has ended before it."""
    seen = 0
    while seen < moment.requests:
        seen += log.read().count(moment.counted)
        if _ends(process, POLL_SECONDS):
            return False
    return not _ends(process, moment.seconds)


def _ends(process: "subprocess.Popen[str]", seconds: float) -> bool:
    """Whether it does so in that time."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _kill(process: "subprocess.Popen[str]", providers_too: bool) -> None:
    """The engine keeps providers in process groups of their own, in the session of them all."""
    providers = session(process.pid) if providers_too else []
    os.killpg(process.pid, signal.SIGKILL)
    for provider in providers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(provider, signal.SIGKILL)


def session(leader: int) -> list[int]:
    """The processes of a session, such as those that a deployment has started, where the system tells."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(int(folder.name)) == leader and is_alive(int(folder.name)):
                members.append(int(folder.name))
    return members
