"""What programs get: JSON that its own description fits, CSV that spreadsheets can open, a feed that readers follow."""

import csv
import json
import re
from io import StringIO
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from experiments.metrics import Metrics
from experiments.model import Experiment
from experiments.repository import MOST_READS, READ_SIZE
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.unit.renderer.conftest import Answer, Ask
from tests.unit.renderer.fakes import FakeTable, aws_error, experiment_item
from tests.unit.renderer.html_text import links_of, related_links_of
from tests.unit.renderer.test_overview import BROKEN_ITEMS, HOSTILE
from tests.unit.renderer.test_requests import HOSTILE_TEXTS

ATOM = "{http://www.w3.org/2005/Atom}"
NEXT = re.compile(r'<\?([^>]*)>; rel="next"')
LISTINGS = ["/", "/experiments.csv", "/api/experiments"]


def fields_of(answer: Answer) -> Any:
    return json.loads(answer["body"])


def table_of(answer: Answer) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(answer["body"], newline=""), strict=True))


def feed_of(answer: Answer) -> ElementTree.Element:
    return ElementTree.fromstring(answer["body"])


def described(ask: Ask, path: str, status: str = "200") -> Draft202012Validator:
    """What the description says that a path answers."""
    document = fields_of(ask("/api/openapi.json"))
    response = document["paths"][path]["get"]["responses"][status]
    ((_, content),) = response["content"].items()
    return Draft202012Validator(
        {**content["schema"], "components": document["components"]},
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def test_the_description_is_valid_openapi(ask: Ask) -> None:
    answer = ask("/api/openapi.json")
    assert answer["headers"]["Content-Type"] == "application/json"
    document = fields_of(answer)
    assert document["openapi"].startswith("3.1.")
    validate(document)


def test_every_path_that_is_described_is_answered_as_described(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one"))
    paths = fields_of(ask("/api/openapi.json"))["paths"].items()
    for path, operations in ((path, operations) for path, operations in paths if not path.startswith("/api/admin/")):
        answer = ask(path.format(id="one"))
        assert answer["statusCode"] == 200
        (media_type,) = operations["get"]["responses"]["200"]["content"]
        assert answer["headers"]["Content-Type"].partition(";")[0] == media_type


def test_every_parameter_that_is_described_narrows_the_listing(ask: Ask) -> None:
    parameters = fields_of(ask("/api/openapi.json"))["paths"]["/api/experiments"]["get"]["parameters"]
    for parameter in parameters:
        if "enum" in parameter["schema"]:
            assert ask("/api/experiments", query={parameter["name"]: "none of these"})["statusCode"] == 400
        for value in parameter["schema"].get("enum", []):
            assert ask("/api/experiments", query={parameter["name"]: value})["statusCode"] == 200


@pytest.mark.parametrize("item", [experiment_item(), *BROKEN_ITEMS], ids=range(len(BROKEN_ITEMS) + 1))
def test_good_and_broken_experiments_fit_the_description(ask: Ask, table: FakeTable, item: dict[str, Any]) -> None:
    table.hold(item)
    answer = fields_of(ask("/api/experiments"))
    described(ask, "/api/experiments").validate(answer)
    assert len(answer["experiments"]) == 1


def test_everything_recorded_is_told_with_its_unit(ask: Ask, table: FakeTable) -> None:
    points = [{"bitrate_kbps": 800, "psnr_db": 38.5, "label": "CRF 28"}]
    table.hold(experiment_item("one", rd_points=points, log_tail="exit 0"))
    (listed,) = fields_of(ask("/api/experiments"))["experiments"]
    alone = fields_of(ask("/api/experiments/one"))
    described(ask, "/api/experiments/{id}").validate(alone)
    assert alone["metrics"]["psnr_db"] == 41.268
    assert alone["metrics"]["vmaf"] is None
    assert alone["created_at"] == "2026-11-24T06:12:56.123456Z"
    assert alone["parameters"] == {"width": 640, "height": 360, "fps": 30}
    assert alone["rd_points"][0]["label"] == "CRF 28"
    assert (alone["quality"], alone["cost_usd"], alone["log_tail"]) == ("Excellent", 0.00123, "exit 0")
    assert {name: value for name, value in listed.items() if name != "links"} == {
        name: value for name, value in alone.items() if name != "links"
    }


def test_links_lead_from_each_document_to_the_files(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one", artefacts={"video_key": "v.mp4"}))
    (listed,) = fields_of(ask("/api/experiments"))["experiments"]
    alone = fields_of(ask("/api/experiments/one"))
    assert listed["links"]["video"] == "../experiments/one/video"
    assert alone["links"]["video"] == "../../experiments/one/video"
    assert alone["links"]["document"] == "../../api/experiments/one"
    assert alone["links"]["decoder"] is None


@pytest.mark.parametrize("path", ["/api/experiments", "/experiments.csv"])
def test_next_leads_through_all_experiments_once(ask: Ask, table: FakeTable, path: str) -> None:
    table.hold(*(experiment_item(f"e{number}", status="failed") for number in range(25)))
    seen, query = [], {"limit": "10", "status": "failed"}
    for _ in range(3):
        answer = ask(path, query=query)
        seen += [row["id"] for row in (table_of(answer) if "csv" in path else fields_of(answer)["experiments"])]
        link = NEXT.search(answer["headers"]["Link"])
        query = dict(parse_qsl(link[1])) if link else {}
    assert seen == [f"e{number}" for number in range(25)]
    assert query == {}


def test_next_is_in_the_document_too(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("a"), experiment_item("b"))
    answer = ask("/api/experiments", query={"limit": "1"})
    following = fields_of(answer)["next"]
    assert answer["headers"]["Link"] == f'<{following}>; rel="next"'
    last = fields_of(ask("/api/experiments", query=dict(parse_qsl(following[1:]))))
    assert (last["experiments"][0]["id"], last["next"]) == ("b", None)
    first = fields_of(ask("/api/experiments", query=dict(parse_qsl(last["previous"][1:]))))
    assert (first["experiments"][0]["id"], first["previous"]) == ("a", None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "failed"}, ["b", "c"]),
        ({"status": "FAILED"}, ["b", "c"]),
        ({"codec": "vp9"}, ["c", "d"]),
        ({"codec": "vp9", "status": "failed"}, ["c"]),
        ({"codec": "vp9", "status": "succeeded"}, ["d"]),
        ({"codec": "vp8"}, []),
        ({"quality": "poor"}, ["d"]),
        ({"quality": "Excellent", "status": "failed"}, ["b", "c"]),
        ({"text": "  UNLIKE   vp9 "}, ["d"]),
        ({"text": "nothing like it"}, []),
        ({"sort": "ssim"}, ["d", "c", "a", "b"]),
        ({"sort": "-ssim", "codec": "vp9"}, ["c", "d"]),
        ({"sort": "vmaf"}, ["a", "b", "c", "d"]),
        ({"codec": "", "status": ""}, ["a", "b", "c", "d"]),
        ({"utm_source": "<script>"}, ["a", "b", "c", "d"]),
    ],
)
def test_filters_narrow_json_and_csv_alike(ask: Ask, table: FakeTable, query: dict[str, str], found: list[str]) -> None:
    table.hold(
        experiment_item("a"),
        experiment_item("b", status="failed"),
        experiment_item("c", status="failed", codec="vp9", metrics={"psnr_db": 41, "ssim": 0.985}),
        experiment_item("d", codec="vp9", name="Unlike the others", metrics={"psnr_db": 20, "ssim": 0.5}),
    )
    assert [row["id"] for row in fields_of(ask("/api/experiments", query=query))["experiments"]] == found
    assert [row["id"] for row in table_of(ask("/experiments.csv", query=query))] == found


def test_how_far_an_experiment_is_is_told(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("running", status="running", progress=0.42), experiment_item("done"))
    assert [row["progress"] for row in fields_of(ask("/api/experiments"))["experiments"]] == [0.42, None]
    assert [row["progress"] for row in table_of(ask("/experiments.csv"))] == ["0.42", ""]


@pytest.mark.parametrize("path", LISTINGS)
def test_a_query_of_thousands_of_parameters_is_answered(ask: Ask, path: str) -> None:
    assert ask(path, query={f"{HOSTILE}{number}": HOSTILE for number in range(5000)})["statusCode"] == 200


def test_a_search_in_vain_says_how_far_it_went_and_goes_on(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{number}", status="failed") for number in range(400)))
    answer = fields_of(ask("/api/experiments", query={"status": "failed", "codec": "x264"}))
    assert (answer["experiments"], answer["examined"]) == ([], MOST_READS * READ_SIZE)
    assert len(table.queries) == MOST_READS
    rest = fields_of(ask("/api/experiments", query=dict(parse_qsl(answer["next"].removeprefix("?")))))
    assert (rest["experiments"], rest["next"], rest["examined"]) == ([], None, 400 - MOST_READS * READ_SIZE)


BAD_QUERIES = [
    *({"limit": value} for value in ("0", "101", "-1", "1.5", "ten", "٣", "9" * 5000, "1,2")),
    *({"status": value} for value in ("done", "failed,running", HOSTILE, "\ud800")),
    *({"quality": value} for value in ("best", "good,poor", HOSTILE)),
    *({"sort": value} for value in ("alphabet", "--ssim", "created_at", HOSTILE)),
    *({name: value} for name in ("codec", "text") for value in ("x" * 101, "a\x00b", "a\nb", "\ud800", "\u202e")),
]


@pytest.mark.parametrize("query", BAD_QUERIES, ids=range(len(BAD_QUERIES)))
@pytest.mark.parametrize("path", LISTINGS)
def test_a_value_that_makes_no_sense_is_refused_and_not_echoed(ask: Ask, path: str, query: dict[str, str]) -> None:
    answer = ask(path, query=query)
    assert answer["statusCode"] == 400
    assert answer["headers"]["Cache-Control"] == "no-store"
    ((name, value),) = query.items()
    assert f"“{name}”" in answer["body"]
    assert len(value) < 4 or value not in answer["body"]
    if path.startswith("/api"):
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        described(ask, path, "default").validate(fields_of(answer))


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
@pytest.mark.parametrize("path", LISTINGS)
@pytest.mark.parametrize("name", ["cursor", "before"])
def test_a_broken_cursor_is_refused(ask: Ask, path: str, name: str, text: str) -> None:
    answer = ask(path, query={name: text})
    assert answer["statusCode"] == 400
    assert "<script>" not in answer["body"]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_a_hostile_id_is_a_404_in_json(ask: Ask, text: str) -> None:
    answer = ask(f"/api/experiments/{text}")
    assert answer["statusCode"] == 404
    described(ask, "/api/experiments/{id}", "default").validate(fields_of(answer))
    assert "<script>" not in answer["body"]


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/api/nope", "GET", 404), ("/api/experiments/nope", "GET", 404), ("/api/experiments", "POST", 405)],
)
def test_the_api_refuses_in_json(ask: Ask, path: str, method: str, status: int) -> None:
    answer = ask(path, method=method)
    problem = fields_of(answer)
    assert (answer["statusCode"], problem["status"]) == (status, status)
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert problem["title"]


@pytest.mark.parametrize("path", ["/experiments.csv", "/feed.atom", "/api/experiments", "/api/experiments/one"])
def test_a_table_that_fails_is_a_503_to_try_again(ask: Ask, table: FakeTable, path: str) -> None:
    table.error = aws_error("ProvisionedThroughputExceededException")
    answer = ask(path)
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "30")


def test_each_row_of_the_table_has_the_figures_as_measured(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one"))
    answer = ask("/experiments.csv")
    (row,) = table_of(answer)
    assert answer["headers"]["Content-Type"].startswith("text/csv; charset=utf-8")
    assert (row["id"], row["status"], row["quality"]) == ("one", "succeeded", "Excellent")
    assert (row["psnr_db"], row["bitrate_kbps"], row["cost_usd"]) == ("41.268", "1234.4", "0.00123")
    assert (row["vmaf"], row["started_at"]) == ("", "2026-11-24T06:13:00.000000Z")
    assert json.loads(row["parameters_json"]) == {"width": 640, "height": 360, "fps": 30}
    assert answer["body"].endswith("\r\n")


def test_the_table_has_a_column_for_every_metric(ask: Ask) -> None:
    head = ask("/experiments.csv")["body"].strip().split(",")
    assert set(Metrics.__dataclass_fields__) <= set(head)
    assert len(head) == len(set(head))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "  =1", "=1", '=HYPERLINK("x","y")']
)
def test_no_cell_is_a_formula(ask: Ask, table: FakeTable, text: str) -> None:
    table.hold(experiment_item("one", name=text, codec=text, error=text, worker=text))
    (row,) = table_of(ask("/experiments.csv"))
    assert [row[name] for name in ("name", "codec", "error", "worker")] == [f"'{text}"] * 4


@pytest.mark.parametrize("path", ["/api/experiments", "/experiments.csv", "/feed.atom"])
def test_lists_have_an_excerpt_of_a_long_error_and_its_own_document_the_whole(
    path: str, ask: Ask, table: FakeTable
) -> None:
    error, log_tail = "crf 99 " * 43_000, "exit 234 " * 5_000
    table.hold(experiment_item("one", status="failed", error=error, log_tail=log_tail))
    body = ask(path)["body"]
    assert "crf 99 crf 99" in body
    assert "…" in body
    assert len(body) < 10_000
    whole = fields_of(ask("/api/experiments/one"))
    assert (whole["error"], whole["log_tail"]) == (error, log_tail)


def test_negative_figures_stay_numbers(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one", metrics={"ssim": -0.25}))
    assert table_of(ask("/experiments.csv"))[0]["ssim"] == "-0.25"


@pytest.mark.parametrize("text", ['"quoted", and\r\nbroken', HOSTILE, "π · 💥"])
def test_text_comes_out_of_the_table_as_it_went_in(ask: Ask, table: FakeTable, text: str) -> None:
    table.hold(experiment_item("one", name=text), experiment_item("two"))
    rows = table_of(ask("/experiments.csv"))
    assert (rows[0]["name"], rows[1]["id"]) == (text, "two")


@pytest.mark.parametrize("broken", BROKEN_ITEMS, ids=range(len(BROKEN_ITEMS)))
def test_a_broken_item_spoils_neither_table_nor_feed(ask: Ask, table: FakeTable, broken: dict[str, Any]) -> None:
    table.hold(broken, experiment_item("good"))
    assert [row["id"] for row in table_of(ask("/experiments.csv"))][1:] == ["good"]
    assert "good" in ask("/feed.atom")["body"]


def test_the_feed_tells_of_finished_experiments_the_latest_first(ask: Ask, table: FakeTable) -> None:
    table.hold(
        experiment_item("queued", status="queued", finished_at=None),
        experiment_item("early", finished_at="2026-11-24T06:20:00Z"),
        experiment_item("late", finished_at="2026-11-24T09:00:00Z", status="failed", error="crf 99 is too high"),
        experiment_item("cancelled", finished_at="2026-11-24T08:00:00Z", status="cancelled"),
    )
    answer = ask("/feed.atom")
    feed = feed_of(answer)
    entries = feed.findall(f"{ATOM}entry")
    assert answer["headers"]["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert [entry.find(f"{ATOM}link").get("href") for entry in entries] == [  # type: ignore[union-attr]
        f"experiments/{name}" for name in ("late", "cancelled", "early")
    ]
    assert entries[0].findtext(f"{ATOM}summary") == "crf 99 is too high"
    assert entries[2].findtext(f"{ATOM}summary") == (
        "Excellent quality, PSNR 41.27 dB, SSIM 0.9877, bitrate 1,234 kbps, cost 0.0012 USD"
    )
    assert feed.findtext(f"{ATOM}updated") == entries[0].findtext(f"{ATOM}updated") == "2026-11-24T09:00:00+00:00"


def test_the_feed_has_what_atom_asks_for(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one"), experiment_item("two"))
    feed = feed_of(ask("/feed.atom"))
    for element in (feed, *feed.findall(f"{ATOM}entry")):
        assert all(element.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
    assert feed.findtext(f"{ATOM}author/{ATOM}name")
    assert {link.get("rel") for link in feed.findall(f"{ATOM}link")} == {"self", "alternate"}


def test_ids_in_the_feed_are_unique_and_stay(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one"), experiment_item("two"))
    before = [element.text for element in feed_of(ask("/feed.atom")).iter(f"{ATOM}id")]
    table.hold(*(experiment_item(name, name="renamed", metrics={}) for name in ("one", "two")))
    assert [element.text for element in feed_of(ask("/feed.atom")).iter(f"{ATOM}id")] == before
    assert len(set(before)) == 3


def test_a_feed_without_entries_is_a_feed(ask: Ask) -> None:
    feed = feed_of(ask("/feed.atom"))
    assert feed.findtext(f"{ATOM}updated")
    assert feed.findall(f"{ATOM}entry") == []


@pytest.mark.parametrize("text", [HOSTILE, "]]>&amp;<![CDATA[", "\x00\x0b\x1f\ufffe", "π · 💥", "a\ud800"])
def test_text_in_the_feed_stays_text(ask: Ask, table: FakeTable, text: str) -> None:
    table.hold(experiment_item("one", name=text, codec=text, error=text))
    (entry,) = feed_of(ask("/feed.atom")).findall(f"{ATOM}entry")
    assert entry.find(f"{ATOM}title/*") is None
    if text.isprintable():
        assert entry.findtext(f"{ATOM}summary") == text


def test_parameters_with_broken_names_can_be_sent(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one", parameters='{"\\ud800": 1, "": 2, "crf": 28}'))
    for path in ("/api/experiments", "/api/experiments/one", "/experiments.csv"):
        assert ask(path)["body"].encode()


def test_the_overview_leads_to_its_data_in_other_forms(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{number}", status="failed") for number in range(60)))
    first = ask("/", query={"status": "failed"})["body"]
    older = related_links_of(first)["next"]
    query = dict(parse_qsl(urlsplit(older).query))
    body = ask("/", query=query)["body"]
    links = [link for link in links_of(body) if link.startswith(("./experiments.csv", "./api/", "./feed"))]
    assert links == [f"./experiments.csv{older}", f"./api/experiments{older}", "./feed.atom", "./api/openapi.json"]
    assert [row["id"] for row in table_of(ask("/experiments.csv", query=query))] == [f"e{n}" for n in range(50, 60)]
    for media_type in ("text/csv", "application/json", "application/atom+xml"):
        assert f'<link rel="alternate" type="{media_type}"' in body


@pytest.mark.parametrize(("path", "title"), [("/", "Experiments"), ("/nope", "There is no such page")])
def test_a_page_that_is_shared_says_what_it_is(ask: Ask, path: str, title: str) -> None:
    body = ask(path)["body"]
    assert f'<meta property="og:title" content="{title}">' in body
    assert '<meta property="og:site_name" content="AI Video Codec Lab">' in body
    assert body.count('<meta property="og:description"') == body.count('<meta name="description"') == 1


def test_the_table_and_the_api_know_every_field_of_an_experiment(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one"))
    assert set(Experiment.__dataclass_fields__) <= set(fields_of(ask("/api/experiments/one")))
