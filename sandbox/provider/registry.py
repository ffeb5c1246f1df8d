"""Which module serves which of Pulumi's tokens: the one of the service's name in `services/`."""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from sandbox.provider import services
from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Resource, module_of

# Where that is a keyword of Python.
MODULES = {"lambda": "lambda_"}
Function = tuple[Callable[[Aws], dict[str, Any]], frozenset[str]]
"""A function of pulumi-aws, and the arguments that it takes."""
Served = TypeVar("Served")


def resources() -> dict[str, Resource]:
    """The handler of each resource type."""
    modules = (each.name for each in pkgutil.iter_modules(services.__path__))
    return {token: handler for module in modules for token, handler in _handlers(module).items()}


def resource(token: str) -> Resource:
    """The handler of a resource type.

    Raises:
        ProviderError: there is none.

    """
    return _served(token, _handlers(_module(token)), "type")


def function(token: str) -> Function:
    """A function of pulumi-aws.

    Raises:
        ProviderError: there is none.

    """
    functions: dict[str, Function] = _contents(_module(token)).get("FUNCTIONS", {})
    return _served(token, functions, "function")


@cache
def _handlers(module: str) -> dict[str, Resource]:
    """Those of the classes in a module that have inputs."""
    classes = [each for each in _contents(module).values() if isinstance(each, type) and issubclass(each, Resource)]
    return {_token(each): each() for each in classes if hasattr(each, "inputs")}


def _token(handler: type[Resource]) -> str:
    name = handler.__name__
    return f"aws:{module_of(handler)}/{name[0].lower()}{name[1:]}:{name}"


def _contents(module: str) -> dict[str, Any]:
    name = f"{services.__name__}.{module}"
    try:
        return vars(importlib.import_module(name))
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return {}


def _module(token: str) -> str:
    service = token.split(":")[1].split("/")[0]
    return MODULES.get(service, service)


def _served(token: str, known: dict[str, Served], what: str) -> Served:
    if token not in known:
        file = f"sandbox/provider/services/{_module(token)}.py"
        raise ProviderError(f"this {what} is not known to the sandbox's provider: add it to {file}")
    return known[token]
