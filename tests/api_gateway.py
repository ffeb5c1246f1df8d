"""API Gateway's place before the functions, as a WSGI application: what it hands over to them, and back."""

import base64
import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tests.admin_client import CLAIMS, CONTEXT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

ADMIN = "/api/admin/"


@dataclass(frozen=True)
class ApiGateway:
    """The HTTP API, whose authorizer takes any token for one of somebody with these claims."""

    claims: Mapping[str, Any] = field(default_factory=lambda: CLAIMS)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        if path.startswith(ADMIN) and not environ.get("HTTP_AUTHORIZATION"):
            start_response("401 Unauthorized", [("Content-Type", "application/json")])
            return [b'{"message":"Unauthorized"}']
        function = importlib.import_module("admin_api" if path.startswith(ADMIN) else "index_ssr")
        response = function.handler(self._event(environ, path), CONTEXT)
        status = HTTPStatus(response["statusCode"])
        start_response(f"{status.value} {status.phrase}", list(response["headers"].items()))
        body = response["body"] or ""
        return [base64.b64decode(body) if response["isBase64Encoded"] else body.encode()]

    def _event(self, environ: "WSGIEnvironment", path: str) -> dict[str, Any]:
        body, is_base64 = _body(environ)
        return {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": environ.get("QUERY_STRING", ""),
            "headers": dict(_headers(environ)),
            "queryStringParameters": _query(environ.get("QUERY_STRING", "")) or None,
            "requestContext": {
                "stage": "production",
                "http": {"method": environ["REQUEST_METHOD"], "path": path},
                "authorizer": {"jwt": {"claims": self.claims, "scopes": ["openid"]}},
            },
            "body": body,
            "isBase64Encoded": is_base64,
        }


def _headers(environ: "WSGIEnvironment") -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value):
            yield name.removeprefix("HTTP_").replace("_", "-").lower(), value


def _query(text: str) -> dict[str, str]:
    """Return parameters as API Gateway does: those of the same name as one, with commas."""
    parameters: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="replace"):
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _body(environ: "WSGIEnvironment") -> tuple[str | None, bool]:
    """Return a body as text where it is one."""
    sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    try:
        return sent.decode() or None, False
    except UnicodeDecodeError:
        return base64.b64encode(sent).decode(), True
