"""The file in which Pulumi keeps the stack's state: made whole after an accident, moved with the emulator."""

import json
import re
from pathlib import Path
from typing import Any

from releasing.files import write_whole
from sandbox.places import SandboxError

# How the state names the emulator.
ADDRESS = re.compile(r"\b(127\.0\.0\.1|localhost):\d+")
PROVIDERS = "pulumi:providers:"


def read_json(file: Path) -> dict[str, Any]:
    """What a file says; nothing where it was not written to its end, or is gone."""
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def outputs_of(file: Path) -> dict[str, Any]:
    """The stack's outputs, none of which is a secret; none where nothing is deployed."""
    stacks = (
        resource for resource in _latest(read_json(file), "resources") if resource["type"] == "pulumi:pulumi:Stack"
    )
    return next((dict(stack.get("outputs", {})) for stack in stacks), {})


def is_empty(file: Path) -> bool:
    """Whether nothing was ever deployed, or begun to be."""
    return not _latest(read_json(file), "resources") and not _latest(read_json(file), "pending_operations")


def _latest(state: dict[str, Any], what: str) -> list[dict[str, Any]]:
    return list(((state.get("checkpoint") or {}).get("latest") or {}).get(what) or [])


def heal_state(file: Path) -> Path | None:
    """Put the last whole copy in the place of a state that was cut short, as by a power failure; which one it is.

    What was deployed after it is found again by a refresh. Where there is no copy, it was the first that was written,
    and nothing has been deployed.

    Raises:
        SandboxError: the copies are damaged, too.

    """
    if not file.exists() or read_json(file):
        return None
    copies = [copy for copy in _copies(file) if copy.exists()]
    if not copies:
        file.unlink()
        return None
    for copy in copies:
        if read_json(copy):
            write_whole(file, copy.read_text(encoding="utf-8"))
            return copy
    raise SandboxError(
        f"The stack's state is damaged, and so is each copy of it that Pulumi has kept: {file}\n"
        "Begin anew: make sandbox-clean, then make sandbox."
    )


def follow_emulator(file: Path, port: int) -> bool:
    """Let the state name the port at which the emulator is; whether it named another.

    Only in how providers connect, which the engine does with the state's word before it reads the configuration, and in
    ids that are URLs, as queues' are. The port in inputs and outputs is left for the deployment to find different.
    """
    state = read_json(file)
    resources = _latest(state, "resources")
    moved = [_at_port(resource, port) for resource in resources]
    if moved == resources:
        return False
    state["checkpoint"]["latest"]["resources"] = moved
    write_whole(file, json.dumps(state))
    return True


def _copies(file: Path) -> list[Path]:
    """What Pulumi keeps of a state, newest first: beside it that before the last write, then one of each operation."""
    project, stack = file.parent.name, file.stem
    backups = (file.parents[2] / "backups" / project / stack).glob(f"{stack}.*.json")
    return [file.with_suffix(".json.bak"), *sorted(backups, reverse=True)]


def _at_port(resource: dict[str, Any], port: int) -> dict[str, Any]:
    names = ("inputs", "outputs") if resource["type"].startswith(PROVIDERS) else ("id",)
    told = {name: json.dumps(resource[name]) for name in names if name in resource}
    return {**resource, **{name: json.loads(ADDRESS.sub(rf"\1:{port}", text)) for name, text in told.items()}}
