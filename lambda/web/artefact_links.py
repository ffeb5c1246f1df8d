"""Links to an experiment's page and files: on the pages to the renderer, from there, signed, to the media bucket.

The pages hold no signed link, which would expire; so they can be cached.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

from experiments.model import Experiment

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

LINK_SECONDS = 10 * 60
# What can stand in a link and in a file's name as it is; other ids, which no part of this project makes, get no links.
_ID = re.compile(r"[A-Za-z0-9][\w.:@+~-]{0,255}", re.ASCII)


class ArtefactLinks(NamedTuple):
    """Links relative to the site's root; empty where the experiment has no such artefact."""

    page: str
    video: str
    reference: str
    decoder: str


def is_linkable(experiment_id: str) -> bool:
    """Whether an experiment of this id has links."""
    return _ID.fullmatch(experiment_id) is not None


def page_link(experiment_id: str) -> str:
    """Return the link to an experiment's page, relative to the site's root; empty where the id can't stand in one."""
    return f"experiments/{experiment_id}" if is_linkable(experiment_id) else ""


def relative_links(experiment: Experiment) -> ArtefactLinks:
    """Return where the renderer leads to an experiment's artefacts."""
    if not is_linkable(experiment.id):
        return ArtefactLinks("", "", "", "")
    artefacts, page = experiment.artefacts, page_link(experiment.id)
    return ArtefactLinks(
        page=page,
        video=f"{page}/video" if artefacts.video_key else "",
        reference=f"{page}/reference" if artefacts.reference_key else "",
        decoder=f"{page}/decoder" if artefacts.decoder_key else "",
    )


def signed_link(s3: "S3Client", bucket: str, key: str, download_name: str | None = None) -> str:
    """Return a link to an object that opens it for the next ten minutes, or downloads it under a name."""
    request = {"Bucket": bucket, "Key": key}
    if download_name:
        request["ResponseContentDisposition"] = f'attachment; filename="{download_name}"'
    return s3.generate_presigned_url("get_object", Params=request, ExpiresIn=LINK_SECONDS)
