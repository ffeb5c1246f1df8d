"""The site's own host name: its certificate, the DNS records that prove it is ours, and those that lead to the CDN."""

import pulumi
import pulumi_aws as aws

from components.settings import Settings

# CloudFront takes its certificates from this region alone:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html
CERTIFICATE_REGION = "us-east-1"


class CustomDomain(pulumi.ComponentResource):
    """A validated certificate for the configured domain."""

    name: str
    certificate_arn: pulumi.Output[str]
    """Known once the certificate is validated, so that whoever takes it waits for that."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("dashboard:dns:CustomDomain", name, None, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)
        # Records outlive the stack: by then the domain may lead to another site, and the certificate of that one, being
        # for the same domain, is renewed by the same record.
        self._kept = pulumi.ResourceOptions(parent=self, retain_on_delete=True)

        self.name = settings.domain
        certificate = self._create_certificate()
        self.certificate_arn = self._validate(certificate)

        self.register_outputs({"certificate_arn": self.certificate_arn})

    def create_alias_records(self, distribution: aws.cloudfront.Distribution) -> None:
        """Point the domain at the CDN, over IPv4 and IPv6."""
        for record_type in ("A", "AAAA"):
            aws.route53.Record(
                f"site-{record_type}",
                zone_id=self._settings.hosted_zone_id,
                name=self.name,
                type=record_type,
                aliases=[
                    aws.route53.RecordAliasArgs(
                        name=distribution.domain_name,
                        zone_id=distribution.hosted_zone_id,
                        evaluate_target_health=False,
                    )
                ],
                # Those of the site that answered at the domain until then (docs/takeover.md).
                allow_overwrite=True,
                opts=self._kept,
            )

    def _create_certificate(self) -> aws.acm.Certificate:
        return aws.acm.Certificate(
            "site",
            domain_name=self.name,
            validation_method="DNS",
            region=CERTIFICATE_REGION,
            tags=self._settings.tags("custom-domain"),
            opts=self._child,
        )

    def _validate(self, certificate: aws.acm.Certificate) -> pulumi.Output[str]:
        proof = certificate.domain_validation_options[0]
        record = aws.route53.Record(
            "certificate-validation",
            zone_id=self._settings.hosted_zone_id,
            name=proof.resource_record_name,
            type=proof.resource_record_type,
            records=[proof.resource_record_value],
            ttl=300,
            # A certificate of the same domain asked for before had the same record.
            allow_overwrite=True,
            opts=self._kept,
        )
        validation = aws.acm.CertificateValidation(
            "site",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn],
            region=CERTIFICATE_REGION,
            opts=self._child,
        )
        return validation.certificate_arn
