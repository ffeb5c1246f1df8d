"""Whose a domain is on the embedded CloudFront: one distribution's alone, and moved in one step."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from sandbox.emulator import Emulator

DOMAIN = "codec.example.org"


class Domains:
    """A zone, a certificate for a domain, and distributions whose bucket says which one answers."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.cdn = emulator.client("cloudfront")
        self.dns = emulator.client("route53")
        self.certificate = emulator.client("acm").request_certificate(
            DomainName=DOMAIN, ValidationMethod="DNS", SubjectAlternativeNames=[DOMAIN, "*.wild.example.org"]
        )["CertificateArn"]
        self.zone = self.dns.create_hosted_zone(Name="example.org", CallerReference="aliases")["HostedZone"]["Id"]
        self._made = 0

    def distribution(self, *aliases: str, certificate: bool = True) -> dict[str, Any]:
        """Create a distribution; its page says its number."""
        self._made += 1
        bucket = f"site-{self._made}"
        objects = self.emulator.client("s3")
        objects.create_bucket(Bucket=bucket)
        objects.put_object(Bucket=bucket, Key="page", Body=bucket.encode())
        objects.delete_public_access_block(Bucket=bucket)
        everybody = '{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]}'
        objects.put_bucket_policy(Bucket=bucket, Policy=everybody)
        config = _config(bucket, aliases, self.certificate if certificate else None)
        return dict(self.cdn.create_distribution(DistributionConfig=config)["Distribution"])

    def prove(self, target: dict[str, Any], name: str = f"_{DOMAIN}") -> None:
        """Write the TXT record that lets an alias move."""
        records = [{"Value": f'"{target["DomainName"]}"'}]
        record = {"Name": name, "Type": "TXT", "TTL": 60, "ResourceRecords": records}
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
        self.dns.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch={"Changes": changes})

    def move(self, target: dict[str, Any]) -> None:
        self.cdn.associate_alias(TargetDistributionId=target["Id"], Alias=DOMAIN)

    def aliases(self, distribution: dict[str, Any]) -> list[str]:
        config = self.cdn.get_distribution_config(Id=distribution["Id"])["DistributionConfig"]
        return list(config["Aliases"].get("Items", []))

    def served(self) -> str:
        return requests.get(f"{self.emulator.url}/page", headers={"Host": DOMAIN}, timeout=30).text


@pytest.fixture
def domains(emulator: Emulator) -> Domains:
    requests.post(f"{emulator.url}/_ministack/reset", timeout=30).raise_for_status()
    return Domains(emulator)


def refused(call: Callable[[], Any]) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_domain_is_served_by_the_distribution_that_has_it(domains: Domains) -> None:
    domains.distribution()
    domains.distribution(DOMAIN)
    assert domains.served() == "site-2"


def test_nobody_creates_or_changes_a_distribution_with_another_ones_alias(domains: Domains) -> None:
    holder, other = domains.distribution(DOMAIN), domains.distribution()
    assert refused(lambda: domains.distribution(DOMAIN)) == ("CNAMEAlreadyExists", 409)
    current = domains.cdn.get_distribution_config(Id=other["Id"])
    config = {**current["DistributionConfig"], "Aliases": {"Quantity": 1, "Items": [DOMAIN]}}
    change = {"Id": other["Id"], "IfMatch": current["ETag"], "DistributionConfig": config}
    assert refused(lambda: domains.cdn.update_distribution(**change)) == ("CNAMEAlreadyExists", 409)
    current = domains.cdn.get_distribution_config(Id=holder["Id"])
    config = {**current["DistributionConfig"], "Comment": "the holder itself may be changed"}
    domains.cdn.update_distribution(Id=holder["Id"], IfMatch=current["ETag"], DistributionConfig=config)
    assert domains.aliases(holder) == [DOMAIN]


def test_an_alias_takes_a_certificate_that_covers_it(domains: Domains) -> None:
    assert refused(lambda: domains.distribution(DOMAIN, certificate=False)) == ("InvalidViewerCertificate", 400)
    assert refused(lambda: domains.distribution("other.example.org")) == ("InvalidViewerCertificate", 400)
    assert domains.aliases(domains.distribution("any.wild.example.org")) == ["any.wild.example.org"]


@pytest.mark.parametrize("record", [f"_{DOMAIN}", f"_.{DOMAIN}"])
def test_an_alias_moves_in_one_step_where_dns_says_whereto(domains: Domains, record: str) -> None:
    source, target = domains.distribution(DOMAIN), domains.distribution()
    assert refused(lambda: domains.move(target)) == ("IllegalUpdate", 400)
    domains.prove(source, record)
    assert refused(lambda: domains.move(target)) == ("IllegalUpdate", 400)
    domains.prove(target, record)
    domains.move(target)
    assert (domains.aliases(source), domains.aliases(target)) == ([], [DOMAIN])
    assert domains.served() == "site-2"


def test_an_alias_moves_to_no_distribution_without_its_certificate(domains: Domains) -> None:
    source, target = domains.distribution(DOMAIN), domains.distribution(certificate=False)
    domains.prove(target)
    assert refused(lambda: domains.move(target)) == ("InvalidArgument", 400)
    assert domains.aliases(source) == [DOMAIN]
    assert refused(lambda: domains.move({"Id": "E000"})) == ("NoSuchDistribution", 404)


def test_who_asks_learns_who_has_an_alias_but_for_a_part_of_the_ids(domains: Domains) -> None:
    source, target = domains.distribution(DOMAIN), domains.distribution()
    found = domains.cdn.list_conflicting_aliases(DistributionId=target["Id"], Alias=DOMAIN)["ConflictingAliasesList"]
    ((alias, identifier),) = [(each["Alias"], each["DistributionId"]) for each in found["Items"]]
    assert alias == DOMAIN
    assert identifier != source["Id"]
    assert source["Id"].endswith(identifier.lstrip("*"))


def _config(bucket: str, aliases: tuple[str, ...], certificate: str | None) -> dict[str, Any]:
    origin = {
        "Id": "site",
        "DomainName": f"{bucket}.s3.us-east-1.amazonaws.com",
        "S3OriginConfig": {"OriginAccessIdentity": ""},
    }
    behaviour = {
        "TargetOriginId": "site",
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
    }
    viewer: dict[str, Any] = {"CloudFrontDefaultCertificate": True}
    if certificate:
        viewer = {"ACMCertificateArn": certificate, "SSLSupportMethod": "sni-only"}
    return {
        "CallerReference": bucket,
        "Comment": bucket,
        "Enabled": True,
        "Aliases": {"Quantity": len(aliases), "Items": list(aliases)},
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": behaviour,
        "ViewerCertificate": viewer,
    }
