"""Counts anew what the table keeps beside the experiments: `make recount`.

    python -m operations.recount --stack production

For a table into which others than the worker have written, or an older one. It reads every experiment once, and writes
totals, bests, curves and re-runs as they should be (experiments/aggregates.py). Usage that is on record stays, as
experiments that were deleted or run again have been paid for, too. Let no worker write meanwhile: what ends between
reading and writing would not be counted.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from experiments.aggregates import (
    AGGREGATES,
    CLIP_PREFIX,
    DAY_PREFIX,
    MONTH_PREFIX,
    TOTAL_PREFIX,
    Addition,
    Key,
    Replacement,
    best_result,
    changes,
    curves_partition,
)
from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.model import SORT_KEY, Experiment
from experiments.transaction import as_key

from operations.stack import configuration, outputs_of, stack_parser
from releasing.aws_connection import PATIENCE, connected
from releasing.project import CouldNotLook

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

WRITERS = 8

Items = dict[Key, dict[str, Any]]


def main() -> int:
    """Count a stack's experiments; exit code 2 where that can't be done."""
    arguments = stack_parser("recount", __doc__).parse_args()
    try:
        table = outputs_of(arguments.stack, arguments.port)["table_name"]
        client = connected("dynamodb", configuration(arguments.stack, arguments.port), PATIENCE)
        counted = recount(table, client)
    except (CouldNotLook, ClientError, BotoCoreError) as reason:
        sys.stderr.write(f"error: {reason}\n")
        return 2
    sys.stdout.write(f"Counted {counted:,} experiments of {table}.\n")
    return 0


def recount(table: str, client: "DynamoDBClient") -> int:
    """Write what is kept beside a table's experiments anew, and return how many there are.

    Raises:
        ClientError, BotoCoreError: the table can't be read or written.

    """
    items: Items = {}
    counted = 0
    for experiment in _experiments(table, client):
        _count(experiment, items)
        counted += 1
    stale = [key for key in _present(table, client, items) if key not in items]
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(lambda key: _write(table, client, key, items[key]), items))
        list(pool.map(lambda key: client.delete_item(TableName=table, Key=as_key(key)), stale))
    return counted


def _experiments(table: str, client: "DynamoDBClient") -> Iterator[Experiment]:
    pages = client.get_paginator("scan").paginate(
        TableName=table, FilterExpression="sk = :sk", ExpressionAttributeValues={":sk": {"S": SORT_KEY}}
    )
    for page in pages:
        for item in page["Items"]:
            experiment = Experiment.from_item(item_to_python(item))
            if experiment.id and experiment.created_at:
                yield experiment


def _count(experiment: Experiment, items: Items) -> None:
    for change in changes(None, experiment):
        match change:
            case Addition(key, amounts):
                sums = items.setdefault(key, {})
                sums.update({name: sums.get(name, 0) + amount for name, amount in amounts.items()})
            case Replacement(key, attributes) if attributes:
                _keep_most(items, key, attributes, _created_at)
    best = best_result(experiment)
    if best and best.attributes:
        _keep_most(items, best.key, best.attributes, lambda item: item["compression_ratio"])


def _created_at(item: Mapping[str, Any]) -> str:
    """Return when the experiment was queued whose point of a curve an item is; what else replaces another is equal."""
    return str(item.get("experiment", {}).get("created_at", ""))


def _keep_most(items: Items, key: Key, attributes: Mapping[str, Any], measure: Callable[[Any], Any]) -> None:
    if key not in items or measure(attributes) > measure(items[key]):
        items[key] = dict(attributes)


def _present(table: str, client: "DynamoDBClient", items: Items) -> Iterator[Key]:
    """Return the keys of all totals and curve points that the table has now."""
    totals = list(_keys(table, client, AGGREGATES, TOTAL_PREFIX))
    yield from totals
    clips = {key.sk.removeprefix(CLIP_PREFIX) for key in (*totals, *items) if key.sk.startswith(CLIP_PREFIX)}
    for clip in clips:
        yield from _keys(table, client, curves_partition(clip), "")


def _keys(table: str, client: "DynamoDBClient", partition: str, prefix: str) -> Iterable[Key]:
    values = {":pk": {"S": partition}} | ({":sk": {"S": prefix}} if prefix else {})
    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)" if prefix else "pk = :pk",
        ExpressionAttributeValues=values,
        ProjectionExpression="pk, sk",
    )
    for page in pages:
        yield from (Key(item["pk"]["S"], item["sk"]["S"]) for item in page["Items"])


def _write(table: str, client: "DynamoDBClient", key: Key, attributes: Mapping[str, Any]) -> None:
    item = as_key(key) | item_to_attribute_values(attributes)
    if not (key.sk.startswith(MONTH_PREFIX) or key.pk.startswith(DAY_PREFIX)):
        client.put_item(TableName=table, Item=item)
        return
    try:
        client.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")
    except client.exceptions.ConditionalCheckFailedException:
        return


if __name__ == "__main__":
    sys.exit(main())
