"""Experiments: read from the old table by the tolerant reader, written to the new one by its own repository.

So totals, curves and costs come with them. Beside each experiment stands a mark with two hashes: of the old item, so
that the next copy takes only what the old site has written since; and of what became of it, so that what the new site
has changed is never written over.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from botocore.exceptions import ClientError
from experiments.aggregates import Key, Replacement
from experiments.attribute_values import item_to_python
from experiments.fields import instant
from experiments.model import SORT_KEY, Experiment
from experiments.repository import ExperimentRepository
from experiments.transaction import as_key

from operations.takeover.files import Files
from operations.takeover.old_site import OLD_KEY

MARKS = "TAKEN-OVER"
"""The `pk` of the marks; `sk` is the experiment's id."""
SORTED_BY = "timestamp"
REPORT_EVERY = 500
NEWEST = 5


class _ChangedHere(Exception):  # noqa: N818 reads better where it is raised
    """The new site has changed or deleted an experiment since it was copied."""


@dataclass
class Copy:
    """What a copy has found and done."""

    read: int = 0
    """Old items, readable or not."""
    written: int = 0
    updated: int = 0
    """Those that the old site has changed since the last copy."""
    unchanged: int = 0
    unreadable: list[dict[str, Any]] = field(default_factory=list)
    changed_here: list[str] = field(default_factory=list)
    """Experiments that both sites have changed, or that the new one has deleted; they stay as the new one has them."""
    with_status: int = 0
    """How many experiments have a status that the new site knows."""
    newest: list[tuple[str, str]] = field(default_factory=list)
    """When the newest ones were made, and their ids, newest first."""

    @property
    def readable(self) -> int:
        """How many experiments the old table has."""
        return self.read - len(self.unreadable)


@dataclass
class Experiments:
    """Both tables."""

    client: Any
    old_table: str
    new_table: str
    files: Files

    def copy(self, report: Callable[[int], None]) -> Copy:
        """Copy what the new table doesn't have yet; `report` is told now and then how many items were read.

        Raises:
            ClientError: a table or a bucket can't be read or written.

        """
        copy, marks = Copy(), self._marks()
        repository = ExperimentRepository(self.new_table, self.client)
        for experiment, item in self._readable(copy):
            if copy.read % REPORT_EVERY == 0:
                report(copy.read)
            try:
                self._take_over(experiment, item, marks.get(experiment.id, {}), repository, copy)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ValidationException":
                    raise
                copy.unreadable.append(_unreadable(item, error.response["Error"]["Message"]))
                continue
            copy.with_status += experiment.status is not None
            copy.newest = sorted([*copy.newest, (str(experiment.created_at), experiment.id)], reverse=True)[:NEWEST]
        return copy

    def differing(self) -> list[str]:
        """Compare what was copied with what the new table holds: the ids of experiments that are not as copied."""
        marks = self._marks()
        pages = self.client.get_paginator("scan").paginate(
            TableName=self.new_table, FilterExpression="sk = :sk", ExpressionAttributeValues={":sk": {"S": SORT_KEY}}
        )
        held = (Experiment.from_item(item_to_python(item)) for page in pages for item in page["Items"])
        hashes = {experiment.id: _hash(experiment.to_item()) for experiment in held if experiment.created_at}
        return sorted(name for name, mark in marks.items() if hashes.get(name) != mark["copy"])

    def forget_marks(self) -> None:
        """Delete the marks, once no copy will follow."""
        for name in self._marks():
            self.client.delete_item(TableName=self.new_table, Key=as_key(Key(MARKS, name)))

    def _take_over(
        self,
        experiment: Experiment,
        item: Mapping[str, Any],
        mark: Mapping[str, Any],
        repository: ExperimentRepository,
        copy: Copy,
    ) -> None:
        source = _hash(item)
        if mark.get("source") == source and not mark.get("misses_files"):
            copy.unchanged += 1
            return
        missing = len(self.files.missing)
        brought = self.files.bring(experiment)
        known = {"source": source, "copy": _hash(brought.to_item()), "misses_files": len(self.files.missing) > missing}
        if known == mark:
            copy.unchanged += 1
            return

        def compute(here: Experiment | None) -> Experiment:
            if (_hash(here.to_item()) if here else None) != mark.get("copy"):
                raise _ChangedHere
            return brought

        try:
            repository.change(brought.id, compute, [Replacement(Key(MARKS, brought.id), known)])
        except _ChangedHere:
            copy.changed_here.append(experiment.id)
            return
        if mark:
            copy.updated += 1
        else:
            copy.written += 1

    def _readable(self, copy: Copy) -> Iterator[tuple[Experiment, dict[str, Any]]]:
        """Each experiment of the old table, with its item; of several of one id the newest has it."""
        for _, group in itertools.groupby(self._items(), key=lambda item: str(item[OLD_KEY])):
            records = sorted(group, key=_when)
            copy.read += len(records)
            for older in records[:-1]:
                yield from self._read(older, copy, suffix=f"-{_digits(older)}")
            yield from self._read(records[-1], copy)

    @staticmethod
    def _read(item: dict[str, Any], copy: Copy, suffix: str = "") -> Iterator[tuple[Experiment, dict[str, Any]]]:
        read = Experiment.from_item(item_to_python(item))
        experiment = replace(read, id=f"{read.id}{suffix}") if suffix else read
        if not experiment.id or experiment.created_at is None:
            copy.unreadable.append(_unreadable(item, "no id" if not experiment.id else "no time that can be read"))
            return
        yield experiment, item

    def _items(self) -> Iterator[dict[str, Any]]:
        for page in self.client.get_paginator("scan").paginate(TableName=self.old_table, ConsistentRead=True):
            yield from page["Items"]

    def _marks(self) -> dict[str, dict[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.new_table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": MARKS}},
            ConsistentRead=True,
        )
        items = (item_to_python(item) for page in pages for item in page["Items"])
        return {str(item["sk"]): {name: item[name] for name in ("source", "copy", "misses_files")} for item in items}


def _when(item: Mapping[str, Any]) -> tuple[bool, float]:
    """Where an item stands among those of its id; one whose time can't be read comes first."""
    moment = instant(item_to_python(item).get(SORTED_BY))
    return moment is not None, moment.timestamp() if moment else 0


def _digits(item: Mapping[str, Any]) -> str:
    return str(next(iter(item.get(SORTED_BY, {"": ""}).values())))


def _unreadable(item: Mapping[str, Any], reason: str) -> dict[str, Any]:
    """All of an item, so that it is not lost with the old table."""
    return {"reason": reason, "item": item}


def _hash(item: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(item, sort_keys=True, default=str).encode()).hexdigest()[:32]
