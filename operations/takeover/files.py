"""Videos and decoders: copied inside S3 from the old site's bucket to the keys that today's layout gives them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from admin.files import REFERENCES
from botocore.exceptions import ClientError
from experiments.model import Experiment
from s3transfer.manager import TransferManager


@dataclass
class Files:
    """Both media buckets, and what has been done."""

    client: Any
    old_bucket: str
    new_bucket: str
    copied: int = 0
    present: int = 0
    """How many were there already, as an earlier copy has left them."""
    bytes: int = 0
    missing: list[dict[str, str]] = field(default_factory=list)
    """What an experiment names and the old bucket doesn't have."""

    def bring(self, experiment: Experiment) -> Experiment:
        """Copy an experiment's files, and return it with their new keys; a file that is missing it names no longer.

        Raises:
            ClientError: a bucket can't be read or written.

        """
        named = experiment.artefacts
        sizes = {name: self._copy(experiment.id, key, new_key) for name, key, new_key in _keys(experiment)}
        new_keys = {name: new_key if sizes[name] is not None else None for name, _, new_key in _keys(experiment)}
        if not sizes:
            return experiment
        own = [size for name, size in sizes.items() if size is not None and name != "reference_key"]
        stored = named.stored_bytes if named.stored_bytes is not None else sum(own) or None
        artefacts = replace(named, **new_keys, stored_bytes=stored, decoder_bytes=sizes.get("decoder_key"))
        return replace(experiment, artefacts=artefacts)

    def _copy(self, experiment_id: str, key: str, new_key: str) -> int | None:
        """Copy one file, unless it is there; its size in bytes, None where there is none to copy."""
        found = self._head(self.old_bucket, key) if self.old_bucket else None
        if found is None:
            self.missing.append({"experiment": experiment_id, "bucket": self.old_bucket, "key": key})
            return None
        size = int(found["ContentLength"])
        there = self._head(self.new_bucket, new_key)
        if there and (there["ContentLength"], there["ETag"]) == (found["ContentLength"], found["ETag"]):
            self.present += 1
            return size
        # Of large files it has parts copied, as S3 copies 5 GB at once at most; no byte of them comes by here.
        with TransferManager(self.client) as transfers:
            transfers.copy({"Bucket": self.old_bucket, "Key": key}, self.new_bucket, new_key).result()
        self.copied += 1
        self.bytes += size
        return size

    def _head(self, bucket: str, key: str) -> Any:
        try:
            return self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            return None


def _keys(experiment: Experiment) -> Iterator[tuple[str, str, str]]:
    """Each file that an experiment names: the attribute, its key, and the key that it gets (docs/data-model.md)."""
    named, folder = experiment.artefacts, f"experiments/{experiment.id}"
    if named.video_key:
        yield "video_key", named.video_key, f"{folder}/video{PurePosixPath(named.video_key).suffix}"
    if named.decoder_key:
        yield "decoder_key", named.decoder_key, f"{folder}/decoder{PurePosixPath(named.decoder_key).suffix}"
    if named.reference_key:
        name = PurePosixPath(named.reference_key).name
        yield "reference_key", named.reference_key, f"experiments/{REFERENCES}/{name}"
