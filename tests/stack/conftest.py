"""An embedded AWS without the stack, for tests of what only needs some of its services."""

from collections.abc import Iterator

import pytest

from sandbox.emulator import Emulator
from sandbox.manners import KIND
from tests.project_copy import free_port


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An embedded AWS that a file's tests have to themselves; its manners are the deployments' matter."""
    emulator = Emulator(tmp_path_factory.mktemp("aws"), free_port())
    emulator.behave(KIND)
    emulator.start()
    yield emulator
    emulator.stop()
