"""CloudFront's rules on whose a domain is, which ministack doesn't know: run in the emulator's process.

A name belongs to one distribution alone, whose certificate covers it, and moves from one to another in one step. That
requests for it are that one's, wherever its DNS record leads, is a matter of isolation.py:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/CNAMEs.html
"""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import SubElement

from ministack.services import acm, cloudfront, route53

Answer = tuple[int, dict[str, Any], bytes]

ASSOCIATE = re.compile(r"/2020-05-31/distribution/([^/]+)/associate-alias")
CONFLICTING = "/2020-05-31/conflicting-alias"
SHOWN_OF_AN_ID = 7


class Aliases:
    """Refuses what CloudFront refuses of aliases, and moves them."""

    def __init__(self) -> None:
        self._handle = cloudfront.handle_request
        self._create, self._update = cloudfront._create_distribution, cloudfront._update_distribution

    def install(self) -> None:
        """Put itself in the place of ministack's own functions."""
        cloudfront.handle_request = self.handle
        cloudfront._create_distribution, cloudfront._update_distribution = self.create, self.update

    async def handle(self, method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
        """Answer a request of CloudFront's API."""
        if (method, path) == ("GET", CONFLICTING):
            return _list_conflicting(_parameter(query, "DistributionId"), _parameter(query, "Alias"))
        if method == "PUT" and (target := ASSOCIATE.fullmatch(path)):
            return _associate(target[1], _parameter(query, "Alias").lower())
        answer: Answer = await self._handle(method, path, headers, body, query)
        return answer

    def label(self, alias: str) -> str | None:
        """Return the first label of the own name of the distribution that has an alias."""
        holder = _holder(alias.lower())
        return str(holder["DomainName"].partition(".")[0]) if holder else None

    def create(self, headers: Any, body: bytes) -> Answer:
        """Create a distribution, unless its aliases are another one's."""
        config, _ = cloudfront._unwrap_distribution_create_xml(cloudfront._parse_body(body))
        return _refusal(config, "") or self._create(headers, body)

    def update(self, distribution: str, headers: Any, body: bytes) -> Answer:
        """Change a distribution, unless its aliases are another one's."""
        return _refusal(cloudfront._parse_body(body), distribution) or self._update(distribution, headers, body)


def _refusal(config: Any, distribution: str) -> Answer | None:
    """Return the error where a configuration names aliases that its distribution can't have."""
    if config is None:
        return None
    for alias in _aliases(config):
        if not _covers(config, alias):
            return _error(
                "InvalidViewerCertificate",
                "To add an alternate domain name (CNAME) to a CloudFront distribution, you must attach a trusted "
                "certificate that validates your authorization to use the domain name.",
            )
        holder = _holder(alias)
        if holder and holder["Id"] != distribution:
            # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_UpdateDistribution.html
            message = "One or more of the CNAMEs you provided are already associated with a different resource."
            return _error("CNAMEAlreadyExists", message, 409)
    return None


def _associate(target_id: str, alias: str) -> Answer:
    """Move an alias.

    Beside a certificate it takes a TXT record that names the target, in the same account, too:
    https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/alternate-domain-names-move-create-target.html
    """
    target = cloudfront._distributions.get(target_id)
    if target is None:
        return _no_such_distribution()
    if not _covers(cloudfront._dist_config_el(target), alias):
        return _error("InvalidArgument", "The certificate of the target distribution does not cover the alias.")
    if target["DomainName"] not in _texts(f"_{alias}") | _texts(f"_.{alias}"):
        return _error("IllegalUpdate", "Invalid or missing alias DNS TXT records.")
    source = _holder(alias)
    if source is target:
        return 200, {}, b""
    if source:
        _set_aliases(source, [each for each in cloudfront._get_distribution_aliases(source) if each.lower() != alias])
    _set_aliases(target, [*cloudfront._get_distribution_aliases(target), alias])
    return 200, {}, b""


def _list_conflicting(distribution: str, alias: str) -> Answer:
    """Tell which distributions have an alias, or one that overlaps with it, their ids half hidden."""
    if distribution not in cloudfront._distributions:
        return _no_such_distribution()
    found = [
        (each, holder["Id"])
        for holder in cloudfront._distributions.values()
        for each in cloudfront._get_distribution_aliases(holder)
        if cloudfront._domains_overlap(alias, each)
    ]

    def build(root: Any) -> None:
        SubElement(root, "MaxItems").text = "100"
        SubElement(root, "Quantity").text = str(len(found))
        items = SubElement(root, "Items")
        for name, identifier in found:
            item = SubElement(items, "ConflictingAlias")
            SubElement(item, "Alias").text = name
            SubElement(item, "DistributionId").text = _half_hidden(identifier)
            SubElement(item, "AccountId").text = _half_hidden(cloudfront.get_account_id())

    answer: Answer = cloudfront._xml_response("ConflictingAliasesList", build)
    return answer


def _holder(alias: str) -> Any:
    """Return the distribution that has an alias, if any."""
    for distribution in list(cloudfront._distributions.values()):
        if alias in map(str.lower, cloudfront._get_distribution_aliases(distribution)):
            return distribution
    return None


def _set_aliases(distribution: Any, aliases: list[str]) -> None:
    cloudfront._set_distribution_aliases(distribution, aliases)
    distribution["ETag"] = cloudfront.new_uuid()
    distribution["LastModifiedTime"] = cloudfront._now_iso()


def _aliases(config: Any) -> list[str]:
    block = cloudfront._find(config, "Aliases")
    items = cloudfront._find(block, "Items") if block is not None else None
    return [str(item.text).lower() for item in items] if items is not None else []


def _covers(config: Any, alias: str) -> bool:
    """Tell whether the certificate that a configuration names is issued for an alias."""
    viewer = cloudfront._find(config, "ViewerCertificate")
    arn = cloudfront._text(viewer, "ACMCertificateArn") if viewer is not None else ""
    certificate = acm._certificates.get(arn) if arn else None
    if certificate is None or certificate["Status"] != "ISSUED":
        return False
    return any(cloudfront._domains_overlap(name, alias) for name in certificate["SubjectAlternativeNames"])


def _texts(name: str) -> set[str]:
    """Return what the TXT records of a name say."""
    return set(_records_of(name))


def _records_of(name: str) -> Iterator[str]:
    for records in list(route53._records.values()):
        for record in records:
            if record["Type"] == "TXT" and record["Name"].rstrip(".") == name:
                yield from (value.strip('"') for value in record.get("ResourceRecords", []))


def _half_hidden(identifier: str) -> str:
    return identifier[-SHOWN_OF_AN_ID:].rjust(len(identifier), "*")


def _parameter(query: Any, name: str) -> str:
    value = query.get(name, "")
    return str(value[0] if isinstance(value, list) else value)


def _no_such_distribution() -> Answer:
    return _error("NoSuchDistribution", "The specified distribution does not exist.", 404)


def _error(code: str, message: str, status: int = 400) -> Answer:
    answer: Answer = cloudfront._error(code, message, status)
    return answer
