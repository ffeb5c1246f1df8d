"""A job's log on its way to the table: in order, bounded, and written though DynamoDB takes it piecemeal."""

from datetime import UTC, datetime
from typing import Any

import pytest
from experiments.jobs.log import LogLine, Logs
from experiments.model import Experiment

from worker import job_log
from worker.job_log import JobLog

HELD = Experiment(id="e1", attempt=2)


class Table:
    """Takes only some items of each request."""

    def __init__(self, takes: int = 25) -> None:
        self.items: dict[str, Any] = {}
        self.requests = 0
        self._takes = takes

    def batch_write_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        ((table, requests),) = RequestItems.items()
        assert len(requests) <= 25
        self.requests += 1
        for request in requests[: self._takes]:
            item = request["PutRequest"]["Item"]
            self.items[item["sk"]["S"]] = item
        rest = requests[self._takes :]
        return {"UnprocessedItems": {table: rest} if rest else {}}

    def get_paginator(self, _: str) -> "Table":
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [{"Items": [self.items[key] for key in sorted(self.items)]}]


def test_lines_are_read_in_the_order_in_which_they_were_added() -> None:
    table: Any = Table(takes=3)
    log = JobLog(Logs("table", table), HELD)
    for start in (0, 123):
        for number in range(start, start + 123):
            log.add("x265 encode", f"line {number}")
        log.write()
    lines = list(Logs("table", table).read("e1"))
    assert [line.text for line in lines] == [f"line {number}" for number in range(246)]
    assert [line.number for line in lines] == list(range(1, 247))
    assert {(line.attempt, line.source, line.level) for line in lines} == {(2, "x265 encode", "info")}
    log.write()
    assert len(table.items) == 6, "nothing new is nothing to write"


def test_a_log_without_end_is_kept_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_log, "MOST_LINES", 3)
    table: Any = Table()
    log = JobLog(Logs("table", table), HELD)
    for number in range(9):
        log.add("x265 encode", "x" * 10_000 if number == 2 else f"line {number}")
    log.write()
    lines = list(Logs("table", table).read("e1"))
    assert [line.text for line in lines[:2]] == ["line 0", "line 1"]
    assert len(lines[2].text) == 500
    assert lines[3:] == [lines[3]]
    assert lines[3].text.endswith("only 3 lines of it are kept")


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[libx264 @ 0x1] [warning] VBV underflow", "warning"),
        ("x265 [error]: no such profile", "error"),
        ("Svt[info]: number of logical cores", "info"),
        ("frame=5", "info"),
    ],
)
def test_a_line_is_as_grave_as_its_program_says(text: str, level: str) -> None:
    assert LogLine(1, 1, datetime.now(UTC), "encode", text).level == level
