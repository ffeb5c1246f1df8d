"""What `make` sets up before every command: anew where it is broken, and with a reason where it can't."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from releasing.project import PROJECT

UV_VERSION = re.findall(r"^UV_VERSION := (\S+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)[0]
# A Python whose virtual environments hold another, and an uv that takes a folder named `half` for a package.
PYTHON = f"""\
#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 0
mkdir -p .venv/bin
ln -s /bin/true .venv/bin/python
cat > .venv/bin/uv <<'END'
#!/bin/sh
[ "$1" = --version ] && {{ echo "uv {UV_VERSION}"; exit 0; }}
[ -e .venv/half ] && {{ echo "error: half is no package"; exit 2; }}
[ -e full ] && {{ mkdir .venv/half; echo "error: No space left on device (os error 28)"; exit 2; }}
touch .venv/installed
END
chmod +x .venv/bin/uv
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project, of which only the set-up is there."""
    folder = tmp_path / "the project"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(PROJECT / name, folder)
    python = folder / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    return folder


def make(folder: Path, code: int = 0) -> str:
    run = subprocess.run(["make", "setup", "PYTHON=./python"], cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == code, run.stdout + run.stderr
    return run.stderr


def test_it_is_made_once(project: Path) -> None:
    make(project)
    (project / ".venv" / "installed").unlink()
    make(project)
    assert not (project / ".venv" / "installed").exists()


def test_it_is_made_anew_where_its_python_is_gone(project: Path) -> None:
    make(project)
    python = project / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(project / "removed")
    make(project)
    assert python.exists()


def test_it_is_made_anew_in_a_project_that_was_moved(project: Path) -> None:
    make(project)
    moved = project.rename(project.with_name("elsewhere"))
    (moved / ".venv" / "installed").unlink()
    make(moved)
    assert (moved / ".venv" / "installed").exists()


def test_what_a_full_disk_has_cut_short_is_made_anew(project: Path) -> None:
    (project / "full").touch()
    assert "make room" in make(project, code=2)
    (project / "full").unlink()
    make(project)
    assert (project / ".venv" / "installed").exists()


@pytest.mark.parametrize("name", ["co:lon", "line\nbreak"])
def test_a_path_with_which_it_cannot_work_is_named_at_once(project: Path, name: str) -> None:
    said = make(project.rename(project.with_name(name)), code=2)
    assert "colon or a line break" in said
    assert "Rename it" in said
