"""What the table keeps beside the experiments so that no page has to count them: totals, bests, curves, usage.

Each is an item of its own, changed in the transaction that writes an experiment (repository.py): counters by adding,
the rest by replacing. So a page reads the same few items at a hundred experiments and at a million. An experiment that
another writer put into the table is in none of them until they are counted anew (operations/recount.py).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from experiments.fields import amount, count, number, text
from experiments.model import Experiment, Status, partition_key
from experiments.quality import Quality, quality

AGGREGATES = "AGGREGATES"
"""The `pk` of totals, bests and usage."""

TOTAL_PREFIX = "TOTAL#"
STATUS_KEY = f"{TOTAL_PREFIX}STATUS"
BEST_PREFIX = f"{TOTAL_PREFIX}BEST#"
CLIP_PREFIX = f"{TOTAL_PREFIX}CLIP#"
MONTH_PREFIX = "MONTH#"
DAY_PREFIX = "DAY#"
RERUN_PREFIX = "RERUN#"

UNDER_WAY = (Status.QUEUED, Status.RUNNING)
ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)
GOOD = (Quality.EXCELLENT, Quality.GOOD)


class Key(NamedTuple):
    """The table's key of an item."""

    pk: str
    sk: str


class Addition(NamedTuple):
    """Amounts to add to an item's attributes; both the item and they begin with nothing."""

    key: Key
    amounts: Mapping[str, float]


class Replacement(NamedTuple):
    """An item to write over the one of its key; None removes that one."""

    key: Key
    attributes: Mapping[str, Any] | None


Change = Addition | Replacement


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The experiment with which a codec compressed most, of those that look good at least."""

    codec: str
    experiment_id: str
    name: str
    compression_ratio: float
    bitrate_kbps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used in a month, by one codec's experiments or by something else; None where that isn't recorded."""

    month: str
    """In UTC, e.g. `2026-11`."""
    user: str
    """`CODEC#x265`, `CHAT` or `DELIVERY`."""
    gpu_seconds: float | None = None
    """How long encoders ran."""
    succeeded: int | None = None
    """How many experiments ended well."""
    failed: int | None = None
    stored_bytes: float | None = None
    """The size of the files added in the month, less that of those deleted in it."""
    delivered_bytes: float | None = None
    """What the CDN sent to browsers."""
    input_tokens: float | None = None
    """What a language model was sent and has answered."""
    output_tokens: float | None = None

    @property
    def codec(self) -> str:
        """The codec whose experiments used it; empty where it was something else."""
        return self.user.removeprefix(CODEC_USER) if self.user.startswith(CODEC_USER) else ""

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Read an item's plain values; what is broken in them is None."""
        month, _, user = (text(item.get("sk")) or "").removeprefix(MONTH_PREFIX).partition("#")
        return cls(
            month=month,
            user=user,
            gpu_seconds=amount(item.get("gpu_seconds")),
            succeeded=count(item.get("succeeded")),
            failed=count(item.get("failed")),
            stored_bytes=number(item.get("stored_bytes")),
            delivered_bytes=amount(item.get("delivered_bytes")),
            input_tokens=amount(item.get("input_tokens")),
            output_tokens=amount(item.get("output_tokens")),
        )


CODEC_USER = "CODEC#"
CHAT_USER = "CHAT"
DELIVERY_USER = "DELIVERY"


class Totals(NamedTuple):
    """What the table holds, and what was ever used, oldest month first."""

    by_status: Mapping[Status, int]
    """Empty where nothing was ever counted."""
    best: tuple[Best, ...]
    usage: tuple[Usage, ...]

    @classmethod
    def from_items(cls, items: Iterator[Mapping[str, Any]]) -> Self:
        """Read plain items of the partition `AGGREGATES`."""
        by_status: dict[Status, int] = {}
        best, usage = [], []
        for item in items:
            sort_key = text(item.get("sk")) or ""
            if sort_key == STATUS_KEY:
                by_status = {status: count(item.get(status)) or 0 for status in Status}
            elif sort_key.startswith(BEST_PREFIX):
                best.append(_best(item))
            elif sort_key.startswith(MONTH_PREFIX):
                usage.append(Usage.from_item(item))
        return cls(by_status, tuple(filter(None, best)), tuple(usage))


def month_of(moment: datetime) -> str:
    """Return the month of a time in UTC, e.g. `2026-11`."""
    return f"{moment:%Y-%m}"


def usage_key(month: str, user: str) -> Key:
    """Return the key of what a user used in a month."""
    return Key(AGGREGATES, f"{MONTH_PREFIX}{month}#{user}")


def day_partition(moment: datetime) -> str:
    """Return the `pk` of what was used on the day of a time in UTC."""
    return f"{DAY_PREFIX}{moment:%Y-%m-%d}"


def usage_keys(moment: datetime, user: str) -> tuple[Key, Key]:
    """Return the keys of what a user used in the month and on the day of a time in UTC; use is added to both."""
    of_month = usage_key(month_of(moment), user)
    return of_month, Key(day_partition(moment), of_month.sk)


def best_key(codec: str) -> Key:
    """Return the key of a codec's best experiment."""
    return Key(AGGREGATES, f"{BEST_PREFIX}{codec}")


def clip_key(clip: str) -> Key:
    """Return the key of the item that says that a clip has curves."""
    return Key(AGGREGATES, f"{CLIP_PREFIX}{clip}")


def curves_partition(clip: str) -> str:
    """Return the `pk` of the points of a clip's curves."""
    return f"CURVES#{clip}"


def log_partition(experiment_id: str) -> str:
    """Return the `pk` of what an experiment's programs print."""
    return f"LOG#{experiment_id}"


def changes(before: Experiment | None, after: Experiment) -> Iterator[Change]:
    """Return what changes when an experiment is written over what was there of it."""
    yield from _status_changes(before.status if before else None, after.status)
    if after.status in ENDED and (before is None or before.status not in ENDED):
        yield from _usage(after)
    yield from _curve_changes(curve_point(before), curve_point(after))
    if after.parent_id:
        yield _rerun(after.parent_id, after)


def removal(experiment: Experiment, freed_bytes: int, now: datetime) -> Iterator[Change]:
    """Return what changes when an experiment is deleted; of curves and bests, see the repository.

    What it has used was used, and stays in the costs; only its files cost nothing from this month on.
    """
    yield from _status_changes(experiment.status, None)
    if freed_bytes and experiment.codec:
        yield Addition(usage_key(month_of(now), f"{CODEC_USER}{experiment.codec}"), {"stored_bytes": -freed_bytes})
    if experiment.parent_id:
        yield Replacement(_rerun(experiment.parent_id, experiment).key, None)


def best_result(experiment: Experiment) -> Replacement | None:
    """Return what is kept of an experiment where it is its codec's best, if it could be that."""
    metrics = experiment.metrics
    if experiment.status is not Status.SUCCEEDED or not experiment.codec or metrics.compression_ratio is None:
        return None
    if quality(metrics.psnr_db, metrics.ssim) not in GOOD:
        return None
    attributes = {
        "codec": experiment.codec,
        "experiment_id": experiment.id,
        "name": experiment.name,
        "compression_ratio": metrics.compression_ratio,
        "bitrate_kbps": metrics.bitrate_kbps or 0,
    }
    return Replacement(best_key(experiment.codec), attributes)


def _status_changes(before: Status | None, after: Status | None) -> Iterator[Change]:
    if before is not after:
        amounts = {status.value: change for status, change in ((before, -1), (after, 1)) if status}
        yield Addition(Key(AGGREGATES, STATUS_KEY), amounts)


def _usage(experiment: Experiment) -> Iterator[Change]:
    ended = experiment.finished_at or experiment.updated_at or experiment.created_at
    if ended is None or not experiment.codec:
        return
    used = {
        "gpu_seconds": experiment.metrics.encode_seconds,
        "stored_bytes": experiment.artefacts.stored_bytes,
        "succeeded": int(experiment.status is Status.SUCCEEDED),
        "failed": int(experiment.status is Status.FAILED),
    }
    known = {name: amount for name, amount in used.items() if amount is not None}
    for key in usage_keys(ended, f"{CODEC_USER}{experiment.codec}"):
        yield Addition(key, known)


def is_on_curves(experiment: Experiment) -> bool:
    """Tell whether an experiment is a point of its clip's curves, unless another one has replaced it."""
    measured = experiment.clip and experiment.codec and experiment.rd_points
    return experiment.status is Status.SUCCEEDED and bool(measured)


def curve_point(experiment: Experiment | None) -> Replacement | None:
    """Return what a clip's curves need of an experiment; one of the same configuration and quality replaces it."""
    if experiment is None or not is_on_curves(experiment):
        return None
    whole = experiment.to_item()
    configuration = json.dumps(whole.get("parameters", {}), sort_keys=True, default=str)
    digest = hashlib.sha256(configuration.encode()).hexdigest()[:16]
    # In a map of its own: with an experiment's attributes the item would be in the listings' indexes.
    attributes = {"experiment": {name: whole[name] for name in _OF_CURVES if name in whole}}
    return Replacement(Key(curves_partition(experiment.clip), f"{experiment.codec}#{digest}"), attributes)


_OF_CURVES = ("id", "name", "codec", "clip", "status", "created_at", "parameters", "metrics", "rd_points")


def _curve_changes(before: Replacement | None, after: Replacement | None) -> Iterator[Change]:
    if before and (after is None or before.key != after.key):
        yield Replacement(before.key, None)
    if after and after.attributes:
        yield after
        clip = after.attributes["experiment"]["clip"]
        yield Replacement(clip_key(clip), {"clip": clip})


def _rerun(parent_id: str, experiment: Experiment) -> Change:
    shown = {"id": experiment.id, "name": experiment.name, "status": experiment.status or ""}
    return Replacement(Key(partition_key(parent_id), f"{RERUN_PREFIX}{experiment.id}"), shown)


def _best(item: Mapping[str, Any]) -> Best | None:
    codec, experiment_id = text(item.get("codec")), text(item.get("experiment_id"))
    ratio = amount(item.get("compression_ratio"))
    if not codec or not experiment_id or ratio is None:
        return None
    return Best(
        codec=codec,
        experiment_id=experiment_id,
        name=text(item.get("name")) or experiment_id,
        compression_ratio=ratio,
        bitrate_kbps=amount(item.get("bitrate_kbps")),
    )
