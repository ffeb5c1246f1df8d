"""What the renderer answers to every kind of request: paths, methods, links to artefacts, health, and failures."""

import importlib
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ConnectTimeoutError
from botocore.stub import Stubber
from jinja2 import ChoiceLoader, FileSystemLoader
from renderer import routes
from renderer.pages import templates

from tests.unit.renderer.conftest import BUILD_ID, REQUEST_ID, Ask
from tests.unit.renderer.fakes import SECRET, FakeTable, aws_error, experiment_item
from tests.unit.renderer.html_text import links_of, related_links_of, text_of

PATHS = ["/", "/costs", "/health", "/experiments/nope/video", "/nope"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_answered_alike_with_and_without_the_stage(ask: Ask, bucket: Stubber, path: str) -> None:
    for _ in range(2):
        bucket.add_response("head_bucket", {})
    assert ask(f"/production{path}")["statusCode"] == ask(path)["statusCode"]


def test_the_stage_alone_is_its_first_page(ask: Ask) -> None:
    assert ask("/production")["statusCode"] == 200


def test_a_path_that_only_begins_like_the_stage_is_not_the_stage(ask: Ask) -> None:
    assert ask("/productions")["statusCode"] == 404


def test_video_link_leads_to_a_signed_url_that_expires(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one"))
    answer = ask("/production/experiments/one/video")
    location = urlsplit(answer["headers"]["Location"])
    query = parse_qs(location.query)
    assert (answer["statusCode"], answer["headers"]["Cache-Control"]) == (302, "no-store")
    assert answer["body"] == ""
    assert location.path.endswith("experiments/one/video.mp4")
    assert query["X-Amz-Expires"] == ["600"]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


def test_decoder_link_downloads_under_the_experiments_name(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("one"))
    answer = ask("/experiments/one/decoder")
    query = parse_qs(urlsplit(answer["headers"]["Location"]).query)
    assert (answer["statusCode"], answer["headers"]["Cache-Control"]) == (302, "no-store")
    assert query["response-content-disposition"] == ['attachment; filename="one-decoder.zip"']


@pytest.mark.parametrize(
    ("artefact", "title"),
    [("video", "This experiment has no video"), ("decoder", "This experiment has no decoder")],
)
def test_an_experiment_without_the_artefact_says_so(ask: Ask, table: FakeTable, artefact: str, title: str) -> None:
    table.hold(experiment_item("one", artefacts={}))
    answer = ask(f"/experiments/one/{artefact}")
    assert answer["statusCode"] == 404
    assert title in text_of(answer["body"])


def test_an_unknown_experiment_is_a_friendly_404(ask: Ask) -> None:
    answer = ask("/experiments/gone/video")
    assert answer["statusCode"] == 404
    assert "There is no such experiment" in text_of(answer["body"])
    assert answer["headers"]["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "home"),
    [("/nope", "./"), ("/a/b", "../"), ("/experiments/x/video", "../../"), ("//evil.example/", "../../")],
)
def test_a_page_that_is_not_there_leads_home(ask: Ask, path: str, home: str) -> None:
    answer = ask(path)
    assert answer["statusCode"] == 404
    assert links_of(answer["body"])[1] == home


HOSTILE_TEXTS = [
    "<script>alert(1)</script>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "../../etc/passwd",
    "..",
    "x' OR 1=1 --",
    'x"\r\nSet-Cookie: a=b',
    "{{7*7}}${7*7}",
    "\x00\x1f",
    "\ud800",
    "💥" * 1000,
    "a" * 100_000,
    " ",
    "\\",
]


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
@pytest.mark.parametrize("path", ["/{}", "/{}/", "/experiments/{}/video", "/experiments/{}/decoder", "/experiments/{}"])
def test_hostile_paths_are_refused_and_not_echoed(ask: Ask, path: str, text: str) -> None:
    answer = ask(path.format(text))
    assert answer["statusCode"] == 404
    assert "<script>" not in answer["body"]
    assert "49" not in text_of(answer["body"]).replace("404", "")


@pytest.mark.parametrize("text", HOSTILE_TEXTS, ids=range(len(HOSTILE_TEXTS)))
def test_a_broken_cursor_is_a_friendly_400(ask: Ask, text: str) -> None:
    answer = ask("/", query={"cursor": text})
    assert answer["statusCode"] == 400
    assert "This link leads nowhere" in text_of(answer["body"])
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert "<script>" not in answer["body"]


def test_an_empty_cursor_is_a_broken_one(ask: Ask) -> None:
    assert ask("/", query={"cursor": ""})["statusCode"] == 400


def test_a_cursor_that_the_table_refuses_is_a_broken_one(ask: Ask, table: FakeTable) -> None:
    table.hold(*(experiment_item(f"e{number}") for number in range(60)))
    older = related_links_of(ask("/")["body"])["next"]
    table.error = aws_error("ValidationException")
    for name in ("cursor", "before"):
        assert ask("/", query={name: older.removeprefix("?cursor=")})["statusCode"] == 400


def test_other_queries_are_ignored(ask: Ask) -> None:
    assert ask("/", query={"utm_source": "<script>"})["statusCode"] == 200


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_a_body(ask: Ask, bucket: Stubber, path: str) -> None:
    for _ in range(2):
        bucket.add_response("head_bucket", {})
    head, get = ask(path, method="HEAD"), ask(path)
    assert head["body"] == ""
    assert head["statusCode"] == get["statusCode"]
    assert head["headers"]["Content-Type"] == get["headers"]["Content-Type"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_not_allowed(ask: Ask, path: str, method: str) -> None:
    answer = ask(path, method=method)
    assert answer["statusCode"] == 405
    assert answer["headers"]["Allow"] == "GET, HEAD"
    assert answer["headers"]["Cache-Control"] == "no-store"


def test_health_names_the_build_and_what_it_depends_on(ask: Ask, bucket: Stubber) -> None:
    bucket.add_response("head_bucket", {}, {"Bucket": "media"})
    answer = ask("/health")
    health = json.loads(answer["body"])
    dependencies = health.pop("dependencies")
    assert answer["statusCode"] == 200
    assert (answer["headers"]["Content-Type"], answer["headers"]["Cache-Control"]) == ("application/json", "no-store")
    assert health == {"status": "ok", "build_id": BUILD_ID, "version": "12", "stack": "sandbox"}
    assert {name: found["status"] for name, found in dependencies.items()} == {"table": "ok", "media": "ok"}


def test_health_is_degraded_where_the_table_fails(ask: Ask, table: FakeTable, bucket: Stubber) -> None:
    table.error = aws_error("AccessDeniedException")
    bucket.add_response("head_bucket", {})
    answer = ask("/health")
    health = json.loads(answer["body"])
    assert (answer["statusCode"], health["status"]) == (503, "degraded")
    assert health["dependencies"]["table"]["status"] == "failed"
    assert health["dependencies"]["table"]["reason"] == "AccessDeniedException"
    assert health["dependencies"]["media"]["status"] == "ok"
    assert SECRET not in answer["body"]


def test_a_template_with_a_mistake_is_not_healthy(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, log: StringIO
) -> None:
    (tmp_path / "costs.html").write_text("{% if %}")
    environment = templates._ENVIRONMENT
    assert environment.loader
    monkeypatch.setattr(environment, "loader", ChoiceLoader([FileSystemLoader(tmp_path), environment.loader]))
    assert ask("/health")["statusCode"] == 500
    assert "TemplateSyntaxError" in log.getvalue()


def test_health_is_degraded_where_the_bucket_is_gone(ask: Ask, bucket: Stubber) -> None:
    bucket.add_client_error("head_bucket", "404", http_status_code=404)
    health = json.loads(ask("/health")["body"])
    assert health["status"] == "degraded"
    assert health["dependencies"]["media"]["reason"] == "HTTP 404"


@pytest.mark.parametrize(
    "error", [aws_error("ProvisionedThroughputExceededException"), ConnectTimeoutError(endpoint_url="https://internal")]
)
@pytest.mark.parametrize("path", ["/", "/costs", "/curves", "/experiments/one/video"])
def test_a_table_that_fails_is_a_503_to_try_again(
    ask: Ask, table: FakeTable, log: StringIO, path: str, error: Exception
) -> None:
    table.error = error
    answer = ask(path)
    assert answer["statusCode"] == 503
    assert answer["headers"]["Retry-After"] == "30"
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert "can't be reached right now" in text_of(answer["body"])
    assert_only_the_log_tells(answer["body"], log.getvalue(), str(error))


def test_while_the_table_fails_a_page_is_shown_as_it_last_was_and_says_so(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item(name="shown before"))
    ask("/", query={"limit": "10"})
    table.error = aws_error("ProvisionedThroughputExceededException")
    answer = ask("/", query={"limit": "10"})
    assert answer["statusCode"] == 200
    assert answer["headers"]["Cache-Control"] == "no-store"
    text = text_of(answer["body"])
    assert "can't be reached right now. Nothing is lost: this is how the page looked 0 s ago, at" in text
    assert "shown before" in text
    assert ask("/", query={"limit": "11"})["statusCode"] == 503


def test_an_answer_of_data_is_not_repeated_while_the_table_fails(ask: Ask, table: FakeTable) -> None:
    ask("/api/experiments")
    table.error = aws_error("ProvisionedThroughputExceededException")
    assert ask("/api/experiments")["statusCode"] == 503


def test_an_unexpected_error_is_a_500_without_internals(
    ask: Ask, renderer: ModuleType, monkeypatch: pytest.MonkeyPatch, log: StringIO
) -> None:
    monkeypatch.setattr(routes, "render_overview", _failing_with(RuntimeError(SECRET)))
    answer = ask("/")
    assert answer["statusCode"] == 500
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert "Something went wrong on our side" in text_of(answer["body"])
    assert_only_the_log_tells(answer["body"], log.getvalue(), SECRET)


OTHER_EVENTS: dict[str, Any] = {
    "nothing": {},
    "no object": [],
    "payload format 1.0": {
        "version": "1.0",
        "path": "/",
        "httpMethod": "GET",
        "headers": {},
        "requestContext": {"stage": "production", "httpMethod": "GET", "path": "/"},
    },
    "a load balancer's": {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:x"}},
        "httpMethod": "GET",
        "path": "/",
    },
    "a queue's": {"Records": [{"body": "{}"}]},
    "half a request": {"version": "2.0", "rawPath": "/", "requestContext": {"stage": "production", "http": None}},
}


@pytest.mark.parametrize("function", ["index_ssr", "admin_api"])
@pytest.mark.parametrize("event", OTHER_EVENTS.values(), ids=OTHER_EVENTS)
def test_another_event_than_a_request_is_refused_in_a_line(
    event: Any, function: str, renderer: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, module = StringIO(), importlib.import_module(function)
    monkeypatch.setattr(module.logger.registered_handler, "stream", written)
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id=REQUEST_ID
    )
    answer = module.handler(event, context)
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (400, False)
    assert answer["body"].startswith("This function answers requests of an API Gateway HTTP API")
    (entry,) = (json.loads(line) for line in written.getvalue().splitlines())
    assert (entry["level"], entry["message"]) == ("WARNING", "Not a request")


def assert_only_the_log_tells(body: str, log: str, internals: str) -> None:
    assert internals not in body
    assert "Traceback" not in body
    assert REQUEST_ID in body
    (entry,) = (json.loads(line) for line in log.splitlines())
    assert entry["level"] == "ERROR"
    assert entry["function_request_id"] == REQUEST_ID
    assert internals in entry["exception"]


def _failing_with(error: Exception) -> Callable[..., str]:
    def fail(*_arguments: object, **_named: object) -> str:
        raise error

    return fail
