"""Which run of a figure counts, when it holds, and how it is told."""

import pytest

from benchmarks.figures import WORST, Figure, document, line


@pytest.mark.parametrize(("percentile", "value"), [(50, 100), (99, 198), (WORST, 200)])
def test_the_run_that_counts_is_of_nearest_rank(percentile: int, value: float) -> None:
    assert Figure("time", range(200, 0, -1), "ms", percentile=percentile).value == value


def test_a_figure_holds_up_to_its_limit() -> None:
    assert Figure("time", [4.0, 1.0, 9.0], "ms", limit=4).holds
    assert not Figure("time", [4.1, 1.0, 9.0], "ms", limit=4).holds
    assert not Figure("shift", [0.0, 0.0, 0.1], "", limit=0, percentile=WORST).holds


def test_what_could_not_be_measured_does_not_fail() -> None:
    assert Figure("peer", [], "ms", limit=1).holds


@pytest.mark.parametrize(
    ("figure", "told"),
    [
        (Figure("failed", [0], "", limit=0), "failed: 0, limit 0"),
        (Figure("failed", [2], "", limit=0), "failed: 2, limit 0 MISSED"),
        (
            Figure("time", [4.5, 1, 9], "ms", limit=9),
            "time: 4.50 ms, median of 3 (1 ms to 9 ms), limit 9 ms (0.50 of it)",
        ),
        (Figure("  peer", [1234.5], "ms"), "  peer: 1,234 ms"),
        (Figure("peer", [], "ms", limit=1), "peer: not measured"),
    ],
)
def test_a_figure_is_told_on_one_line(figure: Figure, told: str) -> None:
    assert line(figure) == told


def test_programs_get_all_runs_of_a_figure() -> None:
    told = document(Figure("  time", [4.5, 1, 9], "ms", limit=4))
    assert told == {
        "figure": "time",
        "unit": "ms",
        "value": 4.5,
        "statistic": "median",
        "values": [4.5, 1, 9],
        "limit": 4,
        "holds": False,
    }
    assert document(Figure("peer", [], "ms"))["value"] is None
