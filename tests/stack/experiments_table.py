"""The experiments table on an embedded AWS, for tests that need no deployment of the stack."""

from typing import Any

from components.experiment_store import INDEX_KEYS


def create_table(dynamodb: Any, name: str) -> None:
    """Create a table with the keys and indexes of the stack's."""
    keys = ("pk", "sk", *INDEX_KEYS.values(), "created_at")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[_key("pk", "HASH"), _key("sk", "RANGE")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [_key(key, "HASH"), _key("created_at", "RANGE")],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, key in INDEX_KEYS.items()
        ],
    )


def _key(name: str, kind: str) -> dict[str, str]:
    return {"AttributeName": name, "KeyType": kind}
