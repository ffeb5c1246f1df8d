"""The table on the embedded AWS: pages join, and what stands beside the experiments counts each of them once."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from experiments.aggregates import CODEC_USER, DELIVERY_USER, Best, Usage
from experiments.attribute_values import item_to_attribute_values
from experiments.criteria import Criteria
from experiments.metrics import Metrics, RDPoint
from experiments.model import Artefacts, Experiment, Status
from experiments.repository import ExperimentRepository

from operations.delivery import delivered_bytes, note
from operations.demo_data import fill
from operations.recount import recount
from sandbox.emulator import Emulator
from tests.stack.experiments_table import create_table

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MONTH = "2026-11"


@pytest.fixture(scope="module")
def dynamodb(emulator: Emulator) -> Any:
    return emulator.client("dynamodb")


@pytest.fixture
def repository(dynamodb: Any, request: pytest.FixtureRequest) -> ExperimentRepository:
    name = request.node.name.replace("[", "-").replace("]", "")
    create_table(dynamodb, name)
    return ExperimentRepository(name, dynamodb)


def experiment(name: str, status: Status = Status.SUCCEEDED, **fields: Any) -> Experiment:
    """An experiment as the worker leaves it; one that succeeded looks good at 500 kbps."""
    ended: dict[str, Any] = {"finished_at": NOW + timedelta(seconds=4), "metrics": Metrics(encode_seconds=3.0)}
    measured: dict[str, Any] = {
        "metrics": Metrics(psnr_db=41, ssim=0.99, bitrate_kbps=500, compression_ratio=40, encode_seconds=3),
        "artefacts": Artefacts(video_key="v", stored_bytes=1000),
        "rd_points": (RDPoint(bitrate_kbps=500, psnr_db=41, ssim=0.99, label="CRF 28"),),
    }
    known = {Status.SUCCEEDED: ended | measured, Status.FAILED: ended}.get(status, {})
    common: dict[str, Any] = {
        "name": name,
        "codec": "x265",
        "clip": "life",
        "created_at": NOW,
        "parameters": {"crf": 28},
    }
    return Experiment(id=name, status=status, **(common | known | fields))


def test_pages_join_without_gap_or_overlap_while_experiments_are_written(repository: ExperimentRepository) -> None:
    names = [f"e{number:02}" for number in range(23)]
    for place, name in enumerate(names):
        status = Status.FAILED if place % 3 == 0 else Status.SUCCEEDED
        repository.put(experiment(name, status, created_at=NOW + timedelta(minutes=place // 2)))
    for criteria, expected in (
        (Criteria(), names),
        (Criteria(status=Status.FAILED), names[::3]),
        (Criteria(codec="x265"), names),
        (Criteria(codec="av1"), []),
    ):
        page = repository.find(criteria, 4)
        found = [page]
        while page.next_cursor:
            page = repository.find(criteria, 4, page.next_cursor)
            found.append(page)
        assert [one.id for page in found for one in page.experiments] == expected[::-1]
        for earlier, later in itertools.pairwise(found):
            back = repository.find(criteria, 4, before=later.previous_cursor)
            assert back.experiments == earlier.experiments
    repository.put(experiment("e22", Status.FAILED, created_at=NOW + timedelta(minutes=11)))
    assert [one.id for one in repository.find(Criteria(status=Status.FAILED), 2).experiments] == ["e22", "e21"]


def test_each_experiment_counts_once_in_the_status_that_it_has(repository: ExperimentRepository) -> None:
    for name in ("a", "b"):
        for status in (Status.QUEUED, Status.RUNNING, Status.RUNNING, Status.SUCCEEDED):
            repository.put(experiment(name, status))
    repository.put(experiment("c", Status.FAILED))
    counts = {status: count for status, count in repository.totals().by_status.items() if count}
    assert counts == {Status.SUCCEEDED: 2, Status.FAILED: 1}


def test_what_an_experiment_used_counts_in_the_month_in_which_it_ended(repository: ExperimentRepository) -> None:
    for _ in range(2):
        repository.put(experiment("a"))
    repository.put(experiment("b", Status.FAILED))
    repository.put(experiment("old", finished_at=NOW - timedelta(days=40)))
    user = f"{CODEC_USER}x265"
    now = Usage(month=MONTH, user=user, gpu_seconds=6, succeeded=1, failed=1, stored_bytes=1000)
    before = Usage(month="2026-10", user=user, gpu_seconds=3, succeeded=1, failed=0, stored_bytes=1000)
    assert repository.totals().usage == (before, now)


def test_an_experiment_that_is_run_again_under_its_id_has_used_both_times(repository: ExperimentRepository) -> None:
    for status in (Status.FAILED, Status.QUEUED, Status.SUCCEEDED):
        repository.put(experiment("a", status))
    (usage,) = repository.totals().usage
    assert (usage.gpu_seconds, usage.succeeded, usage.failed) == (6, 1, 1)


def test_what_an_experiment_does_not_tell_is_not_counted_as_nothing(repository: ExperimentRepository) -> None:
    repository.put(experiment("a", Status.FAILED, metrics=Metrics()))
    (usage,) = repository.totals().usage
    assert (usage.gpu_seconds, usage.stored_bytes, usage.failed) == (None, None, 1)


def test_the_best_of_a_codec_compresses_most_and_looks_good(repository: ExperimentRepository) -> None:
    good = experiment("good")
    repository.put(replace(good, id="better", metrics=replace(good.metrics, compression_ratio=60)))
    repository.put(good)
    repository.put(replace(good, id="poor", metrics=replace(good.metrics, compression_ratio=90, psnr_db=20)))
    best = Best(codec="x265", experiment_id="better", name="good", compression_ratio=60, bitrate_kbps=500)
    assert repository.totals().best == (best,)


def test_a_curve_has_the_last_measurement_of_each_quality(repository: ExperimentRepository) -> None:
    repository.put(experiment("first"))
    repository.put(experiment("again"))
    repository.put(experiment("finer", parameters={"crf": 20}))
    repository.put(experiment("elsewhere", clip="zoom"))
    repository.put(experiment("broken", Status.FAILED, parameters={"crf": 12}))
    assert repository.clips() == ["life", "zoom"]
    assert sorted(point.id for point in repository.curve_points("life")) == ["again", "finer"]
    assert repository.curve_points("unknown") == []


def test_what_is_kept_beside_an_experiment_is_in_no_listing(repository: ExperimentRepository) -> None:
    repository.put(experiment("parent"))
    repository.put(experiment("child", parent_id="parent"))
    for criteria in (Criteria(), Criteria(status=Status.SUCCEEDED), Criteria(codec="x265")):
        assert sorted(found.id for found in repository.find(criteria, 10).experiments) == ["child", "parent"]


def test_what_failed_when_it_was_run_again_leaves_its_curve(repository: ExperimentRepository) -> None:
    repository.put(experiment("a"))
    repository.put(experiment("a", Status.QUEUED))
    assert repository.curve_points("life") == []


def test_an_experiment_knows_what_runs_it_again(repository: ExperimentRepository) -> None:
    repository.put(experiment("parent", Status.FAILED))
    repository.put(experiment("child", Status.QUEUED, parent_id="parent"))
    repository.put(experiment("child", parent_id="parent"))
    record = repository.record("parent")
    assert record is not None
    assert [(rerun.id, rerun.status) for rerun in record.reruns] == [("child", Status.SUCCEEDED)]


def test_writers_at_once_count_each_experiment_once(repository: ExperimentRepository) -> None:
    names = [f"e{number % 8}" for number in range(24)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: repository.put(experiment(name)), names))
    totals = repository.totals()
    assert totals.by_status[Status.SUCCEEDED] == 8
    assert totals.usage[0].succeeded == 8


def test_a_recount_finds_what_another_writer_put_there(repository: ExperimentRepository, dynamodb: Any) -> None:
    table = repository._table_name
    repository.put(experiment("a"))
    repository.put(replace(experiment("gone"), clip="zoom", codec="av1"))
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "EXPERIMENT#gone"}, "sk": {"S": "EXPERIMENT"}})
    for name, crf in (("b", 20), ("c", 20)):
        by_hand = experiment(name, parameters={"crf": crf}, created_at=NOW + timedelta(hours=ord(name)))
        dynamodb.put_item(TableName=table, Item=item_to_attribute_values(by_hand.to_item()))
    assert recount(table, dynamodb) == 3
    totals = repository.totals()
    assert totals.by_status[Status.SUCCEEDED] == 3
    assert [best.codec for best in totals.best] == ["x265"]
    assert repository.clips() == ["life"]
    assert sorted(point.id for point in repository.curve_points("life")) == ["a", "c"]
    assert {usage.codec: usage.succeeded for usage in totals.usage} == {"av1": 1, "x265": 1}


def test_made_up_experiments_are_counted_and_not_there_twice(repository: ExperimentRepository, dynamodb: Any) -> None:
    for _ in range(2):
        fill(repository._table_name, dynamodb, 60)
    assert len(repository.newest(100).experiments) == 60
    totals = repository.totals()
    assert sum(totals.by_status.values()) == 60
    assert totals.by_status[Status.RUNNING] == 3
    assert {best.codec for best in totals.best} <= {"x264", "x265", "vp9", "av1"}


class CountingMetrics:
    """CloudWatch, which has counted the same bytes on each of some days."""

    def __init__(self, delivered: float, *days: datetime) -> None:
        self._datapoints = [{"Timestamp": day, "Sum": delivered, "Unit": "None"} for day in days]

    def get_metric_statistics(self, **asked: Any) -> dict[str, Any]:
        assert {"Name": "DistributionId", "Value": "E1"} in asked["Dimensions"]
        within = (each for each in self._datapoints if asked["StartTime"] <= each["Timestamp"] < asked["EndTime"])
        return {"Datapoints": list(within)}


def test_delivery_is_noted_by_month_however_often(repository: ExperimentRepository, dynamodb: Any) -> None:
    days = [NOW.replace(month=month, day=1, hour=0) + timedelta(days=day) for month in (9, 10, 11) for day in (0, 29)]
    for delivered in (100.0, 2.5e9):
        for _ in range(2):
            found = delivered_bytes(CountingMetrics(delivered, *days), "E1", NOW)
            note(dynamodb, repository._table_name, found)
    # The month's last day is still to come.
    assert [(used.month, used.user, used.delivered_bytes) for used in repository.totals().usage] == [
        ("2026-10", DELIVERY_USER, 5e9),
        ("2026-11", DELIVERY_USER, 2.5e9),
    ]
    note(dynamodb, repository._table_name, delivered_bytes(CountingMetrics(1), "E1", NOW))
    assert len(repository.totals().usage) == 2
