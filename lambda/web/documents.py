"""The JSON documents of the API, as types: their shape is described by `api.openapi` from these very definitions."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Self

from experiments.costs import Category, Cost, CostReport, Costs, Prices, total
from experiments.fields import iso_utc
from experiments.model import Experiment
from experiments.quality import Quality, quality
from experiments.repository import Page

from web import artefact_links
from web.listing_query import ListingQuery, page_links

Link = Annotated[str | None, {"format": "uri-reference"}]
Usd = Annotated[float | None, {"description": "USD; null where nothing is recorded."}]


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Where more is to be had, relative to the document; null where there is nothing."""

    document: Link
    """The experiment by itself."""
    page: Link
    """What people see of it."""
    video: Link
    decoder: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedExperiment(Experiment):
    """One clip, encoded by one codec with one configuration, and what came of it; null is what isn't known.

    Units are in the names: dB, kbps (1000 bit/s), seconds, frames per second, bytes, USD.
    """

    quality: Quality | None
    """The badge that PSNR and SSIM earn."""
    links: Links

    @classmethod
    def of(cls, experiment: Experiment, root: str) -> Self:
        """Return an experiment with what follows from its record.

        Args:
            experiment: The record.
            root: The relative link from the document to the site's root.

        """
        recorded = {attribute.name: getattr(experiment, attribute.name) for attribute in fields(Experiment)}
        metrics = experiment.metrics
        return cls(**recorded, quality=quality(metrics.psnr_db, metrics.ssim), links=_links(experiment, root))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentList:
    """A page of experiments, newest first; each one's own document has its error and the end of its log whole.

    Here they are cut, and have an ellipsis where they are: errors after 400 characters, logs before their last 2,000.
    """

    experiments: tuple[PublishedExperiment, ...]
    next: Annotated[
        str | None, {"format": "uri-reference", "description": "The page after this one, relative; null on the last."}
    ]
    previous: Annotated[str | None, {"format": "uri-reference", "description": "The page before it, likewise."}]
    examined: Annotated[
        int,
        {"description": "How many experiments were read to find these. A search ends early; `next` continues it."},
    ]

    @classmethod
    def of(cls, page: Page, query: ListingQuery, root: str) -> Self:
        """Return the document of a page that a query found; `root` as in `PublishedExperiment.of`."""
        return cls(
            experiments=tuple(PublishedExperiment.of(experiment, root) for experiment in page.experiments),
            next=page_links(page, query).get("next"),
            previous=page_links(page, query).get("prev"),
            examined=page.examined,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCosts:
    """What a month costs by category, or will cost."""

    month: str
    gpu_time: Usd
    storage: Usd
    llm_tokens: Usd
    delivery: Usd
    snapshots: Usd
    total: Usd

    @classmethod
    def of(cls, month: str, costs: Costs) -> Self:
        """Return a month's costs as plain numbers."""
        by_category = {category.name.lower(): _usd(costs[category]) for category in Category}
        return cls(month=month, **by_category, total=total(costs.values()))


@dataclass(frozen=True, slots=True)
class CodecCosts:
    """What a codec's experiments cost in GPU time and storage; per success, in GPU time of failures too."""

    codec: str
    this_month: Usd
    in_all: Usd
    per_success: Usd


@dataclass(frozen=True, slots=True, kw_only=True)
class CostDocument:
    """What the lab spends: recorded usage times list prices."""

    months: tuple[CategoryCosts, ...]
    """The latest twelve, newest first."""
    forecast: CategoryCosts | None
    codecs: tuple[CodecCosts, ...]
    per_success: Usd
    prices: Prices

    @classmethod
    def of(cls, report: CostReport, prices: Prices) -> Self:
        """Return a report as plain numbers, with the prices that they follow from."""
        forecast = report.forecast
        return cls(
            months=tuple(CategoryCosts.of(*month) for month in report.months),
            forecast=CategoryCosts.of(report.months[0].month, forecast.costs) if forecast else None,
            codecs=tuple(CodecCosts(each.codec, *map(_usd, each[1:])) for each in report.codecs),
            per_success=_usd(report.per_success),
            prices=prices,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why there is no other answer (RFC 9457)."""

    status: int
    title: str
    detail: str


def as_json(document: object) -> str:
    """Return a document's JSON text."""
    return json.dumps(_plain(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _usd(cost: Cost | None) -> float | None:
    return None if cost is None else cost.usd


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, datetime):
        return iso_utc(value)
    if isinstance(value, Mapping):
        return {name: _plain(element) for name, element in value.items()}
    if is_dataclass(value):
        return {attribute.name: _plain(getattr(value, attribute.name)) for attribute in fields(value)}
    return [_plain(element) for element in value]


def _links(experiment: Experiment, root: str) -> Links:
    files, linkable = artefact_links.relative_links(experiment), artefact_links.is_linkable(experiment.id)
    return Links(
        document=f"{root}api/experiments/{experiment.id}" if linkable else None,
        page=f"{root}experiments/{experiment.id}" if linkable else None,
        video=f"{root}{files.video}" if files.video else None,
        decoder=f"{root}{files.decoder}" if files.decoder else None,
    )
