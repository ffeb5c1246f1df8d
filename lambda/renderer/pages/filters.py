"""The form above the experiments, which filters and sorts them: what it offers, and what is chosen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

from experiments.codec_catalogue import CODECS
from experiments.metrics import METRICS, Metric
from experiments.model import Experiment, Status
from experiments.order import SORTABLE, best_first, reverse
from experiments.quality import Quality
from markupsafe import Markup
from web.listing_query import DEFAULT_LIMIT, LONGEST_TEXT, ListingQuery

from renderer.pages.templates import render


@dataclass(frozen=True, slots=True)
class Option:
    """One of a field's choices."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Filters:
    """What the form shows."""

    text: str
    longest_text: int
    codec: str
    codecs: Sequence[str]
    """Suggestions, as nothing lists all codecs without reading all experiments."""
    statuses: Sequence[Option]
    qualities: Sequence[Option]
    orders: Sequence[Option]
    limit: int | None
    """How many to show, where it isn't the usual number."""
    clear_link: str
    """Where everything is shown again; empty where nothing is left out."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A column's heading, which leads to the page sorted by that column."""

    label: str
    css_class: str
    meaning: str
    link: str
    sorted: str
    """`ascending` or `descending` where the page is sorted by it."""


def filters(query: ListingQuery, experiments: Iterable[Experiment]) -> tuple[Filters, Markup]:
    """Return the form for a query and the experiments that it found, and its HTML."""
    # Those that experiments can be started with are always suggested; any other can be typed.
    found = {experiment.codec for experiment in experiments if experiment.codec}
    return _filters(query, tuple(sorted(found.union(CODECS))))


# Most requests ask the same as others have before.
@lru_cache(maxsize=64)
def _filters(query: ListingQuery, codecs: Sequence[str]) -> tuple[Filters, Markup]:
    unfiltered = replace(query.at(), text=None, status=None, codec=None, quality=None)
    form = Filters(
        text=query.text or "",
        longest_text=LONGEST_TEXT,
        codec=query.codec or "",
        codecs=codecs,
        statuses=_options(Status, query.status),
        qualities=_options(Quality, query.quality),
        orders=list(_orders(query.sort)),
        limit=None if query.limit == DEFAULT_LIMIT else query.limit,
        clear_link=(str(unfiltered) or "./") if query.is_filtered else "",
    )
    return form, Markup(render("filters.html", form=form, root="./"))  # noqa: S704 the template has escaped it


@lru_cache(maxsize=64)
def headings(query: ListingQuery) -> Sequence[Heading]:
    """Return the headings of the table's figures, in its order."""
    return tuple(_heading(query, metric) for metric in METRICS.values() if metric.meaning)


def _heading(query: ListingQuery, metric: Metric) -> Heading:
    """Lead to the best first, from there to the worst first, and from there back to the newest first."""
    best = best_first(metric)
    following = {best: reverse(best), reverse(best): None}.get(query.sort or "", best)
    directions = {metric.key: "ascending", f"-{metric.key}": "descending"}
    return Heading(
        label=metric.short,
        css_class=f"col-{metric.short.lower()}",
        meaning=metric.meaning,
        link=str(replace(query, sort=following)) or "./",
        sorted=directions.get(query.sort or "", ""),
    )


def _options(members: type[StrEnum], chosen: StrEnum | None) -> list[Option]:
    return [Option(member.value, member.capitalize(), member is chosen) for member in members]


def _orders(chosen: str | None) -> Iterator[Option]:
    for key, metric in SORTABLE.items():
        highest, lowest = (f"-{key}", f"{metric.short}, highest first"), (key, f"{metric.short}, lowest first")
        for value, label in (highest, lowest) if metric.best is max else (lowest, highest):
            yield Option(value, label, value == chosen)
