"""What SnapStart keeps in its cache: a snapshot of each version of a function that has not slept for too long.

Each deployment counts them and puts them on its release record (components/release.py).
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from experiments.fields import count, mapping, sequence

RELEASES = "RELEASES"
"""The `pk` of release records (releasing/history.py); their sort keys are in the order of the releases."""


class Snapshots(NamedTuple):
    """Those of a function's versions that have the same memory."""

    function: str
    """E.g. `admin_api`."""
    versions: int
    memory_mb: int


def snapshots_of(record: Mapping[str, Any]) -> Iterator[Snapshots]:
    """Yield what a release record, as plain values, tells of snapshots; what is broken in it is left out."""
    for function, recorded in mapping(record.get("snapshots")).items():
        for each in map(mapping, sequence(recorded)):
            versions, memory_mb = count(each.get("versions")), count(each.get("memory_mb"))
            if versions is not None and memory_mb is not None:
                yield Snapshots(function, versions, memory_mb)
