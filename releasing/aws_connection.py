"""botocore clients that ask AWS as the stack's `aws` provider does, from the same configuration and environment.

They serve the dynamic resources, what looks at a deployed stack, and the sandbox's own `aws` provider. Who asks is
found in pulumi-aws's order:

1. `aws:accessKey`, `aws:secretKey` and `aws:token`;
2. `aws:assumeRoleWithWebIdentity`;
3. `aws:profile`, over keys in the environment;
4. keys in the environment, then its web identity (`AWS_WEB_IDENTITY_TOKEN_FILE`), then `AWS_PROFILE`, then AWS's own
   (a container's role, an instance's role);

and then takes the roles of `aws:assumeRoles`, one by the other. Its sources:

- https://github.com/hashicorp/aws-sdk-go-base/blob/main/credentials.go and aws_config.go
- https://github.com/pulumi/pulumi-aws/blob/master/provider/config.go
- https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

import dataclasses
import functools
import json
import os
import re
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib import request as urllib_request
from urllib.parse import urlsplit

import botocore.session
from botocore.config import Config
from botocore.configloader import load_config, raw_config_parse
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    ConfigProvider,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.exceptions import BotoCoreError, ClientError, ConfigNotFound, NoCredentialsError, ProfileNotFound
from botocore.utils import FileWebIdentityTokenLoader
from pulumi.dynamic import ConfigureRequest

# botocore's standard mode backs off with jitter on throttling and on 5xx: for what deploys, and for who only looks.
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 8})
PATIENCE = Config(connect_timeout=10, retries={"mode": "standard", "total_max_attempts": 4})
# Error codes of a thing that is not there.
GONE_CODES = "404|.*(NoSuch|NotFound|NonExistent|DoesNotExist).*"
NAMESPACE = "aws:"
# What pulumi-aws does by itself with what it makes or before it begins, and what no client of botocore has to know.
NO_BEARING = frozenset(
    {
        "default_tags",
        "ignore_tags",
        "skip_credentials_validation",
        "skip_region_validation",
        "skip_requesting_account_id",
        "tag_policy_compliance",
        "token_bucket_rate_limiter_capacity",
        "user_agents",
    }
)
# pulumi-aws's names of a service's endpoint, where they are not botocore's.
ENDPOINT_NAMES = {
    "cognito-idp": ("cognitoidp", "cognitoidentityprovider"),
    "events": ("events", "eventbridge", "cloudwatchevents"),
    "logs": ("logs", "cloudwatchlogs", "cloudwatchlog"),
    "s3": ("s3", "s3api"),
    "service-quotas": ("servicequotas",),
}
UNIT_SECONDS = {"h": 3600, "m": 60, "s": 1, "": 1}


class AwsConfigError(BotoCoreError):
    """The stack's `aws` configuration can't be used, or is not meant for the account that it leads to."""

    fmt = "{problem}"


class Configuration(Protocol):
    """What Pulumi hands to a provider, or the `config` of a stack's file."""

    def get(self, key: str, /) -> Any:
        """The value of a key such as `aws:region`; None where it has none."""


def is_gone(error: Exception) -> bool:
    """Whether AWS said that the thing is not there, in one of the many ways in which its services do."""
    return isinstance(error, ClientError) and bool(re.fullmatch(GONE_CODES, error.response["Error"]["Code"]))


def client_of(service: str, request: ConfigureRequest, behaviour: Config) -> Any:
    """A dynamic provider's client of an AWS service; `connected` says how."""
    return connected(service, request.config, behaviour)


def connected(service: str, config: Configuration, behaviour: Config, region: str | None = None) -> Any:
    """A client with what a stack's configuration says, `namespace:key` to value; in its region if no other is given.

    Raises:
        AwsConfigError: the configuration can't be used, or refuses the account that it leads to.
        BotoCoreError: the profile is not there, or nothing tells the region.

    """
    return aws_session(config).create_client(service, region_name=region, config=behaviour)


def aws_session(config: Configuration) -> "AwsSession":
    """The session of a stack's configuration; the same for all who ask with the same one, as roles take time.

    Raises:
        AwsConfigError: the configuration can't be used, or refuses the account that it leads to.

    """
    if config.get(f"{NAMESPACE}assumeRole") is not None:
        raise AwsConfigError(problem="aws:assumeRole is not known to pulumi-aws: write aws:assumeRoles, a list")
    given = {key: config.get(NAMESPACE + key) for key in map(camel_case, AwsConfig.names())}
    return _session(json.dumps(given, sort_keys=True))


@functools.cache
def _session(given: str) -> "AwsSession":
    session = AwsSession(AwsConfig.of(json.loads(given)))
    session.expect_allowed_account()
    return session


@dataclass(frozen=True)
class AwsConfig:
    """pulumi-aws's configuration, as far as clients have to know it; its own documentation says what each key means.

    https://www.pulumi.com/registry/packages/aws/installation-configuration/
    """

    access_key: str = ""
    allowed_account_ids: list[str] = field(default_factory=list)
    assume_role_with_web_identity: dict[str, Any] = field(default_factory=dict)
    assume_roles: list[dict[str, Any]] = field(default_factory=list)
    custom_ca_bundle: str = ""
    ec2_metadata_service_endpoint: str = ""
    ec2_metadata_service_endpoint_mode: str = ""
    endpoints: list[dict[str, str]] = field(default_factory=list)
    forbidden_account_ids: list[str] = field(default_factory=list)
    http_proxy: str = ""
    https_proxy: str = ""
    insecure: bool = False
    max_retries: int = 0
    no_proxy: str = ""
    profile: str = ""
    region: str = ""
    retry_mode: str = ""
    s3_us_east1_regional_endpoint: str = ""
    s3_use_path_style: bool = False
    secret_key: str = ""
    shared_config_files: list[str] = field(default_factory=list)
    shared_credentials_files: list[str] = field(default_factory=list)
    skip_metadata_api_check: bool = False
    sts_region: str = ""
    token: str = ""
    use_dualstack_endpoint: bool = False
    use_fips_endpoint: bool = False

    @classmethod
    def names(cls) -> list[str]:
        """The keys, in Python's spelling."""
        return [each.name for each in dataclasses.fields(cls)]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "AwsConfig":
        """The configuration from pulumi-aws's keys, such as `accessKey`; Pulumi hands on as JSON what is no text.

        Raises:
            AwsConfigError: a value is not of its key's type.

        """
        unset = cls()
        keys = {name: camel_case(name) for name in cls.names()}
        return cls(**{name: _value(key, given.get(key), getattr(unset, name)) for name, key in keys.items()})

    def endpoint(self, service: str) -> str | None:
        """The URL at which the configuration has a service, by botocore's name; None where AWS's own counts."""
        known = {name: url for services in self.endpoints for name, url in services.items() if url}
        names = ENDPOINT_NAMES.get(service, (service,))
        return next((known[name] for name in names if name in known), None)

    def stated(self, behaviour: Any) -> Config:
        """A client's behaviour, with what the configuration states over it."""
        retries = {"total_max_attempts": self.max_retries, "mode": self.retry_mode}
        style = {
            "addressing_style": "path" if self.s3_use_path_style else "",
            "us_east_1_regional_endpoint": self.s3_us_east1_regional_endpoint,
        }
        stated = {
            "retries": {**(behaviour.retries or {}), **_set(retries)} if _set(retries) else None,
            "s3": _set(style),
            "use_dualstack_endpoint": self.use_dualstack_endpoint,
            "use_fips_endpoint": self.use_fips_endpoint,
        }
        merged: Config = behaviour.merge(Config(**_set(stated)))
        return merged

    def proxies(self, url: str) -> dict[str, str] | None:
        """The proxies on the way to a URL, by scheme; None where the environment's count as they are."""
        if not (self.http_proxy or self.https_proxy or self.no_proxy):
            return None
        environment: Any = urllib_request
        known = environment.getproxies_environment()
        http, https = self.http_proxy or known.get("http", ""), self.https_proxy or known.get("https", "")
        proxies = _set({"http": http, "https": https or self.http_proxy, "no": self.no_proxy or known.get("no", "")})
        return {} if environment.proxy_bypass_environment(urlsplit(url).hostname or "", proxies) else proxies


class AwsSession(botocore.session.Session):
    """botocore's session, told by a stack's configuration; what it asks STS and SSO for goes the same ways.

    Its credentials renew themselves while they are used. Safe for use by several threads.
    """

    def __init__(self, aws: AwsConfig, at_given_endpoints_only: bool = False) -> None:
        # botocore itself looks at AWS_DEFAULT_REGION alone, and at AWS_DEFAULT_PROFILE first.
        variables: Any = {
            "profile": (None, ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"], None, None),
            "region": ("region", ["AWS_REGION", "AWS_DEFAULT_REGION"], None, None),
        }
        super().__init__(session_vars=variables, profile=aws.profile or None)
        self._aws = aws
        self._at_given_endpoints_only = at_given_endpoints_only
        self._lock = threading.RLock()
        self._found: Any = None
        self._shared: dict[str, Any] = {}
        chosen = {
            "region": aws.region,
            "ca_bundle": _path(aws.custom_ca_bundle),
            "ec2_metadata_service_endpoint": aws.ec2_metadata_service_endpoint,
            "ec2_metadata_service_endpoint_mode": aws.ec2_metadata_service_endpoint_mode,
            "config_file": aws.shared_config_files[-1] if aws.shared_config_files else "",
            "credentials_file": aws.shared_credentials_files[-1] if aws.shared_credentials_files else "",
        }
        for variable, value in _set(chosen).items():
            self.set_config_variable(variable, value)

    def create_client(self, service_name: str, *args: Any, **options: Any) -> Any:
        """A client; botocore creates those by this, too, with which it fetches credentials."""
        aws, endpoint = self._aws, self._aws.endpoint(service_name)
        config = aws.stated(options.get("config") or Config())
        if self._at_given_endpoints_only and not endpoint:
            name = ENDPOINT_NAMES.get(service_name, (service_name,))[0]
            raise AwsConfigError(
                problem=f"the stack's config names no endpoint for {name}: add it to {NAMESPACE}endpoints"
            )
        if endpoint:
            # An endpoint that is given is the whole of it; botocore refuses to look for variants then.
            config = config.merge(Config(use_fips_endpoint=False, use_dualstack_endpoint=False))
        sts_region = aws.sts_region if service_name == "sts" else ""
        own = {"endpoint_url": endpoint, "region_name": sts_region, "verify": False if aws.insecure else None}
        options |= {"config": config, **{name: value for name, value in own.items() if value not in (None, "")}}
        with self._lock:
            client: Any = super().create_client(service_name, *args, **options)
            if (proxies := aws.proxies(client.meta.endpoint_url)) is not None:
                options["config"] = config.merge(Config(proxies=proxies))
                client = super().create_client(service_name, *args, **options)
        return client

    def get_credentials(self) -> Any:
        """The credentials of the configuration's last role; None where nothing gives any."""
        with self._lock:
            if self._found is None:
                self._found = self._find_credentials()
            return self._found

    def expect_allowed_account(self) -> None:
        """See that the credentials are of an account that the configuration allows, before anything is done there.

        Raises:
            AwsConfigError: they are of another one.

        """
        allowed, forbidden = self._aws.allowed_account_ids, self._aws.forbidden_account_ids
        if not (allowed or forbidden):
            return
        account = self.create_client("sts", config=PATIENCE).get_caller_identity()["Account"]
        if account in forbidden or (allowed and account not in allowed):
            key = "forbiddenAccountIds names it" if account in forbidden else "allowedAccountIds does not name it"
            raise AwsConfigError(
                problem=f"The credentials are of AWS account {account}, which is not allowed: aws:{key}. "
                "Take the right profile or role, or mend the stack's configuration."
            )

    @property
    def full_config(self) -> dict[str, Any]:
        """What the shared files say; of several, a later one wins, and credentials win over the rest."""
        if not self._shared:
            self._shared = {"profiles": {}}
            for file in self._aws.shared_config_files or [self.get_config_variable("config_file")]:
                with suppress(ConfigNotFound):
                    _merge(self._shared, load_config(file))
            for file in self._aws.shared_credentials_files or [self.get_config_variable("credentials_file")]:
                with suppress(ConfigNotFound):
                    _merge(self._shared["profiles"], raw_config_parse(file))
        return self._shared

    def get_scoped_config(self) -> dict[str, Any]:
        """The profile's part of it; a profile of the environment that isn't there counts only where it is needed."""
        try:
            return dict(super().get_scoped_config())
        except ProfileNotFound:
            has_keys = self._aws.access_key or os.environ.get("AWS_ACCESS_KEY_ID")
            if self._aws.profile or not has_keys:
                raise
            return {}

    def _find_credentials(self) -> Any:
        aws = self._aws
        if aws.access_key or aws.secret_key or aws.token:
            if not (aws.access_key and aws.secret_key):
                raise AwsConfigError(problem="aws:accessKey and aws:secretKey belong together; one of them is missing")
            credentials: Any = Credentials(aws.access_key, aws.secret_key, aws.token or None)
        elif aws.assume_role_with_web_identity:
            credentials = self._by_web_identity(aws.assume_role_with_web_identity)
        else:
            self._put_chain_in_order()
            credentials = super().get_credentials()
        for role in aws.assume_roles:
            if credentials is None:
                raise NoCredentialsError
            credentials = self._in_role(credentials, role)
        return credentials

    def _put_chain_in_order(self) -> None:
        """The places where botocore looks, made to be those of pulumi-aws."""
        chain: Any = self.get_component("credential_provider")
        if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") and not self._aws.profile:
            web_identity = chain.get_provider("assume-role-with-web-identity")
            chain.remove(web_identity.METHOD)
            chain.insert_before("assume-role", web_identity)
        if self._aws.skip_metadata_api_check:
            chain.remove("iam-role")
        # botocore looks for keys in one file of each kind.
        chain.remove(ConfigProvider.METHOD)
        profile = self.get_config_variable("profile") or "default"
        merged = ConfigProvider("", profile, config_parser=lambda _: self.full_config)
        chain.insert_after("custom-process", merged)

    def _in_role(self, credentials: Any, role: Mapping[str, Any]) -> Any:
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=self.create_client,
            source_credentials=credentials,
            role_arn=_role_arn("aws:assumeRoles", role),
            extra_args=_session_arguments(role),
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")

    def _by_web_identity(self, role: Mapping[str, Any]) -> Any:
        key = "aws:assumeRoleWithWebIdentity"
        token, file = role.get("webIdentityToken"), role.get("webIdentityTokenFile", "")
        if not (token or file):
            raise AwsConfigError(problem=f"{key} has neither webIdentityToken nor webIdentityTokenFile")
        fetcher = AssumeRoleWithWebIdentityCredentialFetcher(
            client_creator=self.create_client,
            web_identity_token_loader=(lambda: token) if token else FileWebIdentityTokenLoader(_path(file)),
            role_arn=_role_arn(key, role),
            extra_args=_session_arguments(role),
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role-with-web-identity")


def _role_arn(key: str, role: Mapping[str, Any]) -> str:
    if not role.get("roleArn"):
        raise AwsConfigError(problem=f"{key} has a role without roleArn")
    return str(role["roleArn"])


def _session_arguments(role: Mapping[str, Any]) -> dict[str, Any]:
    """A role's session as STS takes it."""
    return _set(
        {
            "RoleSessionName": role.get("sessionName"),
            # pulumi-aws reads the one to take the role, the other when it checks the credentials before.
            "DurationSeconds": _seconds(role.get("duration") or role.get("durationSeconds") or 0),
            "ExternalId": role.get("externalId"),
            "Policy": role.get("policy"),
            "PolicyArns": [{"arn": arn} for arn in role.get("policyArns") or ()],
            "SourceIdentity": role.get("sourceIdentity"),
            "Tags": [{"Key": key, "Value": str(value)} for key, value in (role.get("tags") or {}).items()],
            "TransitiveTagKeys": role.get("transitiveTagKeys"),
        }
    )


def _seconds(duration: Any) -> int:
    """A duration in Go's notation, such as `1h30m`; a number alone is of seconds."""
    if not re.fullmatch(r"([0-9]+[hms])+|[0-9]+s?", text := str(duration)):
        raise AwsConfigError(problem=f"{text} is no duration of a role's session; it takes one such as 900s or 1h")
    return sum(int(number) * UNIT_SECONDS[unit] for number, unit in re.findall(r"([0-9]+)([hms]?)", text))


def _value(key: str, raw: Any, unset: Any) -> Any:
    """A key's value, of the type that it has where it is not set; the message leaves it out, as it may be a secret."""
    if raw in (None, ""):
        return unset
    try:
        parsed = json.loads(raw) if isinstance(raw, str) and not isinstance(unset, str) else raw
    except ValueError:
        parsed = None
    if isinstance(unset, str) and isinstance(parsed, str | int):
        return str(parsed)
    if not isinstance(parsed, type(unset)):
        accepted = {bool: "true or false", int: "a number", list: "a list", dict: "a map"}.get(type(unset), "text")
        raise AwsConfigError(problem=f"{NAMESPACE}{key} is not what it has to be: {accepted}")
    return [each if isinstance(each, dict) else str(each) for each in parsed] if isinstance(parsed, list) else parsed


def camel_case(name: str) -> str:
    """A key in Pulumi's spelling."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _path(text: str) -> str:
    """A file's path, where `~` and variables of the environment may stand in it."""
    return os.path.expandvars(os.path.expanduser(text))


def _set(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for name, value in other.items():
        if isinstance(value, dict):
            _merge(into.setdefault(name, {}), value)
        else:
            into[name] = value
