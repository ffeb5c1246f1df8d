"""What DynamoDB would charge for queries, by its documented rules; the emulator reports the same for each."""

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

UNIT_BYTES = 4096
EVENTUALLY_CONSISTENT = 0.5


def read_units(answers: Iterable[bytes]) -> float:
    """Return the read units of eventually consistent queries without filters, from their answers.

    Each costs by the size of all items that it read, rounded up:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """
    return sum(EVENTUALLY_CONSISTENT * max(1, math.ceil(_items_size(answer) / UNIT_BYTES)) for answer in answers)


def item_size(item: Mapping[str, Any]) -> int:
    """Return an item's size in bytes: its attributes' names and values.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _items_size(answer: bytes) -> int:
    return sum(map(item_size, json.loads(answer)["Items"]))


def _value_size(attribute_value: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute_value.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return math.ceil(len(Decimal(value).normalize().as_tuple().digits) / 2) + 1
        case "M":
            return 3 + len(value) + item_size(value)
        case "L":
            return 3 + len(value) + sum(map(_value_size, value))
        case "BOOL" | "NULL":
            return 1
    raise ValueError(f"the data model has no attribute of type {kind}")
