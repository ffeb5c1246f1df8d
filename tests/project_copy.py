"""A copy of the project with a sandbox of its own, for tests that edit, deploy, break and destroy it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from releasing.project import PROJECT_NAME, SANDBOX
from sandbox.emulator import Emulator
from sandbox.worker_process import WorkerProcess

ROOT = Path(__file__).parent.parent
# What a checkout doesn't hold, and what the program doesn't read.
LEFT_OUT = (".*", "__pycache__", "docs", "tests", "benchmarks")
OPERATION = re.compile(
    r"^\s*(?P<sign>[-+~]{1,2})\s+(?P<type>\S+:\S+)\s+(?P<name>\S+)\s+(?P<done>created|updated|deleted|replaced)"
)


@dataclass
class ProjectCopy:
    """The project in another folder, deployed to an embedded AWS on a free port."""

    folder: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    """What its commands are told besides."""
    emulator: Emulator = field(init=False)

    def __post_init__(self) -> None:
        self.emulator = Emulator(self.folder / ".sandbox", self.port)

    @classmethod
    def make(cls, folder: Path) -> "ProjectCopy":
        """Copy the project's own files."""
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        return cls(folder, free_port())

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """Begin a sandbox command."""
        return self._begin([sys.executable, "-m", "sandbox", "--port", str(self.port), *command])

    def start_make(self, target: str, **variables: str) -> "subprocess.Popen[str]":
        """Begin a `make` command, as the person who cloned the project does."""
        return self._begin(["make", target, f"PORT={self.port}"], **variables)

    def _begin(self, command: list[str], **variables: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "400", **self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str) -> str:
        """Run a sandbox command that has to succeed; what it printed."""
        process = self.start(*command)
        printed, _ = process.communicate()
        assert process.returncode == 0, printed
        return printed

    def fail(self, *command: str) -> str:
        """Run a sandbox command that has to fail; what it printed."""
        process = self.start(*command)
        printed, _ = process.communicate()
        assert process.returncode == 1, printed
        return printed

    def up(self) -> set[str]:
        """Deploy; the resources that changed, as `updated aws:lambda/function:Function renderer`."""
        return changes(self.run("up"))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return dict(json.loads(self.run("outputs")))

    def state(self) -> list[dict[str, Any]]:
        """The stack's resources, as the engine has noted them last."""
        file = self.emulator.folder / "state" / ".pulumi" / "stacks" / PROJECT_NAME / f"{SANDBOX}.json"
        return list(json.loads(file.read_text(encoding="utf-8"))["checkpoint"]["latest"]["resources"])

    def configure(self, **config: Any) -> None:
        """Set keys in the copy's `Pulumi.sandbox.yaml`."""
        lines = [f"  ai-video-codec-dashboard:{key}: {json.dumps(value)}\n" for key, value in config.items()]
        with (self.folder / "Pulumi.sandbox.yaml").open("a", encoding="utf-8") as file:
            file.writelines(lines)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that stands once in a file."""
        file = self.folder / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        file.write_text(text.replace(old, new), encoding="utf-8")

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Request a page as a browser does."""
        return self.request("GET", url, headers)

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, document: Any = None
    ) -> requests.Response:
        """Request something, with JSON if any; names below `.localhost` don't resolve everywhere, so by Host header."""
        parts = urlsplit(url)
        local = parts._replace(netloc=f"127.0.0.1:{self.port}").geturl()
        named = {**(headers or {}), "Host": parts.netloc}
        return requests.request(method, local, json=document, headers=named, timeout=30, allow_redirects=False)

    def close(self) -> None:
        """Stop the embedded AWS and its worker, if it has one."""
        WorkerProcess(self.emulator).stop()
        self.emulator.stop()


def changes(printed: str) -> set[str]:
    """The resources that a deployment's output says were changed."""
    found = (OPERATION.match(line) for line in printed.splitlines())
    return {f"{match['done']} {match['type']} {match['name']}" for match in found if match}


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
