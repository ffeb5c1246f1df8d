"""Which folder may know of which: the program and what looks at it, without the sandbox."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project_copy import ROOT

KNOWN = {
    "components": {"releasing"},
    "operations": {"components", "releasing", "worker"},
    "releasing": {"worker"},
    "sandbox": {"components", "releasing", "worker"},
    "worker": set(),
}
"""By folder, the others whose modules its own import when they are imported themselves."""


@pytest.mark.parametrize("folder", KNOWN)
def test_a_folder_knows_only_of_those_below_it(folder: str) -> None:
    known = {each.partition(".")[0] for file in (ROOT / folder).rglob("*.py") for each in _imported(file)}
    assert known & KNOWN.keys() <= {folder, *KNOWN[folder]}


def _imported(file: Path) -> Iterator[str]:
    """What a module imports at once: a command of `operations/` imports the sandbox where it is run on it."""
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom):
            yield str(statement.module)
