"""DynamoDB in memory, the items that it holds and the errors that it raises."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from experiments.aggregates import AGGREGATES, Replacement, changes, curves_partition
from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.model import Experiment
from experiments.transaction import as_item

SECRET = "arn:aws:iam::123456789012:role/secret"


@dataclass
class FakeTable:
    """DynamoDB's client as far as the renderer calls it; items newest first, as the index has them."""

    items: list[dict[str, Any]] = field(default_factory=list)
    unlisted: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    queries: list[dict[str, Any]] = field(default_factory=list)
    """Those of the indexes."""

    def hold(self, *items: Mapping[str, Any]) -> None:
        self.items = [item_to_attribute_values(dict(item)) for item in items]

    def hold_unlisted(self, item: Mapping[str, Any]) -> None:
        """Hold an item that is in no index."""
        self.unlisted.append(item_to_attribute_values(dict(item)))

    def query(self, **request: Any) -> dict[str, Any]:
        self._fail_if_told_so()
        if "IndexName" not in request:
            found = self._partition(request["ExpressionAttributeValues"])
            return {"Items": found[:: 1 if request["ScanIndexForward"] else -1][: request.get("Limit")]}
        self.queries.append(request)
        attribute = request["ExpressionAttributeNames"]["#attribute"]
        (value,) = request["ExpressionAttributeValues"].values()
        # Broken items may lack what puts them into the index of all; they are shown all the same.
        held = [item for item in self.items if item.get(attribute, value) == value]
        held = held if not request["ScanIndexForward"] else held[::-1]
        start = _position_after(held, request.get("ExclusiveStartKey"))
        found = held[start : start + request["Limit"]]
        more = start + len(found) < len(held)
        return {"Items": found} | ({"LastEvaluatedKey": found[-1]} if more else {})

    def _partition(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return items of a partition by their sort key, those from a key on that begins with it or comes after it."""
        first = values.get(":sk", {"S": ""})["S"]
        listed = ({"sk": {"S": "EXPERIMENT"}, **item} for item in self.items)
        held = (*listed, *self._curves(), *self.unlisted)
        found = {item["sk"]["S"]: item for item in held if item.get("pk") == values[":pk"]}
        return [found[key] for key in sorted(found) if key >= first]

    def _curves(self) -> Iterator[dict[str, Any]]:
        """Return what is kept of the curves that experiments make, and of each point the newest last."""
        for item in reversed(self.items):
            for change in changes(None, Experiment.from_item(item_to_python(item))):
                if isinstance(change, Replacement) and change.key.pk.startswith((AGGREGATES, curves_partition(""))):
                    yield as_item(change)

    def get_item(self, **request: Any) -> dict[str, Any]:
        self._fail_if_told_so()
        key = request["Key"]
        found = (item for item in (*self.items, *self.unlisted) if item.get("pk") == key["pk"])
        item = next((item for item in found if item.get("sk", key["sk"]) == key["sk"]), None)
        return {"Item": item} if item else {}

    def put_item(self, **request: Any) -> None:
        self.unlisted.append(request["Item"])

    def _fail_if_told_so(self) -> None:
        if self.error:
            raise self.error


def _position_after(items: Sequence[Mapping[str, Any]], key: Mapping[str, Any] | None) -> int:
    if key is None:
        return 0
    return next((place for place, item in enumerate(items, start=1) if item["pk"] == key["pk"]), 0)


def aws_error(code: str, operation: str = "Query") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": SECRET}}, operation)


def experiment_item(experiment_id: str = "20261124-061256-x265-9f86d081", **attributes: Any) -> dict[str, Any]:
    """An item such as the worker writes; attributes replace its own."""
    return {
        "pk": f"EXPERIMENT#{experiment_id}",
        "sk": "EXPERIMENT",
        "feed": "EXPERIMENTS",
        "id": experiment_id,
        "name": "mandelbrot-zoom · x265 · CRF 28",
        "codec": "x265",
        "status": "succeeded",
        "created_at": "2026-11-24T06:12:56.123456Z",
        "started_at": "2026-11-24T06:13:00.000000Z",
        "finished_at": "2026-11-24T06:13:12.300000Z",
        "parameters": {"width": 640, "height": 360, "fps": 30},
        "metrics": {
            "psnr_db": 41.268,
            "ssim": 0.98765,
            "bitrate_kbps": 1234.4,
            "compression_ratio": 67.24,
            "duration_seconds": 2,
        },
        "artefacts": {
            "video_key": f"experiments/{experiment_id}/video.mp4",
            "decoder_key": f"experiments/{experiment_id}/decoder.zip",
            "decoder_bytes": 123456,
        },
        "cost_usd": 0.00123,
        **attributes,
    }
