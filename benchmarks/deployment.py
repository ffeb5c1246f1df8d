"""How long it takes to set up the sandbox, to deploy, and to bring a change to users; and in how much memory."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Figure
from tests.project_copy import ProjectCopy

NO_OP_RUNS = 5
CHANGE_RUNS = 3
EMPTY_RUNS = 3
MIB = 1024 * 1024
SAMPLE_SECONDS = 0.05


def measure_from_nothing(folder: Path) -> list[Figure]:
    """`make sandbox` as a first command with every cache empty, then once more with the engine and packages cached."""
    caches = _empty_caches(folder / "caches")
    first = _timed_sandbox(ProjectCopy.make(folder / "first"), caches)
    second = _timed_sandbox(ProjectCopy.make(folder / "second"), caches)
    return [
        Figure("make sandbox from nothing", [first.total], "s", limit=360),
        Figure("  of which building the engine", [first.engine], "s", limit=240),
        Figure("make sandbox, engine cached, without the encodes", [second.total - second.encodes], "s", limit=60),
        Figure("  the encodes", [second.encodes], "s", limit=90),
    ]


def measure_deployments(folder: Path) -> list[Figure]:
    """`up` from empty, `up` without a change, and a changed line of the renderer until the page shows its build."""
    from_empty = [_up_from_empty(folder / f"empty-{run}") for run in range(EMPTY_RUNS - 1)]
    project = ProjectCopy.make(folder / "project")
    project.emulator.folder.mkdir(exist_ok=True)
    project.emulator.start()
    try:
        with _peak_memory(project) as memory:
            from_empty.append(_seconds(lambda: project.run("up")))
        no_op = [_seconds(lambda: project.run("up")) for _ in range(NO_OP_RUNS)]
        changes = [_change_until_served(project, run) for run in range(CHANGE_RUNS)]
    finally:
        project.close()
    return [
        Figure("up from empty", from_empty, "s", limit=25),
        Figure("up without a change", no_op, "s", limit=6),
        Figure("a changed renderer line until its page is served", changes, "s", limit=10),
        Figure("emulator, engine and providers, peak resident", [memory.peak / MIB], "MiB", limit=1024),
    ]


@dataclass
class _SandboxTimes:
    total: float = 0
    engine: float = 0
    encodes: float = 0


def _timed_sandbox(project: ProjectCopy, caches: dict[str, str]) -> _SandboxTimes:
    times = _SandboxTimes()
    began = time.monotonic()
    stage_began, stage = began, ""
    process = project.start_make("sandbox", **caches)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            now = time.monotonic()
            if stage.startswith("Building Pulumi"):
                times.engine += now - stage_began
            if stage.startswith("Running the sample experiments"):
                times.encodes += now - stage_began
            stage_began = now
            if line[:1].isupper():
                stage = line
        assert process.wait() == 0, "make sandbox failed"
    finally:
        project.close()
    times.total = time.monotonic() - began
    return times


def _empty_caches(folder: Path) -> dict[str, str]:
    """Where every tool keeps what it downloads or builds, moved to an empty folder."""
    names = ("GOCACHE", "GOMODCACHE", "PIP_CACHE_DIR", "UV_CACHE_DIR", "XDG_CACHE_HOME")
    return {name: str(folder / name.lower()) for name in names}


def _up_from_empty(folder: Path) -> float:
    project = ProjectCopy.make(folder)
    project.emulator.folder.mkdir()
    project.emulator.start()
    try:
        return _seconds(lambda: project.run("up"))
    finally:
        project.close()


def _change_until_served(project: ProjectCopy, run: int) -> float:
    with (project.folder / "lambda" / "index_ssr.py").open("a") as file:
        file.write(f"\nRUN = {run}\n")
    began = time.monotonic()
    project.run("up")
    served = time.monotonic()
    outputs = project.outputs()
    assert outputs["renderer_code_sha256"] in project.get(outputs["dashboard_url"]).text
    return served - began


def _seconds(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


@dataclass
class _Memory:
    peak: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)


@contextmanager
def _peak_memory(project: ProjectCopy) -> Iterator[_Memory]:
    """Watch the resident memory of all processes that belong to a project's sandbox, in bytes (Linux)."""
    memory = _Memory()

    def watch() -> None:
        while not memory.stopped.wait(SAMPLE_SECONDS):
            memory.peak = max(memory.peak, _resident(str(project.folder)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield memory
    finally:
        memory.stopped.set()
        watcher.join()


def _resident(folder: str) -> int:
    total = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            if os.readlink(process / "cwd").startswith(folder):
                total += int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    return total
