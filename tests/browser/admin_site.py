"""The admin page with a made-up lab behind it: static files, sign-in and admin API, without AWS and in an instant.

`python -m tests.browser.admin_site --port 8765` serves it by hand; `--dashboard` serves another folder's pages.
"""

import argparse
import base64
import hashlib
import json
import mimetypes
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from admin import services as admin_services
from admin.answers import JSON, PROBLEM
from admin.requests import RefusalError
from admin.services import Services
from web.documents import PublishedExperiment, as_json

from releasing.project import PROJECT
from tests.admin_client import AdminClient, Answer
from tests.browser.admin_chat import ScriptedChat
from tests.browser.admin_lab import Lab, sample_lab

API = "/api/admin"
CLIENT_ID = "page"
SCOPE = "openid email"
HEALTH = {
    "status": "ok",
    "build_id": "b1c2d3e4",
    "version": "7",
    "stack": "fake",
    "dependencies": {"table": {"status": "ok", "latency_ms": 4.2}},
}


@dataclass
class Tokens:
    """What the sign-in service has given out."""

    expires_in: int = 900
    challenges: dict[str, str] = field(default_factory=dict)
    """By code, the PKCE challenge that it was asked for with."""
    good_until: dict[str, float] = field(default_factory=dict)
    """By access token, in seconds of the monotonic clock."""
    refresh: set[str] = field(default_factory=set)

    def code(self, challenge: str) -> str:
        """Return a new code."""
        code = secrets.token_hex(8)
        self.challenges[code] = challenge
        return code

    def granted(self, form: Mapping[str, str]) -> dict[str, Any] | None:
        """Return tokens for a code and its verifier, or for a refresh token; None where they are not good."""
        if form.get("grant_type") == "refresh_token":
            return self._access() if form.get("refresh_token") in self.refresh else None
        challenge = self.challenges.pop(form.get("code", ""), None)
        if challenge is None or challenge != _challenge(form.get("code_verifier", "")):
            return None
        refresh = secrets.token_hex(8)
        self.refresh.add(refresh)
        return {**self._access(), "refresh_token": refresh, "id_token": "not-for-the-api"}

    def is_good(self, access: str) -> bool:
        """Tell whether an access token is good still."""
        return time.monotonic() < self.good_until.get(access, 0)

    def expire(self) -> None:
        """Make all access tokens old."""
        self.good_until.clear()

    def revoke(self) -> None:
        """Make all tokens worthless."""
        self.good_until.clear()
        self.refresh.clear()

    def _access(self) -> dict[str, Any]:
        access = secrets.token_hex(8)
        self.good_until[access] = time.monotonic() + self.expires_in
        return {"access_token": access, "expires_in": self.expires_in, "token_type": "Bearer"}


@dataclass
class Failure:
    """What the next requests to the API meet in place of an answer; status 0 hangs up."""

    count: int = 0
    status: int = 503
    under: str = ""
    """Only those whose path after `/api/admin` begins so."""


@dataclass
class AdminSite:
    """The site: its lab, its chat, its sign-in, and switches for what may go wrong."""

    dashboard: Path
    lab: Lab = field(default_factory=sample_lab)
    chat: ScriptedChat = field(default_factory=ScriptedChat)
    tokens: Tokens = field(default_factory=Tokens)
    failure: Failure = field(default_factory=Failure)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    """Method, path after `/api/admin`, and status of each request that the API answered."""
    url: str = ""
    sign_in_url: str = ""
    _one_at_a_time: Lock = field(default_factory=Lock)

    def fail(self, count: int, status: int = 503, under: str = "") -> None:
        """Let the next requests fail; status 0 hangs up."""
        self.failure = Failure(count, status, under)

    def answers(self, method: str, path: str) -> list[int]:
        """Return the status of each answer to such requests so far."""
        return [status for asked, at, status in self.requests if (asked, at) == (method, path)]

    def fails(self, path: str) -> bool:
        """Tell whether a request is to fail, which then has."""
        failing = self.failure.count > 0 and path.startswith(self.failure.under)
        self.failure.count -= failing
        return failing

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: str) -> Answer:
        """Answer as the admin API does."""
        # The function answers one request at a time, too.
        with self._one_at_a_time:
            if not self.tokens.is_good(headers.get("authorization", "").removeprefix("Bearer ")):
                answer = Answer(HTTPStatus.UNAUTHORIZED, {"Content-Type": JSON}, '{"message":"Unauthorized"}')
            elif path.startswith("/chat"):
                answer = self._chatted(method, path.removeprefix("/chat"), headers, body)
            else:
                answer = AdminClient().send(method, path, body or None, headers, dict(parse_qsl(query)))
            self.requests.append((method, path, answer.status))
        return answer

    def _chatted(self, method: str, path: str, headers: Mapping[str, str], body: str) -> Answer:
        control = admin_services.services().control
        try:
            found = self.chat.answer(
                method, path, json.loads(body or "{}"), headers.get("idempotency-key", ""), control
            )
        except RefusalError as refusal:
            problem = {"status": refusal.status, "title": refusal.title, "detail": refusal.detail}
            return Answer(refusal.status, {"Content-Type": PROBLEM}, json.dumps(problem))
        if found is None:
            return Answer(HTTPStatus.NO_CONTENT, {}, "")
        return Answer(HTTPStatus.OK, {"Content-Type": JSON}, as_json(found))


class _Handler(BaseHTTPRequestHandler):
    """What both servers have in common."""

    protocol_version = "HTTP/1.1"

    def __init__(self, site: AdminSite, *arguments: Any) -> None:
        self.site = site
        super().__init__(*arguments)

    def send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self) -> str:
        """Return what was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()

    def handle(self) -> None:
        """Answer as long as somebody listens: pages are closed at any time."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_arguments: Any) -> None:
        """Print nothing."""


class _Pages(_Handler):
    """The site itself: what CloudFront serves."""

    def do_GET(self) -> None:
        """Answer with a file, or for the API."""
        path = urlsplit(self.path).path
        if path.startswith(f"{API}/"):
            self.answer_for_the_api()
        elif path == "/config.json":
            config = {"client_id": CLIENT_ID, "sign_in_url": self.site.sign_in_url, "scope": SCOPE, "admin_api": API}
            self.send_file(JSON, json.dumps(config).encode())
        elif path == "/health":
            self.send_file(JSON, json.dumps(HEALTH).encode())
        elif found := self.site.lab.experiments.get(path.removeprefix("/api/experiments/")):
            self.send_file(JSON, as_json(PublishedExperiment.of(found, "../../")).encode())
        else:
            self.send_static(self.site.dashboard / path.lstrip("/"))

    def answer_for_the_api(self) -> None:
        """Answer as the admin API, or as a site that is in trouble."""
        url, body = urlsplit(self.path), self.body()
        path = url.path.removeprefix(API)
        if not self.site.fails(path):
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = self.site.answer(self.command, path, url.query, headers, body)
            self.send(answer.status, answer.headers, answer.body.encode())
        elif self.site.failure.status:
            problem = {"title": "Not available right now", "detail": "Try again soon."}
            self.send(self.site.failure.status, {"Content-Type": PROBLEM}, json.dumps(problem).encode())
        else:
            self.close_connection = True

    do_POST = do_DELETE = answer_for_the_api  # noqa: N815 http.server's names

    def send_static(self, file: Path) -> None:
        """Answer with a file of the dashboard."""
        if not file.is_file():
            self.send_file("text/html", b"<!doctype html><title>Not here</title>", HTTPStatus.NOT_FOUND)
            return
        self.send_file(mimetypes.guess_type(file.name)[0] or "application/octet-stream", file.read_bytes())

    def send_file(self, kind: str, content: bytes, status: int = HTTPStatus.OK) -> None:
        """Answer as strictly as the CDN does (components/cdn.py)."""
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
            f"connect-src 'self' {self.site.sign_in_url}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        headers = {"Content-Type": kind, "Cache-Control": "no-cache", "Content-Security-Policy": policy}
        self.send(status, {**headers, "X-Content-Type-Options": "nosniff"}, content)


class _SignIn(_Handler):
    """Cognito's hosted pages, on an origin of their own; everybody is let in at once."""

    def do_GET(self) -> None:
        """Lead back to the page."""
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == "/logout" and asked == {"client_id": CLIENT_ID, "logout_uri": self.page}:
            self.redirect(self.page)
        elif url.path == "/oauth2/authorize" and asked.items() >= self.expected.items() and asked.get("state"):
            code = self.site.tokens.code(asked["code_challenge"])
            self.redirect(f"{self.page}?{urlencode({'code': code, 'state': asked['state']})}")
        else:
            self.send(HTTPStatus.BAD_REQUEST, {"Content-Type": "text/plain"}, b"invalid_request")

    def do_POST(self) -> None:
        """Give tokens, or take them back."""
        form = dict(parse_qsl(self.body()))
        path = urlsplit(self.path).path
        if path == "/oauth2/revoke":
            self.site.tokens.revoke()
            self.send_json(HTTPStatus.OK, {})
        elif (
            path == "/oauth2/token" and form.get("client_id") == CLIENT_ID and (given := self.site.tokens.granted(form))
        ):
            self.send_json(HTTPStatus.OK, given)
        else:
            self.send_json(HTTPStatus.BAD_REQUEST, {"error": "invalid_grant"})

    @property
    def page(self) -> str:
        """Where people come from and are led back to."""
        return f"{self.site.url}/admin.html"

    @property
    def expected(self) -> Mapping[str, str]:
        """What a request for a code has to say."""
        return {
            "response_type": "code",
            "client_id": CLIENT_ID,
            "redirect_uri": self.page,
            "scope": SCOPE,
            "code_challenge_method": "S256",
        }

    def redirect(self, url: str) -> None:
        """Answer with where to go."""
        self.send(HTTPStatus.FOUND, {"Location": url}, b"")

    def send_json(self, status: int, document: object) -> None:
        """Answer scripts of other origins, as Cognito does."""
        headers = {"Content-Type": JSON, "Access-Control-Allow-Origin": "*"}
        self.send(status, headers, json.dumps(document).encode())


def _challenge(verifier: str) -> str:
    """Return a verifier's S256 challenge: https://www.rfc-editor.org/rfc/rfc7636#section-4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@contextmanager
def started_admin_site(dashboard: Path = PROJECT / "dashboard", port: int = 0) -> Iterator[AdminSite]:
    """Serve the admin page on this machine."""
    site = AdminSite(dashboard)
    with (
        patch.object(Services, "from_environment", lambda _environment: site.lab.services()),
        _served(partial(_Pages, site), port) as site.url,
        _served(partial(_SignIn, site), 0) as site.sign_in_url,
    ):
        admin_services.services.cache_clear()
        yield site
    admin_services.services.cache_clear()


@contextmanager
def _served(handler: Any, port: int) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def main() -> None:
    """Serve until interrupted, while one experiment makes progress."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.admin_site", description=__doc__)
    parser.add_argument("--port", type=int, default=8765, help="the page's port (default: %(default)s)")
    parser.add_argument("--dashboard", type=Path, default=PROJECT / "dashboard", help="the folder to serve")
    asked = parser.parse_args()
    with started_admin_site(asked.dashboard, asked.port) as site:
        sys.stdout.write(f"{site.url}/admin.html\n")
        sys.stdout.flush()
        try:
            for second in range(sys.maxsize):
                site.lab.work(second)
                time.sleep(1)
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
