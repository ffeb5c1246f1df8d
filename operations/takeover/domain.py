"""Moves the domain from one distribution to another: CloudFront's alias first, then the DNS records.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/alternate-domain-names-move.html
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from operations.takeover.access import Access, Stopped
from operations.takeover.old_site import holder_of, records_of

# CloudFront's own zone, to which records of all distributions lead:
# https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
CDN_ZONE = "Z2FDTNDATAQYW2"
PROOF_TTL_SECONDS = 60
# A resolver that has asked for the proof before it was there says so for as long as the zone's SOA allows: 15 minutes
# with Route 53 (https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html).
PROOF_LIMIT_SECONDS = 20 * 60
POLL_SECONDS = 15
# Records are everywhere within a minute, distributions within several.
DNS_POLL = {"Delay": 2, "MaxAttempts": 300}
CDN_POLL = {"Delay": 5, "MaxAttempts": 720}

Record = dict[str, Any]


@dataclass(frozen=True)
class Domain:
    """The domain of a stack."""

    access: Access

    @property
    def name(self) -> str:
        """The host name."""
        return self.access.settings.domain

    def holder(self) -> str:
        """The id of the distribution that has it; empty where none of this account has."""
        return holder_of(self.access, self.name)

    def prove(self, *targets: str) -> None:
        """Write the TXT record that lets distributions, by their own names, have the domain moved to them.

        Without it AssociateAlias answers `IllegalUpdate`, also inside an account. It does nothing else.
        """
        values = [{"Value": f'"{target}"'} for target in targets]
        self._change([_upsert({**self._proof(), "TTL": PROOF_TTL_SECONDS, "ResourceRecords": values})])

    def forget_proof(self) -> None:
        """Delete that record, if it is there."""
        name = self._proof()["Name"]
        found = self.access.client("route53").list_resource_record_sets(
            HostedZoneId=self._zone, StartRecordName=name, StartRecordType="TXT", MaxItems="1"
        )["ResourceRecordSets"]
        for record in found:
            if (record["Name"].rstrip("."), record["Type"]) == (name, "TXT"):
                self._change([{"Action": "DELETE", "ResourceRecordSet": record}])

    def move(self, target: str, names: list[str], report: Callable[[str], None]) -> None:
        """Give the alias to a distribution, and wait until it is everywhere.

        `names` are the own names of distributions that may have it, the target's first.

        Raises:
            Stopped: CloudFront doesn't move it.

        """
        if self.holder() != target:
            self.prove(*names)
            self._associate(target, names[0], report)
        report(f"  {self.name} is with distribution {target}; waiting until all edges know")
        self.access.client("cloudfront").get_waiter("distribution_deployed").wait(Id=target, WaiterConfig=CDN_POLL)

    def lead_to(self, target_name: str) -> None:
        """Let the A and AAAA records lead to a distribution, by its own name."""
        alias = {"DNSName": target_name, "HostedZoneId": CDN_ZONE, "EvaluateTargetHealth": False}
        self.restore([{"Name": self.name, "Type": kind, "AliasTarget": alias} for kind in ("A", "AAAA")])

    def restore(self, records: list[Record]) -> None:
        """Write the records that lead browsers to a site, and delete what else does, in one step."""
        wanted = {record["Type"]: record for record in records}
        found = {record["Type"]: record for record in records_of(self.access, self.name)}
        superfluous = [found[kind] for kind in found.keys() - wanted.keys()]
        deletions = [{"Action": "DELETE", "ResourceRecordSet": record} for record in superfluous]
        self._change([*deletions, *map(_upsert, records)])

    @property
    def _zone(self) -> str:
        return self.access.settings.hosted_zone_id

    def _proof(self) -> Record:
        """The proof's record; `_example.org` would not lie in the zone of example.org itself."""
        zone = self.access.client("route53").get_hosted_zone(Id=self._zone)["HostedZone"]["Name"].rstrip(".")
        return {"Name": f"_.{self.name}" if self.name == zone else f"_{self.name}", "Type": "TXT"}

    def _associate(self, target: str, target_name: str, report: Callable[[str], None]) -> None:
        deadline = time.monotonic() + PROOF_LIMIT_SECONDS
        while True:
            try:
                self.access.client("cloudfront").associate_alias(TargetDistributionId=target, Alias=self.name)
            except ClientError as error:
                if not _misses_proof(error) or time.monotonic() > deadline:
                    raise Stopped(_why_not_moved(self.name, target, error)) from None
                report("  CloudFront doesn't see the TXT record yet; asking again")
                self.prove(target_name)
                time.sleep(POLL_SECONDS)
            else:
                return

    def _change(self, changes: list[dict[str, Any]]) -> None:
        client = self.access.client("route53")
        changed = client.change_resource_record_sets(HostedZoneId=self._zone, ChangeBatch={"Changes": changes})
        client.get_waiter("resource_record_sets_changed").wait(Id=changed["ChangeInfo"]["Id"], WaiterConfig=DNS_POLL)


def _upsert(record: Record) -> dict[str, Any]:
    return {"Action": "UPSERT", "ResourceRecordSet": record}


def _misses_proof(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "IllegalUpdate" and "TXT" in error.response["Error"]["Message"]


def _why_not_moved(domain: str, target: str, error: ClientError) -> str:
    code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
    return (
        f"CloudFront does not move {domain} to {target}: {code}, {message} Whoever had it has it still. It takes "
        "cloudfront:AssociateAlias and UpdateDistribution on both distributions, and a certificate on the target."
    )
