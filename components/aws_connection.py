"""boto3 clients for dynamic providers and for `make verify`, connected as the stack's `aws` provider is."""

import json
from typing import Any, Protocol

import boto3
from botocore.config import Config
from pulumi.dynamic import ConfigureRequest

# botocore's standard mode backs off with jitter on throttling and on 5xx: for what deploys, and for who only looks.
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 8})
PATIENCE = Config(connect_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})


class Configuration(Protocol):
    """What Pulumi hands to a provider, or the `config` of a stack's file."""

    def get(self, key: str, /) -> Any:
        """The value of a key such as `aws:region`; None where it has none."""


def client_of(service: str, request: ConfigureRequest, behaviour: Config) -> Any:
    """A client with the region, the credentials and the endpoint that the stack's configuration gives the provider.

    Where it gives none, boto3's own chain of credentials counts, as for the provider.
    """
    return connected(service, request.config, behaviour)


def connected(service: str, config: Configuration, behaviour: Config) -> Any:
    """A client with what a stack's configuration says, `namespace:key` to value."""
    untyped: Any = boto3
    return untyped.client(
        service,
        region_name=config.get("aws:region"),
        endpoint_url=_endpoints(config.get("aws:endpoints")).get(service),
        aws_access_key_id=config.get("aws:accessKey"),
        aws_secret_access_key=config.get("aws:secretKey"),
        config=behaviour,
    )


def _endpoints(configured: Any) -> dict[str, str]:
    """Pulumi hands endpoints on as a list of one map, or as its JSON."""
    parsed = json.loads(configured) if isinstance(configured, str) else configured
    return dict(parsed[0]) if parsed else {}
