"""A running experiment's log on its way to the table: collected as it is printed, written now and then."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from experiments.jobs.log import LogLine, Logs
from experiments.model import Experiment

MOST_LINES = 100_000
"""How many lines of an attempt are kept; after them the log says that it goes on."""


@dataclass(slots=True)
class JobLog:
    """The log of one attempt. Lines may be added by one thread and written by another."""

    logs: Logs
    experiment: Experiment
    _waiting: list[LogLine] = field(default_factory=list)
    _added: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, source: str, text: str) -> None:
        """Take a line; `source` names what printed it."""
        with self._lock:
            if self._added > MOST_LINES or not text:
                return
            self._added += 1
            if self._added > MOST_LINES:
                source, text = "worker", f"[warning] the log goes on, but only {MOST_LINES} lines of it are kept"
            now = datetime.now(UTC)
            self._waiting.append(LogLine(self.experiment.attempt or 0, self._added, now, source, text))

    def write(self) -> None:
        """Write what was added since the last time.

        Raises:
            ClientError, BotoCoreError: the table does not take it; the lines are lost.
        """
        with self._lock:
            lines, self._waiting = self._waiting, []
        self.logs.append(self.experiment.id, lines, datetime.now(UTC))
