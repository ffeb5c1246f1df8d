"""CloudFront: distributions, origin access controls and policies."""

import uuid
from collections.abc import Iterable
from typing import Any, ClassVar

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import MANAGED, Properties, Resource, superfluous_tags, tag_list, tag_map
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Field, Values

POLL = {"Delay": 0.25, "MaxAttempts": 7200}
# https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html
HOSTED_ZONE_ID = "Z2FDTNDATAQYW2"


class NamedConfig(Resource):
    """What CloudFront keeps as a config with an id and a unique name; an update replaces the whole config."""

    kind: ClassVar[str]
    """AWS's name of the type, such as `CachePolicy`."""
    operation: ClassVar[str]
    """The same in boto3's method names, such as `cache_policy`."""
    config: ClassVar[Block]
    computed = ("arn", "etag")
    regional = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        response = self._call(aws, "create", **{f"{self.kind}Config": self.config.to_aws(inputs)})
        return str(response[self.kind]["Id"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        response = self._call(aws, "get", Id=identifier)
        return {
            **self.config.from_aws(response[self.kind][f"{self.kind}Config"]),
            "arn": f"arn:aws:cloudfront::{aws.account_id}:{self.operation.replace('_', '-')}/{identifier}",
            "etag": response["ETag"],
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        self._call(
            aws,
            "update",
            Id=identifier,
            IfMatch=self._etag(aws, identifier),
            **{f"{self.kind}Config": self.config.to_aws(inputs)},
        )

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        self._call(aws, "delete", Id=identifier, IfMatch=self._etag(aws, identifier))

    def unknown_after(self, changed: set[str], known: Properties) -> Iterable[str]:
        return ("etag",)

    def _call(self, aws: Aws, verb: str, **request: Any) -> Any:
        return getattr(aws.client("cloudfront"), f"{verb}_{self.operation}")(**request)

    def _etag(self, aws: Aws, identifier: str) -> str:
        return str(self._call(aws, "get", Id=identifier)["ETag"])


class OriginAccessControl(NamedConfig):
    """How CloudFront signs its requests to an origin."""

    tokens = ("aws:cloudfront/originAccessControl:OriginAccessControl",)
    kind, operation = "OriginAccessControl", "origin_access_control"
    config = Block(
        fields={
            "name": Field(aws="Name", required=True),
            "description": Field(aws="Description", default=MANAGED),
            "originAccessControlOriginType": Field(aws="OriginAccessControlOriginType", required=True),
            "signingBehavior": Field(aws="SigningBehavior", required=True),
            "signingProtocol": Field(aws="SigningProtocol", required=True),
        }
    )
    inputs = config


def _names(aws: str) -> Block:
    """A list of names, which both Pulumi and CloudFront wrap."""
    return Block(aws=aws, fields={"items": Values(aws="Items")}, default={"items": []}, counted=True)


REQUEST_PARTS = {
    "cookiesConfig": Block(
        aws="CookiesConfig",
        fields={
            "cookieBehavior": Field(aws="CookieBehavior", required=True),
            "cookies": _names("Cookies"),
        },
        required=True,
    ),
    "headersConfig": Block(
        aws="HeadersConfig",
        fields={"headerBehavior": Field(aws="HeaderBehavior"), "headers": _names("Headers")},
        required=True,
    ),
    "queryStringsConfig": Block(
        aws="QueryStringsConfig",
        fields={
            "queryStringBehavior": Field(aws="QueryStringBehavior", required=True),
            "queryStrings": _names("QueryStrings"),
        },
        required=True,
    ),
}


class CachePolicy(NamedConfig):
    """For how long what is cached, and what tells two requests apart."""

    tokens = ("aws:cloudfront/cachePolicy:CachePolicy",)
    kind, operation = "CachePolicy", "cache_policy"
    config = Block(
        fields={
            "name": Field(aws="Name", required=True),
            "comment": Field(aws="Comment", default=""),
            "minTtl": Field(aws="MinTTL", default=0),
            "defaultTtl": Field(aws="DefaultTTL", default=86400),
            "maxTtl": Field(aws="MaxTTL", default=31536000),
            "parametersInCacheKeyAndForwardedToOrigin": Block(
                aws="ParametersInCacheKeyAndForwardedToOrigin",
                fields={
                    "enableAcceptEncodingBrotli": Field(aws="EnableAcceptEncodingBrotli", default=False),
                    "enableAcceptEncodingGzip": Field(aws="EnableAcceptEncodingGzip", default=False),
                    **REQUEST_PARTS,
                },
                required=True,
            ),
        }
    )
    inputs = config


OVERRIDE = {"override": Field(aws="Override", required=True)}


class ResponseHeadersPolicy(NamedConfig):
    """The headers that CloudFront adds to responses and takes from them."""

    tokens = ("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",)
    kind, operation = "ResponseHeadersPolicy", "response_headers_policy"
    config = Block(
        fields={
            "name": Field(aws="Name", required=True),
            "comment": Field(aws="Comment", default=""),
            "securityHeadersConfig": Block(
                aws="SecurityHeadersConfig",
                fields={
                    "contentSecurityPolicy": Block(
                        aws="ContentSecurityPolicy",
                        fields={"contentSecurityPolicy": Field(aws="ContentSecurityPolicy", required=True), **OVERRIDE},
                    ),
                    "contentTypeOptions": Block(aws="ContentTypeOptions", fields=OVERRIDE),
                    "frameOptions": Block(
                        aws="FrameOptions", fields={"frameOption": Field(aws="FrameOption", required=True), **OVERRIDE}
                    ),
                    "referrerPolicy": Block(
                        aws="ReferrerPolicy",
                        fields={"referrerPolicy": Field(aws="ReferrerPolicy", required=True), **OVERRIDE},
                    ),
                    "strictTransportSecurity": Block(
                        aws="StrictTransportSecurity",
                        fields={
                            "accessControlMaxAgeSec": Field(aws="AccessControlMaxAgeSec", required=True),
                            "includeSubdomains": Field(aws="IncludeSubdomains", default=False),
                            "preload": Field(aws="Preload", default=False),
                            **OVERRIDE,
                        },
                    ),
                },
            ),
            "customHeadersConfig": Block(
                aws="CustomHeadersConfig",
                fields={
                    "items": Blocks(
                        aws="Items",
                        key="header",
                        of=Block(
                            fields={
                                "header": Field(aws="Header", required=True),
                                "value": Field(aws="Value", required=True),
                                **OVERRIDE,
                            }
                        ),
                    )
                },
                default={"items": []},
                counted=True,
            ),
            "removeHeadersConfig": Block(
                aws="RemoveHeadersConfig",
                fields={
                    "items": Blocks(
                        aws="Items", key="header", of=Block(fields={"header": Field(aws="Header", required=True)})
                    )
                },
                default={"items": []},
                counted=True,
            ),
        }
    )
    inputs = config


class StatusCode(Field):
    """An HTTP status, a number for Pulumi and a text for CloudFront."""

    def to_aws(self, value: Any) -> str:
        return str(value)

    def from_aws(self, value: Any) -> int | None:
        return int(value) if value else None


CACHE_BEHAVIOR = {
    "targetOriginId": Field(aws="TargetOriginId", required=True),
    "viewerProtocolPolicy": Field(aws="ViewerProtocolPolicy", required=True),
    "allowedMethods": Values(aws="AllowedMethods", counted=True, required=True),
    "cachedMethods": Values(aws="AllowedMethods.CachedMethods", counted=True, required=True),
    "compress": Field(aws="Compress", default=False),
    "cachePolicyId": Field(aws="CachePolicyId"),
    "originRequestPolicyId": Field(aws="OriginRequestPolicyId"),
    "responseHeadersPolicyId": Field(aws="ResponseHeadersPolicyId"),
    "functionAssociations": Blocks(
        aws="FunctionAssociations",
        key="eventType",
        of=Block(
            fields={
                "eventType": Field(aws="EventType", required=True),
                "functionArn": Field(aws="FunctionARN", required=True),
            }
        ),
        counted=True,
    ),
}
ORIGIN = {
    "originId": Field(aws="Id", required=True),
    "domainName": Field(aws="DomainName", required=True),
    "originPath": Field(aws="OriginPath", default=""),
    "originAccessControlId": Field(aws="OriginAccessControlId", default=""),
    "customHeaders": Blocks(
        aws="CustomHeaders",
        key="name",
        of=Block(
            fields={"name": Field(aws="HeaderName", required=True), "value": Field(aws="HeaderValue", required=True)}
        ),
        counted=True,
    ),
    "customOriginConfig": Block(
        aws="CustomOriginConfig",
        fields={
            "httpPort": Field(aws="HTTPPort", required=True),
            "httpsPort": Field(aws="HTTPSPort", required=True),
            "originProtocolPolicy": Field(aws="OriginProtocolPolicy", required=True),
            "originSslProtocols": Values(aws="OriginSslProtocols", counted=True, required=True),
            "originReadTimeout": Field(aws="OriginReadTimeout", default=30),
            "originKeepaliveTimeout": Field(aws="OriginKeepaliveTimeout", default=5),
        },
    ),
    "s3OriginConfig": Block(
        aws="S3OriginConfig",
        fields={"originAccessIdentity": Field(aws="OriginAccessIdentity", default="")},
        default=AWS_DECIDES,
    ),
}
LOGGING = Block(
    fields={
        "bucket": Field(aws="Bucket", required=True),
        "includeCookies": Field(aws="IncludeCookies", default=False),
        "prefix": Field(aws="Prefix", default=""),
    }
)


class Distribution(Resource):
    """A distribution."""

    tokens = ("aws:cloudfront/distribution:Distribution",)
    _config = Block(
        fields={
            "comment": Field(aws="Comment", required=True),
            "enabled": Field(aws="Enabled", required=True),
            "aliases": Values(aws="Aliases", counted=True),
            "httpVersion": Field(aws="HttpVersion", default="http2"),
            "isIpv6Enabled": Field(aws="IsIPV6Enabled", default=False),
            "priceClass": Field(aws="PriceClass", default="PriceClass_All"),
            "defaultRootObject": Field(aws="DefaultRootObject", default=""),
            "origins": Blocks(aws="Origins", key="originId", of=Block(fields=ORIGIN), counted=True, required=True),
            "defaultCacheBehavior": Block(aws="DefaultCacheBehavior", fields=CACHE_BEHAVIOR, required=True),
            "orderedCacheBehaviors": Blocks(
                aws="CacheBehaviors",
                key="pathPattern",
                of=Block(fields={"pathPattern": Field(aws="PathPattern", required=True), **CACHE_BEHAVIOR}),
                counted=True,
                ordered=True,
            ),
            "customErrorResponses": Blocks(
                aws="CustomErrorResponses",
                key="errorCode",
                of=Block(
                    fields={
                        "errorCode": Field(aws="ErrorCode", required=True),
                        "errorCachingMinTtl": Field(aws="ErrorCachingMinTTL", default=AWS_DECIDES),
                        "responseCode": StatusCode(aws="ResponseCode"),
                        "responsePagePath": Field(aws="ResponsePagePath"),
                    }
                ),
                counted=True,
            ),
            "restrictions": Block(
                aws="Restrictions",
                fields={
                    "geoRestriction": Block(
                        aws="GeoRestriction",
                        fields={
                            "restrictionType": Field(aws="RestrictionType", required=True),
                            "locations": Values(aws="Items"),
                        },
                        counted=True,
                        required=True,
                    )
                },
                required=True,
            ),
            "viewerCertificate": Block(
                aws="ViewerCertificate",
                fields={
                    "cloudfrontDefaultCertificate": Field(aws="CloudFrontDefaultCertificate", default=False),
                    "acmCertificateArn": Field(aws="ACMCertificateArn"),
                    "sslSupportMethod": Field(aws="SSLSupportMethod", default=AWS_DECIDES),
                    "minimumProtocolVersion": Field(aws="MinimumProtocolVersion", default=AWS_DECIDES),
                },
                required=True,
            ),
        }
    )
    inputs = Block(
        fields={
            **_config.fields,
            "loggingConfig": LOGGING,
            "retainOnDelete": Field(default=False),
            "waitForDeployment": Field(default=True),
        }
    )
    computed = ("arn", "callerReference", "domainName", "etag", "hostedZoneId", "lastModifiedTime", "status", "tagsAll")
    tagged = True
    regional = False

    def create(self, aws: Aws, inputs: Properties) -> str:
        response = aws.client("cloudfront").create_distribution_with_tags(
            DistributionConfigWithTags={
                "DistributionConfig": self._to_aws(inputs, caller_reference=str(uuid.uuid4())),
                "Tags": {"Items": tag_list(aws.tags(inputs))},
            }
        )
        return str(response["Distribution"]["Id"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        """Wait until it is everywhere."""
        if inputs.get("waitForDeployment", True):
            aws.client("cloudfront").get_waiter("distribution_deployed").wait(Id=identifier, WaiterConfig=POLL)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        client = aws.client("cloudfront")
        response = client.get_distribution(Id=identifier)
        distribution = response["Distribution"]
        config = distribution["DistributionConfig"]
        logging = config.get("Logging") or {}
        return {
            **self._config.from_aws(config),
            "loggingConfig": LOGGING.from_aws(logging) if logging.get("Enabled") else None,
            "arn": distribution["ARN"],
            "callerReference": config["CallerReference"],
            "domainName": distribution["DomainName"],
            "etag": response["ETag"],
            "hostedZoneId": HOSTED_ZONE_ID,
            "lastModifiedTime": distribution["LastModifiedTime"].isoformat(),
            "status": distribution["Status"],
            "tagsAll": tag_map(client.list_tags_for_resource(Resource=distribution["ARN"])["Tags"].get("Items", [])),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        client = aws.client("cloudfront")
        if changed - {"tags", "retainOnDelete", "waitForDeployment"}:
            current = client.get_distribution_config(Id=identifier)
            config = self._to_aws(inputs, caller_reference=current["DistributionConfig"]["CallerReference"])
            client.update_distribution(Id=identifier, IfMatch=current["ETag"], DistributionConfig=config)
        if "tags" in changed:
            tags = aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                client.untag_resource(Resource=known["arn"], TagKeys={"Items": keys})
            if tags:
                client.tag_resource(Resource=known["arn"], Tags={"Items": tag_list(tags)})
        self.complete(aws, identifier, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """CloudFront deletes only what is disabled, everywhere."""
        client = aws.client("cloudfront")
        current = client.get_distribution_config(Id=identifier)
        if current["DistributionConfig"]["Enabled"]:
            config = {**current["DistributionConfig"], "Enabled": False}
            client.update_distribution(Id=identifier, IfMatch=current["ETag"], DistributionConfig=config)
        if known.get("retainOnDelete"):
            return
        client.get_waiter("distribution_deployed").wait(Id=identifier, WaiterConfig=POLL)
        client.delete_distribution(Id=identifier, IfMatch=client.get_distribution_config(Id=identifier)["ETag"])

    def unknown_after(self, changed: set[str], known: Properties) -> Iterable[str]:
        return ("etag", "lastModifiedTime", "status")

    def _to_aws(self, inputs: Properties, caller_reference: str) -> dict[str, Any]:
        config = self._config.to_aws(inputs)
        for origin in config["Origins"]["Items"]:
            if "CustomOriginConfig" not in origin:
                origin.setdefault("S3OriginConfig", {"OriginAccessIdentity": ""})
        logging = inputs.get("loggingConfig")
        config["Logging"] = (
            {"Enabled": True, **LOGGING.to_aws(logging)}
            if logging
            else {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""}
        )
        return {**config, "CallerReference": caller_reference, "WebACLId": ""}
