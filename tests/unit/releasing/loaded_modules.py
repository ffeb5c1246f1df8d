"""Run in a process of its own, in a function's unpacked archive: prints the files of all modules that it may load.

    python loaded_modules.py ENTRY_POINT

These are what importing the entry point loads, and what functions in that import later. Nothing but the archive and
installed packages is to be found.
"""

import ast
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ARCHIVE = Path.cwd()
OWN = ("admin", "description", "experiments", "renderer", "web", "worker")


def main() -> None:
    """Import the entry point, and whatever is named in an import somewhere in what is loaded."""
    installed = [path for path in sys.path[1:] if "site-packages" in path or not (Path(path) / "Pulumi.yaml").exists()]
    sys.path[:] = [str(ARCHIVE), *(path for path in installed if Path(path).name != "lambda")]
    waiting = [sys.argv[1]]
    while waiting:
        name = waiting.pop()
        importlib.import_module(name)
        waiting += [found for found in set(_imported(_file(name))) if found not in sys.modules]
        waiting += [found for found in set(sys.modules) - SEEN if found.split(".")[0] in OWN]
        SEEN.update(sys.modules)
    files = (Path(str(getattr(module, "__file__", None))) for module in sys.modules.values())
    loaded = sorted(str(file.relative_to(ARCHIVE)) for file in files if file.is_relative_to(ARCHIVE))
    sys.stdout.write(json.dumps(loaded))


SEEN: set[str] = set()


def _file(name: str) -> Path:
    return Path(str(sys.modules[name].__file__))


def _imported(file: Path) -> Iterator[str]:
    """Yield the modules of this project that a module names in its imports."""
    for statement in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            inner = (f"{statement.module}.{alias.name}" for alias in statement.names)
            names = [statement.module, *(name for name in inner if _is_module(name))]
        yield from (name for name in names if name.split(".")[0] in OWN)


def _is_module(name: str) -> bool:
    try:
        return name.split(".")[0] in OWN and importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    main()
