"""Routes as both functions declare them: at the code that answers one stands what may be kept of it, and what it is.

From these declarations follow what a deployment invalidates (releasing/routes.py) and the OpenAPI document
(description/).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

CACHE_CONTROL = "Cache-Control"
NOT_STORED = "no-store"
# Kept, and asked about each time.
REVALIDATED = "no-cache"
# The CDN holds a page for 10 seconds, and then answers with the old one while it fetches the next.
HELD_BRIEFLY = "public, max-age=0, s-maxage=10, stale-while-revalidate=30"
# The CDN holds it until a release invalidates it.
HELD_UNTIL_RELEASE = "public, max-age=0, s-maxage=86400"

Schema = Mapping[str, Any]
Answer = Callable[..., Response[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What programs are told of a route, beside the name and the docstring of the function that answers it."""

    answers: Mapping[HTTPStatus, type | str | None]
    """The type of a JSON document, or the media type of a text; None has no content."""
    parameters: Sequence[Schema] = ()
    """Those of the headers; and of the path, where there is more to say than that they are texts."""
    query: type | None = None
    """The dataclass that the query is read into; its annotations say the rest."""
    query_fields: Mapping[str, str] | None = None
    """The query's parameters and the fields that they are read into; None where they have the same names."""
    body: Schema | None = None
    is_body_required: bool = False
    refusals: Mapping[HTTPStatus, type] = field(default_factory=dict)
    """Problems beside those that all operations of its kind have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRoute:
    """A method and a path, whose parameters are in braces."""

    method: str
    path: str
    cache_control: str
    operation: Operation | None
    answer: Answer

    @property
    def name(self) -> str:
        """What programs call it: the name of the function that answers it, in camel case."""
        first, *others = self.answer.__name__.split("_")
        return first + "".join(map(str.capitalize, others))

    @property
    def summary(self) -> str:
        """What it is: the docstring of that function."""
        return " ".join((self.answer.__doc__ or "").split())

    @property
    def is_held_by_cdn(self) -> bool:
        """Whether the CDN may answer in the function's place, so that a release has to invalidate it."""
        return "s-maxage" in self.cache_control

    @property
    def parameters(self) -> list[Schema]:
        """Those of its path, as programs are told of them, and those of the headers."""
        told = {each["name"]: each for each in self.operation.parameters} if self.operation else {}
        of_path = {name: told.get(name, in_path(name)) for name in _PARAMETER.findall(self.path)}
        return list((of_path | told).values())

    def matches(self, path: str) -> bool:
        """Tell whether it is a request's path."""
        return re.fullmatch(_PARAMETER.sub("[^/]+", self.path), path) is not None


class RouteTable:
    """Some routes, as Powertools takes them in (`router`) and as others read them (`routes`)."""

    def __init__(self, prefix: str = "") -> None:
        """Begin with none; the paths of all have a prefix."""
        self.router = Router()  # type: ignore[no-untyped-call]
        self.routes: list[HttpRoute] = []
        self._prefix = prefix

    def get(
        self, path: str, *, cache_control: str = NOT_STORED, operation: Operation | None = None
    ) -> Callable[[Answer], Answer]:
        """Declare that a function answers GET of a path; it takes the path's parameters in their order."""
        return self._declare("GET", path, cache_control, operation)

    def post(self, path: str, operation: Operation) -> Callable[[Answer], Answer]:
        """Declare likewise that it answers POST."""
        return self._declare("POST", path, NOT_STORED, operation)

    def delete(self, path: str, operation: Operation) -> Callable[[Answer], Answer]:
        """Declare likewise that it answers DELETE."""
        return self._declare("DELETE", path, NOT_STORED, operation)

    def _declare(
        self, method: str, path: str, cache_control: str, operation: Operation | None
    ) -> Callable[[Answer], Answer]:
        def decorate(answer: Answer) -> Answer:
            def answered(**parameters: str) -> Response[Any]:
                response = answer(*parameters.values())
                # What refuses a request says by itself that it is not to be stored.
                response.headers.setdefault(CACHE_CONTROL, cache_control)
                return response

            whole = self._prefix + path
            self.routes.append(
                HttpRoute(method=method, path=whole, cache_control=cache_control, operation=operation, answer=answer)
            )
            self.router.route(_PARAMETER.sub(r"<\1>", whole), method=method)(answered)
            return answer

        return decorate


def in_path(name: str) -> dict[str, Any]:
    """Return what programs are told of a parameter of a path, where there is no more to say."""
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


_PARAMETER = re.compile(r"\{(\w+)\}")
