"""How experiments become visible: their records go to the table, their files to the media bucket."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

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

    def record(self, experiment: Experiment) -> None:
        """Write an experiment's record as it is now.

        Raises:
            ClientError, BotoCoreError: the table does not take it.
        """
        self.repository.put(experiment)

    def publish(self, outcome: Outcome) -> Experiment:
        """Upload an outcome's files, then write its record, which so never names a file that is not there.

        Where the bucket does not take them, the experiment has failed, but its measurements are kept.

        Raises:
            ClientError, BotoCoreError: the table does not take the record.
        """
        try:
            self._upload(outcome)
        except (S3UploadFailedError, ClientError, BotoCoreError, OSError) as error:
            fail(outcome, f"its files could not be uploaded: {error}")
        if outcome.frames:
            self.repository.put_frame_quality(outcome.experiment.id, outcome.frames)
        self.record(outcome.experiment)
        return outcome.experiment

    def _upload(self, outcome: Outcome) -> None:
        folder = f"experiments/{outcome.experiment.id}"
        artefacts = outcome.experiment.artefacts
        if outcome.video:
            key = self._put(f"{folder}/video{outcome.video.suffix}", outcome.video)
            artefacts = replace(artefacts, video_key=key)
        if outcome.reference:
            artefacts = replace(artefacts, reference_key=self._put_reference(outcome.reference))
        if outcome.decoder:
            artefacts = replace(artefacts, decoder_key=self._put(f"{folder}/decoder.zip", outcome.decoder))
        outcome.experiment = replace(outcome.experiment, artefacts=artefacts)

    def _put_reference(self, reference: Path) -> str:
        """Upload a clip's reference once for all experiments on the clip: it is far larger than their videos."""
        key = f"experiments/references/{reference.name}"
        if key not in self._references:
            self._put(key, reference)
            self._references.add(key)
        return key

    def _put(self, key: str, file: Path) -> str:
        extra = {"ContentType": _CONTENT_TYPES[file.suffix]}
        self.s3.upload_file(str(file), self.media_bucket, key, ExtraArgs=extra)
        return key
