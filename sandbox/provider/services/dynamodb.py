"""DynamoDB: tables."""

import time
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Field

POLL_SECONDS = 0.25
POLLS = 480
POLL = {"Delay": POLL_SECONDS, "MaxAttempts": POLLS}
# What AWS keeps as it is when the program doesn't give it.
SWITCH = Block({"enabled": False}, default=AWS_DECIDES)
KEYS = {"hashKey": AWS_DECIDES, "rangeKey": AWS_DECIDES}


class Table(Resource):
    """A table with its indexes."""

    pulumi_type = "aws:dynamodb/table:Table"
    service, noun, reads, found_in = "dynamodb", "table", "describe_{}", "Table"
    inputs = {
        "name": Field(aws="TableName"),
        "billingMode": Field("PROVISIONED", aws=("BillingMode", "BillingModeSummary.BillingMode")),
        "hashKey": None,
        "rangeKey": None,
        "attributes": Blocks(
            {"name": Field(aws="AttributeName"), "type": Field(aws="AttributeType")}, aws="AttributeDefinitions"
        ),
        # Its keys are given in either of two ways; both are read back, and the one not given is no difference.
        "globalSecondaryIndexes": [
            {
                "name": Field(aws="IndexName"),
                **KEYS,
                "keySchemas": Blocks({"attributeName": None, "keyType": None}, default=AWS_DECIDES, aws="KeySchema"),
                "projectionType": Field(aws="Projection.ProjectionType"),
            }
        ],
        "pointInTimeRecovery": SWITCH,
        "deletionProtectionEnabled": False,
        "ttl": Block({"attributeName": "", "enabled": False}, default=AWS_DECIDES),
    }
    identity = "{name}"
    replaced_by = frozenset({"hashKey", "rangeKey"})
    outputs = {"arn": "Table.TableArn"}
    tagged = True
    apart = {"index": ("globalSecondaryIndexes",), "recover": ("pointInTimeRecovery",), "expire": ("ttl",)}
    bears = {"deletes": ("ResourceInUseException", "LimitExceededException")}
    waits_for = "the table and its indexes"

    def create(self, aws: Aws, inputs: Properties) -> str:
        keys = _key_schema(inputs["hashKey"], inputs.get("rangeKey"))
        indexes = self._indexes(aws, inputs)
        more = {"KeySchema": keys, **({"GlobalSecondaryIndexes": indexes} if indexes else {})}
        tags = self.tags_at_creation(aws, inputs)
        without = {name: value for name, value in inputs.items() if name != "globalSecondaryIndexes"}
        request = self.own.to_aws(without, aws.operation("dynamodb", "create_table").input_shape)
        aws.client("dynamodb").create_table(**{**request, **more, **tags})
        return str(inputs["name"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        self._wait(aws, identifier)
        super().complete(aws, identifier, {**inputs, "globalSecondaryIndexes": None})

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        state = super().read(aws, identifier, known)
        dynamodb = aws.client("dynamodb")
        backups = dynamodb.describe_continuous_backups(TableName=identifier)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        ttl = dynamodb.describe_time_to_live(TableName=identifier).get("TimeToLiveDescription", {})
        enabled = ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        return state and {
            **state,
            "pointInTimeRecovery": {"enabled": recovery == "ENABLED"},
            "ttl": {"attributeName": ttl.get("AttributeName", "") if enabled else "", "enabled": enabled},
        }

    def properties(self, told: Any, shape: Any) -> dict[str, Any]:
        properties = super().properties(told, shape)
        indexes = zip(properties["globalSecondaryIndexes"], told.get("GlobalSecondaryIndexes", []), strict=True)
        return {
            **properties,
            **_keys(told["KeySchema"]),
            "globalSecondaryIndexes": [{**index, **_keys(of_aws["KeySchema"])} for index, of_aws in indexes],
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        for name in changed & {"billingMode", "deletionProtectionEnabled"}:
            shape = aws.operation("dynamodb", "update_table").input_shape
            aws.client("dynamodb").update_table(TableName=identifier, **self.only(name).to_aws(inputs, shape))
            self._wait(aws, identifier)
        self.set_apart(aws, identifier, known, inputs, changed)
        super().update(aws, identifier, known, inputs, changed & {"tags"})

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        super().delete(aws, identifier, known)
        aws.client("dynamodb").get_waiter("table_not_exists").wait(TableName=identifier, WaiterConfig=POLL)

    def _wait(self, aws: Aws, name: str) -> None:
        """Wait for the table and all its indexes: while one is made, AWS takes no change of another."""
        dynamodb = aws.client("dynamodb")
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=POLL)
        for _ in range(POLLS):
            indexes = dynamodb.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
            if all(index.get("IndexStatus", "ACTIVE") == "ACTIVE" for index in indexes):
                return
            time.sleep(POLL_SECONDS)

    def _indexes(self, aws: Aws, inputs: Properties) -> list[dict[str, Any]]:
        """The indexes as AWS takes them."""
        shape = aws.operation("dynamodb", "create_table").input_shape.members["GlobalSecondaryIndexes"]
        given = inputs.get("globalSecondaryIndexes", [])
        indexes = self.own.fields["globalSecondaryIndexes"].to_aws(given, shape)
        return [
            {"KeySchema": _key_schema(index.get("hashKey"), index.get("rangeKey")), **of_aws}
            for index, of_aws in zip(given, indexes, strict=True)
        ]

    def index(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        """AWS creates or deletes one index at a time, and changes none: such a one is deleted and created."""
        dynamodb, like = aws.client("dynamodb"), self.own.fields["globalSecondaryIndexes"].of
        state = self.read(aws, identifier, {"name": identifier}) or {}
        existing = {each["name"]: each for each in state["globalSecondaryIndexes"]}
        wanted = {index["name"]: index for index in inputs.get("globalSecondaryIndexes", [])}
        unlike = {key for key, index in existing.items() if key in wanted and like.differs(index, wanted[key])}
        deletions = [{"Delete": {"IndexName": key}} for key in existing if key not in wanted or key in unlike]
        creations = [
            {"Create": index}
            for index in self._indexes(aws, inputs)
            if index["IndexName"] not in existing or index["IndexName"] in unlike
        ]
        shape = aws.operation("dynamodb", "create_table").input_shape.members["AttributeDefinitions"]
        attributes = self.own.fields["attributes"].to_aws(inputs["attributes"], shape)
        for change in [*deletions, *creations]:
            request = {"AttributeDefinitions": attributes, "GlobalSecondaryIndexUpdates": [change]}
            dynamodb.update_table(TableName=identifier, **request)
            self._wait(aws, identifier)

    def recover(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        enabled = {"PointInTimeRecoveryEnabled": (inputs.get("pointInTimeRecovery") or {}).get("enabled", False)}
        request = {"TableName": identifier, "PointInTimeRecoverySpecification": enabled}
        aws.client("dynamodb").update_continuous_backups(**request)

    def expire(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        """AWS moves a TTL to another attribute only after it was switched off."""
        for ttl, enabled in ((known.get("ttl") or {}, False), (inputs.get("ttl") or {}, True)):
            if ttl.get("enabled"):
                specification = {"AttributeName": ttl["attributeName"], "Enabled": enabled}
                request = {"TableName": identifier, "TimeToLiveSpecification": specification}
                aws.client("dynamodb").update_time_to_live(**request)


def _key_schema(hash_key: str | None, range_key: str | None) -> list[dict[str, str]]:
    keys = {"HASH": hash_key, "RANGE": range_key}
    return [{"AttributeName": name, "KeyType": kind} for kind, name in keys.items() if name]


def _keys(key_schema: list[dict[str, str]]) -> dict[str, str | None]:
    named = {key["KeyType"]: key["AttributeName"] for key in key_schema}
    return {"hashKey": named["HASH"], "rangeKey": named.get("RANGE")}
