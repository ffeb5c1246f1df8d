"""The types that are served are pulumi-aws's own, property by property."""

import importlib
import inspect
import re
from importlib import metadata
from typing import Any

import pytest
from pulumi import CustomResource

from sandbox.provider import registry
from sandbox.provider.errors import ProviderError
from sandbox.provider.servicer import VERSION
from sandbox.provider.services import index
from sandbox.provider.shape import Block, Blocks, Field

RESOURCES = registry.resources()


def pulumi_class(token: str) -> Any:
    _, module, name = token.split(":")
    package = module.split("/")[0].replace("lambda", "lambda_")
    return getattr(importlib.import_module(f"pulumi_aws.{package}"), name)


def wire_names(cls: Any) -> set[str]:
    """The names that a class of pulumi-aws has on the wire."""
    properties = (member for _, member in inspect.getmembers(cls, lambda member: isinstance(member, property)))
    return {getattr(each.fget, "_pulumi_name", each.fget.__name__) for each in properties}


def args_class(cls: Any) -> Any:
    """Its inputs; `InitArgs` where a nested object has taken the name `Args`."""
    module = importlib.import_module(cls.__module__)
    return getattr(module, f"{cls.__name__}InitArgs", None) or getattr(module, f"{cls.__name__}Args")


def nested_names(fields: dict[str, Field]) -> set[str]:
    names = set()
    for name, field in fields.items():
        inner = field.of if isinstance(field, Blocks) else field
        names |= {name} | (nested_names(dict(inner.fields)) if isinstance(inner, Block) else set())
    return names


@pytest.mark.parametrize("token", sorted(RESOURCES))
def test_its_inputs_and_outputs_are_pulumi_awss(token: str) -> None:
    cls, resource = pulumi_class(token), RESOURCES[token]
    assert issubclass(cls, CustomResource)
    assert set(resource.shape.fields) <= wire_names(args_class(cls))
    assert set(resource.computed) <= wire_names(cls)


@pytest.mark.parametrize("token", sorted(RESOURCES))
def test_its_nested_inputs_are_pulumi_awss(token: str) -> None:
    cls, resource = pulumi_class(token), RESOURCES[token]
    package = importlib.import_module(f"{cls.__module__.rsplit('.', 1)[0]}._inputs")
    nested = (each for name, each in vars(package).items() if name.startswith(cls.__name__) and name.endswith("Args"))
    known = wire_names(args_class(cls)).union(*map(wire_names, nested))
    assert nested_names(dict(resource.own.fields)) <= known


@pytest.mark.parametrize("token", sorted(RESOURCES))
def test_what_replaces_it_is_among_its_inputs(token: str) -> None:
    resource = RESOURCES[token]
    named = set(re.findall(r"{(\w+)}", resource.identity)) - {"account"}
    assert {*resource.replaced_by, *named, *resource.ours, *resource.untold} <= resource.inputs.keys()


def test_functions_are_pulumi_awss() -> None:
    assert {token.rsplit(":", 1)[1] for token in index.FUNCTIONS} == {"getCallerIdentity", "getRegion"}


def test_the_served_version_is_the_sdks() -> None:
    assert metadata.version("pulumi-aws") == VERSION


@pytest.mark.parametrize(
    ("token", "file"),
    [
        ("aws:sqs/redrivePolicy:RedrivePolicy", "sqs.py"),
        ("aws:lambda/functionUrl:FunctionUrl", "lambda_.py"),
        ("aws:waf/webAcl:WebAcl", "waf.py"),
    ],
)
def test_an_unknown_type_is_an_error_that_says_where_to_add_it(token: str, file: str) -> None:
    with pytest.raises(
        ProviderError, match=f"not known to the sandbox's provider: add it to sandbox/provider/services/{file}"
    ):
        registry.resource(token)


def test_an_unknown_function_is_one_too() -> None:
    with pytest.raises(ProviderError, match=r"add it to sandbox/provider/services/index\.py"):
        registry.function("aws:index/getAvailabilityZones:getAvailabilityZones")
