"""Running encoders and decoders: never through a shell; a failure says in a line what the program itself said."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Lock, Thread, Timer

from experiments.model import MOST_LOG_CHARACTERS

_MOST_MESSAGE_CHARACTERS = 300
_WATCH_SECONDS = 1
_MOST_WATCHED_BYTES = 4096
# ffmpeg (`-loglevel level+…`), x264, x265 and SVT-AV1 all mark their errors so; the first one names the cause.
_ERROR_LINE = re.compile(r"\[(?:error|fatal)\]:?\s*(?P<cause>.+)")


class CommandError(Exception):
    """A program did not do its work; the message says which and why, `log_tail` is the end of what it printed."""

    def __init__(self, message: str, log_tail: str = "", seconds: float = 0.0) -> None:
        super().__init__(message)
        self.log_tail = log_tail
        self.seconds = seconds


class _Process(subprocess.Popen[str]):
    """A program with all that it starts: they end together."""

    timed_out = False

    def end(self) -> None:
        """Kill them, as far as they still run."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def time_out(self) -> None:
        """Kill them, as they have taken too long."""
        self.timed_out = True
        self.end()


class Supervision:
    """Lets a thread see what the programs print that another one runs, and end them."""

    def __init__(self, on_log: Callable[[str, str], None] = lambda _work, _line: None) -> None:
        """Call `on_log` with the name of the work and each line of its log."""
        self.on_log = on_log
        self.stopped = False
        self._process: _Process | None = None
        self._lock = Lock()

    def stop(self) -> None:
        """End the program that runs, and let no other one start."""
        with self._lock:
            self.stopped = True
            if self._process:
                self._process.end()

    @contextmanager
    def running(
        self, command: Sequence[str | Path], work: str, folder: Path, output: int, timeout_seconds: float
    ) -> Iterator[_Process]:
        """Yield a program as it runs; it has ended afterwards.

        Raises:
            CommandError: it cannot be started, or nothing is to run any more.
        """
        process = self._start(command, work, folder, output)
        timer = Timer(timeout_seconds, process.time_out)
        timer.start()
        with process:
            try:
                yield process
                process.wait()
            finally:
                timer.cancel()
                process.end()
                with self._lock:
                    self._process = None

    def _start(self, command: Sequence[str | Path], work: str, folder: Path, output: int) -> _Process:
        with self._lock:
            if self.stopped:
                raise CommandError(f"{work} was stopped")
            try:
                self._process = _Process(
                    [str(part) for part in command],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.PIPE,
                    # Bytes that are no UTF-8 (a file name, a broken stream) must not break the report of them.
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,
                )
            except OSError as error:
                raise CommandError(f"{work} cannot start: {Path(command[0]).name}: {error.strerror}") from None
            return self._process


_SUPERVISION: ContextVar[Supervision] = ContextVar("supervision")


@contextmanager
def supervised(supervision: Supervision) -> Iterator[None]:
    """Put the programs that this thread runs under supervision."""
    token = _SUPERVISION.set(supervision)
    try:
        yield
    finally:
        _SUPERVISION.reset(token)


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that did its work: what it printed on standard error, and how long it took in seconds."""

    log: str
    seconds: float


def run(
    command: Sequence[str | Path],
    work: str,
    folder: Path,
    timeout_seconds: float = 3600,
    watch: Callable[[str], None] | None = None,
) -> Finished:
    """Run a program in a folder; `work` names what it does in messages, e.g. "x265 encode".

    While it runs, `watch` is given the end of what it has printed on standard output, about once a second.

    Raises:
        CommandError: it cannot be started, fails, or takes longer than `timeout_seconds`.
    """
    supervision = _SUPERVISION.get(None) or Supervision()
    paths = _paths(command)
    lines: list[str] = []
    with _output(watch) as output:
        started = time.perf_counter()
        with supervision.running(command, work, folder, output, timeout_seconds) as process:
            for line in process.stderr or ():
                lines.append(_without_paths(line, paths))
                supervision.on_log(work, lines[-1].rstrip())
        seconds = time.perf_counter() - started
    log = "".join(lines)
    if supervision.stopped:
        raise CommandError(f"{work} was stopped", log_tail(log), seconds)
    if process.timed_out:
        message = f"{work} was stopped: it took longer than {timeout_seconds:g} s"
        raise CommandError(message, log_tail(log), timeout_seconds)
    if process.returncode != 0:
        raise CommandError(f"{work} failed: {_cause(log, process.returncode)}", log_tail(log), seconds)
    return Finished(log, seconds)


def log_tail(log: str) -> str:
    """Return the last whole lines of a log, as much as an experiment's item keeps."""
    log = log.strip()
    if len(log) <= MOST_LOG_CHARACTERS:
        return log
    return log[-MOST_LOG_CHARACTERS:].partition("\n")[2]


@contextmanager
def _output(watch: Callable[[str], None] | None) -> Iterator[int]:
    """Yield where a program's standard output goes, and let `watch` see its end while the program runs.

    It does so in a thread of its own: however long it takes, that is not the program's time.
    """
    if watch is None:
        yield subprocess.DEVNULL
        return
    ended = Event()
    with TemporaryFile() as file:

        def look() -> None:
            while not ended.wait(_WATCH_SECONDS):
                watch(_end_of(file.fileno()))

        watcher = Thread(target=look)
        watcher.start()
        try:
            yield file.fileno()
        finally:
            ended.set()
            watcher.join()


def _end_of(file: int) -> str:
    """Return the last of what is in a file, by its descriptor, whose position is also the writing program's."""
    start = max(os.fstat(file).st_size - _MOST_WATCHED_BYTES, 0)
    return os.pread(file, _MOST_WATCHED_BYTES, start).decode("utf-8", "replace")


def _cause(log: str, exit_code: int) -> str:
    if exit_code < 0:
        return f"ended by signal {-exit_code}"
    lines = [line.strip().removeprefix("[info] ") for line in log.splitlines() if line.strip()]
    causes = [found["cause"] for line in lines if (found := _ERROR_LINE.search(line))]
    cause = causes[0] if causes else lines[-1] if lines else f"exit code {exit_code}, without a word"
    return cause[:_MOST_MESSAGE_CHARACTERS]


def _paths(command: Sequence[str | Path]) -> list[str]:
    """Return the paths that a command was given, the longest first."""
    return sorted((str(part) for part in command if Path(part).is_absolute()), key=len, reverse=True)


def _without_paths(line: str, paths: Sequence[str]) -> str:
    """Shorten paths: logs are published, and a host's folders are nobody's business."""
    for path in paths:
        line = line.replace(path, Path(path).name)
    return line
