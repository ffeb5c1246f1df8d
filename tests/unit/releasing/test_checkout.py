"""What git knows of a checkout."""

import subprocess
from pathlib import Path

import pytest

from releasing.checkout import Checkout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page.html").write_text("<p>")
    (tmp_path / ".gitignore").write_text("*.log\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    arguments = ("-c", "user.name=a", "-c", "user.email=a@example.org", *arguments)
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


def test_a_folder_in_the_checkout_of_something_else_is_none(folder: Path) -> None:
    downloaded = folder / "downloads" / "project"
    downloaded.mkdir(parents=True)
    (downloaded / "page.html").write_text("<p>")
    assert Checkout.of(downloaded) == Checkout("", dirty=False)


def test_another_repository_in_the_environment_is_not_meant(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a git hook, or a rebase's exec."""
    other = tmp_path_factory.mktemp("other")
    git(other, "init", "--quiet")
    git(other, "commit", "--quiet", "--allow-empty", "--message", "other")
    expected = git(folder, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert Checkout.of(folder) == Checkout(expected, dirty=False)


def test_a_checkout_that_belongs_to_somebody_else_is_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that is mounted into a container."""
    commit = git(folder, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert Checkout.of(folder) == Checkout(commit, dirty=False)


def test_a_worktree_a_submodule_and_a_linked_folder_are_checkouts(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    commit, elsewhere = git(folder, "rev-parse", "HEAD"), tmp_path_factory.mktemp("elsewhere")
    git(folder, "worktree", "add", "--quiet", "--detach", str(elsewhere / "worktree"))
    (elsewhere / "link").symlink_to(folder)
    git(elsewhere, "init", "--quiet", "outer")
    git(elsewhere / "outer", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(folder), "inner")
    for place in (elsewhere / "worktree", elsewhere / "link", elsewhere / "outer" / "inner"):
        assert Checkout.of(place) == Checkout(commit, dirty=False), place


def test_before_the_first_commit_nothing_is_known(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert Checkout.of(tmp_path) == Checkout("", dirty=False)
