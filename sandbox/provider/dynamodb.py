"""DynamoDB: tables."""

from collections.abc import Mapping
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, superfluous_tags, tag_list, tag_map
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Field

POLL = {"Delay": 0.25, "MaxAttempts": 480}
DISABLED = {"enabled": False}

ATTRIBUTES = Blocks(
    key="name",
    of=Block(
        fields={"name": Field(aws="AttributeName", required=True), "type": Field(aws="AttributeType", required=True)}
    ),
    required=True,
)
KEY_SCHEMAS = Blocks(
    key="attributeName",
    of=Block(
        fields={
            "attributeName": Field(aws="AttributeName", required=True),
            "keyType": Field(aws="KeyType", required=True),
        }
    ),
    default=AWS_DECIDES,
)
# An index's keys are given in either of two ways; both are read back, and the one not given is no difference.
INDEXES = Blocks(
    key="name",
    of=Block(
        fields={
            "name": Field(required=True),
            "hashKey": Field(default=AWS_DECIDES),
            "rangeKey": Field(default=AWS_DECIDES),
            "keySchemas": KEY_SCHEMAS,
            "projectionType": Field(required=True),
        }
    ),
)


class Table(Resource):
    """A table with its indexes."""

    tokens = ("aws:dynamodb/table:Table",)
    inputs = Block(
        fields={
            "name": Field(required=True),
            "billingMode": Field(default="PROVISIONED"),
            "hashKey": Field(required=True),
            "rangeKey": Field(),
            "attributes": ATTRIBUTES,
            "globalSecondaryIndexes": INDEXES,
            "pointInTimeRecovery": Block(fields={"enabled": Field(default=False)}, default=DISABLED),
            "deletionProtectionEnabled": Field(default=False),
            "serverSideEncryption": Block(fields={"enabled": Field(default=False)}, default=DISABLED),
            "ttl": Block(
                fields={"attributeName": Field(default=""), "enabled": Field(default=False)},
                default={"attributeName": "", "enabled": False},
            ),
        }
    )
    identity = ("name",)
    replace_on = frozenset({"hashKey", "rangeKey"})
    computed = ("arn", "tagsAll")
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        name = str(inputs["name"])
        indexes = [_index_to_aws(index) for index in inputs.get("globalSecondaryIndexes", [])]
        aws.client("dynamodb").create_table(
            TableName=name,
            BillingMode=_billing_mode(inputs),
            KeySchema=_key_schema(inputs["hashKey"], inputs.get("rangeKey")),
            AttributeDefinitions=ATTRIBUTES.to_aws(inputs["attributes"]),
            DeletionProtectionEnabled=inputs.get("deletionProtectionEnabled", False),
            SSESpecification={"Enabled": _enabled(inputs, "serverSideEncryption")},
            Tags=tag_list(aws.tags(inputs)),
            **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
        )
        return name

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        self._wait(aws, identifier)
        if _enabled(inputs, "pointInTimeRecovery"):
            self._recover_points_in_time(aws, identifier, inputs)
        if _enabled(inputs, "ttl"):
            self._set_ttl(aws, identifier, inputs["ttl"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        dynamodb = aws.client("dynamodb")
        table = dynamodb.describe_table(TableName=identifier)["Table"]
        backups = dynamodb.describe_continuous_backups(TableName=identifier)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        ttl = dynamodb.describe_time_to_live(TableName=identifier).get("TimeToLiveDescription", {})
        ttl_enabled = ttl.get("TimeToLiveStatus") in ("ENABLED", "ENABLING")
        keys = _keys(table["KeySchema"])
        return {
            "name": identifier,
            "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "hashKey": keys["HASH"],
            "rangeKey": keys.get("RANGE"),
            "attributes": ATTRIBUTES.from_aws(table["AttributeDefinitions"]),
            "globalSecondaryIndexes": [_index_from_aws(each) for each in table.get("GlobalSecondaryIndexes", [])],
            "pointInTimeRecovery": {"enabled": recovery == "ENABLED"},
            "deletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "serverSideEncryption": {"enabled": table.get("SSEDescription", {}).get("Status") == "ENABLED"},
            "ttl": {"attributeName": ttl.get("AttributeName", "") if ttl_enabled else "", "enabled": ttl_enabled},
            "arn": table["TableArn"],
            "tagsAll": self._read_tags(aws, table["TableArn"]),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        dynamodb = aws.client("dynamodb")
        for name, request in (
            ("billingMode", {"BillingMode": _billing_mode(inputs)}),
            (
                "deletionProtectionEnabled",
                {"DeletionProtectionEnabled": inputs.get("deletionProtectionEnabled", False)},
            ),
            ("serverSideEncryption", {"SSESpecification": {"Enabled": _enabled(inputs, "serverSideEncryption")}}),
        ):
            if name in changed:
                dynamodb.update_table(TableName=identifier, **request)
                self._wait(aws, identifier)
        if "globalSecondaryIndexes" in changed:
            self._update_indexes(aws, identifier, inputs)
        if "pointInTimeRecovery" in changed:
            self._recover_points_in_time(aws, identifier, inputs)
        if "ttl" in changed:
            self._update_ttl(aws, identifier, known, inputs)
        if "tags" in changed:
            tags = aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                dynamodb.untag_resource(ResourceArn=known["arn"], TagKeys=keys)
            if tags:
                dynamodb.tag_resource(ResourceArn=known["arn"], Tags=tag_list(tags))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        dynamodb = aws.client("dynamodb")
        dynamodb.delete_table(TableName=identifier)
        dynamodb.get_waiter("table_not_exists").wait(TableName=identifier, WaiterConfig=POLL)

    def _wait(self, aws: Aws, name: str) -> None:
        aws.client("dynamodb").get_waiter("table_exists").wait(TableName=name, WaiterConfig=POLL)

    def _update_indexes(self, aws: Aws, name: str, inputs: Properties) -> None:
        """AWS creates or deletes one index at a time, and changes none: such a one is deleted and created."""
        dynamodb = aws.client("dynamodb")
        table = dynamodb.describe_table(TableName=name)["Table"]
        existing = {each["IndexName"]: _index_from_aws(each) for each in table.get("GlobalSecondaryIndexes", [])}
        wanted = {index["name"]: index for index in inputs.get("globalSecondaryIndexes", [])}
        unlike = {key for key, index in existing.items() if key in wanted and INDEXES.of.differs(index, wanted[key])}
        deletions = [{"Delete": {"IndexName": key}} for key in existing if key not in wanted or key in unlike]
        creations = [
            {"Create": _index_to_aws(index)} for key, index in wanted.items() if key not in existing or key in unlike
        ]
        for change in [*deletions, *creations]:
            dynamodb.update_table(
                TableName=name,
                AttributeDefinitions=ATTRIBUTES.to_aws(inputs["attributes"]),
                GlobalSecondaryIndexUpdates=[change],
            )
            self._wait(aws, name)

    def _recover_points_in_time(self, aws: Aws, name: str, inputs: Properties) -> None:
        aws.client("dynamodb").update_continuous_backups(
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": _enabled(inputs, "pointInTimeRecovery")},
        )

    def _update_ttl(self, aws: Aws, name: str, known: Properties, inputs: Properties) -> None:
        """AWS moves a TTL to another attribute only after it was switched off."""
        old, new = known.get("ttl") or {}, inputs.get("ttl") or {}
        if old.get("enabled"):
            self._set_ttl(aws, name, {**old, "enabled": False})
        if new.get("enabled"):
            self._set_ttl(aws, name, new)

    def _set_ttl(self, aws: Aws, name: str, ttl: Mapping[str, Any]) -> None:
        aws.client("dynamodb").update_time_to_live(
            TableName=name, TimeToLiveSpecification={"AttributeName": ttl["attributeName"], "Enabled": ttl["enabled"]}
        )

    def _read_tags(self, aws: Aws, arn: str) -> dict[str, str]:
        pages = aws.client("dynamodb").get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
        return tag_map(tag for page in pages for tag in page["Tags"])


def _billing_mode(inputs: Properties) -> str:
    return str(inputs.get("billingMode", "PROVISIONED"))


def _enabled(inputs: Properties, name: str) -> bool:
    return bool((inputs.get(name) or {}).get("enabled"))


def _key_schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    keys = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return [*keys, {"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else keys


def _keys(key_schema: list[dict[str, str]]) -> dict[str, str]:
    return {key["KeyType"]: key["AttributeName"] for key in key_schema}


def _index_to_aws(index: Properties) -> dict[str, Any]:
    schemas = index.get("keySchemas")
    return {
        "IndexName": index["name"],
        "KeySchema": KEY_SCHEMAS.to_aws(schemas) if schemas else _key_schema(index["hashKey"], index.get("rangeKey")),
        "Projection": {"ProjectionType": index["projectionType"]},
    }


def _index_from_aws(index: Mapping[str, Any]) -> dict[str, Any]:
    keys = _keys(index["KeySchema"])
    return {
        "name": index["IndexName"],
        "hashKey": keys["HASH"],
        "rangeKey": keys.get("RANGE"),
        "keySchemas": KEY_SCHEMAS.from_aws(index["KeySchema"]),
        "projectionType": index["Projection"]["ProjectionType"],
    }
