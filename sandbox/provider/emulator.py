"""The embedded AWS, as the stack's `aws` config names it; never another AWS."""

import json
import socket
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.provider.errors import ProviderError, no_answer

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
# pulumi-aws's names of a service's endpoint, where they are not boto3's.
ENDPOINT_NAMES = {
    "cognito-idp": ("cognitoidp", "cognitoidentityprovider"),
    "events": ("eventbridge", "cloudwatchevents", "events"),
    "logs": ("cloudwatchlogs", "cloudwatchlog", "logs"),
}
CONFIG_KEYS = frozenset(
    {
        "accessKey",
        "defaultTags",
        "endpoints",
        "region",
        "s3UsePathStyle",
        "secretKey",
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
        "version",
    }
)
CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 120
MAX_CONNECTIONS = 32


class Emulator:
    """Its endpoints and credentials, and a client for each of its services. Safe for use by several threads."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Take the provider's config.

        Raises:
            ProviderError: it has a key that is not known here, lacks one, or names an AWS that is not on this machine.

        """
        values = {key: _parsed(value) for key, value in config.items()}
        _refuse_unknown(values)
        self.region = str(_required(values, "region"))
        self.endpoints = _loopback_endpoints(values)
        self.default_tags: dict[str, str] = (values.get("defaultTags") or {}).get("tags") or {}
        self._credentials: dict[str, Any] = {
            "aws_access_key_id": str(_required(values, "accessKey")),
            "aws_secret_access_key": str(_required(values, "secretKey")),
        }
        self._addressing_style: Any = "path" if values.get("s3UsePathStyle") else "virtual"
        self._session: Any = None
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

        """
        for url in set(map(urlsplit, self.endpoints.values())):
            try:
                socket.create_connection((str(url.hostname), url.port or 80), CONNECT_TIMEOUT_SECONDS).close()
            except OSError:
                raise ProviderError(no_answer(url.geturl())) from None

    @property
    def account_id(self) -> str:
        """The account that the credentials belong to."""
        if not self._account_id:
            self._account_id = self.client("sts", self.region).get_caller_identity()["Account"]
        return self._account_id

    def _create_client(self, service: str, region: str) -> Any:
        names = ENDPOINT_NAMES.get(service, (service,))
        endpoint = next((self.endpoints[name] for name in names if name in self.endpoints), None)
        if not endpoint:
            raise ProviderError(f"the stack's config names no endpoint for {names[0]}: add it to aws:endpoints")
        # The engine waits for this process to start, and boto3 takes its time.
        import boto3
        from botocore.config import Config

        self._session = self._session or boto3.session.Session(**self._credentials)
        return self._session.client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=READ_TIMEOUT_SECONDS,
                max_pool_connections=MAX_CONNECTIONS,
                # The emulator now and then answers 500 to what reads a log while a function writes it.
                retries={"mode": "standard", "total_max_attempts": 8},
                s3={"addressing_style": self._addressing_style},
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

    @property
    def account_id(self) -> str:
        """The account that the stack's credentials belong to."""
        return self._emulator.account_id

    def tags(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        """A resource's own tags and the stack's default tags; its own win."""
        return {**self.default_tags, **(inputs.get("tags") or {})}


def _parsed(value: Any) -> Any:
    """Pulumi hands on what is not a string as JSON."""
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    return parsed if isinstance(parsed, bool | list | dict) else value


def _refuse_unknown(config: Mapping[str, Any]) -> None:
    unknown = sorted(config.keys() - CONFIG_KEYS)
    if unknown:
        raise ProviderError(
            f"aws:{unknown[0]} is not known to the sandbox's provider: add it to sandbox/provider/emulator.py"
        )


def _required(config: Mapping[str, Any], key: str) -> Any:
    if not config.get(key):
        raise ProviderError(f"aws:{key} is not set in the stack's config")
    return config[key]


def _loopback_endpoints(config: Mapping[str, Any]) -> dict[str, str]:
    endpoints = {service: url for services in _required(config, "endpoints") for service, url in services.items()}
    for service, url in endpoints.items():
        if urlsplit(url).hostname not in LOOPBACK_HOSTS:
            raise ProviderError(
                f"aws:endpoints has {service} at {url}, which is not this machine: the sandbox's provider serves the "
                "embedded AWS alone; for another AWS take pulumi-resource-aws off PATH"
            )
    return endpoints
