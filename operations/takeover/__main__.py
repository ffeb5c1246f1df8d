"""Takes over the site that an account has had at the stack's domain: `make takeover` (docs/takeover.md).

    python -m operations.takeover --stack production                 # what would be done, and nothing else
    python -m operations.takeover --stack production --yes           # all steps that are not done
    python -m operations.takeover --stack production copy compare    # these steps
    python -m operations.takeover --stack production --back          # the domain back to the old site
    python -m operations.takeover --stack production --remove-old    # the old site's end

Each step can be killed and run again. The old site is only read, but for its domain, until --remove-old. Exit code 1: a
step can't go on; 2: something could not be looked at; 3: visitors get errors.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import requests
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from operations.stack import stack_parser
from operations.takeover import old_site, removal, requirements, side_by_side, watch
from operations.takeover.access import Access, Stopped
from operations.takeover.domain import Domain
from operations.takeover.files import Files
from operations.takeover.items import Experiments
from operations.takeover.old_site import OldSite
from operations.takeover.progress import Progress
from operations.takeover.requirements import Requirement
from releasing.project import CouldNotLook


class VisitorsGetErrors(Exception):  # noqa: N818 reads better where it is raised
    """More answers are errors than may be."""


@dataclass(frozen=True)
class Step:
    """A step of the plan, and the way back from it."""

    name: str
    does: str
    back: str


STEPS = (
    Step("find", "follow the domain to the old site's parts, by reading", "none needed"),
    Step("check", "look whether all is there that is needed, by reading", "none needed"),
    Step("deploy", "deploy beside it, with the certificate, without the domain", "pulumi destroy"),
    Step("copy", "copy experiments, videos and decoders; again, what has come since", "none needed: copies"),
    Step("compare", "show both sites side by side, by reading", "none needed"),
    Step("move", "copy what has come since, move the domain, and lead its DNS records", "make takeover BACK=1"),
    Step("declare", "deploy what has moved, so that git says it", "make takeover BACK=1"),
    Step("catch-up", "copy what the old site has written until then", "none needed: copies"),
    Step("watch", "be a visitor for some minutes, and say how many answers are errors", "make takeover BACK=1"),
)
NAMES = tuple(step.name for step in STEPS)
AFTER_THE_MOVE = NAMES[NAMES.index("move") :]


@dataclass
class Takeover:
    """One command's work."""

    access: Access
    progress: Progress
    given: dict[str, str]
    watch_seconds: float
    console: Console

    @property
    def old(self) -> OldSite:
        """The old site.

        Raises:
            Stopped: it isn't found yet.

        """
        if self.progress.old is None:
            raise Stopped("The old site's parts are not known yet: make takeover STEP=find")
        return self.progress.old

    @property
    def domain(self) -> Domain:
        """The domain."""
        return Domain(self.access)

    def plan(self) -> None:
        """Print what is done and what is left to do."""
        self._say(f"{self.domain.name}: from the site that has it to stack {self.access.stack}.")
        for step in STEPS:
            done = self.progress.steps.get(step.name, "")
            self._say(f" {'✓' if done else '·'} {step.name:9}{step.does}{f' ({done})' if done else ''}")
            self._say(f"   {'':9}way back: {step.back}")
        self._say("Nothing is deleted, and of the old site nothing but who has its domain is changed.")
        self._say("Nothing was done now. All that is left: make takeover YES=1; one step: STEP=find")

    def run(self, names: list[str]) -> None:
        """Run steps, in their order.

        Raises:
            Stopped: one can't go on.
            VisitorsGetErrors: in the last one.

        """
        self._expect_old_site()
        if "find" not in names:
            self._say(f"The old site: distribution {self.old.distribution}, function {self.old.function}.")
        actions: dict[str, Callable[[], None]] = {
            "find": self._find,
            "check": lambda: self._require(requirements.before_deploying(self.access, self.old)),
            "deploy": self._deploy,
            "copy": self._copy,
            "compare": lambda: side_by_side.show(self.access, self.old, self.progress.copied, self.console),
            "move": self._move,
            "declare": self._declare,
            "catch-up": self._copy,
            "watch": self._watch,
        }
        for name in names:
            self._say(f"{name}:", style="bold")
            actions[name]()
            self.progress.note(name)

    def left(self) -> list[str]:
        """The steps that are not done."""
        return [name for name in NAMES if name not in self.progress.steps]

    def back(self) -> None:
        """Move the domain back to the old site; what the new one has stays there for the next time."""
        self._expect_old_site()
        self._say("back:", style="bold")
        self.progress.forget(*AFTER_THE_MOVE)
        # Nothing of the new site is asked for anything, as it may be why somebody wants to go back.
        names = [name for name in (self.old.distribution_name, self.progress.new_name) if name]
        self.domain.move(self.old.distribution, names, self._say)
        self.domain.restore(self.old.records)
        self._say(f"  {self.domain.name} leads to the old site again. Now the stack is told.")
        self.access.answer_at_domain(False)
        self.access.deploy()
        self.progress.note("back")

    def remove_old(self) -> None:
        """Remove the old site, part by part, once the domain was typed."""
        new, _ = self._new_distribution()
        self._expect_release(new)
        parts = list(removal.parts(self.access, self.old))
        self._say("This deletes for good:")
        for part in parts:
            self._say(f"  {part.name}")
        copied = self.progress.copied
        self._say(
            f"Of its table {copied['readable']:,} of {copied['read']:,} items were copied (the rest is in "
            f"{self.progress.beside('unreadable')})."
        )
        for kept in removal.left(self.access, self.old):
            self._say(f"It leaves {kept}.")
        self._say(f"There is no way back. Type {self.domain.name} to go on: ")
        if sys.stdin.readline().strip() != self.domain.name:
            raise Stopped("That was not the domain; nothing was removed.")
        for part in parts:
            self._say(f"✓ {part.name} {'is removed' if removal.remove(part) else 'was gone already'}")
        self._experiments(self._files()).forget_marks()
        self.domain.forget_proof()
        self.progress.note("remove-old")

    def _expect_old_site(self) -> None:
        """See that it is there, before anything is done."""
        if when := self.progress.steps.get("remove-old"):
            raise Stopped(f"The old site was removed ({when}): there is nothing to take over, and no way back.")

    def _find(self) -> None:
        old = self.progress.old or old_site.find(self.access, self.given)
        for name, value in asdict(old).items():
            if name != "records":
                self._say(f"  {name.replace('_', ' '):18} {value or 'none'}")
        self.progress.note("find", old=old)

    def _require(self, found: Iterable[Requirement]) -> None:
        missing = []
        for each in found:
            self._say(f"  {'✓' if each.holds else '✗'} {each.name}: {each.found}")
            missing += [] if each.holds else [each.name]
        if missing:
            raise Stopped(f"Not as it has to be: {'; '.join(missing)}. Nothing was changed.")

    def _deploy(self) -> None:
        if self.domain.holder() != self.old.distribution:
            raise Stopped(
                f"{self.domain.name} is not with the old distribution {self.old.distribution}: deploy by make up."
            )
        self.access.answer_at_domain(False)
        self.access.deploy()
        _, new_name = self._new_distribution()
        self.progress.note("deploy", new_name=new_name)
        # Long before it is asked for, as resolvers remember that it was not there.
        self.domain.prove(new_name, self.old.distribution_name)
        self._say(f"  The new site: {self.access.url_of(new_name)}/")

    def _copy(self) -> None:
        files = self._files()
        experiments = self._experiments(files)
        copy = experiments.copy(lambda count: self._say(f"  {count:,} items read"))
        unreadable = self.progress.list_beside("unreadable", copy.unreadable)
        missing = self.progress.list_beside("missing-files", files.missing)
        self._say(
            f"  {copy.read:,} items: {copy.written:,} new, {copy.updated:,} changed, {copy.unchanged:,} as they were."
        )
        self._say(f"  {len(copy.unreadable):,} can't be read: {unreadable}")
        self._say(f"  {files.copied:,} files copied ({files.bytes / 1e6:,.1f} MB), {files.present:,} there already.")
        self._say(f"  {len(files.missing):,} that experiments name are in no bucket: {missing}")
        if copy.changed_here:
            self._say(f"  {len(copy.changed_here):,} changed on both sites stay as here: {' '.join(copy.changed_here)}")
        differing = experiments.differing()
        self._say(f"  Compared: {copy.readable - len(differing):,} of {copy.readable:,} are as copied.")
        if differing:
            self._say(f"  Changed here since: {' '.join(differing)}")
        self.progress.copied = {
            "read": copy.read,
            "readable": copy.readable,
            "with_status": copy.with_status,
            "newest": [name for _, name in copy.newest],
        }

    def _move(self) -> None:
        new, new_name = self._new_distribution()
        if self.domain.holder() != new:
            self._require(requirements.before_moving(self.access, self.old))
            self._copy()
        # Before the domain moves: a deployment in between would else take it from the new distribution again.
        self.access.answer_at_domain(True)
        self.domain.move(new, [new_name, self.old.distribution_name], self._say)
        self.domain.lead_to(new_name)
        self._say(f"  {self.domain.name} leads to the new site.")

    def _declare(self) -> None:
        new, _ = self._new_distribution()
        if self.domain.holder() != new:
            raise Stopped(f"{self.domain.name} is not with the new distribution {new} yet: make takeover STEP=move")
        self.access.answer_at_domain(True)
        self.access.deploy()
        self._say(f"  Commit Pulumi.{self.access.stack}.yaml, which says that the site answers at the domain.")

    def _watch(self) -> None:
        new, _ = self._new_distribution()
        seen = watch.watch(self.access, self.watch_seconds, lambda line: self._say(f"  {line}"))
        self._say(f"  {seen}")
        for line in watch.counted_by_cloudwatch(self.access, new):
            self._say(f"  {line}")
        if not seen.is_good:
            raise VisitorsGetErrors(
                f"{seen.percent:.1f} % of the answers are errors. The way back: make takeover BACK=1"
            )

    def _expect_release(self, new: str) -> None:
        """See that what users get at the domain is a release of this stack."""
        url, headers = watch.address(self.access, "/release.json")
        try:
            release = requests.get(url, headers=headers, timeout=watch.TIMEOUT_SECONDS).json()["release"]
        except (requests.RequestException, ValueError, LookupError, TypeError):
            release = ""
        if self.domain.holder() != new or not release:
            raise Stopped(f"Users don't get a release of this stack at {self.domain.name}; the old site stays.")
        self._say(f"{self.domain.name} serves release {release} of stack {self.access.stack}.")

    def _new_distribution(self) -> tuple[str, str]:
        """The id of the stack's distribution, and its own name."""
        identifier = str(self.access.outputs()["distribution_id"])
        found = self.access.client("cloudfront").get_distribution(Id=identifier)["Distribution"]
        return identifier, str(found["DomainName"])

    def _files(self) -> Files:
        return Files(self.access.client("s3"), self.old.media_bucket, str(self.access.outputs()["media_bucket"]))

    def _experiments(self, files: Files) -> Experiments:
        table = str(self.access.outputs()["table_name"])
        return Experiments(self.access.client("dynamodb"), self.old.table, table, files)

    def _say(self, line: str, style: str | None = None) -> None:
        self.console.print(line, style=style, markup=False, soft_wrap=True)


def main() -> int:
    """Carry out one command; the exit code."""
    arguments = _parse_arguments()
    console = Console(highlight=False)
    try:
        _carry_out(arguments, console)
    except (Stopped, CouldNotLook, VisitorsGetErrors) as reason:
        sys.stderr.write(f"error: {reason}\n")
        return {Stopped: 1, CouldNotLook: 2, VisitorsGetErrors: 3}[type(reason)]
    except ClientError as error:
        told = error.response["Error"]
        sys.stderr.write(f"error: {error.operation_name} failed: {told['Code']}, {told.get('Message', '')}\n")
        return 1
    except BotoCoreError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted; make takeover YES=1 goes on from here.\n")
        return 130
    return 0


def _carry_out(arguments: argparse.Namespace, console: Console) -> None:
    given = {name: value for name in old_site.CHOSEN if (value := getattr(arguments, name))}
    access = Access.of(arguments.stack, arguments.port)
    takeover = Takeover(access, Progress.of(arguments.stack), given, arguments.watch_seconds, console)
    if arguments.back:
        takeover.back()
    elif arguments.remove_old:
        takeover.remove_old()
    elif arguments.steps or arguments.yes:
        takeover.run([name for name in NAMES if name in arguments.steps] or takeover.left())
    else:
        takeover.plan()


def _parse_arguments() -> argparse.Namespace:
    parser = stack_parser("takeover", __doc__)
    parser.add_argument("steps", nargs="*", choices=[*NAMES, []], help=f"of {', '.join(NAMES)}")
    parser.add_argument("--yes", action="store_true", help="run all steps that are not done")
    parser.add_argument("--back", action="store_true", help="move the domain back to the old site")
    parser.add_argument("--remove-old", action="store_true", help="remove the old site for good")
    parser.add_argument("--watch-seconds", type=float, default=watch.SECONDS, help="(default: %(default)s)")
    for name in old_site.CHOSEN:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="ID", help="the old site's, where it can't be found")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
