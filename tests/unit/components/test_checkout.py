"""What git knows of a checkout."""

import subprocess
from pathlib import Path

import pytest

from components.checkout import Checkout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page.html").write_text("<p>")
    (tmp_path / ".gitignore").write_text("*.log\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "first")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_clean_checkout_is_its_commit(folder: Path) -> None:
    (folder / "debug.log").write_text("ignored")
    assert Checkout.of(folder) == Checkout(git(folder, "rev-parse", "HEAD"), dirty=False)


@pytest.mark.parametrize("name", ["page.html", "unknown-to-git.html"])
def test_an_edited_or_a_new_file_makes_it_dirty(folder: Path, name: str) -> None:
    (folder / name).write_text("<p>edited")
    assert Checkout.of(folder).dirty


def test_outside_a_checkout_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Checkout.of(tmp_path) == Checkout("", dirty=False)
    monkeypatch.setenv("PATH", "")
    assert Checkout.of(tmp_path) == Checkout("", dirty=False)
