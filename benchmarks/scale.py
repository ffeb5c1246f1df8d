"""Whether a page costs the same however many experiments there are: in time, and in DynamoDB's read units."""

from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, ratios
from benchmarks.function import ask
from benchmarks.read_units import read_units
from benchmarks.recorded_table import RecordedTable
from benchmarks.site import Site, deployed
from benchmarks.timing import in_turn
from operations.demo_data import fill

FEW, MANY = 1_000, 100_000
RUNS = 200
TABLE_RUNS = 50
# A thousand experiments fill a page of each. What is made up depends on its number alone, so that both tables' newest
# are alike but for their times, which take up as much in one as in the other.
VIEWS: dict[str, dict[str, str]] = {
    "/": {},
    "status": {"status": "succeeded"},
    "codec": {"codec": "av1"},
    "status and codec": {"status": "succeeded", "codec": "av1"},
    "quality": {"quality": "good"},
    "text": {"text": "foreman"},
}


def measure_scale(folder: Path) -> list[Figure]:
    """The overview and its filters, each on a table of 1,000 experiments and on one of 100,000 in turn."""
    with deployed(folder / "project", FEW) as site:
        many = _like(site, f"{site.table_name}-many")
        fill(many, site.project.emulator.client("dynamodb"), MANY)
        renderer = site.renderer()
        return [figure for view, query in VIEWS.items() for figure in _compare(site, renderer, many, view, query)]


def _like(site: Site, name: str) -> str:
    """Create a table with the keys and indexes of the site's own."""
    client = site.project.emulator.client("dynamodb")
    table = client.describe_table(TableName=site.table_name)["Table"]
    indexes = [
        {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
        for index in table["GlobalSecondaryIndexes"]
    ]
    client.create_table(
        TableName=name,
        AttributeDefinitions=table["AttributeDefinitions"],
        KeySchema=table["KeySchema"],
        GlobalSecondaryIndexes=indexes,
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def _compare(site: Site, renderer: Any, many: str, view: str, query: dict[str, str]) -> list[Figure]:
    few_answers, many_answers = RecordedTable(), RecordedTable()
    from_memory = site.repository(site.table_name, few_answers), site.repository(many, many_answers)
    from_table = site.repository(site.table_name), site.repository(many)

    def asking(repository: object) -> None:
        renderer.services().experiments = repository
        ask(renderer, **query)

    def change() -> None:
        few_answers.change()
        many_answers.change()

    with_table = in_turn(*(lambda one=one: asking(one) for one in from_table), runs=TABLE_RUNS)
    for repository in from_memory:
        asking(repository)
    few_units, many_units = (read_units(table.answers.values()) for table in (few_answers, many_answers))
    in_memory = in_turn(*(lambda one=one: asking(one) for one in from_memory), runs=RUNS, before=change)
    return [
        Figure(f"{view}: handler at 100,000 against 1,000", ratios(*in_memory[::-1]), "×", limit=1.2),  # noqa: RUF001
        Figure("  with the emulator's table", ratios(*with_table[::-1]), "×"),  # noqa: RUF001
        Figure("  read units at 100,000, limit: at 1,000", [many_units], "RCU", limit=few_units),
    ]
