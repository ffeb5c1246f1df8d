"""Whom the embedded AWS answers: programs on this machine, and browsers where they are at its own site.

ministack answers everybody, by any host name, with `Access-Control-Allow-Origin: *`, and takes anybody for root. So any
page that somebody visits could act on this machine through the browser. What stands here in front of it is a resource
isolation policy, which takes headers alone that no page can change: https://www.w3.org/TR/fetch-metadata/
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

# Names that ministack itself is reached by, and those below them, which are the site's: RFC 6761, section 6.3.
LOCAL = re.compile(r"127\.0\.0\.1|\[::1\]|localhost")
BELOW_LOCALHOST = re.compile(r"(?:[a-z0-9-]+\.)+localhost")
DISTRIBUTION = re.compile(r"[a-z0-9]+\.cloudfront\.localhost")
STAGE = re.compile(r"/_aws/execute-api/[a-z0-9]+/.+")
# Cognito's pages and endpoints, as far as the admin page leads there.
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-userpools-server-contract-reference.html
SIGN_IN = {
    ("GET", "/oauth2/authorize"),
    ("GET", "/logout"),
    ("POST", "/login"),
    ("POST", "/oauth2/login"),
    ("POST", "/oauth2/token"),
    ("POST", "/oauth2/revoke"),
}
# A link that a function has signed. Of a role's credentials ministack checks the signature; of root's it doesn't.
# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
OBJECT = re.compile(r"/[a-z0-9][a-z0-9.-]{2,62}/.+")
SIGNED_BY_ROLE = re.compile(r"ASIA[A-Z0-9]{16}/\d{8}/[a-z0-9-]+/s3/aws4_request")
OF_SIGNED_LINK = re.compile(r"X-Amz-[A-Za-z0-9-]+|response-[a-z-]+")
OF_CREDENTIALS = re.compile(r"x-amz-(?:credential|algorithm|signature)|awsaccesskeyid", re.IGNORECASE)


@dataclass(frozen=True)
class Request:
    """What of a request decides whether it is answered."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    """By their names in lower case; the values of one that is sent twice, with a comma between them."""

    @classmethod
    def of(cls, scope: Scope) -> "Request":
        """Take it from an ASGI scope; the handshake of a WebSocket is a GET, too."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in scope["headers"]:
            name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return cls(scope.get("method", "GET"), scope["path"], scope["query_string"].decode("latin-1"), headers)

    @property
    def host(self) -> str:
        """The name and port that it is for."""
        return self.headers.get("host", "").lower()

    @property
    def origin(self) -> str:
        """The origin of the page that sends it, as far as the browser says."""
        return self.headers.get("origin", "").lower()

    def is_from_a_browser(self) -> bool:
        """Whether a browser sends it: even one that tells nothing of the page names itself as all do."""
        agent = self.headers.get("user-agent", "")
        return bool(self.origin) or "sec-fetch-site" in self.headers or agent.startswith("Mozilla/")

    def is_from_elsewhere(self) -> bool:
        """Whether a page of another origin has it sent without naming itself; the same site may have any port."""
        return not self.origin and self.headers.get("sec-fetch-site") in ("cross-site", "same-site")

    def opens_a_page(self) -> bool:
        """Whether it is a link that is followed, in a tab of its own, where no other page reads what it shows."""
        followed = self.headers.get("sec-fetch-mode") == "navigate" and self.headers.get("sec-fetch-dest") == "document"
        return followed and self.method == "GET"

    def is_signed_link(self) -> bool:
        """Whether it gets an object by a link that a role has signed, and asks for nothing else."""
        parameters = self._parameters()
        named = dict(parameters)
        return (
            self.method in ("GET", "HEAD")
            and "authorization" not in self.headers
            and OBJECT.fullmatch(self.path) is not None
            and SIGNED_BY_ROLE.fullmatch(named.get("X-Amz-Credential", "")) is not None
            and len(named) == len(parameters)
            and all(map(OF_SIGNED_LINK.fullmatch, named))
        )

    def carries_credentials(self) -> bool:
        """Whether it is signed, or pretends to be."""
        signed = self.headers.get("authorization", "").startswith("AWS")
        return signed or any(OF_CREDENTIALS.fullmatch(name) for name, _ in self._parameters())

    def _parameters(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True)
class Isolation:
    """Hands on to ministack what may reach it."""

    application: Application
    port: int
    label_of: Callable[[str], str | None]
    """Tells the label of the distribution that has a host name for an alias."""

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer a request: https://asgi.readthedocs.io/en/latest/specs/www.html."""
        if scope["type"] in ("http", "websocket"):
            request = self._with_distribution(asked := Request.of(scope))
            if why := self.refusal(request):
                await _forbid(scope["type"], send, why)
                return
            if request is not asked:
                scope = {**scope, "headers": [*_without_host(scope), (b"host", request.host.encode())]}
        await self.application(scope, receive, send)

    def refusal(self, request: Request) -> str | None:
        """Return why a request is not answered, for whoever sends it; None where it is."""
        name = self._own_name(request.host)
        if name is None:
            return f"{request.host or 'No host'} is no name of the embedded AWS, which is at 127.0.0.1:{self.port}."
        if not request.is_from_a_browser():
            return None
        if request.origin and not self._is_own_origin(request.origin):
            return f"Pages of {request.origin} may not use the embedded AWS, only those of its own site."
        if LOCAL.fullmatch(name) and request.is_signed_link():
            return None
        if not _is_for_browsers(name, request):
            return "Browsers reach the sandbox's site; AWS's own API is for programs, such as the AWS CLI."
        if request.is_from_elsewhere() and not request.opens_a_page():
            return "Pages of other sites may link to the sandbox's site, not use or embed it."
        return None

    def _with_distribution(self, request: Request) -> Request:
        """Address a distribution by its own name where it is by an alias, which is a name of nothing else."""
        label = None if self._own_name(request.host) else self.label_of(request.host.partition(":")[0])
        if label is None:
            return request
        return replace(request, headers={**request.headers, "host": f"{label}.cloudfront.localhost{self._suffix}"})

    def _own_name(self, host: str) -> str | None:
        """Return the name in a host that is this very server, by name and port."""
        name = host.removesuffix(self._suffix)
        is_own = host.endswith(self._suffix) and (LOCAL.fullmatch(name) or BELOW_LOCALHOST.fullmatch(name))
        return name if is_own else None

    def _is_own_origin(self, origin: str) -> bool:
        return origin.startswith("http://") and self._own_name(origin.removeprefix("http://")) is not None

    @property
    def _suffix(self) -> str:
        """Follows the name; the port that is http's own goes without saying."""
        return "" if self.port == 80 else f":{self.port}"


def _is_for_browsers(name: str, request: Request) -> bool:
    """Whether it is for the site: its CDN, its API as it is behind that, or its sign-in pages."""
    if DISTRIBUTION.fullmatch(name):
        return True
    if not LOCAL.fullmatch(name) or request.carries_credentials():
        return False
    return (request.method, request.path) in SIGN_IN or STAGE.fullmatch(request.path) is not None


def _without_host(scope: Scope) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in scope["headers"] if name.lower() != b"host"]


async def _forbid(kind: str, send: Any, why: str) -> None:
    """Refuse a request, or the handshake of a WebSocket, with 403."""
    response = "http.response" if kind == "http" else "websocket.http.response"
    body = f"{why}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": f"{response}.start", "status": 403, "headers": headers})
    await send({"type": f"{response}.body", "body": body})
