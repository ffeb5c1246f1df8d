"""The form above the experiments: what is chosen is shown, kept from page to page, and can be taken back."""

import re
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlsplit

import pytest
from experiments.order import SORTABLE
from experiments.repository import MOST_READS, READ_SIZE

from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, experiment_item
from tests.unit.renderer.html_text import links_of, related_links_of, rows_of, text_of
from tests.unit.renderer.test_overview import HOSTILE

SEARCHED = MOST_READS * READ_SIZE


class _Form(HTMLParser):
    """What a browser would send if the page's first form were submitted as it is."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.labelled: set[str] = set()
        self._select = ""
        self._in_label = False
        self.feed(html.partition("</form>")[0])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "label":
            self._in_label = True
        if tag in ("input", "select"):
            self.values[found["name"]] = found.get("value", "")
            self._select = found["name"]
            if self._in_label:
                self.labelled.add(found["name"])
        if tag == "option" and "selected" in found:
            self.values[self._select] = found["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._in_label = False


ASKED = {"text": "crf 28", "status": "succeeded", "codec": "x265", "quality": "Excellent", "sort": "-psnr_db"}


def test_the_form_shows_and_sends_what_is_chosen(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item())
    form = _Form(ask("/", query=ASKED)["body"])
    assert form.values == ASKED
    assert form.labelled == set(ASKED)


def test_a_form_sent_as_it_comes_shows_everything(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("a"), experiment_item("b", status="failed"))
    form = _Form(ask("/")["body"])
    assert set(form.values.values()) == {""}
    assert len(rows_of(ask("/", query=form.values)["body"])) == 2


def test_every_choice_that_the_form_offers_is_a_view(ask: Ask) -> None:
    for select in re.findall(r'<select name="(\w+)">(.*?)</select>', ask("/")["body"]):
        name, options = select
        values = re.findall(r'<option value="([^"]*)"', options)
        assert len(values) > 4
        for value in values:
            assert ask("/", query={name: value})["statusCode"] == 200


def test_what_is_chosen_is_kept_from_page_to_page(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{number}") for number in range(120)))
    second = related_links_of(ask("/", query=ASKED)["body"])["next"]
    query = dict(parse_qsl(urlsplit(second).query))
    assert query == ASKED | {"cursor": query["cursor"]}
    back = related_links_of(ask("/", query=query)["body"])["prev"]
    query = dict(parse_qsl(urlsplit(back).query))
    assert query == ASKED | {"before": query["before"]}


def test_all_experiments_can_be_shown_again_in_the_same_order(ask: Ask) -> None:
    assert "?sort=-psnr_db" in links_of(ask("/", query=ASKED)["body"])
    assert "Show all" not in text_of(ask("/")["body"])


def test_codecs_on_the_page_and_the_usual_ones_are_suggested(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item(codec="dcvc-fm"))
    suggested = re.search('<datalist id="codecs">(.*?)</datalist>', ask("/")["body"])
    assert suggested is not None
    assert re.findall('value="([^"]*)"', suggested[1]) == ["av1", "dcvc-fm", "vp9", "x264", "x265"]


def test_no_match_says_so_and_leads_back(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item())
    body = ask("/", query={"status": "failed"})["body"]
    assert "No experiment matches" in text_of(body)
    assert "./" in links_of(body)
    assert not related_links_of(body).keys() & {"next", "prev"}


def test_the_end_of_a_search_says_that_only_older_ones_are_missing(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{number}") for number in range(51)), experiment_item("other", name="other"))
    further = related_links_of(ask("/", query={"text": "mandelbrot"})["body"])["next"]
    query = dict(parse_qsl(urlsplit(further).query))
    table.hold(*(experiment_item(f"e{number}") for number in range(50)), experiment_item("other", name="other"))
    assert "No older experiment matches" in text_of(ask("/", query=query)["body"])


def test_a_search_says_how_far_it_went_and_can_be_continued(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{number}") for number in range(SEARCHED + 60)), experiment_item("needle"))
    first = ask("/", query={"text": "needle"})["body"]
    assert f"Searched the newest {SEARCHED}: none found." in text_of(first)
    assert "Nothing found so far" in text_of(first)
    further = dict(parse_qsl(urlsplit(related_links_of(first)["next"]).query))
    second = ask("/", query=further)["body"]
    assert "Searched another 61: 1 found." in text_of(second)
    assert len(rows_of(second)) == 1


@pytest.mark.parametrize("query", [{}, {"status": "succeeded"}, {"codec": "x265"}])
def test_what_an_index_answers_takes_one_query(ask: Ask, table: FakeTable, query: dict[str, str]) -> None:
    table.hold(*(experiment_item(f"e{number}") for number in range(300)))
    assert len(rows_of(ask("/", query=query)["body"])) == 50
    assert len(table.queries) == 1


def test_no_search_takes_more_queries_than_a_few(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{number}") for number in range(1000)))
    ask("/", query={"text": "nothing like it", "quality": "poor"})
    assert len(table.queries) == MOST_READS


@pytest.mark.parametrize("metric", SORTABLE)
def test_a_page_is_sorted_by_a_metric_both_ways_and_unknown_ones_come_last(
    ask: Ask, table: FakeTable, metric: str
) -> None:
    measured = {
        name: {
            "metrics": {"psnr_db": n, "ssim": n / 9, "vmaf": n, "bitrate_kbps": n, "compression_ratio": n},
            "finished_at": f"2026-11-24T06:13:0{n}Z",
            "cost_usd": n,
        }
        for n, name in ((2, "middle"), (3, "high"), (1, "low"))
    }
    unknown = experiment_item("unknown", name="unknown", metrics={}, cost_usd=None, started_at=None)
    table.hold(unknown, *(experiment_item(name, name=name, **fields) for name, fields in measured.items()))
    for order, expected in ((metric, ["low", "middle", "high"]), (f"-{metric}", ["high", "middle", "low"])):
        rows = rows_of(ask("/", query={"sort": order})["body"])
        assert [row[2].split()[0] for row in rows] == [*expected, "unknown"]


def test_a_heading_sorts_best_first_then_worst_first_then_not_at_all(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item())
    body, seen = ask("/")["body"], []
    for _ in range(3):
        heading = re.search(r'<th [^>]*class="col-bitrate number"([^>]*)><a href="([^"]*)"', body)
        assert heading is not None
        seen.append(heading[1].strip())
        body = ask("/", query=dict(parse_qsl(urlsplit(heading[2]).query)))["body"]
    assert seen == ["", 'aria-sort="ascending"', 'aria-sort="descending"']
    assert "aria-sort" not in body


def test_a_sorted_page_says_that_only_the_page_is_sorted(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item())
    text = text_of(ask("/", query={"sort": "cost_usd"})["body"])
    assert "Sorted within this page: Cost, lowest first. Pages go from new to old." in text


def test_hostile_text_in_the_form_stays_text(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item(codec=HOSTILE))
    body = ask("/", query={"text": HOSTILE, "codec": HOSTILE})["body"]
    assert _Form(body).values["text"] == HOSTILE
    assert "<script>" not in body
    assert "<img" not in body
    assert not any("<" in link for link in links_of(body))


def test_two_places_at_once_are_refused(ask: Ask) -> None:
    assert ask("/", query={"cursor": "a", "before": "b"})["statusCode"] == 400
