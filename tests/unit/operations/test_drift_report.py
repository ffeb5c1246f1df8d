"""What the daily verification makes of `make verify`, with the real make."""

import subprocess
import sys
from pathlib import Path

import pytest

from operations.drift_report import Outcome, issue_text, outcome

ROOT = Path(__file__).parent.parent.parent.parent
LOG_URL = "https://github.com/o/r/actions/runs/1"


def make_verify(code: int, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a `verify` target whose command ends with a code."""
    makefile = folder / "Makefile"
    makefile.write_text(f"verify:\n\t@echo '✗ admin.html differs'; exit {code}\n")
    command = ["make", "-f", str(makefile), "verify"]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0, Outcome.AGREES), (1, Outcome.DIFFERS), (2, Outcome.COULD_NOT_LOOK), (127, Outcome.COULD_NOT_LOOK)],
)
def test_the_commands_own_exit_code_is_told_from_makes(code: int, expected: Outcome, tmp_path: Path) -> None:
    run = make_verify(code, tmp_path)
    assert outcome(run.stdout, run.returncode) == expected


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "make: *** No rule to make target 'verify'.  Stop.",
        "make: *** [Makefile:70: .venv/ready] Error 1",
        "the page says: make: *** [verify] Error 1",
    ],
)
def test_a_failure_before_the_verification_is_no_drift(printed: str) -> None:
    assert outcome(printed, make_code=2) is Outcome.COULD_NOT_LOOK


def test_a_killed_verification_has_not_looked() -> None:
    assert outcome("✓ admin.html", make_code=137) is Outcome.COULD_NOT_LOOK


def test_the_issue_shows_what_was_found_and_what_to_do() -> None:
    text = issue_text("✗ admin.html differs\n", LOG_URL)
    assert "```\n✗ admin.html differs\n```" in text
    assert f"[the workflow's log](<{LOG_URL}>)" in text
    assert "`make up STACK=production`" in text


def test_a_diff_in_it_does_not_end_its_frame() -> None:
    text = issue_text("-```\n+@everyone", LOG_URL)
    assert "\n````\n-```\n+@everyone\n````\n" in text


def test_a_long_report_keeps_its_summary_and_says_that_it_is_cut() -> None:
    lines = "".join(f"✗ page-{number}.html differs\n" for number in range(10_000))
    text = issue_text(f"{lines}10000 differences", LOG_URL)
    assert len(text) < 65_536
    assert "10000 differences\n```" in text
    assert "**The beginning is cut" in text


@pytest.mark.parametrize(("code", "has_issue"), [(0, False), (1, True), (2, False)])
def test_the_command_prints_an_issue_for_drift_alone(code: int, has_issue: bool, tmp_path: Path) -> None:
    run = make_verify(code, tmp_path)
    printed = tmp_path / "verify.txt"
    printed.write_text(run.stdout)
    command = [sys.executable, "-m", "operations.drift_report", str(printed), "--make-code", str(run.returncode)]
    report = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert report.returncode == code
    assert ("admin.html differs" in report.stdout) is has_issue
