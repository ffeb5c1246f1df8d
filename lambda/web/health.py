"""The renderer's health: which build it is, and whether what it depends on answers."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from web.release import RunningRelease

OK = "ok"
DEGRADED = "degraded"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Dependency:
    """What a probe of a dependency found."""

    status: str
    latency_ms: float
    reason: str | None = None
    """The error's code, where the probe failed."""


@dataclass(frozen=True, slots=True)
class Health:
    """What `/health` says."""

    release: RunningRelease
    dependencies: Mapping[str, Dependency]

    @property
    def ok(self) -> bool:
        """Whether every dependency answered."""
        return all(dependency.status == OK for dependency in self.dependencies.values())

    def as_json(self) -> dict[str, Any]:
        """Return the document that `/health` answers with."""
        dependencies = {name: _without_none(asdict(found)) for name, found in self.dependencies.items()}
        return {"status": OK if self.ok else DEGRADED, **asdict(self.release), "dependencies": dependencies}


def examine(release: RunningRelease, probes: Mapping[str, Callable[[], object]]) -> Health:
    """Probe each dependency; one that raises an AWS error has failed, and doesn't keep the others from being probed."""
    return Health(release, {name: _probe(probe) for name, probe in probes.items()})


def error_code(error: ClientError | BotoCoreError) -> str:
    """Return what kind of failure it was, without the internals that its message holds."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "Unknown")
        # The answer to a HEAD request has no body to say more.
        return f"HTTP {code}" if code.isdigit() else code
    return type(error).__name__


def _probe(probe: Callable[[], object]) -> Dependency:
    began = time.perf_counter()
    status, reason = OK, None
    try:
        probe()
    except (ClientError, BotoCoreError) as error:
        status, reason = FAILED, error_code(error)
    return Dependency(status, latency_ms=round(1000 * (time.perf_counter() - began), 1), reason=reason)


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
