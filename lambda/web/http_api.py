"""What API Gateway's HTTP API sends to a function and takes from it (payload format 2.0)."""

from typing import Any

Event = dict[str, Any]

NOT_A_REQUEST: dict[str, Any] = {
    "statusCode": 400,
    "headers": {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"},
    "body": "This function answers requests of an API Gateway HTTP API in payload format 2.0, and this is none.\n",
    "isBase64Encoded": False,
}
"""The answer to any other event, such as one in format 1.0, a load balancer's, or a test's in Lambda's console."""


def is_request(event: Any) -> bool:
    """Tell whether an event is one that the functions here answer."""
    context: Any = event.get("requestContext") if isinstance(event, dict) else None
    http = context.get("http") if isinstance(context, dict) else None
    if not isinstance(http, dict):
        return False
    return all(isinstance(each, str) for each in (event.get("rawPath"), context.get("stage"), http.get("method")))


def method_of(event: Event) -> str:
    """Return the request's HTTP method."""
    return str(event["requestContext"]["http"]["method"])


def header_of(event: Event, name: str) -> str:
    """Return a request's header by its name in lower case, as API Gateway hands it over; empty where there is none."""
    return str((event.get("headers") or {}).get(name, ""))


def as_routed(event: Event) -> Event:
    """Return a copy of the event for routing: its path without the stage's name, its HEAD as the GET it stands for.

    On AWS `rawPath` begins with the stage's name unless that is `$default`; other callers leave it out:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    context = event["requestContext"]
    http = {**context["http"], "method": "GET"} if method_of(event) == "HEAD" else context["http"]
    path = _without_stage(event["rawPath"], context["stage"])
    return {**event, "rawPath": path, "requestContext": {**context, "http": http, "stage": "$default"}}


def without_body(response: dict[str, Any]) -> dict[str, Any]:
    """Return a response as a HEAD request gets it."""
    return {**response, "body": "", "isBase64Encoded": False}


def link_to_root(path: str) -> str:
    """Return the relative link from a path to the site's root, which the stage's URL does not have at `/`."""
    return "../" * (path.count("/") - 1) or "./"


def _without_stage(path: str, stage: str) -> str:
    prefix = f"/{stage}"
    if path == prefix or path.startswith(f"{prefix}/"):
        path = path[len(prefix) :]
    return path or "/"
