"""Which experiments a listing shows, and which index answers that."""

from dataclasses import dataclass

from experiments.model import FEED, Experiment, Status
from experiments.quality import Quality, quality


@dataclass(frozen=True, slots=True)
class Listing:
    """One partition of an index: the experiments that one query reads, sorted by their creation."""

    index: str
    attribute: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What an experiment has to be; None and the empty text ask for nothing."""

    status: Status | None = None
    codec: str | None = None
    quality: Quality | None = None
    text: str = ""
    """Words that all occur in its id, name, codec, clip, worker or error, in any order and in either case."""

    @property
    def listing(self) -> Listing:
        """The index's partition to read; of two that would do, the one that should hold less besides."""
        if self.codec and self.status in (None, Status.SUCCEEDED):
            return Listing("by-codec", "codec", self.codec)
        if self.status:
            return Listing("by-status", "status", self.status.value)
        return Listing("newest", "feed", FEED)

    @property
    def needs_search(self) -> bool:
        """Whether the listing holds other experiments, too."""
        return bool(self.quality or self.text.split() or (self.status and self.codec))

    def match(self, experiment: Experiment) -> bool:
        """Tell whether an experiment is what is asked for."""
        metrics = experiment.metrics
        return (
            (self.status is None or experiment.status is self.status)
            and (self.codec is None or experiment.codec == self.codec)
            and (self.quality is None or quality(metrics.psnr_db, metrics.ssim) is self.quality)
            and (not self.text or _has_words(experiment, self.text))
        )


def _has_words(experiment: Experiment, words: str) -> bool:
    said = (experiment.id, experiment.name, experiment.codec, experiment.clip, experiment.worker, experiment.error)
    text = "\n".join(said).casefold()
    return all(word in text for word in words.casefold().split())
