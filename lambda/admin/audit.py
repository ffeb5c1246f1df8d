"""The audit trail: who did what to experiments, and when; written in the very transaction that does it."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from experiments.aggregates import Key, Replacement
from experiments.attribute_values import item_to_python
from experiments.cursor import InvalidCursorError
from experiments.fields import instant, iso_utc, mapping, text

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

KEPT = timedelta(days=365)
PARTITION = "AUDIT"
PAGE_LENGTH = 50
# A cursor is the sort key of a page's last entry.
_SORT_KEY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z-[0-9a-f]{8}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Something that somebody did."""

    at: datetime | None
    who: str
    action: str
    """`start`, `stop`, `rerun` or `delete`."""
    experiment_id: str
    detail: Mapping[str, Any]
    """Via what it was done, `page` or `chat`, and with which parameters."""


class AuditPage(NamedTuple):
    """Some entries, newest first."""

    entries: tuple[AuditEntry, ...]
    next_cursor: str | None


def noting(at: datetime, who: str, action: str, experiment_id: str, detail: Mapping[str, Any]) -> Replacement:
    """Return the item that notes an action, to be written together with what the action changes."""
    attributes = {
        "at": iso_utc(at),
        "who": who,
        "action": action,
        "experiment_id": experiment_id,
        "detail": detail,
        "expires_at": int((at + KEPT).timestamp()),
    }
    return Replacement(Key(PARTITION, f"{iso_utc(at)}-{secrets.token_hex(4)}"), attributes)


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """The trail in one table. Errors of the service are the caller's to handle."""

    table_name: str
    client: "DynamoDBClient"

    def page(self, cursor: str | None = None) -> AuditPage:
        """Return a page of entries, newest first.

        Raises:
            InvalidCursorError: the cursor is not one that a page handed out.
        """
        request: dict[str, Any] = {
            "TableName": self.table_name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": PARTITION}},
            "ScanIndexForward": False,
            "Limit": PAGE_LENGTH,
        }
        if cursor is not None:
            if not _SORT_KEY.fullmatch(cursor):
                raise InvalidCursorError("the cursor is damaged: start again from the first page")
            request["ExclusiveStartKey"] = {"pk": {"S": PARTITION}, "sk": {"S": cursor}}
        response = self.client.query(**request)
        entries = tuple(_entry(item_to_python(item)) for item in response["Items"])
        last_key = response.get("LastEvaluatedKey")
        return AuditPage(entries, str(last_key["sk"]["S"]) if last_key else None)


def _entry(item: Mapping[str, Any]) -> AuditEntry:
    return AuditEntry(
        at=instant(item.get("at")),
        who=text(item.get("who")) or "",
        action=text(item.get("action")) or "",
        experiment_id=text(item.get("experiment_id")) or "",
        detail=mapping(item.get("detail")),
    )
