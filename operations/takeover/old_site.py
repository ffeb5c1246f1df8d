"""The old site's parts, found by what the domain leads to: record, distribution, origins, API, function, table."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from botocore.exceptions import ClientError
from experiments.attribute_values import item_to_python
from experiments.fields import mapping, sequence

from operations.takeover.access import Access, Stopped

OLD_KEY = "experiment_id"
"""What the old table's partition key is called."""
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html, and website endpoints
BUCKET_HOST = re.compile(r"(?P<bucket>.+?)\.s3(-website)?[.-](?:[a-z0-9-]+\.)*amazonaws\.com")
API_HOST = re.compile(r"(?P<api_id>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com/(?P<stage>[^/]*)")
FUNCTION = re.compile(r":function:(?P<name>[A-Za-z0-9_-]+)")
TABLE_ARN = re.compile(r"arn:aws[a-z-]*:dynamodb:[^:]*:[^:]*:table/([A-Za-z0-9_.*-]+)")
BUCKET_ARN = re.compile(r"arn:aws[a-z-]*:s3:::([a-z0-9.*-]+)")
CATCH_ALL = ("$default", "ANY /{proxy+}", "ANY /", "GET /")
LOOKED_AT = 200
"""How many items are read to see where videos are."""


@dataclass(frozen=True)
class OldSite:
    """The ids of its parts; what is empty, it doesn't have."""

    distribution: str
    distribution_name: str
    certificate: str
    access_control: str
    api: str
    api_kind: str
    """HTTP or REST, as API Gateway calls them."""
    stage: str
    site_bucket: str
    function: str
    role: str
    log_group: str
    table: str
    media_bucket: str
    records: list[dict[str, Any]] = field(default_factory=list)
    """The domain's A, AAAA and CNAME records as they were, for the way back."""


CHOSEN = ("distribution", "api", "site_bucket", "function", "table", "media_bucket")
"""What may be given where it can't be found."""


def find(access: Access, given: Mapping[str, str]) -> OldSite:
    """Follow the domain to all parts.

    Raises:
        Stopped: a part can't be found, or there are several that it could be.
        ClientError: AWS refuses a look.

    """
    domain = access.settings.domain
    records = records_of(access, domain)
    distribution = _distribution(access, given.get("distribution", ""), records)
    config = distribution["DistributionConfig"]
    origins = {origin["Id"]: origin for origin in config["Origins"]["Items"]}
    api, stage = _api(access, given.get("api", ""), config, origins)
    kind, function = _function(access, given.get("function", ""), api)
    configured = access.client("lambda").get_function_configuration(FunctionName=function)
    role = configured["Role"].rpartition("/")[2]
    named = [*_policies(access.client("iam"), role), *configured.get("Environment", {}).get("Variables", {}).values()]
    site_bucket = given.get("site_bucket") or _site_bucket(origins.values())
    table = given.get("table") or _table(access.client("dynamodb"), named)
    return OldSite(
        distribution=distribution["Id"],
        distribution_name=distribution["DomainName"],
        certificate=config["ViewerCertificate"].get("ACMCertificateArn", ""),
        access_control=next((each for o in origins.values() if (each := o.get("OriginAccessControlId"))), ""),
        api=api,
        api_kind=kind,
        stage=stage,
        site_bucket=site_bucket,
        function=function,
        role=role,
        log_group=configured.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function}",
        table=table,
        media_bucket=given.get("media_bucket") or _media_bucket(access, named, table, site_bucket),
        records=records,
    )


def records_of(access: Access, domain: str) -> list[dict[str, Any]]:
    """The record sets that lead browsers from the domain to a site."""
    pages = access.client("route53").get_paginator("list_resource_record_sets")
    found = (
        record
        for page in pages.paginate(HostedZoneId=access.settings.hosted_zone_id)
        for record in page["ResourceRecordSets"]
    )
    return [each for each in found if each["Name"].rstrip(".") == domain and each["Type"] in ("A", "AAAA", "CNAME")]


def holder_of(access: Access, domain: str) -> str:
    """The id of the distribution in this account that has the domain among its aliases; empty where none has."""
    pages = access.client("cloudfront").get_paginator("list_distributions").paginate()
    summaries = (each for page in pages for each in page["DistributionList"].get("Items", []))
    return next((str(each["Id"]) for each in summaries if domain in each["Aliases"].get("Items", [])), "")


def _distribution(access: Access, given: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    identifier = given or holder_of(access, access.settings.domain)
    if not identifier:
        raise Stopped(
            f"No distribution of this account has {access.settings.domain} among its alternate domain names. "
            "Is it the right account? Else name the old one: --distribution E…"
        )
    distribution: dict[str, Any] = access.client("cloudfront").get_distribution(Id=identifier)["Distribution"]
    if distribution["DistributionConfig"]["Comment"] == access.settings.name("dashboard"):
        raise Stopped(
            f"{access.settings.domain} is with this stack's own distribution {identifier} already, and what was known "
            "of the old site is lost (.takeover/). To go on, name the old one: --distribution E…"
        )
    return distribution


def _api(
    access: Access, given: str, config: Mapping[str, Any], origins: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str]:
    """The API that answers what no file does, and its stage."""
    origin = origins[config["DefaultCacheBehavior"]["TargetOriginId"]]
    place = f"{origin['DomainName']}{origin.get('OriginPath', '')}"
    for pattern in (API_HOST, _as_pattern(access.settings.api_url_format)):
        if pattern and (match := pattern.match(f"{place}/")):
            return given or match["api_id"], match["stage"]
    if given:
        return given, ""
    raise Stopped(f"The distribution's default origin {place} is no API of API Gateway. Name the old one: --api <id>")


def _as_pattern(url_format: str) -> re.Pattern[str] | None:
    """What finds an API's id and stage in a place that a URL format gives; a place has no port."""
    if not url_format:
        return None
    place = re.sub(r"^https?://([^/:]+)(:\d+)?", r"\1", url_format)
    parts = {re.escape(f"{{{name}}}"): f"(?P<{name}>[^/]+)" for name in ("api_id", "stage")}
    pattern = re.escape(place)
    for name, group in parts.items():
        pattern = pattern.replace(name, group)
    return re.compile(pattern)


def _function(access: Access, given: str, api: str) -> tuple[str, str]:
    """Which kind of API it is, and the function that it calls for pages."""
    http = access.client("apigatewayv2")
    try:
        http.get_api(ApiId=api)
        kind, targets = "HTTP", _http_targets(http, api)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NotFoundException":
            raise
        kind, targets = "REST", _rest_targets(access.client("apigateway"), api)
    functions = {match["name"] for target in targets if (match := FUNCTION.search(target))}
    if given:
        return kind, given
    if len(functions) != 1:
        found = ", ".join(sorted(functions)) or "none"
        raise Stopped(f"API {api} calls not one function, but {found}. Name the one of the pages: --function <name>")
    return kind, functions.pop()


def _http_targets(client: Any, api: str) -> list[str]:
    """Those of the routes that take every path, if there are any; else all."""
    integrations = {
        f"integrations/{each['IntegrationId']}": each.get("IntegrationUri", "")
        for each in client.get_integrations(ApiId=api)["Items"]
    }
    routes = {each["RouteKey"]: each.get("Target", "") for each in client.get_routes(ApiId=api)["Items"]}
    chosen = [integrations.get(routes[key], "") for key in CATCH_ALL if key in routes]
    return chosen or list(integrations.values())


def _rest_targets(client: Any, api: str) -> list[str]:
    resources = client.get_resources(restApiId=api, embed=["methods"], limit=500)["items"]
    return [
        method.get("methodIntegration", {}).get("uri", "")
        for resource in resources
        if resource["path"] in ("/", "/{proxy+}")
        for method in resource.get("resourceMethods", {}).values()
    ]


def _site_bucket(origins: Iterable[Mapping[str, Any]]) -> str:
    """The bucket of the static files; empty where the distribution has no such origin."""
    matches = (BUCKET_HOST.fullmatch(origin["DomainName"]) for origin in origins)
    return next((match["bucket"] for match in matches if match), "")


def _policies(client: Any, role: str) -> Iterator[str]:
    """What a role may do, policy by policy, as text."""
    for name in client.list_role_policies(RoleName=role)["PolicyNames"]:
        yield str(client.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    for attached in client.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = client.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        document = client.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
        yield str(document["PolicyVersion"]["Document"])


def _table(client: Any, named: list[str]) -> str:
    """The table with the old keys, of those that the function may read or is told of; else of all."""
    tables = [name for page in client.get_paginator("list_tables").paginate() for name in page["TableNames"]]
    patterns = [name for text in named for name in (*TABLE_ARN.findall(text), text)]
    candidates = [table for table in tables if any(fnmatchcase(table, pattern) for pattern in patterns)] or tables
    found = [
        table
        for table in candidates
        if client.describe_table(TableName=table)["Table"]["KeySchema"][0]["AttributeName"] == OLD_KEY
    ]
    if len(found) != 1:
        raise Stopped(
            f"The table of experiments is not clear: {', '.join(found) or 'none'} with the key {OLD_KEY}. "
            "Name it: --table <name>"
        )
    return str(found[0])


def _media_bucket(access: Access, named: list[str], table: str, site_bucket: str) -> str:
    """The bucket of videos: the one that items name, or the only other one that the function may read."""
    items = access.client("dynamodb").scan(TableName=table, Limit=LOOKED_AT)["Items"]
    urls = [url for item in items for url in video_urls(item_to_python(item))]
    hosts = (BUCKET_HOST.match(url.partition("://")[2]) for url in urls)
    found: set[str] = {match["bucket"] for match in hosts if match}
    found = found or {name for text in named for name in BUCKET_ARN.findall(text) if "*" not in name} - {site_bucket}
    if len(found) > 1:
        raise Stopped(f"Videos are in several buckets ({', '.join(sorted(found))}). Name one: --media-bucket <name>")
    return str(next(iter(found), ""))


def video_urls(item: Mapping[str, Any]) -> Iterator[str]:
    """The URLs by which an old item names its videos."""
    places = [item, mapping(item.get("artifacts")), *map(mapping, sequence(item.get("experiments")))]
    yield from (str(url) for place in places if (url := place.get("video_url")))
