"""How experiments become visible: their records go to the table, their files to the media bucket."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import BotoCoreError, ClientError
from experiments.model import Experiment
from experiments.repository import ExperimentRepository

from worker.experiment import Outcome, fail

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_CONTENT_TYPES = {".mp4": "video/mp4", ".webm": "video/webm", ".zip": "application/zip"}


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes to one table and one media bucket. May be shared by threads."""

    repository: ExperimentRepository
    s3: "S3Client"
    media_bucket: str
    _references: set[str] = field(default_factory=set)
    _reference_upload: Lock = field(default_factory=Lock)

    def record(self, experiment: Experiment) -> None:
        """Write an experiment's record as it is now.

        Raises:
            ClientError, BotoCoreError: the table does not take it.
        """
        self.repository.put(experiment)

    def note_progress(self, experiment: Experiment, progress: float) -> None:
        """Write how much of a running experiment is done, if the table takes it: no job fails for that."""
        with suppress(ClientError, BotoCoreError):
            self.repository.note_progress(experiment, progress, datetime.now(UTC))

    def publish(self, outcome: Outcome) -> Experiment:
        """Publish an outcome: its files, then its record, which so never names a file that is not there.

        Raises:
            ClientError, BotoCoreError: the table does not take the record.
        """
        self.upload(outcome)
        self.record(outcome.experiment)
        return outcome.experiment

    def upload(self, outcome: Outcome) -> None:
        """Upload an outcome's files, and write how good its frames are.

        Where they are not taken, the experiment has failed, but its measurements are kept.
        """
        try:
            self._upload(outcome)
            if outcome.frames:
                self.repository.put_frame_quality(outcome.experiment.id, outcome.frames)
        except (S3UploadFailedError, ClientError, BotoCoreError, OSError) as error:
            fail(outcome, f"its files could not be uploaded: {error}")

    def _upload(self, outcome: Outcome) -> None:
        folder = f"experiments/{outcome.experiment.id}"
        keys: dict[str, Any] = {}
        stored_bytes = 0
        if outcome.video:
            keys["video_key"] = f"{folder}/video{outcome.video.suffix}"
            stored_bytes += self._put(keys["video_key"], outcome.video)
        if outcome.reference:
            keys["reference_key"] = f"experiments/references/{outcome.reference.name}"
            stored_bytes += self._put_once(keys["reference_key"], outcome.reference)
        if outcome.decoder:
            keys["decoder_key"] = f"{folder}/decoder.zip"
            stored_bytes += self._put(keys["decoder_key"], outcome.decoder)
        if keys:
            artefacts = replace(outcome.experiment.artefacts, **keys, stored_bytes=stored_bytes)
            outcome.experiment = replace(outcome.experiment, artefacts=artefacts)

    def _put_once(self, key: str, reference: Path) -> int:
        """Upload a clip's reference for the first experiment on the clip: it is far larger than their videos."""
        with self._reference_upload:
            is_there = key in self._references or self._is_there(key)
            uploaded_bytes = 0 if is_there else self._put(key, reference)
            self._references.add(key)
            return uploaded_bytes

    def _is_there(self, key: str) -> bool:
        """Tell whether another process has uploaded a file."""
        try:
            self.s3.head_object(Bucket=self.media_bucket, Key=key)
        except ClientError as error:
            # 403 is what S3 says of a missing file to those who may not list the bucket.
            if error.response["Error"]["Code"] not in ("403", "404"):
                raise
            return False
        return True

    def _put(self, key: str, file: Path) -> int:
        """Upload a file; returns its size in bytes."""
        extra = {"ContentType": _CONTENT_TYPES[file.suffix]}
        self.s3.upload_file(str(file), self.media_bucket, key, ExtraArgs=extra)
        return file.stat().st_size
