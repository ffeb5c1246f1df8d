"""Experiments as CSV (RFC 4180): a row each, units in the columns' names."""

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from io import StringIO

from experiments.fields import iso_utc
from experiments.metrics import MEASURED
from experiments.model import Experiment
from experiments.quality import quality

_DESCRIPTION = ("id", "name", "status", "codec", "clip")
_RECORD = ("cost_usd", "created_at", "started_at", "finished_at", "worker", "progress", "attempt", "parent_id", "error")
COLUMNS = (*_DESCRIPTION, "quality", *(metric.key for metric in MEASURED), *_RECORD, "parameters_json")

# What makes a spreadsheet take a cell for a formula and run it, wide characters included:
# https://owasp.org/www-community/attacks/CSV_Injection
_BEGINS_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def as_csv(experiments: Sequence[Experiment]) -> str:
    """Return the table with its head; what isn't known is an empty cell."""
    table = StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(COLUMNS)
    writer.writerows(_row(experiment) for experiment in experiments)
    return table.getvalue()


def _row(experiment: Experiment) -> list[str | float]:
    metrics = experiment.metrics
    cells = (
        *(getattr(experiment, name) for name in _DESCRIPTION),
        quality(metrics.psnr_db, metrics.ssim),
        *(metric.of(experiment) for metric in MEASURED),
        *(getattr(experiment, name) for name in _RECORD),
        json.dumps(dict(experiment.parameters), ensure_ascii=False),
    )
    return [_cell(cell) for cell in cells]


def _cell(value: str | float | datetime | None) -> str | float:
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, str):
        # White space before a formula doesn't keep every spreadsheet from running it.
        harmful = value.startswith(_BEGINS_FORMULA) or value.lstrip().startswith(_BEGINS_FORMULA)
        return f"'{value}" if harmful else value
    return "" if value is None else value
