"""The files of experiments, in the media bucket: each experiment has a folder of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

REFERENCES = "references"
"""The folder that all experiments share."""


@dataclass(frozen=True, slots=True)
class ExperimentFiles:
    """The files in one bucket. Errors of the service are the caller's to handle."""

    s3: "S3Client"
    bucket: str

    def stored_bytes(self, experiment_id: str) -> int:
        """Return the size of all files of an experiment."""
        return sum(found["Size"] for found in self._list(experiment_id))

    def delete(self, experiment_id: str) -> None:
        """Delete all files of an experiment; the reference of its clip is not one of them."""
        for found in self._list(experiment_id):
            self.s3.delete_object(Bucket=self.bucket, Key=found["Key"])

    def _list(self, experiment_id: str) -> Iterator[Any]:
        if experiment_id == REFERENCES:
            return
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"experiments/{experiment_id}/"
        )
        for page in pages:
            yield from page.get("Contents", ())
