"""What the embedded AWS says where it can't start."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import emulator
from sandbox.emulator import Emulator
from sandbox.places import SandboxError
from tests.project_copy import free_port


def test_one_that_dies_at_once_says_why_and_where_its_log_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Emulator, "_environment", lambda _self: Path(sys.executable))
    monkeypatch.setattr(emulator, "PROGRAM", tmp_path / "dies.py")
    (tmp_path / "dies.py").write_text("import sys; sys.exit('no disk space')")
    dying = Emulator(tmp_path, free_port())
    with pytest.raises(SandboxError) as caught:
        dying.start()
    first, second = str(caught.value).splitlines()
    assert first == "The embedded AWS did not come up: no disk space"
    assert second == f"Its whole log: {dying.log}"


def test_one_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    Emulator(tmp_path, free_port()).stop()


def test_a_damaged_record_of_its_process_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "emulator.pid").write_text("not a number")
    Emulator(tmp_path, free_port()).stop()


def test_a_process_that_got_its_id_later_is_left_alone(tmp_path: Path) -> None:
    """After a reboot the recorded id may be anybody's."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as somebody:
        (tmp_path / "emulator.pid").write_text(str(somebody.pid))
        Emulator(tmp_path, free_port()).stop()
        assert somebody.poll() is None
        somebody.terminate()
