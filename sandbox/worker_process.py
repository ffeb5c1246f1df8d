"""The sandbox's one worker: a process on this machine that may do on the embedded AWS what the worker's role may."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from releasing.files import write_whole
from releasing.project import PROJECT
from sandbox.emulator import REGION, ROOT_KEY, Emulator
from sandbox.places import PRIVATE_UMASK, SandboxError, advised
from sandbox.processes import POLL_SECONDS, RecordedProcess
from worker.build import build_of

NAME = "sandbox-worker"
# The shell notes the id that the worker goes on under, so that it is found again even where its starter is killed.
START = 'echo "$$ $1" > "$0" || exit 1; shift; exec "$@"'
# botocore assumes the role with root's credentials, and assumes it anew before the session ends.
AWS_CONFIG = """\
[default]
region = {region}
endpoint_url = {url}
role_arn = {role}
role_session_name = {name}
source_profile = root

[profile root]
aws_access_key_id = {key}
aws_secret_access_key = {key}
"""


@dataclass(frozen=True)
class WorkerProcess:
    """The worker of one embedded AWS."""

    emulator: Emulator

    def start(self, outputs: Mapping[str, str]) -> bool:
        """Start it for the stack with these outputs, unless it runs with today's code; whether it was started.

        Raises:
            SandboxError: it ended at once, as where the disk is full.

        """
        build = build_of({"experiments": PROJECT / "lambda" / "experiments", "worker": PROJECT / "worker"})
        with self._alone():
            if self.process.is_running() and self.process.record()[1:] == [build]:
                return False
            self.process.stop()
            self._launch(build, outputs)
        return True

    def stop(self) -> None:
        """Stop it; a job that it is at goes back to the queue."""
        self.process.stop()

    @property
    def _folder(self) -> Path:
        return self.emulator.folder

    @property
    def _clips(self) -> Path:
        return self._folder / "clips"

    @property
    def process(self) -> RecordedProcess:
        """It, as far as its record tells."""
        return RecordedProcess(self._folder / "worker.pid", f"-m worker --clips {self._clips}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one after the other look whether a worker runs, and start one."""
        with (self._folder / "worker.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _launch(self, build: str, outputs: Mapping[str, str]) -> None:
        options = ["--clips", str(self._clips), "--name", NAME, "--host", "sandbox", "--metadata-endpoint", ""]
        worker = [sys.executable, "-m", "worker", *options]
        with (self._folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", START, str(self.process.file), build, *worker],
                cwd=self._folder,
                env=self._environment(outputs),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=PRIVATE_UMASK,
            )
        while process.poll() is None and not self.process.record():
            time.sleep(POLL_SECONDS)
        if process.returncode:
            tail = (self._folder / "worker.log").read_text(errors="replace").splitlines()[-1:]
            reason = f"The worker did not start: {''.join(tail)}"
            raise SandboxError(advised(reason, f"Its whole log: {self._folder / 'worker.log'}"))
        # It is meant to outlive this process; Popen would warn of that.
        process.returncode = 0

    def _environment(self, outputs: Mapping[str, str]) -> dict[str, str]:
        config = self._folder / "worker-aws-config"
        settings = {"region": REGION, "url": self.emulator.url, "role": outputs["worker_role"]}
        write_whole(config, AWS_CONFIG.format(**settings, name=NAME, key=ROOT_KEY))
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))},
            # In the folder that it starts in, as botocore takes a dollar sign in a path for a variable's.
            "AWS_CONFIG_FILE": config.name,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "JOB_QUEUE_URL": outputs["job_queue_url"],
            "MEDIA_BUCKET": outputs["media_bucket"],
            "PYTHONPATH": os.pathsep.join([str(PROJECT), str(PROJECT / "lambda")]),
            "TABLE_NAME": outputs["table_name"],
        }
