"""What the CDN may hold of the renderer's routes, and that a release invalidates all of it."""

from fnmatch import fnmatchcase
from types import ModuleType

import pytest
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from botocore.stub import Stubber
from renderer.routes import table as routes
from web.routes import HttpRoute, RouteTable

from releasing.routes import Routes, routes_of
from tests.project_copy import ROOT
from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, experiment_item

QUERIES = {"/compare": {"ids": "one,two"}, "/curves": {}}
FILES = {f"{name}_key": f"experiments/one/{name}" for name in ("video", "reference", "decoder")}


@pytest.mark.parametrize("route", routes.routes, ids=lambda route: str(route.path))
def test_what_the_cdn_may_hold_is_what_the_route_says_and_a_release_invalidates(
    ask: Ask, table: FakeTable, bucket: Stubber, route: HttpRoute
) -> None:
    table.hold(experiment_item("one", artefacts=FILES), experiment_item("two"))
    bucket.add_response("head_bucket", {})
    path = route.path.replace("{id}", "one")
    answer = ask(path, query=QUERIES.get(path))
    assert answer["statusCode"] < 400
    assert answer["headers"]["Cache-Control"] == route.cache_control
    if "s-maxage" in answer["headers"]["Cache-Control"]:
        invalidated = routes_of(ROOT / "lambda").paths
        for held in (path, f"{path}?sort=ssim"):
            assert any(fnmatchcase(held, pattern.replace("?", "[?]")) for pattern in invalidated), held


def test_a_function_answers_what_its_table_has_and_nothing_else(renderer: ModuleType) -> None:
    answered = [*renderer.app._static_routes, *renderer.app._dynamic_routes]
    assert len(answered) == len(routes.routes)


def test_paths_are_invalidated_with_any_query_and_any_parameter() -> None:
    held = ("/", "/new", "/clips/{clip}/frames")
    assert Routes(held, {}).paths == ("/", "/?*", "/clips/*", "/new*")


def test_a_refusal_keeps_what_it_says_of_itself() -> None:
    made_up, app = RouteTable(), APIGatewayHttpResolver()

    @made_up.get("/things/{thing}/{part}", cache_control="public, s-maxage=9")
    def show(thing: str, part: str) -> Response[str]:
        headers = {"Cache-Control": "no-store"} if thing == "none" else {}
        return Response(200, "text/plain", f"{thing}, {part}", headers)

    app.include_router(made_up.router)
    for path, expected in (("/things/a/b", "public, s-maxage=9"), ("/things/none/b", "no-store")):
        event = {
            "rawPath": path,
            "requestContext": {"stage": "$default", "http": {"method": "GET", "path": path}},
        }
        answer = app.resolve(event, None)  # type: ignore[arg-type]
        assert answer["headers"]["Cache-Control"] == expected
        assert answer["body"].endswith(", b")
