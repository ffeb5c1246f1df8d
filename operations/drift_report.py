"""What the daily verification found, as an issue's text.

    make verify STACK=production > verify.txt 2>&1 || code=$?
    python -m operations.drift_report verify.txt --make-code ${code:-0} > issue.md

The exit code is the verification's own: 0 where all agrees, 1 where something differs, 2 where it could not look.
"""

import argparse
import re
import sys
from enum import IntEnum
from pathlib import Path

from operations.markdown import code_block

# Room for the rest of the text; GitHub's limit is 65,536 characters.
SHOWN_CHARACTERS = 60_000
# make itself always fails with 2 and says what its command failed with:
# https://www.gnu.org/software/make/manual/html_node/Running.html
MAKE_SAYS = re.compile(r"^make(?:\[\d+\])?: \*\*\* \[(?:[^\]]*: )?verify\] Error (\d+)$", re.MULTILINE)


class Outcome(IntEnum):
    """What a verification came to; the value is its exit code."""

    AGREES = 0
    DIFFERS = 1
    COULD_NOT_LOOK = 2


def outcome(printed: str, make_code: int) -> Outcome:
    """What `make verify` came to; whatever isn't plainly one of the other two is "could not look"."""
    if make_code == 0:
        return Outcome.AGREES
    codes = MAKE_SAYS.findall(printed)
    return Outcome.DIFFERS if codes and int(codes[-1]) == Outcome.DIFFERS else Outcome.COULD_NOT_LOOK


def issue_text(printed: str, log_url: str = "") -> str:
    """The text of the issue, or of a comment on the one that is open already."""
    log = f"[the workflow's log](<{log_url}>)" if log_url else "the workflow's log"
    shown = printed.strip()
    note = ""
    if len(shown) > SHOWN_CHARACTERS:
        # The summary stands at the end.
        shown = shown[-SHOWN_CHARACTERS:].partition("\n")[2]
        note = f"\n**The beginning is cut, for want of room**; {log} has all of it.\n"
    return (
        "`make verify` found that production is not what git says.\n"
        f"{note}\n{code_block(shown)}\n\n"
        f"From {log}. If a deployment ran at the same time, that may be all there is to it: run the workflow "
        "*Verify* again. Otherwise `make up STACK=production` brings back what git says.\n"
    )


def main() -> int:
    """Print the issue's text; the exit code is the verification's."""
    arguments = _parse_arguments()
    try:
        printed = arguments.printed.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        return Outcome.COULD_NOT_LOOK
    found = outcome(printed, arguments.make_code)
    if found is Outcome.DIFFERS:
        sys.stdout.write(issue_text(printed, arguments.log_url))
    return found


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations.drift_report", description=__doc__)
    parser.add_argument("printed", type=Path, help="the file that holds what make verify printed")
    parser.add_argument("--make-code", type=int, required=True, help="make's exit code")
    parser.add_argument("--log-url", default="", help="where all of it is printed, to be linked")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
