"""The releases of a stack, and the way back to one of them: `make releases`, `make rollback`.

    python -m operations.releases --stack production
    python -m operations.releases --stack production --version-of r12

The first lists them, newest first; the second prints the version of the renderer that a release put in front of users,
as `RENDERER_VERSION=<version> pulumi up` takes it. A version's bare number stands for itself.
"""

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from operations.stack import configuration, outputs_of, stack_parser
from releasing.aws_connection import PATIENCE, connected
from releasing.history import ReleaseHistory
from releasing.project import CouldNotLook


class UnknownRelease(Exception):  # noqa: N818 reads better where it is raised
    """There is no such release to go back to."""


def main() -> int:
    """List the releases, or print a release's version; exit code 2 where that can't be done."""
    arguments = _parse_arguments()
    try:
        releases = recorded_releases(arguments.stack, arguments.port)
        if arguments.version_of is None:
            print_releases(releases, arguments.stack)
        else:
            sys.stdout.write(f"{version_of(arguments.version_of, releases)}\n")
    except (CouldNotLook, UnknownRelease) as reason:
        sys.stderr.write(f"error: {reason}\n")
        return 2
    return 0


def recorded_releases(stack: str, port: int) -> list[dict[str, Any]]:
    """The release records in the stack's table, newest first.

    Raises:
        CouldNotLook: the stack isn't deployed, or its table can't be read.

    """
    config = configuration(stack, port)
    table = outputs_of(stack, port)["table_name"]
    try:
        return ReleaseHistory(connected("dynamodb", config, PATIENCE), table).newest()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise CouldNotLook(f"The releases in {table} can't be read: {code}; it takes dynamodb:Query.") from None
    except BotoCoreError as error:
        raise CouldNotLook(f"The releases in {table} can't be read: {error}") from None


def version_of(wanted: str, releases: list[dict[str, Any]]) -> str:
    """The renderer's version of a release such as `r12`; a version such as `7` is returned as it is.

    Raises:
        UnknownRelease: it is neither.

    """
    if wanted.isdecimal():
        return wanted
    for release in releases:
        if release["release"] == wanted:
            return str(release["renderer"]["version"])
    known = f"{releases[-1]['release']} to {releases[0]['release']}" if releases else "none yet"
    raise UnknownRelease(
        f"'{wanted}' is no release on record ({known}), and no version's number. "
        "Try make rollback TO=<one of make releases>."
    )


def print_releases(releases: list[dict[str, Any]], stack: str) -> None:
    """Print a line per release; what is live comes first."""
    console = Console(highlight=False)
    if not releases:
        console.print(f"Nothing has been released on {stack} yet.", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("release", "when (UTC)", "by", "commit", "renderer"):
        table.add_column(column, no_wrap=True)
    table.add_column("the CDN forgot", overflow="fold")
    for release in releases:
        table.add_row(*_row(release))
    console.print(table)


def _row(release: Mapping[str, Any]) -> tuple[str, ...]:
    renderer = release["renderer"]
    commit = str(release["commit"])[:12] or "unknown"
    return (
        release["release"],
        release["released_at"][: len("2026-11-24T06:12")].replace("T", " "),
        release["released_by"],
        # As `git describe --dirty` writes it.
        f"{commit}-dirty" if release["dirty"] else commit,
        f"{renderer['version']} (rolled back)" if renderer["rolled_back"] else renderer["version"],
        " ".join(release["invalidated"]) or "nothing",
    )


def _parse_arguments() -> argparse.Namespace:
    parser = stack_parser("releases", __doc__)
    parser.add_argument("--version-of", metavar="RELEASE", help="print the renderer's version of this release")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
