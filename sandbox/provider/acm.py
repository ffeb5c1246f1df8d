"""ACM: certificates and their validation."""

import time
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Properties, Resource, Setting, superfluous_tags, tag_list, tag_map
from sandbox.provider.shape import AWS_DECIDES, Block, Field, Values

POLL = {"Delay": 2, "MaxAttempts": 300}
ISSUED = "ISSUED"
# ACM makes up the DNS records within seconds of the request.
RECORDS_POLL_SECONDS = 1
RECORDS_POLLS = 60


class Certificate(Resource):
    """A certificate; of it, only the tags can be changed."""

    tokens = ("aws:acm/certificate:Certificate",)
    inputs = Block(
        fields={
            "domainName": Field(required=True),
            "validationMethod": Field(required=True),
            "subjectAlternativeNames": Values(default=AWS_DECIDES),
        }
    )
    replace_on = frozenset(inputs.fields)
    computed = ("arn", "domainValidationOptions", "status", "tagsAll")
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        names, tags = inputs.get("subjectAlternativeNames"), tag_list(aws.tags(inputs))
        response = aws.client("acm").request_certificate(
            DomainName=inputs["domainName"],
            ValidationMethod=inputs["validationMethod"],
            **({"SubjectAlternativeNames": names} if names else {}),
            **({"Tags": tags} if tags else {}),
        )
        return str(response["CertificateArn"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        """Wait for the DNS records to validate it by."""
        if inputs["validationMethod"] != "DNS":
            return
        for _ in range(RECORDS_POLLS):
            options = (self.read(aws, identifier, inputs) or {})["domainValidationOptions"]
            if options and all(option["resourceRecordName"] for option in options):
                return
            time.sleep(RECORDS_POLL_SECONDS)
        raise ProviderError(f"{identifier}: ACM tells no DNS records to validate it by")

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        acm = aws.client("acm")
        certificate = acm.describe_certificate(CertificateArn=identifier)["Certificate"]
        options = certificate.get("DomainValidationOptions", [])
        names = set(certificate.get("SubjectAlternativeNames", []))
        # ACM counts the domain itself among its alternative names; the program may or may not.
        if certificate["DomainName"] not in (known.get("subjectAlternativeNames") or []):
            names.discard(certificate["DomainName"])
        return {
            "domainName": certificate["DomainName"],
            "validationMethod": next(
                (each["ValidationMethod"] for each in options if "ValidationMethod" in each), "DNS"
            ),
            "subjectAlternativeNames": sorted(names),
            "arn": identifier,
            "status": certificate["Status"],
            "domainValidationOptions": [_validation_option(each) for each in options],
            "tagsAll": tag_map(acm.list_tags_for_certificate(CertificateArn=identifier)["Tags"]),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        acm, tags = aws.client("acm"), aws.tags(inputs)
        if keys := superfluous_tags(known, tags):
            acm.remove_tags_from_certificate(CertificateArn=identifier, Tags=[{"Key": key} for key in keys])
        if tags:
            acm.add_tags_to_certificate(CertificateArn=identifier, Tags=tag_list(tags))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("acm").delete_certificate(CertificateArn=identifier)


class CertificateValidation(Setting):
    """Waits until a certificate is issued."""

    tokens = ("aws:acm/certificateValidation:CertificateValidation",)
    inputs = Block(fields={"certificateArn": Field(required=True), "validationRecordFqdns": Values()})
    identity = ("certificateArn",)
    imported_as = "(?P<certificateArn>.+)"
    replace_on = frozenset(inputs.fields)

    def put(self, aws: Aws, inputs: Properties) -> None:
        waiter = aws.client("acm").get_waiter("certificate_validated")
        waiter.wait(CertificateArn=inputs["certificateArn"], WaiterConfig=POLL)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        certificate = aws.client("acm").describe_certificate(CertificateArn=known["certificateArn"])["Certificate"]
        return {"certificateArn": known["certificateArn"]} if certificate["Status"] == ISSUED else None

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """There is nothing in AWS to delete."""


def _validation_option(option: Properties) -> dict[str, Any]:
    record = option.get("ResourceRecord") or {}
    return {
        "domainName": option["DomainName"],
        "resourceRecordName": record.get("Name"),
        "resourceRecordType": record.get("Type"),
        "resourceRecordValue": record.get("Value"),
    }
