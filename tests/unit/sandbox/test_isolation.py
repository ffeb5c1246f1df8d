"""Whom the embedded AWS answers, and what it says to others."""

import contextlib
from typing import Any

import pytest

from sandbox.isolation import Isolation, Scope

PORT = 4566
AWS = f"127.0.0.1:{PORT}"
CDN = f"label.cloudfront.localhost:{PORT}"
SITE = {"origin": f"http://{CDN}"}
FOREIGN = {"origin": "http://evil.example"}
OWN_PAGE = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
IMAGE = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
VIDEO = {**IMAGE, "sec-fetch-dest": "video"}
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
TYPED = {**LINK, "sec-fetch-site": "none"}
FRAME = {**LINK, "sec-fetch-dest": "iframe"}
API = "/_aws/execute-api/0123abcd/live/api/experiments"
FUNCTIONS = "/2015-03-31/functions"
VIDEO_FILE = "/media/experiments/x/video.mp4"
BY_ROLE = "X-Amz-Credential=ASIA0123456789ABCDEF%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
SIGNED = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&{BY_ROLE}&X-Amz-Signature=0"
BY_ROOT = SIGNED.replace("ASIA0123456789ABCDEF", "test")
REFUSED = 403


@pytest.mark.parametrize(
    "host",
    [
        AWS,
        CDN,
        f"localhost:{PORT}",
        f"LOCALHOST:{PORT}",
        f"[::1]:{PORT}",
        f"0123abcd.execute-api.localhost:{PORT}",
        f"bucket.s3.localhost:{PORT}",
    ],
)
def test_programs_reach_it_by_each_name_of_this_machine(host: str) -> None:
    assert _passes(host, "POST", FUNCTIONS)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "127.0.0.1",
        "localhost",
        "localhost:4567",
        f"127.0.0.2:{PORT}",
        f"127.0.0.1.evil.example:{PORT}",
        f"localhost.evil.example:{PORT}",
        f"evil.example:{PORT}",
        f"evil.example\n.localhost:{PORT}",
        f"evillocalhost:{PORT}",
        f"label.cloudfront.net:{PORT}",
        f"{AWS}@evil.example",
        f"{AWS}, {AWS}",
    ],
)
def test_by_another_name_nobody_reaches_it(host: str) -> None:
    status, text = _answer(host, "GET", "/")
    assert (status, text.count("\n")) == (REFUSED, 1 + host.count("\n"))
    assert text.endswith(f"is no name of the embedded AWS, which is at 127.0.0.1:{PORT}.\n")


def test_a_name_that_is_sent_twice_is_none() -> None:
    scope = _scope(AWS, "GET", "/", "", {})
    scope["headers"].append((b"Host", AWS.encode()))
    assert _run(scope)[0] == REFUSED


def test_an_alias_leads_to_its_distribution_and_nowhere_else() -> None:
    for host in ("video.example.org", f"video.example.org:{PORT}"):
        passed = _run(_scope(host, "GET", "/", "", {}))[2]
        assert [value for name, value in passed["headers"] if name == b"host"] == [CDN.encode()]


@pytest.mark.parametrize(
    ("host", "method", "path", "query", "headers"),
    [
        (CDN, "GET", "/", "", TYPED),
        (CDN, "GET", "/", "", LINK),
        (CDN, "GET", "/", "", {"user-agent": "Mozilla/5.0"}),
        (CDN, "GET", "/styles.css", "", OWN_PAGE),
        (CDN, "POST", "/api/admin/experiments", "", {**OWN_PAGE, **SITE}),
        (AWS, "GET", "/oauth2/authorize", "client_id=x", LINK),
        (AWS, "GET", "/logout", "client_id=x", LINK),
        (AWS, "POST", "/login", "", {**OWN_PAGE, "origin": f"http://{AWS}"}),
        (AWS, "POST", "/oauth2/token", "", {**SITE, "sec-fetch-site": "cross-site"}),
        (AWS, "POST", "/oauth2/revoke", "", {**SITE, "sec-fetch-site": "cross-site"}),
        (AWS, "GET", VIDEO_FILE, SIGNED, VIDEO),
        (AWS, "GET", VIDEO_FILE, f"{SIGNED}&response-content-disposition=attachment", LINK),
        (f"localhost:{PORT}", "GET", API, "status=failed", TYPED),
    ],
)
def test_browsers_reach_the_site_its_sign_in_and_signed_videos(
    host: str, method: str, path: str, query: str, headers: dict[str, str]
) -> None:
    assert _passes(host, method, path, query, headers)


@pytest.mark.parametrize("sent", [FOREIGN, {"origin": "null"}, {"origin": "http://localhost:3000"}, IMAGE, FRAME])
@pytest.mark.parametrize(
    ("host", "method", "path"),
    [
        (AWS, "POST", FUNCTIONS),
        (AWS, "OPTIONS", FUNCTIONS),
        (AWS, "POST", "/_ministack/reset"),
        (AWS, "POST", "/oauth2/token"),
        (AWS, "GET", API),
        (CDN, "GET", "/"),
        (CDN, "POST", "/api/admin/experiments"),
    ],
)
def test_pages_of_other_origins_reach_nothing(host: str, method: str, path: str, sent: dict[str, str]) -> None:
    assert not _passes(host, method, path, headers=sent)


@pytest.mark.parametrize("sent", [SITE, OWN_PAGE, LINK, TYPED, {"user-agent": "Mozilla/5.0"}])
@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/", f"Action=CreateQueue&{BY_ROOT}"),
        ("/_ministack/reset", ""),
        ("/_ministack/health", ""),
        ("/_aws/lambda-url/0123/", ""),
        ("/_aws/execute-api/", "Action=CreateQueue"),
        (API, BY_ROOT),
        (VIDEO_FILE, ""),
        (VIDEO_FILE, BY_ROOT),
        (VIDEO_FILE, f"{BY_ROOT}&{BY_ROLE}"),
        (VIDEO_FILE, f"{SIGNED}&Action=CreateQueue"),
        (VIDEO_FILE, SIGNED.replace("s3", "lambda")),
        ("/media", SIGNED),
    ],
)
def test_no_page_is_let_at_the_api_of_aws(path: str, query: str, sent: dict[str, str]) -> None:
    assert not _passes(AWS, "GET", path, query, sent)


def test_a_website_in_a_bucket_is_no_page_of_the_site() -> None:
    assert not _passes(f"bucket.localhost:{PORT}", "PUT", "/object", headers=OWN_PAGE)


def test_a_link_is_followed_by_reading_alone() -> None:
    assert not _passes(CDN, "POST", "/", headers=LINK)


def test_the_handshake_of_a_foreign_web_socket_is_refused() -> None:
    scope = {**_scope(AWS, "GET", API, "", FOREIGN), "type": "websocket"}
    del scope["method"]
    status, text, _ = _run(scope)
    assert status == REFUSED
    assert text == "Pages of http://evil.example may not use the embedded AWS, only those of its own site.\n"


def test_a_refusal_lets_no_page_read_it() -> None:
    sent = _messages(_scope(AWS, "OPTIONS", FUNCTIONS, "", FOREIGN))[0]
    names = {name for name, _ in sent[0]["headers"]}
    assert names == {b"content-type", b"content-length", b"x-content-type-options"}


def test_what_is_no_request_is_handed_on() -> None:
    assert _run({"type": "lifespan"})[2] == {"type": "lifespan"}


def _passes(host: str, method: str, path: str, query: str = "", headers: dict[str, str] | None = None) -> bool:
    status, text = _answer(host, method, path, query, headers)
    assert status in (REFUSED, None)
    assert bool(text) == (status == REFUSED)
    return status is None


def _answer(
    host: str, method: str, path: str, query: str = "", headers: dict[str, str] | None = None
) -> tuple[int | None, str]:
    status, text, passed = _run(_scope(host, method, path, query, headers or {}))
    assert bool(passed) == (status is None)
    return status, text


def _scope(host: str, method: str, path: str, query: str, headers: dict[str, str]) -> Scope:
    named = {"host": host, **headers}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    return {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": raw}


def _run(scope: Scope) -> tuple[int | None, str, Scope]:
    """Return the status and text of a refusal, or what was handed on."""
    sent, passed = _messages(scope)
    text = "".join(message.get("body", b"").decode() for message in sent)
    return sent[0]["status"] if sent else None, text, passed


def _messages(scope: Scope) -> tuple[list[dict[str, Any]], Scope]:
    sent: list[dict[str, Any]] = []
    passed: Scope = {}

    async def application(scope: Scope, _receive: Any, _send: Any) -> None:
        passed.update(scope)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    aliases = {"video.example.org": "label"}
    # Nothing in it waits, and the browser's tests, which may run in this process, have an event loop running.
    with contextlib.suppress(StopIteration):
        Isolation(application, PORT, aliases.get)(scope, None, send).send(None)
    return sent, passed
