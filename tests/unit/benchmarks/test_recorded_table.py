"""A table answered from memory, and what its answers would cost."""

import json
from itertools import pairwise
from typing import Any

import boto3
import pytest

from benchmarks.read_units import item_size, read_units
from benchmarks.recorded_table import RecordedTable

QUERY: dict[str, Any] = {
    "TableName": "experiments",
    "IndexName": "newest",
    "KeyConditionExpression": "feed = :feed",
    "ExpressionAttributeValues": {":feed": {"S": "EXPERIMENTS"}},
}
ITEMS: list[dict[str, Any]] = [{"id": {"S": name}, "cost_usd": {"N": "0"}} for name in ("a", "b", "c")]


@pytest.fixture
def client() -> Any:
    return boto3.client("dynamodb", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


def test_between_requests_one_experiment_after_the_other_changes(client: Any) -> None:
    table = RecordedTable({json.dumps(QUERY).encode(): _answer(*ITEMS)})
    table.stand_in_for(client)
    seen = [client.query(**QUERY)["Items"]]
    for _ in ITEMS:
        table.change()
        seen.append(client.query(**QUERY)["Items"])
    assert seen[0] == ITEMS
    for before, after in pairwise(seen):
        assert sum(one != other for one, other in zip(before, after, strict=True)) == 1
    assert all(first["id"] == last["id"] and first != last for first, last in zip(seen[0], seen[-1], strict=True))


def test_an_item_is_as_large_as_dynamodb_counts_it() -> None:
    sizes = {
        "text": ({"S": "é"}, 4 + 2),
        "number": ({"N": "-12.50"}, 6 + 3),
        "flag": ({"BOOL": True}, 4 + 1),
        "map": ({"M": {"a": {"S": "bc"}}}, 3 + 3 + 1 + 3),
        "list": ({"L": [{"N": "1"}, {"N": "2"}]}, 4 + 3 + 2 + 4),
    }
    assert {name: item_size({name: value}) for name, (value, _) in sizes.items()} == {
        name: size for name, (_, size) in sizes.items()
    }


@pytest.mark.parametrize(("characters", "units"), [(0, 0.5), (2046, 0.5), (2047, 1.0)])
def test_a_query_costs_half_a_unit_for_each_4_kb_that_it_read(characters: int, units: float) -> None:
    items = [{"id": {"S": "x" * characters}}] * 2
    assert read_units([_answer(*items)]) == units


def _answer(*items: dict[str, Any]) -> bytes:
    return json.dumps({"Items": items, "Count": len(items)}).encode()
