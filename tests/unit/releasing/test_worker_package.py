"""What a GPU host installs, and how."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from shlex import quote

import pytest

from components.gpu_hosts import INSTALLATION
from releasing.worker_package import WorkerPackage, package_worker
from tests.project_copy import ROOT
from tests.unit.releasing import loaded_modules
from worker.build import build_id


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def package(cache: Path) -> WorkerPackage:
    return package_worker(ROOT, cache)


def checkout(folder: Path) -> Path:
    """A checkout of the worker alone."""
    for name in ("worker", "lambda/experiments"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_archive_has_all_modules_that_the_worker_loads(cache: Path, package: WorkerPackage, tmp_path: Path) -> None:
    with zipfile.ZipFile(cache / "worker.zip") as archive:
        archive.extractall(tmp_path)
    command = [sys.executable, loaded_modules.__file__, "worker.consumer"]
    loaded = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert loaded.returncode == 0, loaded.stderr
    assert "worker/experiment.py" in loaded.stdout


def test_the_same_source_gives_the_same_bytes(package: WorkerPackage, tmp_path: Path) -> None:
    copy = checkout(tmp_path / "copy")
    os.utime(copy / "worker" / "build.py", (0, 0))
    (copy / "worker" / "__pycache__").mkdir()
    (copy / "worker" / "__pycache__" / "build.cpython-312.pyc").write_bytes(b"x")
    again = package_worker(copy, tmp_path)
    assert (again.sha256, again.build) == (package.sha256, package.build)


@pytest.mark.parametrize(
    "name", ["worker/consumer.py", "lambda/experiments/jobs/lifecycle.py", "worker/requirements.txt"]
)
def test_other_source_and_other_requirements_are_another_build(
    package: WorkerPackage, tmp_path: Path, name: str
) -> None:
    copy = checkout(tmp_path / "copy")
    with (copy / name).open("a") as file:
        file.write("\n")
    changed = package_worker(copy, tmp_path)
    assert changed.build != package.build
    assert changed.sha256 != package.sha256


def test_the_installed_worker_reports_the_build_that_git_has(
    package: WorkerPackage, cache: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(cache / "worker.zip") as archive:
        archive.extractall(tmp_path)
    program = "from worker.build import build_id; print(build_id())"
    variables = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(
        [sys.executable, "-P", "-c", program], env=variables, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == package.build == build_id()


def test_its_requirements_are_those_of_the_lock_file() -> None:
    locked = {p["name"]: p["version"] for p in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    text = (ROOT / "worker" / "requirements.txt").read_text()
    required = dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, re.MULTILINE))
    assert {"boto3", "imageio-ffmpeg", "requests"} <= required.keys()
    assert required == {name: locked[name] for name in required}
    assert text.count("--hash=sha256:") >= len(required)


def test_the_installation_is_a_valid_script() -> None:
    subprocess.run(["bash", "-n", str(INSTALLATION)], check=True)


def test_an_artefact_that_is_not_the_commits_is_not_installed(
    package: WorkerPackage, cache: Path, tmp_path: Path
) -> None:
    """The host's programs are stand-ins that note what they are called for; the check is the real one."""
    calls = tmp_path / "calls"
    tampered = tmp_path / "tampered.zip"
    tampered.write_bytes((cache / "worker.zip").read_bytes() + b"x")
    for name in ("aws", "curl", "python3.12", "shutdown", "systemctl", "useradd"):
        stand_in = tmp_path / name
        download = f'\n[ "$1" = s3 ] && cp {quote(str(tampered))} "$5"' if name == "aws" else ""
        stand_in.write_text(f'#!/bin/sh\necho "{name} $*" >> {quote(str(calls))}{download}\n')
        stand_in.chmod(stand_in.stat().st_mode | stat.S_IXUSR)
    variables = {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "ARTEFACT": "s3://bucket/worker.zip",
        "ARTEFACT_SHA256": package.sha256,
    }
    result = subprocess.run(["bash", str(INSTALLATION)], env=variables, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "worker.zip: FAILED" in result.stdout
    called = [line.split()[0] for line in calls.read_text().splitlines()]
    assert called[-2:] == ["aws", "shutdown"]
    assert not {"python3.12", "systemctl", "useradd"} & set(called)
