"""The sandbox's stack: the project's own `__main__.py`, run by the real engine against the embedded AWS."""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi.automation as auto
import yaml

from components.settings import InvalidConfig, check_stack_file
from operations.checks.check import CouldNotLook
from operations.recover import recover
from sandbox.emulator import Emulator
from sandbox.places import DEFAULT_PORT, PROJECT, PROJECT_NAME, STACK, SandboxError, make_private
from sandbox.processes import is_alive

# The state holds no secret; a passphrase is what a local backend asks for.
PASSPHRASE = "sandbox"  # noqa: S105

Output = Callable[[str], None]

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


@dataclass(frozen=True)
class Deployment:
    """The stack on one emulator. State, launchers and configuration are kept in the emulator's folder."""

    emulator: Emulator
    engine: auto.PulumiCommand

    def begin(self) -> bool:
        """Note that a deployment begins, before anything it needs; whether one began earlier and did not end."""
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
        if refresh:
            self._recover(on_output)
            self._run(stack.refresh, on_output=on_output)
        result: auto.UpResult = self._run(stack.up, on_output=on_output)
        self._unfinished.unlink(missing_ok=True)
        return _values(result.outputs)

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
            SandboxError: nothing is deployed.

        """
        self._configure()
        outputs = _values(self._program().stack_outputs(STACK))
        if not outputs:
            raise SandboxError("Nothing is deployed on the sandbox yet: run make sandbox.")
        return outputs

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
        return self._workspace / f"Pulumi.{STACK}.yaml"

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
        self._prepare()
        return self._pulumi(*arguments, "--stack", STACK, text=text, shown=shown)

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
        self._prepare()
        return auto.Stack.select(STACK, self._program())

    def _prepare(self) -> None:
        self._write_launchers()
        self._configure()
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
        options |= {"config_file": str(self._config_file), "color": "never"}
        if operation.__name__ != "preview":
            # Asked for secrets, the engine would write an encryption key into the configuration file in git.
            options["show_secrets"] = False
        try:
            return operation(**options)
        except auto.ConcurrentUpdateError:
            raise SandboxError(self._lock_holder()) from None
        except auto.CommandError as error:
            raise SandboxError(_reason(str(error))) from None

    def _variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(self._launchers), str(Path(sys.executable).parent), os.environ["PATH"]])
        return {
            "PATH": path,
            # Without metadata beside the state: a kill while it is written would leave a state that can't be read.
            # https://pkg.go.dev/gocloud.dev/blob/fileblob#hdr-URLs
            "PULUMI_BACKEND_URL": f"file://{self._folder / 'state'}?metadata=skip",
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
        modules = {"pulumi-resource-aws": "sandbox.provider", "pulumi-resource-pulumi-python": "sandbox.dynamic"}
        search_path = os.pathsep.join([str(PROJECT), str(PROJECT / "lambda")])
        for name, module in modules.items():
            launcher = self._launchers / name
            launcher.write_text(
                f"#!/bin/sh\n# Started by Pulumi's engine.\nexport PYTHONPATH={shlex.quote(search_path)}\n"
                f'exec {shlex.quote(sys.executable)} -u -m {module} "$@"\n',
                encoding="utf-8",
            )
            launcher.chmod(0o755)

    def _write_configuration(self) -> None:
        """The project's own configuration of the stack, on this emulator's port, with what Pulumi adds to it."""
        self._workspace.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "Pulumi.yaml", self._workspace)
        own = (PROJECT / self._config_file.name).read_text(encoding="utf-8")
        settings = yaml.safe_load(own.replace(f":{DEFAULT_PORT}", f":{self.emulator.port}"))
        added = yaml.safe_load(self._config_file.read_text(encoding="utf-8")) if self._config_file.exists() else None
        # A kill may have left the file empty; Pulumi then adds the same again.
        self._config_file.write_text(yaml.safe_dump({**(added or {}), **settings}), encoding="utf-8")

    def _check_configuration(self) -> None:
        try:
            check_stack_file(PROJECT / self._config_file.name)
        except InvalidConfig as problems:
            raise SandboxError(str(problems)) from None

    def _initialise(self) -> None:
        if self._state_file.exists():
            return
        (self._folder / "state").mkdir(exist_ok=True)
        self._pulumi("stack", "init", STACK, "--no-select")

    def _release_lock_of_the_dead(self) -> None:
        """A deployment that was killed leaves its lock, or a lock half written; one that is running keeps it."""
        for file, lock in self._locks().items():
            if not is_alive(lock.get("pid", 0), "pulumi"):
                file.unlink(missing_ok=True)

    def _locks(self) -> dict[Path, dict[str, Any]]:
        folder = self._folder / "state" / ".pulumi" / "locks" / "organization" / PROJECT_NAME / STACK
        return {file: _lock(file) for file in folder.glob("*")}

    def _lock_holder(self) -> str:
        locks = filter(None, self._locks().values())
        holders = [f"process {lock['pid']}, since {lock['timestamp']}" for lock in locks]
        return (
            f"Another deployment of the sandbox is running ({'; '.join(holders)}).\nWait until it ends, then try again."
        )

    @property
    def _state_file(self) -> Path:
        return self._folder / "state" / ".pulumi" / "stacks" / PROJECT_NAME / f"{STACK}.json"

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
            raise SandboxError(f"pulumi {' '.join(arguments)} failed: {result.stderr.strip()}")
        return result.stdout or ""


class _Program(auto.LocalWorkspace):
    """The project; spares the engine processes that an operation on the sandbox can do without."""

    def select_stack(self, stack_name: str) -> None:
        """Select nothing: every command names its stack."""

    def stack_outputs(self, stack_name: str) -> auto.OutputMap:
        """The outputs, asked for once, as none of them is a secret."""
        command = ["stack", "output", "--json", "--stack", stack_name]
        printed = self.pulumi_command.run(command, self.work_dir, self.env_vars).stdout
        return {name: auto.OutputValue(value, secret=False) for name, value in json.loads(printed).items()}


def _items(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [(name, str(value)) for name, value in (resource.get("outputs") or {}).items()]


def _values(outputs: auto.OutputMap) -> dict[str, Any]:
    return {name: output.value for name, output in outputs.items()}


def _lock(file: Path) -> dict[str, Any]:
    """What a lock says; nothing where it was not written to its end, or is gone."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _run_program() -> None:
    runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")


def _reason(output: str) -> str:
    """The engine's own words on what failed, without its progress and without a traceback."""
    lines = [line.strip() for line in output.splitlines()]
    errors = [line for line in lines if line.startswith(("error:", "* "))]
    reason = "\n".join(dict.fromkeys(errors)) or output.strip()
    return f"{reason}\n{ALREADY_THERE}" if EXISTS.search(reason) else reason
