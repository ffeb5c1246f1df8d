"""DynamoDB: tables."""

import time
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Field, Shape

POLL_SECONDS = 0.25
POLLS = 480
# What AWS keeps as it is when the program doesn't give it.
SWITCH = Block({"enabled": False}, default=AWS_DECIDES)
# The keys of an index are given in either of two ways; both are read back, and the one not given is no difference.
INDEX = {
    "name": Field(aws="IndexName"),
    **dict.fromkeys(("hashKey", "rangeKey"), AWS_DECIDES),
    "keySchemas": Blocks({"attributeName": None, "keyType": None}, default=AWS_DECIDES, aws="KeySchema"),
    "projectionType": Field(aws="Projection.ProjectionType"),
}


class Keyed(Block):
    """What has a hash key and maybe a range key, which AWS takes as a schema."""

    def to_aws(self, value: Any, shape: Shape) -> Any:
        keys = {"HASH": value.get("hashKey"), "RANGE": value.get("rangeKey")}
        schema = [{"AttributeName": name, "KeyType": kind} for kind, name in keys.items() if name]
        return {**({"KeySchema": schema} if schema else {}), **super().to_aws(value, shape)}

    def from_aws(self, value: Any, shape: Shape) -> Any:
        keys = {key["KeyType"]: key["AttributeName"] for key in value["KeySchema"]}
        return {**super().from_aws(value, shape), "hashKey": keys["HASH"], "rangeKey": keys.get("RANGE")}


class Table(Resource):
    """A table with its indexes."""

    reads, found_in = "describe_{}", "Table"
    inputs = {
        "name": Field(aws="TableName"),
        "billingMode": Field("PROVISIONED", aws=("BillingMode", "BillingModeSummary.BillingMode")),
        "hashKey": None,
        "rangeKey": None,
        "attributes": Blocks(
            {"name": Field(aws="AttributeName"), "type": Field(aws="AttributeType")}, aws="AttributeDefinitions"
        ),
        "globalSecondaryIndexes": Blocks(Keyed(INDEX)),
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

    def __init__(self) -> None:
        super().__init__()
        self.own = Keyed(self.inputs)

    def create(self, aws: Aws, inputs: Properties) -> str:
        request = {name: value for name, value in self._request(aws, inputs).items() if value != []}
        aws.client("dynamodb").create_table(**request, **self.tags_at_creation(aws, inputs))
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

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        for name in changed & {"billingMode", "deletionProtectionEnabled"}:
            shape = aws.operation("dynamodb", "update_table").input_shape
            aws.client("dynamodb").update_table(TableName=identifier, **self.only(name).to_aws(inputs, shape))
            self._wait(aws, identifier)
        self.set_apart(aws, identifier, known, inputs, changed)
        super().update(aws, identifier, known, inputs, changed & {"tags"})

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        super().delete(aws, identifier, known)
        aws.wait("dynamodb", "table_not_exists", TableName=identifier)

    def _wait(self, aws: Aws, name: str) -> None:
        """Wait for the table and all its indexes: while one is made, AWS takes no change of another."""
        dynamodb = aws.client("dynamodb")
        aws.wait("dynamodb", "table_exists", TableName=name)
        for _ in range(POLLS):
            indexes = dynamodb.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
            if all(index.get("IndexStatus", "ACTIVE") == "ACTIVE" for index in indexes):
                return
            time.sleep(POLL_SECONDS)

    def _request(self, aws: Aws, inputs: Properties) -> dict[str, Any]:
        """All of it as its creation takes it."""
        return dict(self.own.to_aws(inputs, aws.operation("dynamodb", "create_table").input_shape))

    def index(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        """AWS creates or deletes one index at a time, and changes none: such a one is deleted and created."""
        dynamodb, like = aws.client("dynamodb"), self.own.fields["globalSecondaryIndexes"].of
        state = self.read(aws, identifier, {"name": identifier}) or {}
        existing = {each["name"]: each for each in state["globalSecondaryIndexes"]}
        wanted = {index["name"]: index for index in inputs.get("globalSecondaryIndexes", [])}
        unlike = {key for key, index in existing.items() if key in wanted and like.differs(index, wanted[key])}
        deletions = [{"Delete": {"IndexName": key}} for key in existing if key not in wanted or key in unlike]
        request = self._request(aws, inputs)
        new = [each for each in request["GlobalSecondaryIndexes"] if each["IndexName"] not in existing.keys() - unlike]
        creations = [{"Create": index} for index in new]
        for change in [*deletions, *creations]:
            attributes = request["AttributeDefinitions"]
            dynamodb.update_table(
                TableName=identifier, AttributeDefinitions=attributes, GlobalSecondaryIndexUpdates=[change]
            )
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
