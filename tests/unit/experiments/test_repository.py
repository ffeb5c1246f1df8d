"""The experiments table: every listing is one query on an index, and pages join without gap or overlap."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from experiments.attribute_values import item_to_attribute_values
from experiments.criteria import Criteria
from experiments.cursor import InvalidCursorError
from experiments.model import Experiment, Status
from experiments.quality import Quality
from experiments.repository import MOST_READS, READ_SIZE, ExperimentRepository, Page

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

TABLE = "lab-experiments"
START = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def client() -> "DynamoDBClient":
    return boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def dynamodb(client: "DynamoDBClient") -> Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def repository(client: "DynamoDBClient", dynamodb: Stubber) -> ExperimentRepository:
    return ExperimentRepository(TABLE, client)


def item(number: int) -> dict[str, Any]:
    """The item of experiment `number`; higher numbers are newer."""
    experiment = Experiment(
        id=f"e{number}", codec="x265", status=Status.SUCCEEDED, created_at=START + timedelta(seconds=number)
    )
    return item_to_attribute_values(experiment.to_item())


def query(index: str, attribute: str, value: str, limit: int, **more: Any) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "IndexName": index,
        "KeyConditionExpression": "#attribute = :value",
        "ExpressionAttributeNames": {"#attribute": attribute},
        "ExpressionAttributeValues": {":value": {"S": value}},
        "ScanIndexForward": False,
        "Limit": limit,
        **more,
    }


def ids(page: Page) -> list[str]:
    return [experiment.id for experiment in page.experiments]


def test_newest_reads_one_index_with_one_query(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    dynamodb.add_response("query", {"Items": [item(2), item(1)]}, query("newest", "feed", "EXPERIMENTS", 51))
    page = repository.newest(50)
    assert ids(page) == ["e2", "e1"]
    assert page.next_cursor is None


def test_by_status(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    dynamodb.add_response("query", {"Items": [item(1)]}, query("by-status", "status", "succeeded", 11))
    assert ids(repository.find(Criteria(status=Status.SUCCEEDED), 10)) == ["e1"]


def test_by_codec(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    dynamodb.add_response("query", {"Items": [item(1)]}, query("by-codec", "codec", "x265", 11))
    assert ids(repository.find(Criteria(codec="x265"), 10)) == ["e1"]


@pytest.mark.parametrize("codec", ["\ud800", "x" * 2049])
def test_a_codec_that_no_key_can_hold_has_no_experiments(repository: ExperimentRepository, codec: str) -> None:
    assert repository.find(Criteria(codec=codec), 10) == Page([], None)


def test_the_next_page_starts_after_the_last_one_shown(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    more_than_asked_for = {
        "Items": [item(9), item(8), item(7)],
        "LastEvaluatedKey": {name: item(7)[name] for name in ("pk", "sk", "feed", "created_at")},
    }
    dynamodb.add_response("query", more_than_asked_for, query("newest", "feed", "EXPERIMENTS", 3))
    first = repository.newest(2)
    assert ids(first) == ["e9", "e8"]
    assert first.next_cursor is not None
    assert set(first.next_cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

    start = {name: item(8)[name] for name in ("pk", "sk", "feed", "created_at")}
    dynamodb.add_response(
        "query", {"Items": [item(7)]}, query("newest", "feed", "EXPERIMENTS", 3, ExclusiveStartKey=start)
    )
    second = repository.newest(2, first.next_cursor)
    assert ids(second) == ["e7"]
    assert second.next_cursor is None


def test_no_link_leads_to_an_empty_page(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    dynamodb.add_response("query", {"Items": [item(2), item(1)]})
    assert repository.newest(2).next_cursor is None


def test_a_page_cut_short_by_dynamodb_goes_on_where_it_was_cut(
    dynamodb: Stubber, repository: ExperimentRepository
) -> None:
    cut = {
        "Items": [item(9)],
        "LastEvaluatedKey": {name: item(9)[name] for name in ("pk", "sk", "feed", "created_at")},
    }
    dynamodb.add_response("query", cut)
    page = repository.newest(50)
    assert ids(page) == ["e9"]
    assert page.next_cursor is not None


def test_a_cursor_of_one_listing_stays_in_the_listing_it_is_used_for(
    dynamodb: Stubber, repository: ExperimentRepository
) -> None:
    dynamodb.add_response("query", {"Items": [item(9), item(8)]})
    cursor = repository.newest(1).next_cursor
    start = {name: item(9)[name] for name in ("pk", "sk", "created_at")} | {"status": {"S": "failed"}}
    dynamodb.add_response("query", {"Items": []}, query("by-status", "status", "failed", 2, ExclusiveStartKey=start))
    assert repository.find(Criteria(status=Status.FAILED), 1, cursor) == Page([], None)


def test_the_page_before_a_cursor_is_read_backwards_and_shown_newest_first(
    dynamodb: Stubber, repository: ExperimentRepository
) -> None:
    dynamodb.add_response("query", {"Items": [item(9), item(8)]})
    cursor = repository.newest(1).next_cursor
    start = {name: item(9)[name] for name in ("pk", "sk", "feed", "created_at")}
    backwards = query("newest", "feed", "EXPERIMENTS", 3, ScanIndexForward=True, ExclusiveStartKey=start)
    dynamodb.add_response("query", {"Items": [item(10), item(11), item(12)]}, backwards)
    page = repository.find(Criteria(), 2, before=cursor)
    assert ids(page) == ["e11", "e10"]

    start = {name: item(10)[name] for name in ("pk", "sk", "feed", "created_at")}
    dynamodb.add_response(
        "query", {"Items": [item(9)]}, query("newest", "feed", "EXPERIMENTS", 3, ExclusiveStartKey=start)
    )
    assert ids(repository.find(Criteria(), 2, page.next_cursor)) == ["e9"]

    start = {name: item(11)[name] for name in ("pk", "sk", "feed", "created_at")}
    backwards = query("newest", "feed", "EXPERIMENTS", 3, ScanIndexForward=True, ExclusiveStartKey=start)
    dynamodb.add_response("query", {"Items": [item(12)]}, backwards)
    dynamodb.add_response("query", {"Items": [item(12), item(11)]}, query("newest", "feed", "EXPERIMENTS", 3))
    first = repository.find(Criteria(), 2, before=page.previous_cursor)
    assert (ids(first), first.previous_cursor) == (["e12", "e11"], None)


@pytest.mark.parametrize(
    ("criteria", "index"),
    [
        (Criteria(status=Status.SUCCEEDED, codec="x265"), "by-codec"),
        (Criteria(status=Status.FAILED, codec="x265"), "by-status"),
        (Criteria(codec="x265", text="e"), "by-codec"),
        (Criteria(quality=Quality.GOOD), "newest"),
    ],
)
def test_a_search_reads_the_index_that_holds_least_besides(
    dynamodb: Stubber, repository: ExperimentRepository, criteria: Criteria, index: str
) -> None:
    listing = criteria.listing
    assert listing.index == index
    dynamodb.add_response("query", {"Items": []}, query(index, listing.attribute, listing.value, READ_SIZE))
    assert repository.find(criteria, 10) == Page([], None)


def test_a_search_stops_as_soon_as_its_page_is_full(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    dynamodb.add_response("query", {"Items": [item(number) for number in (25, 24, 21, 20, 19)]})
    page = repository.find(Criteria(text="E2"), 3)
    assert (ids(page), page.examined) == (["e25", "e24", "e21"], 3)
    start = {name: item(21)[name] for name in ("pk", "sk", "feed", "created_at")}
    request = query("newest", "feed", "EXPERIMENTS", READ_SIZE, ExclusiveStartKey=start)
    dynamodb.add_response("query", {"Items": [item(20), item(19)]}, request)
    assert ids(repository.find(Criteria(text="E2"), 3, page.next_cursor)) == ["e20"]


def test_a_search_in_vain_ends_and_can_be_continued(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    for read in range(MOST_READS):
        last = {name: item(read)[name] for name in ("pk", "sk", "feed", "created_at")}
        dynamodb.add_response("query", {"Items": [item(read)] * READ_SIZE, "LastEvaluatedKey": last})
    page = repository.find(Criteria(text="nothing like it"), 10)
    assert (page.experiments, page.examined) == ([], MOST_READS * READ_SIZE)
    assert page.next_cursor is not None


def encoded(position: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!!",
        "é",
        "\ud800",
        "AAAA",
        "_____",
        "a" * 100_000,
        base64.urlsafe_b64encode(b"[" * 50_000).decode(),
        encoded(None),
        encoded({}),
        encoded([]),
        encoded(["a", "b"]),
        encoded(["a", "b", "c", "d"]),
        encoded(["a", "b", 3]),
        encoded(["a", "", "c"]),
        encoded(["\ud800", "b", "c"]),
        encoded(["x" * 2049, "b", "c"]),
        encoded(["a", "x" * 1025, "c"]),
        encoded([["a"], "b", "c"]),
    ],
    ids=lambda cursor: f"{cursor!r:.24}",
)
def test_a_broken_cursor_is_refused_before_anything_is_asked(repository: ExperimentRepository, cursor: str) -> None:
    with pytest.raises(InvalidCursorError, match="start again from the first page"):
        repository.newest(10, cursor)


def test_get(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    key = {"pk": {"S": "EXPERIMENT#e4"}, "sk": {"S": "EXPERIMENT"}}
    dynamodb.add_response("get_item", {"Item": item(4)}, {"TableName": TABLE, "Key": key, "ConsistentRead": False})
    found = repository.get("e4")
    assert found is not None
    assert found.created_at == START + timedelta(seconds=4)


def test_get_of_an_unknown_id(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    dynamodb.add_response("get_item", {})
    assert repository.get("nothing-here") is None


@pytest.mark.parametrize("identifier", ["", "\ud800", "é" * 1100])
def test_an_id_that_no_key_can_hold_is_unknown(repository: ExperimentRepository, identifier: str) -> None:
    assert repository.get(identifier) is None


def test_neighbours_are_one_bounded_query_each_way(dynamodb: Stubber, repository: ExperimentRepository) -> None:
    position = {name: item(4)[name] for name in ("pk", "sk", "feed", "created_at")}
    for forwards, found in ((True, [item(4), item(5)]), (False, [item(3), item(2)])):
        request = {
            "TableName": TABLE,
            "IndexName": "newest",
            "KeyConditionExpression": "#attribute = :value",
            "ProjectionExpression": "pk, id, #name",
            "ExpressionAttributeNames": {"#attribute": "feed", "#name": "name"},
            "ExpressionAttributeValues": {":value": {"S": "EXPERIMENTS"}},
            "ExclusiveStartKey": position,
            "ScanIndexForward": forwards,
            "Limit": 2,
        }
        dynamodb.add_response("query", {"Items": found}, request)
    newer, older = repository.neighbours(Experiment(id="e4", created_at=START + timedelta(seconds=4)))
    assert newer is not None
    assert older is not None
    assert (newer.id, older.id) == ("e5", "e3")


def test_what_is_in_no_listing_has_no_neighbours(repository: ExperimentRepository) -> None:
    assert repository.neighbours(Experiment(id="e4")) == (None, None)


def test_progress_is_written_to_an_experiment_that_still_runs(
    dynamodb: Stubber, repository: ExperimentRepository
) -> None:
    request = {
        "TableName": TABLE,
        "Key": {"pk": {"S": "EXPERIMENT#e4"}, "sk": {"S": "EXPERIMENT"}},
        "ConditionExpression": "#status = :status AND #worker = :worker AND #attempt = :attempt",
        "UpdateExpression": "SET #heartbeat_at = :heartbeat_at, #updated_at = :updated_at, #progress = :progress",
        "ExpressionAttributeNames": {
            f"#{name}": name for name in ("status", "worker", "attempt", "heartbeat_at", "updated_at", "progress")
        },
        "ExpressionAttributeValues": {
            ":status": {"S": "running"},
            ":worker": {"S": "host-1"},
            ":attempt": {"N": "2"},
            ":heartbeat_at": {"S": "2026-11-24T00:00:00.000000Z"},
            ":updated_at": {"S": "2026-11-24T00:00:00.000000Z"},
            ":progress": {"N": "0.333"},
        },
        "ReturnValues": "ALL_NEW",
    }
    stop = {"stop_requested_at": {"S": "2026-11-24T00:00:00.000000Z"}}
    dynamodb.add_response("update_item", {"Attributes": item(4) | stop}, request)
    running = Experiment(id="e4", worker="host-1", attempt=2)
    assert repository.note_progress(running, 1 / 3, START).stop_requested_at == START


def test_an_item_of_types_that_nobody_here_writes_is_read_all_the_same(
    dynamodb: Stubber, repository: ExperimentRepository
) -> None:
    odd = item(4) | {
        "name": {"B": b"\x00"},
        "codec": {"BS": [b"x"]},
        "clip": {"NULL": True},
        "cost_usd": {"NS": ["1", "2"]},
        "metrics": {"M": {"psnr_db": {"N": "1.5E+2"}, "ssim": {"S": "0.9"}, "vmaf": {}}},
        "rd_points": {"L": [{"SS": ["a"]}, {"M": {"bitrate_kbps": {"N": "3"}}}]},
    }
    dynamodb.add_response("get_item", {"Item": odd})
    found = repository.get("e4")
    assert found is not None
    assert (found.name, found.codec, found.clip, found.cost_usd) == ("e4", "", "", None)
    assert (found.metrics.psnr_db, found.metrics.ssim, found.metrics.vmaf) == (100.0, 0.9, None)
    assert len(found.rd_points) == 1
