"""Route 53: DNS records."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import Blocks, Field, Values


class Host(Field):
    """A host name; a dot at its end and capitals mean nothing."""

    def _differs(self, old: Any, new: Any) -> bool:
        return bool(_plain(old or "") != _plain(new or ""))


ALIAS = {"name": Host(aws="DNSName"), "zoneId": Field(aws="HostedZoneId"), "evaluateTargetHealth": None}


class Record(Resource):
    """All records of one name and type; with `aliases`, a name for another thing in AWS."""

    noun = "resource_record_sets"
    inputs = {
        **dict.fromkeys(("zoneId", "type", "ttl")),
        "name": Host(),
        "allowOverwrite": False,
        "records": Values(aws="ResourceRecords", each="Value"),
        "aliases": Blocks(ALIAS, aws="AliasTarget", key=""),
    }
    identity = "{zoneId}_{name}_{type}"
    # Its name is no name that Pulumi could make up.
    named_by = ""
    outputs = {"fqdn": ""}
    waits_for = "the change to be in sync"
    differs_in = "another type: another record, there a change of the same"

    def identifier(self, aws: Aws, inputs: Properties) -> str:
        return super().identifier(aws, {**inputs, "name": _plain(inputs["name"])})

    def create(self, aws: Aws, inputs: Properties) -> str:
        """Write them, over others where the program says so."""
        action = "UPSERT" if inputs.get("allowOverwrite") else "CREATE"
        self._request(aws, inputs["zoneId"], action, self._record_set(aws, inputs))
        return self.identifier(aws, inputs)

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        self._request(aws, inputs["zoneId"], "UPSERT", self._record_set(aws, inputs))

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        fqdn = self._fqdn(aws, known)
        record_set = self._find_record_set(aws, known["zoneId"], fqdn, known["type"])
        if record_set is None:
            return None
        state = self.properties(record_set, self._shape(aws))
        records = [_unquoted(each, known["type"]) for each in state["records"]]
        return {**state, "zoneId": known["zoneId"], "name": known["name"], "records": records, "fqdn": fqdn}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        zone_id = known["zoneId"]
        record_set = self._find_record_set(aws, zone_id, self._fqdn(aws, known), known["type"])
        if record_set is not None:
            self._request(aws, zone_id, "DELETE", record_set)

    def _record_set(self, aws: Aws, inputs: Properties) -> dict[str, Any]:
        records = [_quoted(each, inputs["type"]) for each in inputs.get("records", [])]
        given = {**inputs, "name": self._fqdn(aws, inputs), "records": records}
        record_set = self.own.to_aws(given, self._shape(aws))
        return {name: value for name, value in record_set.items() if value not in ([], {})}

    def _shape(self, aws: Aws) -> Any:
        answer = aws.operation(self.service, "list_resource_record_sets").output_shape
        return answer.members["ResourceRecordSets"].member

    def _request(self, aws: Aws, zone_id: str, action: str, record_set: Properties) -> None:
        route53 = aws.client("route53")
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record_set}]}
        response = route53.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch=batch)
        aws.wait("route53", "resource_record_sets_changed", Id=response["ChangeInfo"]["Id"])

    def _find_record_set(self, aws: Aws, zone_id: str, fqdn: str, record_type: str) -> dict[str, Any] | None:
        response = aws.client("route53").list_resource_record_sets(
            HostedZoneId=zone_id, StartRecordName=fqdn, StartRecordType=record_type, MaxItems="1"
        )
        for record_set in response["ResourceRecordSets"]:
            if _plain(record_set["Name"]) == fqdn and record_set["Type"] == record_type:
                return dict(record_set)
        return None

    def _fqdn(self, aws: Aws, record: Properties) -> str:
        """The full name; the program may leave the zone's out."""
        zone = _plain(aws.client("route53").get_hosted_zone(Id=record["zoneId"])["HostedZone"]["Name"])
        name = _plain(record["name"])
        return name if name == zone or name.endswith(f".{zone}") else f"{name}.{zone}"


def _plain(name: str) -> str:
    """A name without its last dot, and with the asterisk that Route 53 writes as an octal code."""
    return name.lower().removesuffix(".").replace("\\052", "*")


def _quoted(value: str, record_type: str) -> str:
    return f'"{value}"' if record_type in ("TXT", "SPF") and not value.startswith('"') else value


def _unquoted(value: str, record_type: str) -> str:
    return value.strip('"') if record_type in ("TXT", "SPF") else value
