"""Which module serves which of Pulumi's tokens: the one of the service's name in `services/`."""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any

from sandbox.provider import services
from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Resource

# Where that is a keyword of Python.
MODULES = {"lambda": "lambda_"}
Function = tuple[Callable[[Aws], dict[str, Any]], frozenset[str]]
"""A function of pulumi-aws, and the arguments that it takes."""


def resources() -> dict[str, Resource]:
    """The handler of each resource type."""
    modules = (each.name for each in pkgutil.iter_modules(services.__path__))
    return {token: handler for module in modules for token, handler in _handlers(module).items()}


def resource(token: str) -> Resource:
    """The handler of a resource type.

    Raises:
        ProviderError: there is none.

    """
    if token not in (handlers := _handlers(_module(token))):
        raise ProviderError(f"this type is not known to the sandbox's provider: add it to {_file(token)}")
    return handlers[token]


def function(token: str) -> Function:
    """A function of pulumi-aws.

    Raises:
        ProviderError: there is none.

    """
    functions: dict[str, Function] = _contents(_module(token)).get("FUNCTIONS", {})
    if token not in functions:
        raise ProviderError(f"this function is not known to the sandbox's provider: add it to {_file(token)}")
    return functions[token]


@cache
def _handlers(module: str) -> dict[str, Resource]:
    classes = (each for each in _contents(module).values() if isinstance(each, type) and issubclass(each, Resource))
    return {each.pulumi_type: each() for each in classes if hasattr(each, "pulumi_type")}


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


def _file(token: str) -> str:
    return f"sandbox/provider/services/{_module(token)}.py"
