"""The last releases of a stack, kept in its table beside the experiments."""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

KEPT = 100
PARTITION = "RELEASES"


class ReleaseHistory:
    """Release records by number, of which the last 100 are kept."""

    def __init__(self, client: Any, table: str) -> None:
        """Take a DynamoDB client and the table's name."""
        self._client = client
        self._table = table

    def newest(self, limit: int = KEPT) -> list[dict[str, Any]]:
        """The last records, newest first."""
        found = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :releases",
            ExpressionAttributeValues=_item({":releases": PARTITION}),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [_record(item) for item in found["Items"]]

    def put(self, number: int, record: Mapping[str, Any]) -> None:
        """Keep a record, and forget the one that is one too many; a second time, nothing changes."""
        self._client.put_item(TableName=self._table, Item=_item({**_key(number), **record}))
        if number > KEPT:
            self._client.delete_item(TableName=self._table, Key=_item(_key(number - KEPT)))


def name_of(number: int) -> str:
    """A release's name, such as `r12`; a bare number is a version of the renderer."""
    return f"r{number}"


def number_of(name: str) -> int:
    """The number in a release's name."""
    return int(name.removeprefix("r"))


def _key(number: int) -> dict[str, str]:
    """The sort key is padded, so that it sorts as the number does."""
    return {"pk": PARTITION, "sk": f"RELEASE#{number:08}"}


def _item(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: TypeSerializer().serialize(value) for name, value in fields.items()}


def _record(item: Mapping[str, Any]) -> dict[str, Any]:
    fields = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
    return {name: value for name, value in fields.items() if name not in ("pk", "sk")}
