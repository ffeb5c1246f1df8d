"""The embedded AWS: a ministack process on 127.0.0.1 that enforces IAM and keeps its state under `.sandbox/`."""

import hashlib
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import requests
import uv

from sandbox.places import PROJECT, SandboxError
from sandbox.processes import POLL_SECONDS, RecordedProcess

HOST = "127.0.0.1"
REGION = "us-east-1"
# The emulator's well-known root credentials, key and secret alike; they open nothing else.
ROOT_KEY = "test"
PID_FILE = "emulator.pid"
PROGRAM = Path(__file__).with_name("ministack_process.py")
# What makes an emulator: another one of any of it is another emulator.
SOURCES = (
    *(PROGRAM.with_name(name) for name in (PROGRAM.name, "cdn_aliases.py", "stand_in_model.py")),
    PROJECT / "uv.lock",
)
START_LIMIT_SECONDS = 60
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
        build = _build()
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

    def stop(self) -> None:
        """Stop it and the function workers it has started; its state is kept."""
        self._process.stop()

    @property
    def _process(self) -> RecordedProcess:
        return RecordedProcess(self.folder / PID_FILE, "ministack")

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/_ministack/health", timeout=5).ok
        except requests.RequestException:
            return False

    def _environment(self) -> Path:
        """The emulator's own Python environment: its functions must not see this project's packages."""
        environment = self.folder / "emulator"
        command = [uv.find_uv_bin(), "sync", "--quiet", "--frozen", "--only-group", "emulator", "--no-install-project"]
        variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)}
        result = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
        if result.returncode:
            raise SandboxError(
                f"The embedded AWS could not be installed: {' '.join(result.stderr.split())[-300:]}\n"
                "Check the network and the proxy settings, then run make sandbox again."
            )
        return environment / "bin" / "python"

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
            )

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_LIMIT_SECONDS
        while not self._answers():
            if process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = " / ".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])
                raise SandboxError(f"The embedded AWS did not come up: {tail}\nIts whole log: {self.log}")
            time.sleep(POLL_SECONDS)
        # It is meant to outlive this process; Popen would warn of that.
        process.returncode = 0


def _build() -> str:
    return hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()[:12]


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False
