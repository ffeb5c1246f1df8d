"""A tiny clip, drawn once for all tests of the worker."""

from pathlib import Path

import pytest
from experiments.jobs.clip_catalogue import Shape

from worker.clips import Clip, make_clip

TINY = Shape(width=64, height=64, fps=30, frames=10)


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def clip(clip_folder: Path) -> Clip:
    return make_clip("game-of-life", clip_folder, TINY)
