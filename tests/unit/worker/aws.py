"""A table and a bucket in memory, with the few calls that publishing makes."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from experiments.aggregates import AGGREGATES
from experiments.attribute_values import item_to_python
from experiments.frame_quality import FRAMES_SORT_KEY
from experiments.model import Experiment


@dataclass
class Cloud:
    """Stands for both clients; `history` has every record as it was written, `refuses` the calls that fail."""

    items: dict[str, Any] = field(default_factory=dict)
    frames: dict[str, Any] = field(default_factory=dict)
    history: list[Experiment] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    content_types: dict[str, str] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    def client(self, service: str) -> Any:
        assert service in ("dynamodb", "s3")
        return self

    def put_item(self, TableName: str, Item: dict[str, Any], **_condition: Any) -> None:  # noqa: N803
        self._allow("PutItem")
        if Item["pk"]["S"] == AGGREGATES:
            return
        if Item["sk"]["S"] == FRAMES_SORT_KEY:
            self.frames[Item["pk"]["S"]] = Item
            return
        self.items[Item["pk"]["S"]] = Item
        self.history.append(Experiment.from_item(item_to_python(Item)))

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:  # noqa: N803
        """Keep the experiment; what is kept beside it is tested where it comes from."""
        self._allow("TransactWriteItems")
        put = TransactItems[0]["Put"]
        self.put_item(put["TableName"], put["Item"])

    def update_item(self, Key: dict[str, Any], **request: Any) -> dict[str, Any]:  # noqa: N803
        """The one update there is: the progress of an experiment that is still running."""
        self._allow("UpdateItem")
        values = request["ExpressionAttributeValues"]
        item = self.items[Key["pk"]["S"]]
        if item["status"] != values[":status"]:
            raise ClientError({"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}, "UpdateItem")
        noted = {name: values[f":{name}"] for name in ("progress", "heartbeat_at", "updated_at")}
        self.items[Key["pk"]["S"]] = item | noted
        return {"Attributes": item | noted}

    def get_item(self, TableName: str, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        self._allow("GetItem")
        kept = self.frames if Key["sk"]["S"] == FRAMES_SORT_KEY else self.items
        found = kept.get(Key["pk"]["S"])
        return {"Item": found} if found else {}

    def upload_file(self, filename: str, bucket: str, key: str, ExtraArgs: dict[str, str]) -> None:  # noqa: N803
        self._allow("PutObject")
        self.objects[key] = Path(filename).read_bytes()
        self.content_types[key] = ExtraArgs["ContentType"]
        self.uploads.append(key)

    def head_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")

    def experiment(self, experiment_id: str) -> Experiment:
        """The record as a reader sees it."""
        return Experiment.from_item(item_to_python(self.items[f"EXPERIMENT#{experiment_id}"]))

    def _allow(self, operation: str) -> None:
        if operation in self.refuses:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not allowed"}}, operation)
