"""The admin API as Lambda calls it, for tests: requests as API Gateway hands them over once it has let them through."""

import importlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

os.environ["ADMIN_GROUP"] = "admins"

REQUEST_ID = "8e1f0c9a-request"
CLAIMS = {"sub": "0001", "username": "ada", "token_use": "access", "cognito:groups": "[admins]"}
CONTEXT = SimpleNamespace(
    function_name="admin",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:admin:live",
    aws_request_id=REQUEST_ID,
)


@dataclass(frozen=True)
class Answer:
    """What Lambda gives to API Gateway."""

    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def document(self) -> Any:
        """The JSON document that it is."""
        return json.loads(self.body)


@dataclass(frozen=True)
class AdminClient:
    """Asks as somebody who has signed in."""

    claims: Mapping[str, Any] = field(default_factory=lambda: CLAIMS)

    def get(
        self, path: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for what is at a path after `/api/admin`."""
        return self.send("GET", path, headers=headers, query=query)

    def post(self, path: str, document: Any = None, key: str = "") -> Answer:
        """Send a document, and the key of a request that may be repeated."""
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
        return self.send("POST", path, None if document is None else json.dumps(document), headers)

    def send(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        *,
        is_base64: bool = False,
    ) -> Answer:
        """Send a request as it is."""
        whole = f"/api/admin{path}"
        event = {
            "version": "2.0",
            "routeKey": "ANY /api/admin/{proxy+}",
            "rawPath": whole,
            "rawQueryString": urlencode(query or {}, errors="replace"),
            "headers": headers or {},
            "queryStringParameters": query or None,
            "requestContext": {
                "stage": "production",
                "http": {"method": method, "path": whole},
                "authorizer": {"jwt": {"claims": self.claims, "scopes": ["openid"]}},
            },
            "body": body,
            "isBase64Encoded": is_base64,
        }
        response = importlib.import_module("admin_api").handler(event, CONTEXT)
        return Answer(response["statusCode"], response["headers"], response["body"])
