"""Both sites, each at its distribution's own name: the same paths, and what they have."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from experiments.repository import ExperimentRepository
from rich.console import Console
from rich.table import Table

from operations.takeover.access import Access
from operations.takeover.items import NEWEST
from operations.takeover.old_site import OldSite
from releasing.served import Unreachable, get

TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL | re.IGNORECASE)
MOST_PATHS = 20


def show(access: Access, old: OldSite, copied: Mapping[str, Any], console: Console) -> None:
    """Print a line per path, and how many experiments each has; whether they should be alike is for people to say."""
    outputs = access.outputs()
    new_name = access.client("cloudfront").get_distribution(Id=outputs["distribution_id"])["Distribution"]["DomainName"]
    table = Table(box=None, pad_edge=False)
    for column in ("path", "old site", "new site", ""):
        table.add_column(column, overflow="fold")
    for path in _paths(access, old):
        answers = [_answer(f"{access.url_of(name)}{path}") for name in (old.distribution_name, new_name)]
        table.add_row(path, *answers, "" if answers[0] == answers[1] else "differs")
    repository = ExperimentRepository(outputs["table_name"], access.client("dynamodb"))
    count, newest = sum(repository.totals().by_status.values()), repository.newest(NEWEST).experiments
    known = copied.get("with_status", "not copied yet")
    table.add_row("experiments with a status", str(known), str(count), "" if known == count else "differs")
    old_ids, new_ids = copied.get("newest", []), [experiment.id for experiment in newest]
    table.add_row("newest", " ".join(old_ids), " ".join(new_ids), "" if old_ids == new_ids else "differs")
    console.print(table)


def _paths(access: Access, old: OldSite) -> Iterator[str]:
    """What the old site serves: its page, and its files."""
    yield "/"
    if old.site_bucket:
        found = access.client("s3").list_objects_v2(Bucket=old.site_bucket, MaxKeys=MOST_PATHS)
        yield from (f"/{each['Key']}" for each in found.get("Contents", []))


def _answer(url: str) -> str:
    try:
        answer = get(url)
    except Unreachable:
        return "no answer"
    title = _title(answer)
    return f"{answer.status_code}, {len(answer.content):,} bytes{f', “{title}”' if title else ''}"


def _title(answer: requests.Response) -> str:
    if "html" not in answer.headers.get("Content-Type", ""):
        return ""
    match = TITLE.search(answer.text)
    return " ".join(match[1].split()) if match else ""
