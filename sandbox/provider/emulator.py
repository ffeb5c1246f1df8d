"""The embedded AWS, as the stack's `aws` config names it; never another AWS."""

import json
import os
import socket
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.provider.errors import ProviderError, no_answer

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
# Of pulumi-aws's keys those that would lead to other resources than here.
UNKNOWN_KEYS = frozenset({"ignore_tags", "tag_policy_compliance"})
DEFAULT_TAG_VARIABLE = "TF_AWS_DEFAULT_TAGS_"
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 120
MAX_CONNECTIONS = 32
# AWS itself may take half an hour; the emulator answers quickly.
POLL = {"Delay": 0.25, "MaxAttempts": 7200}


class Emulator:
    """Its endpoints and credentials, and a client for each of its services. Safe for use by several threads."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Take the provider's config.

        Raises:
            ProviderError: it has a key that is not known here, lacks one, or names an AWS that is not on this machine.

        """
        # The engine waits for this process to start, and botocore takes its time.
        from releasing.aws_connection import AwsConfig, AwsSession

        _refuse_unknown(config)
        aws = AwsConfig.of(config)
        self.endpoints = _loopback_endpoints(aws.endpoints)
        self.default_tags = {**_default_tags_of_environment(), **_default_tags(config.get("defaultTags"))}
        self._session = AwsSession(aws, at_given_endpoints_only=True)
        self.region = str(self._session.get_config_variable("region") or "")
        if not self.region:
            raise ProviderError("aws:region is not set in the stack's config")
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self._account_id = ""

    def client(self, service: str, region: str) -> Any:
        """The boto3 client of a service.

        Raises:
            ProviderError: the config names no endpoint for it.

        """
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._create_client(service, region)
            return self._clients[service, region]

    def expect_answer(self) -> None:
        """Say once what would else be said of every resource.

        Raises:
            ProviderError: nothing listens at an endpoint.
            AwsConfigError: the config refuses the account that its credentials are of.

        """
        for url in set(map(urlsplit, self.endpoints.values())):
            try:
                socket.create_connection((str(url.hostname), url.port or 80), CONNECT_TIMEOUT_SECONDS).close()
            except OSError:
                raise ProviderError(no_answer(url.geturl())) from None
        self._session.expect_allowed_account()

    @property
    def account_id(self) -> str:
        """The account that the credentials belong to."""
        if not self._account_id:
            self._account_id = self.client("sts", self.region).get_caller_identity()["Account"]
        return self._account_id

    def _create_client(self, service: str, region: str) -> Any:
        from botocore.config import Config

        return self._session.create_client(
            service,
            region_name=region,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                max_pool_connections=MAX_CONNECTIONS,
                # The emulator now and then answers 500 to what reads a log while a function writes it.
                retries={"mode": "standard", "total_max_attempts": 8},
            ),
        )


class Aws:
    """The emulator as one resource sees it: in that resource's region."""

    def __init__(self, emulator: Emulator, region: str | None = None) -> None:
        self._emulator = emulator
        self.region = region or emulator.region
        self.default_tags = emulator.default_tags

    def client(self, service: str) -> Any:
        """The boto3 client of a service, in the resource's region."""
        return self._emulator.client(service, self.region)

    def wait(self, service: str, state: str, **thing: Any) -> None:
        """Wait until a thing is in a state that botocore knows of, such as `function_active_v2`."""
        self.client(service).get_waiter(state).wait(**thing, WaiterConfig=POLL)

    def operation(self, service: str, name: str) -> Any:
        """What botocore knows of an operation, such as `create_queue`: the shapes of what it takes and answers."""
        meta = self.client(service).meta
        return meta.service_model.operation_model(meta.method_to_api_mapping[name])

    @property
    def account_id(self) -> str:
        """The account that the stack's credentials belong to."""
        return self._emulator.account_id

    def tags(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """A resource's own tags and the stack's default tags; its own win."""
        return {**self.default_tags, **(inputs.get("tags") or {})}


def _refuse_unknown(config: Mapping[str, Any]) -> None:
    from releasing.aws_connection import NO_BEARING, AwsConfig, camel_case

    known = {"version", *map(camel_case, {*AwsConfig.names(), *NO_BEARING} - UNKNOWN_KEYS)}
    if unknown := sorted(config.keys() - known):
        raise ProviderError(
            f"aws:{unknown[0]} is not known to the sandbox's provider: add it to sandbox/provider/emulator.py"
        )


def _default_tags(configured: Any) -> dict[str, str]:
    """Pulumi hands on what is not a string as JSON."""
    parsed = json.loads(configured) if isinstance(configured, str) else configured
    return dict((parsed or {}).get("tags") or {})


def _default_tags_of_environment() -> dict[str, str]:
    """Those that the config doesn't name count from there.

    https://registry.terraform.io/providers/hashicorp/aws/latest/docs#default_tags-configuration-block
    """
    prefix = DEFAULT_TAG_VARIABLE
    return {name.removeprefix(prefix): value for name, value in os.environ.items() if name.startswith(prefix)}


def _loopback_endpoints(configured: list[dict[str, str]]) -> dict[str, str]:
    endpoints = {service: url for services in configured for service, url in services.items()}
    if not endpoints:
        raise ProviderError("aws:endpoints is not set in the stack's config")
    for service, url in endpoints.items():
        if urlsplit(url).hostname not in LOOPBACK_HOSTS:
            raise ProviderError(
                f"aws:endpoints has {service} at {url}, which is not this machine: the sandbox's provider serves the "
                "embedded AWS alone; for another AWS take pulumi-resource-aws off PATH"
            )
    return endpoints
