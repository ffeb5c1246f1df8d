"""What the embedded AWS says where it can't start."""

import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import uv

from sandbox import emulator
from sandbox.emulator import Emulator
from sandbox.places import SandboxError
from sandbox.processes import RecordedProcess
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


# Makes an environment, and fails where it finds a half-made one.
UV = """\
#!/bin/sh
echo installed >> {folder}/installations
[ -e "$UV_PROJECT_ENVIRONMENT/half" ] && { echo "half is no package"; exit 2; }
mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"
[ -e {folder}/full ] && { touch "$UV_PROJECT_ENVIRONMENT/half"; echo "No space left on device" >&2; exit 2; }
ln -s {python} "$UV_PROJECT_ENVIRONMENT/bin/python"
"""


@pytest.fixture
def dying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """One that is installed by a stand-in for uv, and dies at once."""
    installer = tmp_path / "uv"
    installer.write_text(
        UV.replace("{folder}", shlex.quote(str(tmp_path))).replace("{python}", shlex.quote(sys.executable))
    )
    installer.chmod(0o755)
    monkeypatch.setattr(uv, "find_uv_bin", lambda: str(installer))
    monkeypatch.setattr(emulator, "PROGRAM", tmp_path / "dies.py")
    (tmp_path / "dies.py").write_text("import sys; sys.exit('it dies')")
    return Emulator(tmp_path, free_port())


def reason(dying: Emulator) -> str:
    with pytest.raises(SandboxError) as caught:
        dying.start()
    return str(caught.value)


def test_what_a_full_disk_has_cut_short_is_installed_anew(dying: Emulator) -> None:
    (dying.folder / "full").touch()
    assert "No space left on device" in reason(dying)
    assert "make room" in reason(dying).splitlines()[-1]
    (dying.folder / "full").unlink()
    assert "it dies" in reason(dying)


def test_it_is_installed_once_and_anew_where_its_python_is_gone(dying: Emulator) -> None:
    for _ in range(2):
        assert "it dies" in reason(dying)
    assert (dying.folder / "installations").read_text() == "installed\n"
    python = dying.folder / "emulator" / "bin" / "python"
    python.unlink()
    python.symlink_to(dying.folder / "removed")
    assert "it dies" in reason(dying)


def test_one_at_another_port_is_not_taken_for_it(dying: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where another project's answers there."""
    monkeypatch.setattr(Emulator, "_answers", lambda _self: True)
    monkeypatch.setattr(RecordedProcess, "is_running", lambda _self: True)
    monkeypatch.setattr(RecordedProcess, "stop", lambda _self: None)
    (dying.folder / "emulator.pid").write_text(f"1 {dying._build()}")
    assert not dying.start()
    elsewhere = Emulator(dying.folder, free_port())
    with socket.socket() as another:
        another.bind((emulator.HOST, elsewhere.port))
        another.listen()
        assert "in use by another program" in reason(elsewhere)


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
