"""Pulumi's engine for the sandbox.

The `pulumi` on PATH where its version fits; else the official installer's; else built from its Go module. What is
installed or built stays in the user's cache folder.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pulumi.automation as auto
import semver

from sandbox.places import DISK_FULL, SandboxError, advised, cache_folder

VERSION = "3.250.0"
OLDEST = semver.VersionInfo.parse("3.200.0")
MODULE = "github.com/pulumi/pulumi/pkg/v3"
PACKAGE = f"{MODULE}/cmd/pulumi"
# Go fetches a newer toolchain by itself where the module needs one; before this release it did not.
OLDEST_GO = (1, 21)

Report = Callable[[str], None]


def find_engine(report: Report) -> auto.PulumiCommand:
    """The engine, installed or built if need be; `report` gets a line for each step that takes time.

    Raises:
        SandboxError: it can't be had, with the reason.

    """
    return _on_path() or _in_cache() or _obtained(report)


def _on_path() -> auto.PulumiCommand | None:
    engine = _engine()
    fits = engine is not None and engine.version is not None and OLDEST <= engine.version < OLDEST.bump_major()
    return engine if fits else None


def _in_cache() -> auto.PulumiCommand | None:
    return _engine(_official_root()) or (_BuiltEngine() if (_built_root() / "bin" / "pulumi").exists() else None)


def _obtained(report: Report) -> auto.PulumiCommand:
    """Of several sandboxes that need it at once, one builds; the others wait for it."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / "engine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _in_cache() or _installed(report) or _built(report)


def _installed(report: Report) -> auto.PulumiCommand | None:
    report(f"Installing Pulumi {VERSION} with the official installer")
    try:
        return auto.PulumiCommand.install(root=str(_official_root()), version=semver.VersionInfo.parse(VERSION))
    except Exception as error:
        report(f"That failed ({_short(error)}); it is built from its Go module instead")
        return None


def _built(report: Report) -> auto.PulumiCommand:
    go = _find_go()
    report(f"Building Pulumi {VERSION} from its Go module, once (about 3 minutes on 2 cores)")
    root = _built_root()
    (root / "bin").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        _run(go, ["mod", "init", "engine"], folder)
        _run(go, ["get", "-tool", f"{PACKAGE}@v{VERSION}"], folder)
        flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{VERSION}"
        # Without inlining it is built a tenth sooner, and runs hardly slower.
        _run(go, ["build", "-gcflags=all=-l", "-ldflags", flags, "-o", "pulumi", PACKAGE], folder)
        # Moved at the end, so that a build cut short never looks like a whole one.
        (Path(folder) / "pulumi").replace(root / "bin" / "pulumi")
    return _BuiltEngine()


class _BuiltEngine(auto.PulumiCommand):
    """The one that was built; it needn't be asked for its version, which takes a tenth of what a deployment does."""

    def __init__(self) -> None:
        self.command = str(_built_root() / "bin" / "pulumi")
        self.version = semver.VersionInfo.parse(VERSION)


def _find_go() -> str:
    go = shutil.which("go")
    version = _go_version(go) if go else None
    if go is None or version is None or version < OLDEST_GO:
        found = f"Go {'.'.join(map(str, version))}" if version else "no Go compiler"
        raise SandboxError(
            f"Pulumi's engine can't be downloaded, and to build it there is {found} on PATH.\n"
            f"Install Pulumi (https://www.pulumi.com/docs/install/) or Go {'.'.join(map(str, OLDEST_GO))} or newer, "
            "then run make sandbox again."
        )
    return go


def _go_version(go: str) -> tuple[int, ...] | None:
    result = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    match = re.match(r"go(\d+)\.(\d+)", result.stdout)
    return tuple(map(int, match.groups())) if match else None


def _run(go: str, arguments: list[str], folder: str) -> None:
    variables = {**_folder_of_go(), **os.environ, "CGO_ENABLED": "0"}
    result = subprocess.run([go, *arguments], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["no reason given"]
        cause = next((line for line in lines if DISK_FULL in line.lower()), lines[-1])
        reason = f"Pulumi's engine could not be built: go {arguments[0]} failed: {cause}"
        advice = "Check the network, or install Pulumi (https://www.pulumi.com/docs/install/)."
        raise SandboxError(advised(reason, advice))


def _folder_of_go() -> dict[str, str]:
    """Where Go keeps modules, if it is to be none of the user's, as there is no home that can be written."""
    home = os.environ.get("HOME")
    return {} if home and os.access(home, os.W_OK) else {"GOPATH": str(cache_folder() / "go")}


def _official_root() -> Path:
    return cache_folder() / f"pulumi-{VERSION}-official"


def _built_root() -> Path:
    return cache_folder() / f"pulumi-{VERSION}-built"


def _engine(root: Path | None = None) -> auto.PulumiCommand | None:
    """The engine below a folder, or the one on PATH, if there is one and it runs."""
    try:
        return auto.PulumiCommand(root=str(root) if root else None, skip_version_check=True)
    except (OSError, subprocess.CalledProcessError):
        return None


def _short(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
