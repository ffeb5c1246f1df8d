"""What the admin API refuses before anything is done: strangers, bad bodies, requests that make no sense."""

import base64
import json
from http import HTTPStatus
from typing import Any

import pytest

from tests.admin_client import CLAIMS, AdminClient

START = {"codec": "x264", "clip": "game-of-life", "parameters": {"preset": "fast", "quality": 23}}
CLIENT = AdminClient()
JSON = {"content-type": "application/json", "idempotency-key": "k"}
STRANGERS = [
    {},
    {**CLAIMS, "cognito:groups": "[viewers]"},
    {**CLAIMS, "cognito:groups": "[admins-not]"},
    {**CLAIMS, "token_use": "id"},
]
PATHS = ["/me", "/codecs", "/experiments", "/nowhere", "/"]


@pytest.mark.parametrize("claims", STRANGERS, ids=range(len(STRANGERS)))
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_strangers_are_refused_whatever_they_ask_for(claims: dict[str, Any], method: str) -> None:
    for path in PATHS:
        answer = AdminClient(claims).send(method, path, "{}", JSON)
        assert (answer.status, answer.document["title"]) == (403, "Not an administrator")


def test_administrators_are_told_their_name() -> None:
    answer = CLIENT.get("/me")
    assert (answer.document, answer.headers["Cache-Control"]) == ({"name": "ada"}, "no-store")
    assert AdminClient({**CLAIMS, "cognito:groups": ["viewers", "admins"]}).get("/me").status == 200


def test_what_is_not_there_and_what_cannot_be_done_so_is_said() -> None:
    assert CLIENT.get("/nowhere").status == 404
    assert CLIENT.get("/experiments/e1/stop/now").status == 404
    for method, path, allowed in (("PUT", "/experiments", "GET, POST"), ("GET", "/experiments/e1/stop", "POST")):
        answer = CLIENT.send(method, path)
        assert (answer.status, answer.headers["Allow"]) == (405, allowed)
    assert (CLIENT.send("HEAD", "/me").status, CLIENT.send("HEAD", "/me").body) == (200, "")


@pytest.mark.parametrize("key", ["", "a b", "a/b", "ä", "k" * 129, "k\n"])
@pytest.mark.parametrize("path", ["/experiments", "/experiments/e1/rerun", "/reruns"])
def test_a_start_needs_a_key(path: str, key: str) -> None:
    answer = CLIENT.send("POST", path, json.dumps(START), {**JSON, "idempotency-key": key})
    assert (answer.status, answer.document["title"]) == (400, "Not without a key")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("{", 400),
        ("\udc80", 400),
        ("\x00", 400),
        ("[" * 20_000, 400),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, 400),
        ("9" * 5_000, 400),
        ('{"codec": NaN}', 400),
        ('{"codec": Infinity}', 400),
        ('"' + "x" * 70_000 + '"', 413),
        ("[]", 422),
        ("null", 422),
        ('"text"', 422),
        ("1e999", 422),
        ("{}", 422),
        ("", 422),
    ],
)
def test_a_body_that_is_no_good_is_refused(body: str, status: int) -> None:
    for path in ("/experiments", "/estimates"):
        answer = CLIENT.send("POST", path, body, JSON)
        assert (answer.status, answer.document["status"]) == (status, status)
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_body_has_to_say_that_it_is_json() -> None:
    for content_type in ("", "text/plain", "application/x-www-form-urlencoded", "application/json5"):
        assert CLIENT.send("POST", "/estimates", "{}", {"content-type": content_type}).status == 415
    assert CLIENT.send("POST", "/estimates", "{}", {"content-type": "Application/JSON; charset=utf-8"}).status == 422


def test_a_body_may_come_in_base64() -> None:
    encoded = base64.b64encode(b"{}").decode()
    assert CLIENT.send("POST", "/estimates", encoded, JSON, is_base64=True).status == 422
    for damaged in ("{}", "e30", base64.b64encode(b"\xff").decode()):
        assert CLIENT.send("POST", "/estimates", damaged, JSON, is_base64=True).status == 400


@pytest.mark.parametrize(
    ("changed", "paths"),
    [
        ({"codec": "x266"}, {"/codec"}),
        ({"codec": ["x264"]}, {"/codec"}),
        ({"clip": "akiyo", "codec": None}, {"/clip", "/codec"}),
        ({"clip": "a\x00b"}, {"/clip"}),
        ({"name": "x" * 201}, {"/name"}),
        ({"name": "\ud800"}, {"/name"}),
        ({"name": "a\nb"}, {"/name"}),
        ({"threads": 4}, {"/threads"}),
        ({"\ud800/~": 4}, {"/?~1~0"}),
        ({"parameters": []}, {"/parameters"}),
        ({"parameters": {}}, {"/parameters/preset", "/parameters/quality"}),
        ({"parameters": {"preset": "warp", "quality": 52}}, {"/parameters/preset", "/parameters/quality"}),
        ({"parameters": {"preset": "fast", "quality": "23"}}, {"/parameters/quality"}),
        ({"parameters": {"preset": "fast", "quality": True}}, {"/parameters/quality"}),
        ({"parameters": {"preset": "fast", "quality": 10**400}}, {"/parameters/quality"}),
        ({"parameters": {"preset": "fast", "quality": 1, "crf": 2}}, {"/parameters/crf"}),
        (
            {"parameters": {"preset": "fast", "quality": 1, "options": {"g": 0, "bf": 1.5, "y": "/etc/x", "refs": 2}}},
            {"/parameters/options/g", "/parameters/options/bf", "/parameters/options/y"},
        ),
    ],
)
def test_every_problem_is_named_by_its_place(changed: dict[str, Any], paths: set[str]) -> None:
    for path in ("/experiments", "/estimates"):
        answer = CLIENT.post(path, START | changed, key="k")
        assert answer.status == HTTPStatus.UNPROCESSABLE_ENTITY
        assert {problem["path"] for problem in answer.document["problems"]} == paths
        assert all(problem["message"] in answer.document["detail"] for problem in answer.document["problems"])


def test_not_more_problems_are_named_than_anybody_reads() -> None:
    answer = CLIENT.post("/estimates", START | {f"n{number}": 1 for number in range(500)})
    assert len(answer.document["problems"]) == 50


def test_reruns_are_asked_for_by_at_most_a_hundred_ids() -> None:
    for ids in ("e1", ["e"] * 101, [1], ["\x00"], ["e" * 300], None):
        assert CLIENT.post("/reruns", {"ids": ids}, key="k").status == 422
    not_parameters: list[Any] = [[], "fast", None]
    for parameters in not_parameters:
        assert CLIENT.post("/experiments/e1/rerun", {"parameters": parameters}, key="k").status == 422


def test_the_page_learns_what_can_be_started() -> None:
    catalogue = CLIENT.get("/codecs").document
    assert [codec["name"] for codec in catalogue["codecs"]] == ["x264", "x265", "vp9", "av1"]
    assert catalogue["clips"][0] == {
        "name": "mandelbrot-zoom",
        "title": "Zoom into the Mandelbrot set: fine texture, moving camera, grain",
        "width": 640,
        "height": 360,
        "frames_per_second": 30,
        "frames": 60,
    }
