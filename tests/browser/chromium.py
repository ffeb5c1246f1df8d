"""Chromium for the browser tests: the one on PATH; else Playwright's own; else, as root on Debian, apt's."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoChromium(Exception):  # noqa: N818 reads better where it is raised
    """There is no browser to look with."""


@contextmanager
def started_chromium() -> Iterator[Browser]:
    """Chromium without a window.

    Raises:
        NoChromium: none is installed.

    """
    path = find_chromium()
    if path is None:
        raise NoChromium("No Chromium on PATH: install it (Debian: apt-get install chromium), or run make test.")
    with sync_playwright() as playwright:
        # Containers run as root and without a GPU.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


def find_chromium() -> str | None:
    """The path of an installed Chromium or Chrome."""
    on_path = next((path for name in NAMES if (path := shutil.which(name))), None)
    return on_path or _playwrights_own()


def install_chromium() -> str | None:
    """Install it where none is found; its path, or None where that failed."""
    return find_chromium() or _by_playwright() or _by_apt()


def _playwrights_own() -> str | None:
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if os.path.exists(path) else None


def _by_playwright() -> str | None:
    _try([sys.executable, "-m", "playwright", "install", "chromium"])
    return _playwrights_own()


def _by_apt() -> str | None:
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _try(["apt-get", "update", "-qq"])
        _try(["apt-get", "install", "-qq", "-y", "chromium"])
    return find_chromium()


def _try(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, capture_output=True, check=False, env=environment)


if __name__ == "__main__" and install_chromium() is None:
    sys.exit(
        "error: the browser tests need Chromium, and it could not be installed.\n"
        "Install it (Debian: apt-get install chromium), then run make test again."
    )
