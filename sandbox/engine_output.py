"""What the engine prints: its progress as it goes, and at the end, once and whole, why it failed."""

import re
from collections.abc import Callable, Iterable

DIAGNOSTICS = "Diagnostics:"
# Lines that say no more than that something failed, or where plugins come from; and what comes before the words of
# this program's own errors.
EMPTY = re.compile(r"^ *$|^Diagnostics:$|error: \w+ failed$|from \$PATH at")
PREFIX = re.compile(r"^( *)(?:error: )?(?:Exception calling application: |an unhandled error occurred: )?")

Output = Callable[[str], None]


class EngineOutput:
    """Hands the engine's lines on, but keeps its diagnostics: where it fails, they are the reason."""

    def __init__(self, on_output: Output) -> None:
        self._on_output = on_output
        self._section = ""
        self._diagnostics: list[str] = []

    def take(self, line: str) -> None:
        """Take a line as the engine prints it; a section begins without indentation."""
        if line.strip() and not line.startswith(" "):
            self._section = line
        if self._section == DIAGNOSTICS:
            self._diagnostics.append(line)
        else:
            self._on_output(line)

    def pass_on_diagnostics(self) -> None:
        """Hand on what it warned of."""
        for line in self._diagnostics:
            self._on_output(line)

    def reason(self) -> str:
        """What failed, by resource, in the engine's own words; nothing where it gave none."""
        lines = [line.removeprefix("  ") for line in self._diagnostics if not EMPTY.search(line)]
        followers = [*lines[1:], ""] if lines else []
        return _as_lines(
            line for line, after in zip(lines, followers, strict=True) if _is_message(line) or _is_message(after)
        )


def reason_of(output: str) -> str:
    """The errors in all that the engine has printed, without its progress and without a traceback; else all of it."""
    lines = [line.strip().removeprefix("stderr: ") for line in output.splitlines()]
    return _as_lines(line for line in lines if line.startswith("error:") and not EMPTY.search(line)) or output.strip()


def _as_lines(lines: Iterable[str]) -> str:
    """The engine says some of it twice."""
    return "\n".join(dict.fromkeys(PREFIX.sub(r"\1", line.rstrip()) for line in lines))


def _is_message(line: str) -> bool:
    """Whether it is of a message; else it names the resource of those that follow."""
    return line.startswith("  ")
