"""The embedded AWS: a ministack process on 127.0.0.1 that enforces IAM and keeps its state under `.sandbox/`."""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
import uv
from botocore.config import Config

from releasing.files import write_whole
from releasing.project import PROJECT
from sandbox.manners import Manners
from sandbox.places import PRIVATE_UMASK, SandboxError, advised, make_private
from sandbox.processes import POLL_SECONDS, RecordedProcess

HOST = "127.0.0.1"
REGION = "us-east-1"
# The emulator's well-known root credentials, key and secret alike; they open nothing else.
ROOT_KEY = "test"
PID_FILE = "emulator.pid"
PROGRAM = Path(__file__).with_name("ministack_process.py")
# What makes an emulator: another one of any of it is another emulator.
PARTS = (
    "cdn_aliases.py",
    "isolation.py",
    "manners.py",
    "ministack_echoes.py",
    "ministack_manners.py",
    "stand_in_model.py",
)
SOURCES = (PROGRAM, *map(PROGRAM.with_name, PARTS), PROJECT / "uv.lock")
START_LIMIT_SECONDS = 60
# Enough for its harshest moods.
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 12})
LOG_TAIL_LINES = 3


@dataclass(frozen=True)
class Emulator:
    """One embedded AWS, told from others by its folder and its port."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Where it answers, for AWS clients."""
        return f"http://{HOST}:{self.port}"

    def client(self, service: str) -> Any:
        """A boto3 client of the emulator, with root's credentials."""
        untyped: Any = boto3
        return untyped.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=ROOT_KEY,
            aws_secret_access_key=ROOT_KEY,
            config=RETRIES,
        )

    @property
    def log(self) -> Path:
        """What it has printed since its last start."""
        return self.folder / "emulator.log"

    def start(self) -> bool:
        """Start it, unless it runs already and with today's code; whether it had to be started.

        Raises:
            SandboxError: the port is taken, or it doesn't come up.

        """
        make_private(self.folder)
        build = self._build()
        if self._process.is_running() and self._process.record()[1:] == [build] and self._answers():
            return False
        self.stop()
        if _is_taken(self.port):
            raise SandboxError(
                f"Port {self.port} is in use by another program, so the embedded AWS can't start.\n"
                "Stop that program, or choose another port: make sandbox PORT=4600"
            )
        python = self._environment()
        process = self._launch(python, build)
        self._wait_until_ready(process)
        return True

    def behave(self, manners: Manners) -> None:
        """Let it have these manners from now on, whether it runs or not."""
        make_private(self.folder)
        manners.write(self.folder)

    def stop(self) -> None:
        """Stop it and the function workers it has started; its state is kept."""
        self._process.stop()

    @property
    def _process(self) -> RecordedProcess:
        return RecordedProcess(self.folder / PID_FILE, "ministack")

    def _build(self) -> str:
        """What an emulator is, with its port: at another one another answers, or none."""
        return f"{hashlib.sha256(b''.join(source.read_bytes() for source in SOURCES)).hexdigest()[:12]}:{self.port}"

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/_ministack/health", timeout=5).ok
        except requests.RequestException:
            return False

    def _environment(self) -> Path:
        """The emulator's own Python environment: its functions must not see this project's packages.

        Made anew where its making didn't come to its end, as then uv takes for installed what is so in part; and where
        the Python is gone that it was made of.
        """
        environment = self.folder / "emulator"
        ready, python, recipe = environment / "ready", environment / "bin" / "python", _recipe()
        if not (_text(ready) == recipe and _runs(python)):
            shutil.rmtree(environment, ignore_errors=True)
            self._install(environment)
            write_whole(ready, recipe)
        return python

    def _install(self, environment: Path) -> None:
        command = [uv.find_uv_bin(), "sync", "--quiet", "--frozen", "--only-group", "emulator", "--no-install-project"]
        variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment), "UV_PYTHON": sys.executable}
        result = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
        if result.returncode:
            reason = f"The embedded AWS could not be installed: {' '.join(result.stderr.split())[-300:]}"
            advice = "Check the network and the proxy settings, then run make sandbox again."
            raise SandboxError(advised(reason, advice))

    def _launch(self, python: Path, build: str) -> subprocess.Popen[bytes]:
        state = self.folder / "aws"
        state.mkdir(parents=True, exist_ok=True)
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
            "AUTH": "true",
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_ENABLED": "0",
            "LAMBDA_EXECUTOR": "local",
            "PERSIST_STATE": "1",
            "S3_DATA_DIR": str(state / "s3"),
            "S3_PERSIST": "1",
            "SFTP_ENABLED": "0",
            "STATE_DIR": str(state / "services"),
        }
        with self.log.open("wb") as log:
            return subprocess.Popen(
                # -P: what lies beside the program is none of its modules.
                [str(python), "-P", str(PROGRAM), PID_FILE, build],
                cwd=self.folder,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=PRIVATE_UMASK,
            )

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = " / ".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
                raise SandboxError(advised(f"The embedded AWS did not come up: {tail}", f"Its whole log: {self.log}"))
            time.sleep(POLL_SECONDS)
        # It is meant to outlive this process; Popen would warn of that.
        process.returncode = 0


def _recipe() -> str:
    """What the emulator's environment is made of."""
    return hashlib.sha256((PROJECT / "uv.lock").read_bytes() + sys.version.encode()).hexdigest()


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _runs(python: Path) -> bool:
    try:
        return subprocess.run([str(python), "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
