"""boto3 clients for the program's dynamic providers, connected as the stack's `aws` provider is."""

import json
from typing import Any

import boto3
from botocore.config import Config
from pulumi.dynamic import ConfigureRequest


def client_of(service: str, request: ConfigureRequest, behaviour: Config) -> Any:
    """A client with the region, the credentials and the endpoint that the stack's configuration gives the provider.

    Where it gives none, boto3's own chain of credentials counts, as for the provider.
    """
    untyped: Any = boto3
    return untyped.client(
        service,
        region_name=request.config.get("aws:region"),
        endpoint_url=_endpoints(request.config.get("aws:endpoints")).get(service),
        aws_access_key_id=request.config.get("aws:accessKey"),
        aws_secret_access_key=request.config.get("aws:secretKey"),
        config=behaviour,
    )


def _endpoints(configured: Any) -> dict[str, str]:
    """Pulumi hands endpoints on as a list of one map, or as its JSON."""
    parsed = json.loads(configured) if isinstance(configured, str) else configured
    return dict(parsed[0]) if parsed else {}
