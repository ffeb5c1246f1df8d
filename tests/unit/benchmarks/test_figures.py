"""Which run of a figure counts, and when it holds."""

import pytest

from benchmarks.figures import WORST, Figure


@pytest.mark.parametrize(("percentile", "value"), [(50, 100), (99, 198), (WORST, 200)])
def test_the_run_that_counts_is_of_nearest_rank(percentile: int, value: float) -> None:
    assert Figure("time", range(200, 0, -1), "ms", percentile=percentile).value == value


def test_a_figure_holds_up_to_its_limit() -> None:
    assert Figure("time", [4.0, 1.0, 9.0], "ms", limit=4).holds
    assert not Figure("time", [4.1, 1.0, 9.0], "ms", limit=4).holds
    assert not Figure("shift", [0.0, 0.0, 0.1], "", limit=0, percentile=WORST).holds


def test_what_could_not_be_measured_does_not_fail() -> None:
    assert Figure("peer", [], "ms", limit=1).holds
