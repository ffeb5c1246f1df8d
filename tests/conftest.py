"""How pytest-xdist hands the tests out: by file, but those that share a deployed site to one worker."""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

BROWSER = "tests/browser/"


class ByDeployment(LoadFileScheduling):  # type: ignore[misc]  # it has no types
    """By file, the browser's files as one."""

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    """Make the scheduler."""
    return ByDeployment(config, log)
