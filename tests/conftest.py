"""A run of all tests: nothing outlives it, and pytest-xdist hands them out by deployment."""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests import leftovers

BROWSER = "tests/browser/"


class ByDeployment(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """By file, the browser's files as one."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else str(super()._split_scope(nodeid))


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is started; the processes of pytest-xdist belong to the run."""
    if not hasattr(config, "workerinput"):
        leftovers.watch()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Make the scheduler."""
    return ByDeployment(config, log)
