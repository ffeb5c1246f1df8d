"""Files that are there whole or not at all, and what is said where the disk is full."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

from releasing.files import write_whole
from releasing.lambda_package import write_package
from sandbox import worker_process
from sandbox.administrator import PASSWORD_FILE, ensure_administrator
from sandbox.emulator import Emulator
from sandbox.places import SandboxError, advised
from sandbox.worker_process import WorkerProcess

OUTPUTS = {"worker_role": "arn", "job_queue_url": "http://q", "media_bucket": "m", "table_name": "t"}


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file hold a byte."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_file_that_cannot_be_written_is_as_it_was_and_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    write_whole(file, "whole")
    with full_disk(), pytest.raises(OSError, match="File too large"):
        write_whole(file, "another")
    assert file.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [file]


def test_a_package_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(OSError, match="File too large"):
        write_package(tmp_path / "layer.zip", {"a.py": b"1"})
    assert not list(tmp_path.iterdir())


def test_where_the_disk_is_full_the_last_line_says_to_make_room() -> None:
    reason = "uv: failed to write: No space left on device (os error 28)"
    assert advised(reason, "Check the network.").splitlines()[0] == reason
    assert "make room" in advised(reason, "Check the network.").splitlines()[-1]
    assert advised("no route", "Check the network.").splitlines() == ["no route", "Check the network."]


def test_a_password_that_a_full_disk_has_left_empty_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / PASSWORD_FILE
    file.touch()
    emulator: Any = SimpleNamespace(folder=tmp_path, client=MagicMock())
    administrator = ensure_administrator(emulator, {"user_pool_id": "p"})
    assert administrator.password
    assert file.read_text() == administrator.password == ensure_administrator(emulator, {"user_pool_id": "p"}).password
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_worker_that_cannot_start_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "AWS_CONFIG", "")
    with full_disk(), pytest.raises(SandboxError, match="The worker did not start"):
        WorkerProcess(Emulator(tmp_path, 1)).start(OUTPUTS)
