"""Which module serves which of Pulumi's tokens."""

from collections.abc import Callable
from functools import cache
from typing import Any

from sandbox.provider import (
    acm,
    apigatewayv2,
    autoscaling,
    cloudfront,
    cloudwatch,
    cognito,
    dynamodb,
    ec2,
    events,
    iam,
    lambda_,
    logs,
    route53,
    s3,
    sqs,
    sts,
)
from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Resource

MODULES = (
    *(acm, apigatewayv2, autoscaling, cloudfront, cloudwatch, cognito, dynamodb, ec2, events, iam, lambda_),
    *(logs, route53, s3, sqs),
)
# Where a module is not named after the middle of the token.
FILES = {"index": "sts.py", "lambda": "lambda_.py"}


@cache
def resources() -> dict[str, Resource]:
    """The handler of each resource type."""
    classes = (each for module in MODULES for each in vars(module).values() if isinstance(each, type))
    handlers = [each() for each in classes if issubclass(each, Resource) and hasattr(each, "tokens")]
    return {token: handler for handler in handlers for token in handler.tokens}


def resource(token: str) -> Resource:
    """The handler of a resource type.

    Raises:
        ProviderError: there is none.

    """
    if token not in resources():
        raise ProviderError(f"this type is not known to the sandbox's provider: add it to {_file(token)}")
    return resources()[token]


def function(token: str) -> tuple[Callable[[Aws], dict[str, Any]], frozenset[str]]:
    """A function of pulumi-aws, and the arguments that it takes.

    Raises:
        ProviderError: there is none.

    """
    if token not in sts.FUNCTIONS:
        raise ProviderError(f"this function is not known to the sandbox's provider: add it to {_file(token)}")
    return sts.FUNCTIONS[token]


def _file(token: str) -> str:
    service = token.split(":")[1].split("/")[0]
    return f"sandbox/provider/{FILES.get(service, f'{service}.py')}"
