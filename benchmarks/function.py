"""The renderer in this process, asked as API Gateway asks it."""

import importlib
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

CONTEXT = SimpleNamespace(
    aws_request_id="1", function_name="f", invoked_function_arn="arn", memory_limit_in_mb=512, function_version="1"
)


def load() -> Any:
    """Import the function, which reads its settings from the environment."""
    return importlib.import_module("index_ssr")


def ask(renderer: Any, **query: str) -> None:
    """Ask for the overview of a query."""
    event = {
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": urlencode(query),
        "queryStringParameters": query,
        "headers": {},
        "requestContext": {"stage": "$default", "http": {"method": "GET", "path": "/"}},
    }
    assert renderer.handler(event, CONTEXT)["statusCode"] == 200
