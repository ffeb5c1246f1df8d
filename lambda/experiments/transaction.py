"""An experiment's change as one transaction: its item and what is kept beside it, written together or not at all."""

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from experiments.aggregates import Addition, Change, Key, Replacement, changes
from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.model import Experiment

# What changes are computed from: counters depend on the status, a job's life on who runs it and who wants it stopped.
_WATCHED = ("status", "worker", "attempt", "stop_requested_at")
_BY_ANOTHER_WRITER = {"None", "ConditionalCheckFailed", "TransactionConflict"}

AttributeValues = Mapping[str, Any]


def transaction(table_name: str, before: AttributeValues | None, after: Experiment) -> list[dict[str, Any]]:
    """Return the writes that put an experiment in the place of the item that was read of it, if that is still there.

    Raises:
        ValueError: the experiment has no id or no creation time.
    """
    item = item_to_attribute_values(after.to_item())
    put = {"Put": {"TableName": table_name, "Item": item, **_unchanged_since(before)}}
    beside = changes(Experiment.from_item(item_to_python(before)) if before else None, after)
    return [put, *(as_request(table_name, change) for change in beside)]


def removing_transaction(table_name: str, before: AttributeValues, beside: Iterable[Change]) -> list[dict[str, Any]]:
    """Return the writes that delete the item that was read of an experiment, if that is still there."""
    key = {name: before[name] for name in ("pk", "sk")}
    delete = {"Delete": {"TableName": table_name, "Key": key, **_unchanged_since(before)}}
    return [delete, *(as_request(table_name, change) for change in beside)]


def as_request(table_name: str, change: Change) -> dict[str, Any]:
    """Return a change as a part of a transaction."""
    match change:
        case Addition():
            return {"Update": {"TableName": table_name, **_as_update(change)}}
        case Replacement(attributes=None):
            return {"Delete": {"TableName": table_name, "Key": as_key(change.key)}}
        case Replacement():
            return {"Put": {"TableName": table_name, "Item": as_item(change)}}


def as_item(change: Replacement) -> dict[str, Any]:
    """Return the item that a replacement writes."""
    return as_key(change.key) | item_to_attribute_values(change.attributes or {})


def is_transaction_conflict(error: ClientError) -> bool:
    """Tell whether a transaction was refused because of another writer, so that it may be tried again."""
    reasons: Any = error.response.get("CancellationReasons", [])
    return bool(reasons) and all(reason.get("Code") in _BY_ANOTHER_WRITER for reason in reasons)


def _unchanged_since(before: AttributeValues | None) -> dict[str, Any]:
    """Return the condition that nothing has changed of what the change was computed from."""
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    conditions = ["attribute_exists(pk)"]
    conditions += [f"#{name} = :{name}" if name in before else f"attribute_not_exists(#{name})" for name in _WATCHED]
    condition: dict[str, Any] = {
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in _WATCHED},
    }
    if values := {f":{name}": before[name] for name in _WATCHED if name in before}:
        condition["ExpressionAttributeValues"] = values
    return condition


def as_key(key: Key) -> dict[str, Any]:
    """Return a key as DynamoDB takes it."""
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _as_update(change: Addition) -> dict[str, Any]:
    amounts = list(enumerate(change.amounts.items()))
    return {
        "Key": as_key(change.key),
        "UpdateExpression": "ADD " + ", ".join(f"#{place} :{place}" for place, _ in amounts),
        "ExpressionAttributeNames": {f"#{place}": name for place, (name, _) in amounts},
        "ExpressionAttributeValues": {f":{place}": {"N": str(amount)} for place, (_, amount) in amounts},
    }
