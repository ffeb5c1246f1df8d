"""What the renderer works with, as the deployment has set it up."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Self

from experiments.costs import Prices
from experiments.repository import ExperimentRepository
from web.aws_clients import dynamodb_client
from web.release import RunningRelease

from renderer.last_good import LastGoodPages

MOST_AT_ONCE = 6


@dataclass(slots=True, kw_only=True)
class RendererServices:
    """The parts of one deployment."""

    experiments: ExperimentRepository
    media_bucket: str
    prices: Prices
    release: RunningRelease
    last_good: LastGoodPages = field(default_factory=LastGoodPages)
    at_once: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(MOST_AT_ONCE))
    """For requests that don't depend on each other; its threads begin with the first of them."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Set them up as the function's environment says."""
        return cls(
            experiments=ExperimentRepository(environment["TABLE_NAME"], dynamodb_client()),
            media_bucket=environment["MEDIA_BUCKET"],
            prices=Prices.from_json(environment["PRICES"]),
            release=RunningRelease.from_environment(environment),
        )


@cache
def services() -> RendererServices:
    """Return the parts of the deployment that this process belongs to."""
    return RendererServices.from_environment(os.environ)
