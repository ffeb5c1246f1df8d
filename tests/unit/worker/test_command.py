"""Running programs: a failure is one short message of what the program said, and never a traceback."""

import os
import sys
from pathlib import Path

import pytest

from worker import command as worker_command
from worker.command import CommandError, Supervision, log_tail, run, supervised


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def failure(tmp_path: Path, command: list[str], timeout_seconds: float = 60) -> CommandError:
    with pytest.raises(CommandError) as caught:
        run(command, "x266 encode", tmp_path, timeout_seconds)
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


def test_what_a_program_prints_and_how_long_it_takes(tmp_path: Path) -> None:
    done = run(python("import sys; sys.stderr.write('12 frames\\n')"), "x266 encode", tmp_path)
    assert done.log == "12 frames\n"
    assert done.seconds > 0


def test_the_first_line_marked_as_an_error_is_the_cause(tmp_path: Path) -> None:
    log = "[info] Stream #0\\nx266 [error]: no such profile\\n[libx266 @ 0x1] [error] cannot open\\n[info] failed!\\n"
    error = failure(tmp_path, python(f"import sys; sys.stderr.write('{log}'); sys.exit(234)"))
    assert str(error) == "x266 encode failed: no such profile"
    assert error.log_tail.splitlines()[-1] == "[info] failed!"
    assert error.seconds > 0


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("raise SystemExit('CUDA out of memory')", "x266 encode failed: CUDA out of memory"),
        ("1 / 0", "x266 encode failed: ZeroDivisionError: division by zero"),
        (
            "raise SystemExit('[info] Exiting normally, received signal 2.')",
            "x266 encode failed: Exiting normally, received signal 2.",
        ),
        ("raise SystemExit(3)", "x266 encode failed: exit code 3, without a word"),
        ("import os; os.kill(os.getpid(), 9)", "x266 encode failed: ended by signal 9"),
        ("import os; os.write(2, b'\\xff\\xfe'); raise SystemExit(1)", "x266 encode failed: \ufffd\ufffd"),
    ],
)
def test_a_program_without_marked_errors(tmp_path: Path, code: str, message: str) -> None:
    assert str(failure(tmp_path, python(code))) == message


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    message = str(failure(tmp_path, [str(tmp_path / "x266"), "--crf", "28"]))
    assert message == "x266 encode cannot start: x266: No such file or directory"


def test_a_program_that_takes_too_long(tmp_path: Path) -> None:
    error = failure(tmp_path, python("import threading; threading.Event().wait()"), timeout_seconds=0.1)
    assert str(error) == "x266 encode was stopped: it took longer than 0.1 s"
    assert error.seconds == 0.1


def test_what_a_program_has_printed_is_seen_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_command, "_WATCH_SECONDS", 0.001)
    os.mkfifo(tmp_path / "seen")
    seen: list[str] = []

    def watch(printed: str) -> None:
        if printed.endswith("frame=5\n") and not seen:
            seen.append(printed)
            (tmp_path / "seen").write_text("")

    until_seen = "print('x' * 10_000 + '\\nframe=5', flush=True); open('seen').read()"
    run(python(until_seen), "x266 encode", tmp_path, timeout_seconds=60, watch=watch)
    assert seen[0].strip("x") == "\nframe=5\n"
    assert len(seen[0]) < 5000, "of a lot only the end is read"


def test_a_program_that_ends_soon_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_command, "_WATCH_SECONDS", 3600)
    seen: list[str] = []
    run(python("print('frame=5')"), "x266 encode", tmp_path, watch=seen.append)
    assert seen == []


def test_arguments_reach_a_program_as_they_are(tmp_path: Path) -> None:
    argument = "$(touch made); `touch made` & 'x' \"y\""
    done = run([*python("import sys; sys.stderr.write(sys.argv[1])"), argument], "x266 encode", tmp_path)
    assert done.log == argument
    assert not (tmp_path / "made").exists()


def test_a_hosts_folders_are_not_in_the_log(tmp_path: Path) -> None:
    source = tmp_path / "clip.y4m"
    code = "import sys; sys.exit('[error] cannot open ' + sys.argv[1])"
    error = failure(tmp_path, [*python(code), str(source)])
    assert str(error) == "x266 encode failed: cannot open clip.y4m"
    assert str(tmp_path) not in error.log_tail


def test_a_log_tail_is_short_and_has_whole_lines() -> None:
    log = "".join(f"line {number} of the log\n" for number in range(1000))
    lines = log_tail(log).splitlines()
    assert 50 < len(lines) < 150
    assert lines == log.splitlines()[-len(lines) :]
    assert log_tail("short\n") == "short"


def test_another_thread_sees_the_log_and_ends_the_program_with_all_it_has_started(tmp_path: Path) -> None:
    """The program waits for its child, which holds its standard error open for as long as it lives."""
    code = (
        "import subprocess, sys; subprocess.Popen(['sleep', '600']);"
        "print(f'encoding {sys.argv[1]}', file=sys.stderr, flush=True); subprocess.Popen(['sleep', '600']).wait()"
    )
    seen: list[tuple[str, str]] = []

    def stop_at_the_first_line(work: str, line: str) -> None:
        seen.append((work, line))
        supervision.stop()

    supervision = Supervision(stop_at_the_first_line)
    with supervised(supervision):
        error = failure(tmp_path, [*python(code), str(tmp_path / "clip.y4m")])
        assert str(error) == "x266 encode was stopped"
        assert seen == [("x266 encode", "encoding clip.y4m")]
        assert str(failure(tmp_path, python("open('started', 'w')"))) == "x266 encode was stopped"
    assert not (tmp_path / "started").exists()
    run(python("open('started', 'w')"), "x266 encode", tmp_path)
    assert (tmp_path / "started").exists()
