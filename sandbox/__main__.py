"""The sandbox at the command line: `python -m sandbox up`, as the Makefile calls it."""

import argparse
import json
import re
import shutil
import sys
from dataclasses import replace

from rich.console import Console

from releasing.project import SANDBOX_PORT
from sandbox.administrator import Administrator, ensure_administrator
from sandbox.emulator import Emulator
from sandbox.engine import find_engine
from sandbox.manners import LEVELS
from sandbox.places import HOME, SandboxError, advised
from sandbox.stack import Deployment
from sandbox.worker_process import WorkerProcess

# Operations that begin, the stack as a whole, and the engine's remark on where its plugins come from.
NOISE = re.compile(r"^ *@ |ing \(\d+s\)|pulumi:pulumi:Stack|from \$PATH at|^Diagnostics:$")
# The first line of what failed, which is told whole at the end.
FAILURE = re.compile(r"; error: .*")

# Standard output is for results alone, so that it can be piped.
progress = Console(stderr=True, highlight=False)
results = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """Carry out one command; the exit code, 1 where it failed."""
    arguments = _parse_arguments()
    emulator = Emulator(HOME, arguments.port)
    try:
        if arguments.manners:
            emulator.behave(replace(LEVELS[arguments.manners], seed=arguments.seed))
        COMMANDS[arguments.command](emulator)
    except SandboxError as error:
        return _failed(str(error))
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _failed(advised(f"{error.strerror or error}{where}", "Mend that, then run the same command again."))
    except KeyboardInterrupt:
        progress.print("Interrupted; make sandbox goes on from here.")
        return 130
    return 0


def sandbox(emulator: Emulator) -> None:
    """Everything, up to the URLs: emulator, engine, deployment, worker, sample experiments."""
    outputs = _up(emulator)
    administrator = ensure_administrator(emulator, outputs)
    _start_worker(emulator, outputs)
    _run_samples(emulator, outputs)
    _print_urls(outputs, administrator)


def up(emulator: Emulator) -> None:
    """Deploy, without a worker and the sample experiments."""
    outputs = _up(emulator)
    _print_urls(outputs, ensure_administrator(emulator, outputs))


def preview(emulator: Emulator) -> None:
    """Show what `up` would do."""
    _deployment(emulator).preview(on_output=_print_plan)


def refresh(emulator: Emulator) -> None:
    """Find what was changed by hand."""
    _deployment(emulator).refresh(on_output=_print_plan)


def destroy(emulator: Emulator) -> None:
    """Delete every resource of the stack."""
    WorkerProcess(emulator).stop()
    _deployment(emulator).destroy(on_output=_print_plan)


def outputs(emulator: Emulator) -> None:
    """Print the stack's outputs as JSON."""
    results.print(json.dumps(Deployment(emulator, find_engine(_report)).outputs(), indent=2), markup=False)


def down(emulator: Emulator) -> None:
    """Stop the worker and the emulator; its data is kept."""
    WorkerProcess(emulator).stop()
    emulator.stop()


def clean(emulator: Emulator) -> None:
    """Stop the worker and the emulator, and forget its data and the stack's state."""
    down(emulator)
    shutil.rmtree(emulator.folder, ignore_errors=True)


COMMANDS = {function.__name__: function for function in (sandbox, up, preview, refresh, destroy, outputs, down, clean)}


def _up(emulator: Emulator) -> dict[str, str]:
    deployment = Deployment(emulator, find_engine(_report))
    was_interrupted = deployment.begin(_report)
    was_started = _start(emulator)
    _report("Deploying the stack")
    return deployment.up(on_output=_engine_line, refresh=was_interrupted or was_started)


def _deployment(emulator: Emulator) -> Deployment:
    deployment = Deployment(emulator, find_engine(_report))
    deployment.prepare(_report)
    _start(emulator)
    return deployment


def _start(emulator: Emulator) -> bool:
    was_started = emulator.start()
    if was_started:
        # The sessions of roles end with it.
        WorkerProcess(emulator).stop()
        _report(f"Started the embedded AWS at {emulator.url}")
    return was_started


def _start_worker(emulator: Emulator, outputs: dict[str, str]) -> None:
    if WorkerProcess(emulator).start(outputs):
        _report("Started a worker, which waits for jobs")


def _run_samples(emulator: Emulator, outputs: dict[str, str]) -> None:
    # Only here, as no other command needs the encoders.
    from sandbox.samples import run_samples

    _report("Running the sample experiments that are missing")
    run_samples(outputs["table_name"], outputs["media_bucket"], emulator.client, emulator.folder / "clips", progress)


def _print_urls(outputs: dict[str, str], administrator: Administrator) -> None:
    for name in ("dashboard_url", "admin_url", "api_url"):
        results.print(f"{name.removesuffix('_url'):>10}  {outputs[name]}", markup=False)
    results.print(f"{'sign in':>10}  {administrator.name}, password {administrator.password}", markup=False)


def _failed(reason: str) -> int:
    """Say why, whole and as it is, at the end of all that was printed."""
    progress.print("[red]error:[/red]", end=" ")
    progress.print(reason, markup=False, soft_wrap=True)
    return 1


def _report(line: str) -> None:
    progress.print(line, style="bold", markup=False, soft_wrap=True)


def _print_plan(line: str) -> None:
    """The engine's output as it is, less its remark on where its plugins come from."""
    if "from $PATH at" not in line:
        results.print(line, markup=False)


def _engine_line(line: str) -> None:
    """The engine's line on a finished operation or an error; what it is just beginning is left out."""
    if line.strip() and not NOISE.search(line):
        progress.print(f"  {FAILURE.sub('', line.rstrip())}", markup=False, soft_wrap=True)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("command", choices=COMMANDS, help="what to do")
    parser.add_argument("--port", type=int, default=SANDBOX_PORT, help="the embedded AWS's port (default: %(default)s)")
    parser.add_argument("--manners", choices=["", *LEVELS], help="how unkind the embedded AWS is from now on")
    parser.add_argument("--seed", type=int, default=0, help="what it draws its moods by (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
