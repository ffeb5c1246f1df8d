"""The sandbox's stack: the project's own `__main__.py`, run by the real engine against the embedded AWS."""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pulumi
import pulumi.automation as auto
import yaml
from pulumi.automation._stack import StackInitMode

from components.settings import InvalidConfig, check_stack_file
from releasing.files import write_whole
from releasing.project import PROJECT, PROJECT_NAME, SANDBOX, SANDBOX_PORT, CouldNotLook
from releasing.recovery import recover
from sandbox.aws_plugin import official_plugin
from sandbox.emulator import Emulator
from sandbox.engine_output import EngineOutput, Output, reason_of
from sandbox.places import SandboxError, advised, make_private
from sandbox.processes import interrupted_last, is_alive
from sandbox.state import follow_emulator, heal_state, is_empty, outputs_of, read_json

# The state holds no secret; a passphrase is what a local backend asks for.
PASSPHRASE = "sandbox"  # noqa: S105

# How a table and a user pool say that they are.
PROTECTED = {("deletionProtectionEnabled", "True"), ("deletionProtection", "ACTIVE")}
# How AWS's services say that what is to be created is there.
EXISTS = re.compile(
    r"AlreadyExists|AlreadyOwned|ResourceInUse|ResourceConflict|GroupExists|Duplicate|\.Conflict|already exist"
)
ALREADY_THERE = (
    "AWS has it, and the stack doesn't know of it. Where a deployment was interrupted, run make recover; "
    "else delete it, or take it into the stack with pulumi import."
)
MEND = "Mend that, then deploy again: it goes on from here."


@dataclass(frozen=True)
class Deployment:
    """The stack on one emulator. State, launchers and configuration are kept in the emulator's folder."""

    emulator: Emulator
    engine: auto.PulumiCommand

    def prepare(self, report: Output) -> None:
        """See that the state is free and whole, before anything is done to the emulator.

        Raises:
            SandboxError: a deployment is running, or the state is damaged and there is no whole copy.

        """
        self._release_lock_of_the_dead()
        if self._locks():
            raise SandboxError(self._lock_holder())
        if copy := heal_state(self._state_file):
            report(f"The stack's state was damaged; it goes on from the last whole copy, {copy.name}")
            self._unfinished.touch()

    def begin(self, report: Output) -> bool:
        """Prepare, and note that a deployment begins; whether one began earlier and did not end."""
        self.prepare(report)
        was_interrupted = self._unfinished.exists()
        make_private(self._folder)
        self._unfinished.touch()
        return was_interrupted

    def up(self, on_output: Output, refresh: bool = False) -> dict[str, Any]:
        """Deploy; with `refresh`, look first at what is there, as after a crash of the emulator.

        Returns:
            The stack's outputs.

        Raises:
            SandboxError: it failed, or another deployment is running.

        """
        stack = self._stack()
        if refresh and not is_empty(self._state_file):
            self._recover(on_output)
            self._run(stack.refresh, on_output=on_output, suppress_outputs=True)
        self._run(stack.up, on_output=on_output, suppress_outputs=True)
        self._unfinished.unlink(missing_ok=True)
        return outputs_of(self._state_file)

    def preview(self, on_output: Output) -> auto.PreviewResult:
        """What `up` would do."""
        result: auto.PreviewResult = self._run(self._stack().preview, on_output=on_output, diff=True)
        return result

    def refresh(self, on_output: Output) -> auto.RefreshResult:
        """Find what was changed by hand, and take it into the state."""
        result: auto.RefreshResult = self._run(self._stack().refresh, on_output=on_output)
        return result

    def destroy(self, on_output: Output) -> auto.DestroyResult:
        """Delete every resource, and what an interrupted deployment was creating.

        Raises:
            SandboxError: it failed, or some are protected; then none is deleted.

        """
        stack = self._stack()
        if self._unfinished.exists():
            self._recover(on_output)
            self._run(stack.refresh, on_output=on_output)
        self._expect_nothing_protected()
        result: auto.DestroyResult = self._run(stack.destroy, on_output=on_output)
        self._unfinished.unlink(missing_ok=True)
        return result

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs.

        Raises:
            SandboxError: nothing is deployed, or the state is damaged.

        """
        if outputs := outputs_of(self._state_file):
            return outputs
        if self._state_file.exists() and not read_json(self._state_file):
            raise SandboxError(f"The stack's state is damaged: {self._state_file}\nmake sandbox goes on from a copy.")
        raise SandboxError("Nothing is deployed on the sandbox yet: run make sandbox.")

    @property
    def _folder(self) -> Path:
        return self.emulator.folder

    @property
    def _unfinished(self) -> Path:
        return self._folder / "deploying"

    @property
    def _workspace(self) -> Path:
        """Holds the stack's configuration file, which Pulumi also writes to: the one in git stays as it is."""
        return self._folder / "workspace"

    @property
    def _config_file(self) -> Path:
        return self._workspace / f"Pulumi.{SANDBOX}.yaml"

    def pulumi(self, *arguments: str, text: str = "", shown: bool = False) -> str:
        """Run a command of the engine's for the stack.

        Args:
            arguments: The command.
            text: What it reads.
            shown: Whether it prints to the terminal.

        Returns:
            What it printed, else.

        Raises:
            SandboxError: it failed.

        """
        self._set_up()
        return self._pulumi(*arguments, "--stack", SANDBOX, text=text, shown=shown)

    def _recover(self, on_output: Output) -> None:
        """Take in what a deployment had begun to create when it was killed: as `make recover` does for any stack."""
        try:
            recover(self.pulumi, lambda service, _: self.emulator.client(service), on_output, lambda: True)
        except CouldNotLook as obstacle:
            raise SandboxError(str(obstacle)) from None

    def _expect_nothing_protected(self) -> None:
        """AWS refuses to delete these alone, when the rest is gone already."""
        resources = json.loads(self.pulumi("stack", "export"))["deployment"].get("resources") or []
        protected = [each["urn"].rsplit("::", 1)[-1] for each in resources if PROTECTED & set(_items(each))]
        if protected:
            raise SandboxError(
                f"{', '.join(protected)}: protected against deletion. To delete the stack all the same, set "
                f"{PROJECT_NAME}:deletionProtection to false in {self._config_file.name}, run make up, then destroy it."
            )

    def _stack(self) -> auto.Stack:
        self._set_up()
        return _Stack(SANDBOX, self._program(), StackInitMode.SELECT)

    def _set_up(self) -> None:
        self._write_launchers()
        self._configure()
        self._follow_emulator()
        self._release_lock_of_the_dead()

    def _program(self) -> "_Program":
        return _Program(
            work_dir=str(PROJECT),
            program=_run_program,
            env_vars=self._variables(),
            pulumi_command=self.engine,
        )

    def _configure(self) -> None:
        self._check_configuration()
        self._write_configuration()
        self._initialise()

    def _run(self, operation: Callable[..., Any], **options: Any) -> Any:
        output = EngineOutput(options["on_output"])
        options |= {"config_file": str(self._config_file), "color": "never", "on_output": output.take}
        if operation.__name__ != "preview":
            # Asked for secrets, the engine would write an encryption key into the configuration file in git.
            options["show_secrets"] = False
        try:
            with interrupted_last():
                result = operation(**options)
        except auto.ConcurrentUpdateError:
            raise SandboxError(self._lock_holder()) from None
        except auto.CommandError as error:
            reason = output.reason() or reason_of(str(error))
            advice = ALREADY_THERE if EXISTS.search(reason) else MEND
            raise SandboxError(advised(reason, advice)) from None
        output.pass_on_diagnostics()
        return result

    def _variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(self._launchers), str(Path(sys.executable).parent), os.environ["PATH"]])
        return {
            "PATH": path,
            # Without metadata beside the state: a kill while it is written would leave a state that can't be read.
            # https://pkg.go.dev/gocloud.dev/blob/fileblob#hdr-URLs
            "PULUMI_BACKEND_URL": f"file://{quote(bytes(self._folder / 'state'))}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_HOME": str(self._folder / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # No plugin is fetched: the two that are needed stand on PATH.
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    @property
    def _launchers(self) -> Path:
        return self._folder / "bin"

    def _write_launchers(self) -> None:
        """The engine finds its plugins as executables on PATH."""
        self._launchers.mkdir(parents=True, exist_ok=True)
        search_path = os.pathsep.join([str(PROJECT), str(PROJECT / "lambda")])

        def module(name: str) -> str:
            return f"export PYTHONPATH={shlex.quote(search_path)}\nexec {shlex.quote(sys.executable)} -u -m {name}"

        official = official_plugin()
        commands = {
            "pulumi-resource-aws": f"exec {shlex.quote(str(official))}" if official else module("sandbox.provider"),
            "pulumi-resource-pulumi-python": module("sandbox.dynamic"),
        }
        for name, command in commands.items():
            launcher = self._launchers / name
            launcher.write_text(f'#!/bin/sh\n# Started by Pulumi\'s engine.\n{command} "$@"\n', encoding="utf-8")
            launcher.chmod(0o755)

    def _write_configuration(self) -> None:
        """The project's own configuration of the stack, on this emulator's port, with what Pulumi adds to it."""
        self._workspace.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "Pulumi.yaml", self._workspace)
        own = (PROJECT / self._config_file.name).read_text(encoding="utf-8")
        settings = yaml.safe_load(own.replace(f":{SANDBOX_PORT}", f":{self.emulator.port}"))
        # A kill of Pulumi, or a full disk, may have left the file damaged; Pulumi then adds the same again.
        added = _yaml(self._config_file)
        write_whole(self._config_file, yaml.safe_dump({**added, **settings}))

    def _check_configuration(self) -> None:
        try:
            check_stack_file(PROJECT / self._config_file.name)
        except InvalidConfig as problems:
            raise SandboxError(str(problems)) from None

    def _initialise(self) -> None:
        if self._state_file.exists():
            return
        (self._folder / "state").mkdir(exist_ok=True)
        self._pulumi("stack", "init", SANDBOX, "--no-select")

    def _follow_emulator(self) -> None:
        """Tell the engine where the emulator is, if it was elsewhere at the last deployment."""
        if follow_emulator(self._state_file, self.emulator.port):
            self._unfinished.touch()

    def _release_lock_of_the_dead(self) -> None:
        """A deployment that was killed leaves its lock, or a lock half written; one that is running keeps it."""
        for file, lock in self._locks().items():
            if not is_alive(lock.get("pid", 0), "pulumi"):
                file.unlink(missing_ok=True)

    def _locks(self) -> dict[Path, dict[str, Any]]:
        folder = self._folder / "state" / ".pulumi" / "locks" / "organization" / PROJECT_NAME / SANDBOX
        return {file: read_json(file) for file in folder.glob("*")}

    def _lock_holder(self) -> str:
        locks = filter(None, self._locks().values())
        holders = [f"process {lock['pid']}, since {lock['timestamp']}" for lock in locks]
        return (
            f"Another deployment of the sandbox is running ({'; '.join(holders)}).\nWait until it ends, then try again."
        )

    @property
    def _state_file(self) -> Path:
        return self._folder / "state" / ".pulumi" / "stacks" / PROJECT_NAME / f"{SANDBOX}.json"

    def _pulumi(self, *arguments: str, text: str = "", shown: bool = False) -> str:
        result = subprocess.run(
            [self.engine.command, *arguments, "--non-interactive"],
            cwd=self._workspace,
            env={**os.environ, **self._variables()},
            input=text,
            stdout=None if shown else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if result.returncode:
            reason = f"pulumi {' '.join(arguments)} failed: {result.stderr.strip()}"
            raise SandboxError(advised(reason, "Mend that, then deploy again; or begin anew: make sandbox-clean."))
        return result.stdout or ""


class _Program(auto.LocalWorkspace):
    """The project; spares the engine processes that an operation on the sandbox can do without."""

    def select_stack(self, stack_name: str) -> None:
        """Select nothing: every command names its stack."""


class _Stack(auto.Stack):
    """The project's stack; spares the processes by which an update is asked how it went, as its output has said it."""

    def outputs(self) -> auto.OutputMap:
        """None: they are in the state."""
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:
        """Nothing of what the engine has noted."""
        return auto.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


def _items(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in (resource.get("outputs") or {}).items()]


def _yaml(file: Path) -> dict[str, Any]:
    """What a configuration says; nothing where it was not written to its end, or is not there."""
    try:
        return dict(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, TypeError, ValueError, yaml.YAMLError):
        return {}


def _run_program() -> None:
    """Run it; where it has a fault, that is one line, as Pulumi would show its own calls down to it, twice."""
    try:
        runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")
    except pulumi.RunError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = (frame for frame in reversed(frames) if Path(frame.filename).is_relative_to(PROJECT))
        fault = next((frame for frame in own if ".venv" not in frame.filename), frames[-1])
        where = f"{os.path.relpath(fault.filename, PROJECT)}, line {fault.lineno}"
        raise pulumi.RunError(f"{type(error).__name__} in {where}: {error}") from None
