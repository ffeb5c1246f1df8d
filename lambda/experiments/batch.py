"""Many puts or deletions at once, for what needs no transaction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
MOST_AT_ONCE = 25


def write_in_batches(
    client: "DynamoDBClient", table_name: str, requests: Sequence[dict[str, Any]], most_attempts: int | None = None
) -> None:
    """Write items or delete them, each by a request as BatchWriteItem takes it.

    What DynamoDB leaves undone is sent again, so often at most, and else until all is done.
    """
    for start in range(0, len(requests), MOST_AT_ONCE):
        waiting: Any = {table_name: requests[start : start + MOST_AT_ONCE]}
        attempts = 0
        while waiting and attempts != most_attempts:
            waiting = client.batch_write_item(RequestItems=waiting).get("UnprocessedItems")
            attempts += 1
