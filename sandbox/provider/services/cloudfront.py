"""CloudFront: distributions, origin access controls and policies."""

import uuid
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import patiently
from sandbox.provider.resource import MANAGED, Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Field, Values
from sandbox.provider.tags import as_list

# https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
HOSTED_ZONE_ID = "Z2FDTNDATAQYW2"
ARN = "arn:aws:cloudfront::{account}"


class Versioned(Resource):
    """What an update or a deletion has to name the version of, by its ETag."""

    id_as = "Id"

    def address(self, aws: Aws, which: str, identifier: str, known: Properties) -> dict[str, Any]:
        address = super().address(aws, which, identifier, known)
        if which in ("updates", "deletes"):
            current = getattr(aws.client(self.service), self.operation("reads"))(**address)
            return {**address, "IfMatch": current["ETag"]}
        return address


class NamedConfig(Versioned):
    """What CloudFront keeps as a config with an id and a unique name; an update replaces the whole config."""

    moving = ("etag",)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kind = cls.noun.title().replace("_", "")
        cls.given_in, cls.found_in, cls.id_at = f"{kind}Config", f"{kind}.{kind}Config", f"{kind}.Id"
        cls.outputs = {"arn": f"{ARN}:{cls.noun.replace('_', '-')}/{{id}}", "etag": "ETag"}


class OriginAccessControl(NamedConfig):
    """How CloudFront signs its requests to an origin."""

    inputs = {
        "description": MANAGED,
        **dict.fromkeys(("name", "originAccessControlOriginType", "signingBehavior", "signingProtocol")),
    }


NO_NAMES: dict[str, Any] = {"items": []}


class CachePolicy(NamedConfig):
    """For how long what is cached, and what tells two requests apart."""

    inputs = {
        "name": None,
        "comment": "",
        "minTtl": 0,
        "defaultTtl": 86400,
        "maxTtl": 31536000,
        "parametersInCacheKeyAndForwardedToOrigin": {
            "enableAcceptEncodingBrotli": False,
            "enableAcceptEncodingGzip": False,
            "cookiesConfig": {"cookieBehavior": None, "cookies": Block(NO_NAMES, default=NO_NAMES)},
            "headersConfig": {"headerBehavior": None, "headers": Block(NO_NAMES, default=NO_NAMES)},
            "queryStringsConfig": {"queryStringBehavior": None, "queryStrings": Block(NO_NAMES, default=NO_NAMES)},
        },
    }


class ResponseHeadersPolicy(NamedConfig):
    """The headers that CloudFront adds to responses."""

    inputs = {
        "name": None,
        "comment": "",
        "securityHeadersConfig": {
            "contentSecurityPolicy": {"contentSecurityPolicy": None, "override": None},
            "contentTypeOptions": {"override": None},
            "frameOptions": {"frameOption": None, "override": None},
            "referrerPolicy": {"referrerPolicy": None, "override": None},
            "strictTransportSecurity": {
                **dict.fromkeys(("accessControlMaxAgeSec", "override")),
                **dict.fromkeys(("includeSubdomains", "preload"), False),
            },
        },
    }


CACHE_BEHAVIOR: dict[str, Any] = {
    **dict.fromkeys(("targetOriginId", "viewerProtocolPolicy")),
    "allowedMethods": [],
    "cachedMethods": Values(aws="AllowedMethods.CachedMethods"),
    "compress": False,
    **dict.fromkeys(("cachePolicyId", "originRequestPolicyId", "responseHeadersPolicyId")),
}
ORIGIN: dict[str, Any] = {
    "originId": Field(aws="Id"),
    "domainName": None,
    "originPath": "",
    "originAccessControlId": "",
    "customOriginConfig": {
        **dict.fromkeys(("httpPort", "httpsPort", "originProtocolPolicy")),
        "originSslProtocols": [],
        "originReadTimeout": 30,
        "originKeepaliveTimeout": 5,
    },
    "s3OriginConfig": Block({"originAccessIdentity": ""}, default=AWS_DECIDES),
}
UNUSED = {"WebACLId": "", "Logging": {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""}}


class Distribution(Versioned):
    """A distribution."""

    given_in, found_in = "DistributionConfig", "Distribution.DistributionConfig"
    inputs = {
        **dict.fromkeys(("comment", "enabled")),
        "aliases": [],
        "httpVersion": "http2",
        "isIpv6Enabled": False,
        "priceClass": "PriceClass_All",
        "defaultRootObject": "",
        "origins": [ORIGIN],
        "defaultCacheBehavior": CACHE_BEHAVIOR,
        "orderedCacheBehaviors": Blocks({"pathPattern": None, **CACHE_BEHAVIOR}, aws="CacheBehaviors", ordered=True),
        "customErrorResponses": [{"errorCode": None, "errorCachingMinTtl": AWS_DECIDES}],
        "restrictions": {"geoRestriction": {"restrictionType": None, "locations": Values(aws="Items")}},
        "viewerCertificate": {
            "cloudfrontDefaultCertificate": False,
            "acmCertificateArn": None,
            **dict.fromkeys(("sslSupportMethod", "minimumProtocolVersion"), AWS_DECIDES),
        },
        "retainOnDelete": False,
        "waitForDeployment": True,
    }
    outputs = {
        "arn": "Distribution.ARN",
        "callerReference": "Distribution.DistributionConfig.CallerReference",
        "domainName": "Distribution.DomainName",
        "etag": "ETag",
        "hostedZoneId": "",
        "lastModifiedTime": "Distribution.LastModifiedTime",
        "status": "Distribution.Status",
    }
    moving = ("etag", "lastModifiedTime", "status")
    tagged = True
    waits_for = "its deployment, unless `waitForDeployment` is false"

    def create(self, aws: Aws, inputs: Properties) -> str:
        """Create it; a certificate that was just issued may not be known to CloudFront yet."""
        config = self._config(aws, inputs, reference=str(uuid.uuid4()))
        request = {"DistributionConfig": config, "Tags": {"Items": as_list(aws.tags(inputs))}}
        create = aws.client(self.service).create_distribution_with_tags
        answer = patiently(lambda: create(DistributionConfigWithTags=request), "InvalidViewerCertificate")
        return str(answer["Distribution"]["Id"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        if inputs.get("waitForDeployment", True):
            aws.wait(self.service, "distribution_deployed", Id=identifier)

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        return {**super().further(aws, identifier, state, answer), "hostedZoneId": HOSTED_ZONE_ID}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        if changed - {"tags"}:
            client = aws.client(self.service)
            current = client.get_distribution_config(Id=identifier)
            config = self._config(aws, inputs, current["DistributionConfig"]["CallerReference"])
            request = {"Id": identifier, "IfMatch": current["ETag"], "DistributionConfig": config}
            patiently(lambda: client.update_distribution(**request), "InvalidViewerCertificate")
            self.complete(aws, identifier, inputs)
        if "tags" in changed:
            self.change_tags(aws, identifier, known, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """CloudFront deletes only what is disabled, everywhere."""
        client = aws.client(self.service)
        current = client.get_distribution_config(Id=identifier)
        if current["DistributionConfig"]["Enabled"]:
            config = {**current["DistributionConfig"], "Enabled": False}
            client.update_distribution(Id=identifier, IfMatch=current["ETag"], DistributionConfig=config)
        aws.wait(self.service, "distribution_deployed", Id=identifier)
        if not known.get("retainOnDelete"):
            super().delete(aws, identifier, known)

    def _config(self, aws: Aws, inputs: Properties, reference: str) -> dict[str, Any]:
        shape = aws.operation(self.service, "update_distribution").input_shape.members["DistributionConfig"]
        config: dict[str, Any] = self.own.to_aws(inputs, shape)
        for origin in config["Origins"]["Items"]:
            if "CustomOriginConfig" not in origin:
                origin.setdefault("S3OriginConfig", {"OriginAccessIdentity": ""})
        return {**config, **UNUSED, "CallerReference": reference}
