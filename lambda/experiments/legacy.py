"""Items of the old system, mapped onto the present shape before they are read.

The old table was keyed by `experiment_id` and `timestamp` (seconds since 1970, as a number or text), kept its results
as JSON text in `experiments` (a list of runs with `real_metrics`, bitrates in Mbps), and some writers put `psnr`,
`ssim` and `bitrate` (kbps) on the item itself. Videos were named by presigned URLs, decoders by their keys, in the run,
on the item or in its map `artifacts`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from experiments.fields import amount, instant, mapping, sequence

_OLD_STATUSES = {
    "completed": "succeeded",
    "complete": "succeeded",
    "success": "succeeded",
    "error": "failed",
    "timed_out": "failed",
    "abandoned": "failed",
    "created": "queued",
    "pending": "queued",
    "in_progress": "running",
    "processing": "running",
    "canceled": "cancelled",
}


def is_legacy(item: Mapping[str, Any]) -> bool:
    """Tell whether an item was written by the old system."""
    return "experiment_id" in item


def in_present_shape(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an old item's attributes under their present names; what it already has under those names wins."""
    run = _first_run(item.get("experiments"))
    return {
        "id": item["experiment_id"],
        "codec": run.get("experiment_type"),
        "created_at": _created_at(item),
        "artefacts": {
            "video_key": key_in_url(_first("video_url", run, item)),
            "decoder_key": _first("decoder_s3_key", run, item),
        },
        "error": run.get("failure_reason") or run.get("error"),
        **item,
        "status": _present_status(item.get("status") or run.get("status")),
        "metrics": _metrics(item, run),
    }


def key_in_url(url: object) -> str | None:
    """Return the key of an object by its URL, whose host names its bucket; None where it is no URL."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://", "s3://")):
        return None
    try:
        return unquote(urlsplit(url).path).lstrip("/") or None
    except ValueError:
        return None


def _first(name: str, run: Mapping[str, Any], item: Mapping[str, Any]) -> object:
    places = (run, mapping(item.get("artifacts")), item)
    return next((place[name] for place in places if place.get(name)), None)


def _created_at(item: Mapping[str, Any]) -> object:
    candidates = (item.get("timestamp_iso"), item.get("timestamp"))
    return next((candidate for candidate in candidates if instant(candidate)), None)


def _present_status(value: object) -> object:
    return _OLD_STATUSES.get(value.strip().lower(), value) if isinstance(value, str) else None


def _first_run(experiments: object) -> Mapping[str, Any]:
    """Return the run to show of several: the first with metrics, else the first."""
    runs = [run for value in sequence(experiments) if (run := mapping(value))]
    return next((run for run in runs if mapping(run.get("real_metrics"))), runs[0] if runs else {})


def _metrics(item: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    measured = {**item, **mapping(run.get("real_metrics")), **mapping(item.get("metrics"))}
    bitrate_mbps = amount(measured.get("bitrate_mbps"))
    return {
        "psnr_db": measured.get("psnr"),
        "bitrate_kbps": measured.get("bitrate") if bitrate_mbps is None else bitrate_mbps * 1000,
        "duration_seconds": measured.get("duration"),
        **measured,
    }
