"""What a verification found: line by line for people, as JSON for programs."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from operations.checks.check import Check, Findings
from operations.drift_report import Outcome


def print_report(findings: Findings, stack: str) -> None:
    """Print a line per check, with a tick or a cross, then one line that sums up; colours on a terminal alone."""
    console = Console(highlight=False, soft_wrap=True)
    for check in findings.checks:
        for line in _lines(check):
            console.print(line)
    if findings.checks:
        console.print(summary(findings, stack))


def summary(findings: Findings, stack: str) -> str:
    """All of it in one line."""
    count, differing = len(findings.checks), [check.name for check in findings.differing]
    if differing:
        return f"{len(differing)} of {count} checks on {stack} found a difference: {', '.join(differing)}."
    if findings.obstacles:
        return f"{count} checks on {stack} found no difference, but not all could be looked at."
    return f"All {count} checks agree: {stack} is what git says."


def as_json(findings: Findings) -> str:
    """The findings for programs; `could_not_look` has the reasons where something is unknown."""
    document = {
        "ok": findings.outcome is Outcome.AGREES,
        "checks": [asdict(check) for check in findings.checks],
        "could_not_look": findings.obstacles,
    }
    return f"{json.dumps(document, indent=2)}\n"


def _lines(check: Check) -> Iterator[Text]:
    """What is found is anybody's text, so it is never read as markup."""
    tick, cross = ("✓", "✗") if _can_print("✓✗") else ("ok", "DIFFERS")
    if check.ok:
        detail = f" ({check.detail})" if check.detail else ""
        yield Text.assemble((tick, "green"), f" {check.name}: {check.found}{detail}")
        return
    yield Text.assemble((cross, "bold red"), f" {check.name}: expected {check.expected}, found {check.found}")
    for line in check.detail.splitlines():
        yield Text(f"    {line}")


def _can_print(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
