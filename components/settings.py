"""The stack's configuration: read, checked as a whole and given types.

`Pulumi.yaml` names every key with its type, default and meaning; the rules beyond a type stand here.
"""

import json
import os
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import config as runtime_config

PROJECT_FILE = Path(__file__).parent.parent / "Pulumi.yaml"

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION_DAYS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)
# What a deployment is told for once by the environment, and what therefore is no configuration: a version to roll back
# to, or that the one which it publishes is wanted, even over a rollback.
RENDERER_VERSION = "RENDERER_VERSION"
NEWEST = "newest"
PRICE_CLASSES = ("PriceClass_100", "PriceClass_200", "PriceClass_All")
# In USD; Pulumi has no type for fractions.
PRICES = (
    *("gpuHourUsd", "storageGbMonthUsd", "deliveredGbUsd", "millionInputTokensUsd", "millionOutputTokensUsd"),
    "snapshotGbSecondUsd",
)
PRICE = re.compile(r"[0-9]{1,6}(\.[0-9]{1,10})?")
HOST_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
HOSTED_ZONE_ID = re.compile(r"Z[A-Z0-9]{1,31}")
# S3's are the strictest names: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
VERSION = re.compile(rf"[1-9][0-9]*|{NEWEST}")
# https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
MODEL_ID = re.compile(r"[a-z0-9-]+(\.[A-Za-z0-9-]+)+(:[0-9]+)?")
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?")
INSTANCE_TYPES = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+(,[a-z0-9-]+\.[a-z0-9-]+)*")
ZONES = re.compile(r"[a-z](,[a-z])*")
TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
# The longest derived name, <project>-<stack>-media-<account id>, has to be a bucket's.
STACK_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
# What a physical name is derived of, for `resourceNames`.
NAMED = (
    *("admin", "admin-api", "admin-page", "administrators", "dashboard", "dead-jobs", "experiments", "idle-workers"),
    *("jobs", "keep-awake", "media", "no-spot-workers", "on-demand-workers", "pages", "renderer"),
    *("renderer-dependencies", "security", "site", "spot-workers", "worker", "worker-backlog", "workers"),
)
NAME = re.compile(r"[a-z-]+=[A-Za-z0-9_-]{1,64}")
IMPORTABLE = ("table", "site-bucket", "media-bucket", "api")
IMPORT = re.compile(r"[a-z-]+=[A-Za-z0-9_.-]+")
BUCKET_NAME_LIMIT = 63
# They go into the prefix of the sign-in pages' address, where Cognito accepts none of these words:
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-assign-domain-prefix.html
RESERVED_BY_COGNITO = ("aws", "amazon", "cognito")


class InvalidConfig(pulumi.RunError):
    """The stack's configuration has problems; the message lists them all, a line each."""

    def __init__(self, stack: str, problems: list[str]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{count} in the configuration of stack '{stack}' (Pulumi.{stack}.yaml):\n{lines}")


@dataclass(frozen=True)
class Settings:
    """What the stack is configured to be; the fields are explained in `Pulumi.yaml`."""

    project: str
    stack: str
    deletion_protection: bool
    log_retention_days: int
    renderer_memory_mb: int
    renderer_timeout_seconds: int
    throttle_rate: int
    throttle_burst: int
    price_class: str
    require_https: bool
    hsts_include_subdomains: bool
    domain: str
    hosted_zone_id: str
    domain_alias: bool
    name_prefix: str
    resource_names: str
    imports: str
    renderer_function_name: str
    table_name: str
    site_bucket_name: str
    media_bucket_name: str
    api_url_format: str
    site_url_format: str
    media_url_format: str
    sign_in_url: str
    release_patience_seconds: int
    kept_releases: int
    gpu_hosts_maximum: int
    gpu_instance_types: str
    gpu_zones: str
    gpu_hour_usd: str
    storage_gb_month_usd: str
    delivered_gb_usd: str
    million_input_tokens_usd: str
    million_output_tokens_usd: str
    snapshot_gb_second_usd: str
    chat_model: str
    chat_monthly_usd: str
    renderer_version: str = ""
    """What the environment asks for; empty where it asks for nothing."""

    @classmethod
    def load(cls) -> "Settings":
        """The settings of the stack that Pulumi is running, and what the environment says of this deployment.

        Raises:
            InvalidConfig: with every problem found, before any resource is registered.

        """
        return cls.parse(pulumi.get_project(), pulumi.get_stack(), running_configuration(), _asked_for())

    @classmethod
    def parse(cls, project: str, stack: str, config: Mapping[str, Any], renderer_version: str = "") -> "Settings":
        """Settings from a stack's whole configuration, `namespace:key` to value.

        Raises:
            InvalidConfig: with every problem found.

        """
        reader = _Reader.of(project, config)
        settings = cls(
            project=project,
            stack=stack,
            renderer_version=renderer_version,
            **{_snake_case(key): reader.value(key) for key in reader.schema},
        )
        problems = [*reader.problems, *settings._problems(invalid=reader.invalid)]
        if problems:
            raise InvalidConfig(stack, problems)
        return settings

    @property
    def rolled_back_to(self) -> str:
        """The version of the renderer that this deployment leads users back to; empty where it leads them on."""
        return self.renderer_version.removeprefix(NEWEST)

    @property
    def public_url(self) -> str:
        """The site's own address, with a slash at the end; empty without a domain, as only AWS knows it then."""
        return f"https://{self.domain}/" if self.domain else ""

    @property
    def served_domain(self) -> str:
        """The domain that this stack's CDN answers at; empty without one, or while another distribution does."""
        return self.domain if self.domain_alias else ""

    @property
    def imported(self) -> dict[str, str]:
        """The ids of things that are there already and become the stack's, by what they are (`IMPORTABLE`)."""
        return _pairs(self.imports)

    @property
    def ends_rollback(self) -> bool:
        """Whether this deployment may lead users on from a rollback."""
        return self.renderer_version == NEWEST

    @property
    def prices(self) -> str:
        """What usage costs, as the renderer takes it: JSON of `experiments.costs.Prices`."""
        names = map(_snake_case, PRICES)
        return json.dumps({name: float(getattr(self, name)) for name in names})

    def name(self, what: str) -> str:
        """A resource's name; derived from project and stack, unless given, so that two stacks live in one account."""
        return _pairs(self.resource_names).get(what) or f"{self.name_prefix or f'{self.project}-{self.stack}'}-{what}"

    def tags(self, component: str) -> dict[str, str]:
        """The tags of a component's resources."""
        return {"project": self.project, "stack": self.stack, "component": component}

    def _problems(self, invalid: set[str]) -> Iterator[str]:
        """What is wrong with the values, key by key; `invalid` are keys of a wrong type, already reported."""
        for key, accepted, holds in self._rules():
            value = getattr(self, _snake_case(key))
            if key not in invalid and not holds:
                yield f"{key}: {json.dumps(value)} is not accepted; it takes {accepted}"
        for key, other in (("domain", "hostedZoneId"), ("hostedZoneId", "domain")):
            if getattr(self, _snake_case(key)) and not getattr(self, _snake_case(other)) and other not in invalid:
                value = json.dumps(getattr(self, _snake_case(key)))
                yield f"{other}: missing, though {key} is {value}; set both, or neither"
        if not _empty_or(VERSION, self.renderer_version):
            value = json.dumps(self.renderer_version)
            yield f"{RENDERER_VERSION} (environment): {value} is not accepted; it takes a version's number, or {NEWEST}"
        what, name = ("namePrefix", self.name_prefix) if self.name_prefix else ("stack name", self.stack)
        longest = self.name("media-") + "0" * 12
        if not STACK_NAME.fullmatch(name) or len(longest) > BUCKET_NAME_LIMIT:
            room = BUCKET_NAME_LIMIT - len(longest) + len(name)
            accepted = f"a-z, 0-9 and inner hyphens, at most {room}"
            yield f"{what}: {json.dumps(name)} is not accepted; it takes {accepted}"
        of_prefix = {"namePrefix": self.name_prefix} if self.name_prefix else {}
        for which, name in (of_prefix or {"stack name": self.stack, "project name": self.project}).items():
            for word in RESERVED_BY_COGNITO:
                if word in name:
                    reason = f"Cognito refuses addresses of sign-in pages with {word} in them"
                    yield f"{which}: {json.dumps(name)} is not accepted: {reason}; choose another name"

    def _rules(self) -> Iterator[tuple[str, str, bool]]:
        """Each rule on one value: the key, what is accepted, and whether the value is."""
        yield (
            "logRetentionDays",
            "one of " + ", ".join(map(str, LOG_RETENTION_DAYS)),
            self.log_retention_days in LOG_RETENTION_DAYS,
        )
        yield "rendererMemoryMb", "128 to 10240", 128 <= self.renderer_memory_mb <= 10240
        yield "rendererTimeoutSeconds", "1 to 29", 1 <= self.renderer_timeout_seconds <= 29
        yield "releasePatienceSeconds", "1 or more", self.release_patience_seconds >= 1
        yield "keptReleases", "1 or more", self.kept_releases >= 1
        yield "throttleRate", "1 or more", self.throttle_rate >= 1
        yield "throttleBurst", "1 or more", self.throttle_burst >= 1
        yield "priceClass", "one of " + ", ".join(PRICE_CLASSES), self.price_class in PRICE_CLASSES
        yield "domain", "a host name such as aiv1codec.com", _empty_or(HOST_NAME, self.domain)
        yield "hostedZoneId", "an id such as Z0123456789ABCDEFGHIJ", _empty_or(HOSTED_ZONE_ID, self.hosted_zone_id)
        yield (
            "resourceNames",
            f"<what>=<name> separated by commas, what being one of {', '.join(NAMED)}",
            _are_pairs(self.resource_names, NAME, NAMED),
        )
        # A function or a distribution that is imported would put before users what has passed no gate.
        yield (
            "imports",
            f"<what>=<id> separated by commas, what being one of {', '.join(IMPORTABLE)}; functions and distributions "
            "are never imported, as users would see what has passed no gate (docs/takeover.md)",
            _are_pairs(self.imports, IMPORT, IMPORTABLE),
        )
        yield (
            "rendererFunctionName",
            "1 to 64 of A-Z a-z 0-9 _ -",
            _empty_or(FUNCTION_NAME, self.renderer_function_name),
        )
        yield "tableName", "3 to 255 of A-Z a-z 0-9 _ - .", _empty_or(TABLE_NAME, self.table_name)
        yield "siteBucketName", "3 to 63 of a-z 0-9 -", _empty_or(BUCKET_NAME, self.site_bucket_name)
        yield "mediaBucketName", "3 to 63 of a-z 0-9 -", _empty_or(BUCKET_NAME, self.media_bucket_name)
        yield (
            "apiUrlFormat",
            "an http or https URL with {api_id} and {stage} in it, and no other braces",
            _is_url_format(self.api_url_format, {"api_id", "stage"}),
        )
        yield (
            "siteUrlFormat",
            "an http or https URL with {label} in it, and no other braces",
            _is_url_format(self.site_url_format, {"label"}),
        )
        yield (
            "mediaUrlFormat",
            "an http or https URL with {bucket} in it, and no other braces",
            _is_url_format(self.media_url_format, {"bucket"}),
        )
        yield "signInUrl", "an http or https URL without a path", _empty_or(ORIGIN, self.sign_in_url)
        yield (
            "chatModel",
            "a model's id such as us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            _empty_or(MODEL_ID, self.chat_model),
        )
        yield "chatMonthlyUsd", "an amount in USD such as 20", bool(PRICE.fullmatch(self.chat_monthly_usd))
        yield "gpuHostsMaximum", "0 or more", self.gpu_hosts_maximum >= 0
        yield (
            "gpuInstanceTypes",
            "EC2 instance types such as g4dn.xlarge,g5.xlarge",
            bool(INSTANCE_TYPES.fullmatch(self.gpu_instance_types)),
        )
        yield "gpuZones", "letters of zones such as a,b,c", bool(ZONES.fullmatch(self.gpu_zones))
        for key in PRICES:
            price = getattr(self, _snake_case(key))
            yield key, "a price in USD such as 0.526", bool(PRICE.fullmatch(price))


def running_configuration() -> dict[str, Any]:
    """The whole configuration of the stack that Pulumi is running, `namespace:key` to value."""
    return {**runtime_config.get_config_env(), **runtime_config.CONFIG.get()}


@dataclass
class _Reader:
    """Reads the project's keys by the types that `Pulumi.yaml` declares, and collects what is wrong with them."""

    schema: Mapping[str, Mapping[str, Any]]
    values: Mapping[str, Any]
    problems: list[str] = field(default_factory=list)
    invalid: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, project: str, config: Mapping[str, Any]) -> "_Reader":
        schema = yaml.safe_load(PROJECT_FILE.read_text(encoding="utf-8"))["config"]
        prefix = f"{project}:"
        values = {key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)}
        reader = cls(schema, values)
        for key in sorted(values.keys() - schema.keys()):
            accepted = ", ".join(schema)
            reader.problems.append(f"{key}: unknown key with value {_shown(values[key])}; the keys are {accepted}")
        return reader

    def value(self, key: str) -> Any:
        declared = self.schema[key]
        raw = self.values.get(key, declared["default"])
        try:
            return _PARSERS[declared["type"]](raw)
        except ValueError:
            self.invalid.add(key)
            self.problems.append(f"{key}: {_shown(raw)} is not accepted; it takes {_ACCEPTED[declared['type']]}")
            return declared["default"]


def _asked_for() -> str:
    return os.environ.get(RENDERER_VERSION, "")


def _parse_boolean(raw: Any) -> bool:
    text = str(raw).lower()
    if text not in ("true", "false"):
        raise ValueError(raw)
    return text == "true"


def _parse_integer(raw: Any) -> int:
    if isinstance(raw, bool) or not re.fullmatch(r"-?\d+", str(raw)):
        raise ValueError(raw)
    return int(raw)


def _parse_string(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError(raw)
    return raw


_PARSERS = {"boolean": _parse_boolean, "integer": _parse_integer, "string": _parse_string}
_ACCEPTED = {"boolean": "true or false", "integer": "a whole number", "string": "text, a number in quotes"}


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)


def _snake_case(key: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", key)


def _pairs(text: str) -> dict[str, str]:
    """What `<what>=<which>,…` says."""
    return {what: which for what, _, which in (entry.partition("=") for entry in _entries(text))}


def _are_pairs(text: str, form: re.Pattern[str], known: Collection[str]) -> bool:
    return all(map(form.fullmatch, _entries(text))) and _pairs(text).keys() <= set(known)


def _entries(text: str) -> list[str]:
    return [entry for entry in text.split(",") if entry]


def _empty_or(pattern: re.Pattern[str], value: str) -> bool:
    return not value or bool(pattern.fullmatch(value))


def _is_url_format(value: str, names: set[str]) -> bool:
    if not value:
        return True
    rest = re.sub("|".join(re.escape(f"{{{name}}}") for name in names), "", value)
    has_all = all(f"{{{name}}}" in value for name in names)
    return has_all and not set("{}") & set(rest) and value.startswith(("http://", "https://"))


def check_stack_file(path: Path) -> None:
    """Check what a deployment goes by, a stack's configuration file above all, before the engine reads it.

    The engine itself stops at the first wrong type and doesn't show the value.

    Raises:
        InvalidConfig: with every problem found.

    """
    project = yaml.safe_load(PROJECT_FILE.read_text(encoding="utf-8"))["name"]
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        content = {}
    except yaml.YAMLError as error:
        raise InvalidConfig(stack, [f"not YAML: {' '.join(str(error).split())}"]) from None
    Settings.parse(project, stack, content.get("config") or {}, _asked_for())


if __name__ == "__main__":
    try:
        check_stack_file(Path(sys.argv[1]))
    except InvalidConfig as problems:
        sys.exit(str(problems))
