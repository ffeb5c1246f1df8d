"""The record of a release: what is live, since when, by whom and from which commit."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from releasing.history import ReleaseHistory, name_of, number_of

RECORD_KEY = "release.json"


def record_of(props: Mapping[str, Any], number: int, who: str, last: Mapping[str, Any] | None) -> dict[str, Any]:
    """The record of a release that is proven now.

    Args:
        props: What `ReleaseProof` declares.
        number: Its number.
        who: AWS's name for whoever deploys.
        last: The same of the release before it, where there is one.

    """
    return {
        "release": name_of(number),
        "released_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "released_by": who,
        **_released(props),
        "snapshots": _snapshots(props),
        "invalidated": _invalidated(props, last),
    }


def number_before(history: ReleaseHistory, props: Mapping[str, Any]) -> int:
    """The last number of the table's earlier life; a record of this very content is a killed deployment's."""
    newest = next(iter(history.newest(limit=1)), {"release": name_of(0)})
    number = number_of(newest["release"])
    return number - 1 if newest.items() >= _released(props).items() else number


def as_json(record: Mapping[str, Any]) -> str:
    """The record as `/release.json` shows it.

    Its numbers are whole; the program gets them from the engine as 4.0, and the stack's outputs have 4.
    """
    whole = json.loads(json.dumps(record), parse_float=lambda digits: int(float(digits)))
    return json.dumps(whole, indent=2, sort_keys=True) + "\n"


def _released(props: Mapping[str, Any]) -> dict[str, Any]:
    """What a record tells of the content."""
    return {
        "commit": props["commit"],
        "dirty": props["dirty"],
        "renderer": {
            "version": props["renderer_version"],
            "build_id": props["build_id"],
            "rolled_back": props["rolled_back"],
        },
        "admin_api": {"version": props["admin_version"], "build_id": props["admin_build_id"]},
        "static_files": props["static_files"],
    }


def _snapshots(props: Mapping[str, Any]) -> dict[str, list[dict[str, int]]]:
    """What is in SnapStart's cache, in whole numbers; of a function whose gate has not told yet, nothing."""
    return {
        function: [{name: int(number) for name, number in each.items()} for each in found]
        for function, found in props["snapshots"].items()
        if found is not None
    }


def _invalidated(props: Mapping[str, Any], last: Mapping[str, Any] | None) -> list[str]:
    """The paths that were invalidated since the last release; a release of another commit alone needs none."""
    invalidation, before = props["invalidation"], last["invalidation"] if last else {"id": ""}
    return list(invalidation["paths"]) if invalidation["id"] != before["id"] else []
