"""What a takeover needs: looked at before anything is deployed, and again before the domain moves."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operations.takeover.access import Access
from operations.takeover.domain import Domain
from operations.takeover.old_site import OldSite
from releasing.served import Unreachable, get

CERTIFICATE_DAYS = 30
"""How long the old certificate has to be good, for the way back."""
MOST_TTL_SECONDS = 300
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html
MOST_DISTRIBUTIONS = 500
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
CODE_BYTES_LEFT = 500_000_000
NEEDED = (
    *("cloudfront:AssociateAlias", "cloudfront:GetDistribution", "cloudfront:UpdateDistribution"),
    *("route53:ChangeResourceRecordSets", "route53:GetChange", "route53:ListResourceRecordSets"),
    *("dynamodb:Scan", "dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"),
    *("s3:GetObject", "s3:PutObject", "s3:ListBucket"),
)


@dataclass(frozen=True)
class Requirement:
    """One thing that has to be so; whether it is, and what was found."""

    name: str
    holds: bool
    found: str


def before_deploying(access: Access, old: OldSite) -> Iterator[Requirement]:
    """Look at the account, the old site and the new one's configuration."""
    looks = (
        _account,
        _permissions,
        _zone,
        _records,
        _old_distribution,
        _old_certificate,
        _names,
        _table,
        _media,
        _quotas,
    )
    for look in looks:
        yield from _looked(look, access, old)


def before_moving(access: Access, old: OldSite) -> Iterator[Requirement]:
    """Look at the new site."""
    for look in (_new_distribution, _new_site_answers, _conflicts):
        yield from _looked(look, access, old)


def _looked(
    look: Callable[[Access, OldSite], Iterator[Requirement]], access: Access, old: OldSite
) -> Iterator[Requirement]:
    """What a look finds; where AWS refuses it, that is what it has found."""
    try:
        yield from look(access, old)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        yield Requirement(look.__name__.strip("_").replace("_", " "), False, f"{error.operation_name} failed: {code}")
    except (BotoCoreError, Unreachable) as error:
        yield Requirement(look.__name__.strip("_").replace("_", " "), False, str(error))


def _account(access: Access, old: OldSite) -> Iterator[Requirement]:
    mine = access.client("sts").get_caller_identity()["Account"]
    arn = access.client("lambda").get_function_configuration(FunctionName=old.function)["FunctionArn"]
    theirs = arn.split(":")[4]
    yield Requirement("both in one account", mine == theirs, mine if mine == theirs else f"{mine}, old one {theirs}")


def _permissions(access: Access, old: OldSite) -> Iterator[Requirement]:
    """Ask IAM what the caller may do; who may not ask, or has all rights as root, learns it from the steps."""
    arn = access.client("sts").get_caller_identity()["Arn"]
    role = arn.replace(":sts:", ":iam:").replace(":assumed-role/", ":role/").rsplit("/", 1)
    principal = role[0] if ":assumed-role/" in arn else arn
    if principal.endswith(":root"):
        yield Requirement("permissions", True, "root's")
        return
    try:
        asked = access.client("iam").simulate_principal_policy(PolicySourceArn=principal, ActionNames=list(NEEDED))
    except ClientError as error:
        yield Requirement("permissions", True, f"not known, as IAM says {error.response['Error']['Code']}")
        return
    refused = [each["EvalActionName"] for each in asked["EvaluationResults"] if each["EvalDecision"] != "allowed"]
    yield Requirement("permissions", not refused, f"missing: {', '.join(refused)}" if refused else "as needed")


def _zone(access: Access, old: OldSite) -> Iterator[Requirement]:
    domain, zone_id = access.settings.domain, access.settings.hosted_zone_id
    zone = access.client("route53").get_hosted_zone(Id=zone_id)["HostedZone"]
    name = zone["Name"].rstrip(".")
    holds = (domain == name or domain.endswith(f".{name}")) and not zone["Config"]["PrivateZone"]
    yield Requirement(f"{domain} lies in zone {zone_id}", holds, f"{name}{', private' * zone['Config']['PrivateZone']}")


def _records(access: Access, old: OldSite) -> Iterator[Requirement]:
    """Records for a distribution have a TTL of 60 s; others may have resolvers lead astray for long."""
    ttl = max((record.get("TTL", 60) for record in old.records), default=0)
    kinds = ", ".join(record["Type"] for record in old.records) or "none"
    holds = bool(old.records) and ttl <= MOST_TTL_SECONDS
    advice = "" if ttl <= MOST_TTL_SECONDS else f"; set it to {MOST_TTL_SECONDS} and wait for {ttl} s"
    yield Requirement("DNS records with a short TTL", holds, f"{kinds}, {ttl} s{advice}")


def _old_distribution(access: Access, old: OldSite) -> Iterator[Requirement]:
    distribution = access.client("cloudfront").get_distribution(Id=old.distribution)["Distribution"]
    state = f"{'enabled' if distribution['DistributionConfig']['Enabled'] else 'disabled'}, {distribution['Status']}"
    yield Requirement(f"old distribution {old.distribution} serves", state == "enabled, Deployed", state)


def _old_certificate(access: Access, old: OldSite) -> Iterator[Requirement]:
    name = "old certificate, for the way back"
    if not old.certificate:
        yield Requirement(name, False, "none: the domain could be moved, but not back")
        return
    certificate = access.cdn_client("acm").describe_certificate(CertificateArn=old.certificate)["Certificate"]
    until = certificate.get("NotAfter")
    good = until is None or until - datetime.now(UTC) > timedelta(days=CERTIFICATE_DAYS)
    holds = certificate["Status"] == "ISSUED" and good and covers(certificate, access.settings.domain)
    yield Requirement(
        name, holds, f"{certificate['Status']}, until {until:%Y-%m-%d}" if until else certificate["Status"]
    )


def _names(access: Access, old: OldSite) -> Iterator[Requirement]:
    """What the stack will make has other names than what is there."""
    settings = access.settings
    account = access.client("sts").get_caller_identity()["Account"]
    new = {
        settings.renderer_function_name or settings.name("renderer"),
        settings.table_name or settings.name("experiments"),
        settings.site_bucket_name or f"{settings.name('site')}-{account}",
        settings.media_bucket_name or f"{settings.name('media')}-{account}",
    }
    taken = sorted(new & {old.function, old.table, old.site_bucket, old.media_bucket})
    yield Requirement(
        "names of its own", not taken, ", ".join(taken) + " is the old site's" if taken else settings.name("…")
    )


def _table(access: Access, old: OldSite) -> Iterator[Requirement]:
    client = access.client("dynamodb")
    client.scan(TableName=old.table, Limit=1)
    count = client.describe_table(TableName=old.table)["Table"].get("ItemCount", 0)
    yield Requirement(f"table {old.table} can be read", True, f"about {count:,} items")


def _media(access: Access, old: OldSite) -> Iterator[Requirement]:
    if not old.media_bucket:
        yield Requirement("videos and decoders", True, "none named: experiments alone are copied")
        return
    access.client("s3").list_objects_v2(Bucket=old.media_bucket, MaxKeys=1)
    yield Requirement(f"bucket {old.media_bucket} can be read", True, "yes")


def _quotas(access: Access, old: OldSite) -> Iterator[Requirement]:
    pages = access.client("cloudfront").get_paginator("list_distributions").paginate()
    count = sum(len(page["DistributionList"].get("Items", [])) for page in pages)
    yield Requirement("room for a distribution", count < MOST_DISTRIBUTIONS, f"{count} of {MOST_DISTRIBUTIONS}")
    account = access.client("lambda").get_account_settings()
    left = account["AccountLimit"]["TotalCodeSize"] - account["AccountUsage"]["TotalCodeSize"]
    yield Requirement("room for functions", left > CODE_BYTES_LEFT, f"{left / 1e9:.1f} GB of code storage left")


def _new_distribution(access: Access, old: OldSite) -> Iterator[Requirement]:
    identifier = access.outputs()["distribution_id"]
    distribution = access.client("cloudfront").get_distribution(Id=identifier)["Distribution"]
    yield Requirement(f"new distribution {identifier}", distribution["Status"] == "Deployed", distribution["Status"])
    arn = distribution["DistributionConfig"]["ViewerCertificate"].get("ACMCertificateArn", "")
    certificate = access.cdn_client("acm").describe_certificate(CertificateArn=arn)["Certificate"] if arn else {}
    holds = bool(certificate) and certificate["Status"] == "ISSUED" and covers(certificate, access.settings.domain)
    yield Requirement("its certificate covers the domain", holds, certificate.get("Status", "none"))


def _new_site_answers(access: Access, old: OldSite) -> Iterator[Requirement]:
    outputs = access.outputs()
    identifier = outputs["distribution_id"]
    name = access.client("cloudfront").get_distribution(Id=identifier)["Distribution"]["DomainName"]
    for path in ("/", "/health", "/admin.html"):
        status = get(f"{access.url_of(name)}{path}").status_code
        yield Requirement(f"new site answers {path}", status == 200, f"status {status}")
    recorded = outputs["release"]
    release = (json.loads(recorded) if isinstance(recorded, str) else recorded).get("release", "")
    yield Requirement("its release is on record", bool(release), release or "none")


def _conflicts(access: Access, old: OldSite) -> Iterator[Requirement]:
    """Whoever else has the domain, in this account or another."""
    identifier = access.outputs()["distribution_id"]
    found = access.client("cloudfront").list_conflicting_aliases(
        DistributionId=identifier, Alias=access.settings.domain
    )
    holders = [each["DistributionId"] for each in found["ConflictingAliasesList"].get("Items", [])]
    strangers = [each for each in holders if not _is_one_of(each, (old.distribution, identifier))]
    holder = Domain(access).holder() or "none"
    known = holder in (old.distribution, identifier)
    yield Requirement("nobody else has the domain", known and not strangers, ", ".join(strangers) or f"{holder} has it")


def _is_one_of(half_hidden: str, identifiers: tuple[str, ...]) -> bool:
    return any(each.endswith(half_hidden.lstrip("*")) for each in identifiers)


def covers(certificate: dict[str, Any], domain: str) -> bool:
    """Whether a certificate names a domain, or a wildcard that stands for its first label."""
    wildcard = f"*.{domain.partition('.')[2]}"
    return bool({domain, wildcard} & set(certificate.get("SubjectAlternativeNames", [certificate.get("DomainName")])))
