"""The Atom feed (RFC 4287) of the experiments that have finished lately."""

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from experiments.metrics import METRICS
from experiments.model import Experiment, Status
from experiments.quality import quality
from web import artefact_links
from web.release import RunningRelease

from renderer import presentation
from renderer.pages.templates import render

FINISHED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
LENGTH = 50
_SUMMARY = [
    (label, METRICS[key])
    for label, key in (("PSNR", "psnr_db"), ("SSIM", "ssim"), ("bitrate", "bitrate_kbps"), ("cost", "cost_usd"))
]
# A feed has to have a date; one without entries has not changed since ever.
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
# What no XML document can hold, escaped or not: https://www.w3.org/TR/xml/#charsets
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """An experiment as feed readers show it."""

    id: str
    title: str
    link: str
    updated: datetime
    published: datetime
    codec: str
    summary: str


def render_feed(experiments: Iterable[Experiment], release: RunningRelease) -> str:
    """Return the feed of experiments, the one that changed last first.

    Its ids are made from the stack's name and the experiment's id, so that they outlive a change of the domain.
    """
    entries = [entry for experiment in experiments if (entry := _entry(experiment, release.stack))]
    entries.sort(key=lambda entry: entry.updated, reverse=True)
    updated = entries[0].updated if entries else _NEVER
    return render("feed.xml", id=_urn(release.stack, ""), updated=updated, entries=entries[:LENGTH])


def _entry(experiment: Experiment, stack: str) -> Entry | None:
    """Return an experiment's entry; None where it can't have one, as it has no time or nothing to lead to."""
    updated = experiment.finished_at or experiment.updated_at or experiment.created_at
    if updated is None or not artefact_links.is_linkable(experiment.id):
        return None
    return Entry(
        id=_urn(stack, experiment.id),
        title=_in_xml(f"{experiment.name} {experiment.status or ''}".strip()),
        link=f"experiments/{experiment.id}",
        updated=updated,
        published=experiment.created_at or updated,
        codec=_in_xml(experiment.codec),
        summary=_in_xml(experiment.error or _results(experiment)),
    )


def _results(experiment: Experiment) -> str:
    metrics = experiment.metrics
    badge = quality(metrics.psnr_db, metrics.ssim)
    known = ((label, metric, value) for label, metric in _SUMMARY if (value := metric.of(experiment)) is not None)
    written = [f"{label} {' '.join(presentation.figure(metric, value)).strip()}" for label, metric, value in known]
    return ", ".join([*([f"{badge} quality"] if badge else []), *written]) or "Nothing was measured."


def _urn(stack: str, experiment_id: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"ai-video-codec-dashboard/{stack}/experiments/{experiment_id}").urn


def _in_xml(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
