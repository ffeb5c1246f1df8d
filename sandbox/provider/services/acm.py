"""ACM: certificates and their validation."""

import time
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Blocks, Field

# ACM makes up the DNS records within seconds of the request.
RECORDS_POLL_SECONDS = 1
RECORDS_POLLS = 60
OPTIONS = Blocks(
    {
        "domainName": None,
        "resourceRecordName": Field(aws="ResourceRecord.Name"),
        "resourceRecordType": Field(aws="ResourceRecord.Type"),
        "resourceRecordValue": Field(aws="ResourceRecord.Value"),
    }
)


class Certificate(Resource):
    """A certificate; of it, only the tags can be changed."""

    creates, reads = "request_{}", "describe_{}"
    id_as = id_at = "CertificateArn"
    found_in = "Certificate"
    inputs = {
        "domainName": None,
        "validationMethod": Field(AWS_DECIDES, aws="DomainValidationOptions.ValidationMethod"),
    }
    replaced_by = frozenset(inputs)
    outputs = {"arn": "Certificate.CertificateArn", "status": "Certificate.Status", "domainValidationOptions": ""}
    tagged = True
    bears = {"deletes": ("ResourceInUseException",)}
    waits_for = "the first DNS record to validate it by"

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        for _ in range(RECORDS_POLLS):
            options = (self.read(aws, identifier, inputs) or {})["domainValidationOptions"]
            if inputs["validationMethod"] != "DNS" or any(option["resourceRecordName"] for option in options):
                return
            time.sleep(RECORDS_POLL_SECONDS)
        raise ProviderError(f"{identifier}: ACM tells no DNS records to validate it by")

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """One that was not validated in time is as good as gone."""
        state = super().read(aws, identifier, known)
        return None if state and state["status"] == "VALIDATION_TIMED_OUT" else state

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        shape = aws.operation(self.service, self.operation("reads")).output_shape.members["Certificate"]
        options = answer["Certificate"].get("DomainValidationOptions", [])
        records = OPTIONS.from_aws(options, shape.members["DomainValidationOptions"])
        return {**super().further(aws, identifier, state, answer), "domainValidationOptions": records}


class CertificateValidation(Resource):
    """Waits until a certificate is issued; there is nothing in AWS to delete."""

    noun, reads = "certificate", "describe_{}"
    inputs = {"certificateArn": None, "validationRecordFqdns": []}
    identity, import_ids = "{certificateArn}", ("",)
    replaced_by = frozenset(inputs)
    waits_for = "the certificate to be issued"
    differs_in = "its id, there the time of issue"

    def create(self, aws: Aws, inputs: Properties) -> str:
        """Wait, but not where a record is missing, as then it would be for nothing."""
        acm, arn = aws.client("acm"), inputs["certificateArn"]
        given = {name.rstrip(".") for name in inputs.get("validationRecordFqdns", [])}
        for option in acm.describe_certificate(CertificateArn=arn)["Certificate"].get("DomainValidationOptions", []):
            name = (option.get("ResourceRecord") or {}).get("Name", "").rstrip(".")
            if given and name and name not in given:
                raise ProviderError(f"missing {option['DomainName']} DNS validation record: {name}")
        aws.wait("acm", "certificate_validated", CertificateArn=arn)
        return self.identifier(aws, inputs)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        certificate = aws.client("acm").describe_certificate(CertificateArn=known["certificateArn"])["Certificate"]
        return {"certificateArn": known["certificateArn"]} if certificate["Status"] == "ISSUED" else None

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        pass
