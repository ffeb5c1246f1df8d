"""What is known of a takeover from one command to the next: ids, steps that are done, and when."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from operations.takeover.access import Stopped
from operations.takeover.old_site import OldSite
from releasing.files import write_whole
from releasing.project import PROJECT

FOLDER = PROJECT / ".takeover"


@dataclass
class Progress:
    """Kept in `.takeover/<stack>.json`; what AWS itself can tell, such as who has the domain, is asked there."""

    stack: str
    old: OldSite | None = None
    steps: dict[str, str] = field(default_factory=dict)
    """When each step was done last, in UTC, by its name."""
    new_name: str = ""
    """The own name of the new site's distribution, once it is deployed."""
    copied: dict[str, Any] = field(default_factory=dict)
    """What the last copy has counted."""

    @classmethod
    def of(cls, stack: str) -> "Progress":
        """Read what is known, which may be nothing.

        Raises:
            Stopped: the file is damaged.

        """
        progress = cls(stack)
        try:
            known = json.loads(progress.file.read_text(encoding="utf-8"))
            progress.old = OldSite(**known["old"]) if known["old"] else None
            progress.steps, progress.copied, progress.new_name = known["steps"], known["copied"], known["new_name"]
        except FileNotFoundError:
            pass
        except (ValueError, LookupError, TypeError) as error:
            raise Stopped(
                f"{progress.file} can't be read ({error}). Remove it; where the domain has moved already, name the old "
                "distribution: make takeover STEP=find ARGS='--distribution E…'"
            ) from None
        return progress

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return FOLDER / f"{self.stack}.json"

    def beside(self, what: str) -> Path:
        """A file that a step writes for people."""
        return FOLDER / f"{self.stack}-{what}.json"

    def note(self, step: str, **known: Any) -> None:
        """Note that a step is done, and what it has found."""
        self.steps[step] = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        for name, value in known.items():
            setattr(self, name, value)
        self._write()

    def forget(self, *steps: str) -> None:
        """Note that steps have to be done again."""
        self.steps = {step: when for step, when in self.steps.items() if step not in steps}
        self._write()

    def list_beside(self, what: str, entries: Sequence[Mapping[str, Any]]) -> Path:
        """Write what a step has found for people; an empty list, too, as the last one may not have been."""
        write_whole(self.beside(what), json.dumps(entries, indent=2, default=str) + "\n")
        return self.beside(what)

    def _write(self) -> None:
        known = {name: value for name, value in asdict(self).items() if name != "stack"}
        write_whole(self.file, json.dumps(known, indent=2) + "\n")
