"""The CDN in front of everything: pages from the API, static files from the private bucket."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pulumi
import pulumi_aws as aws

from components.custom_domain import CustomDomain
from components.experiment_store import ExperimentStore
from components.http_api import HttpApi
from components.settings import Settings
from components.sign_in import SignIn
from components.static_site import PATH_PATTERNS, StaticSite

API_ORIGIN = "api"
SITE_ORIGIN = "site"
API_PATHS = "/api/*"

READ = ["GET", "HEAD"]
ALL_METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-origin-request-policies.html
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"

# Seconds for which it holds an error, by status; it would hold these for 10, whatever an error itself says:
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/custom-error-pages-expiration.html
ERRORS_HELD = dict.fromkeys((404, 405, 414, 500, 501, 502, 503, 504), 0)
DAY = 24 * 60 * 60
YEAR = 365 * DAY
# The renderer's Cache-Control decides; where it says nothing, nothing is held.
PAGE_TTL = {"MinTTL": 0, "DefaultTTL": 0, "MaxTTL": DAY}
FRAME_OPTION = "DENY"
REFERRER_POLICY = "strict-origin-when-cross-origin"


@dataclass(frozen=True)
class Behavior:
    """What the CDN does with some paths."""

    origin: str
    methods: Sequence[str] = tuple(READ)
    cache_policy: str = ""
    """The id of one of AWS's; empty for the page cache's own."""
    origin_request_policy: str = ""


DEFAULT_BEHAVIOR = Behavior(API_ORIGIN)
_API = Behavior(API_ORIGIN, ALL_METHODS, CACHING_DISABLED, ALL_VIEWER_EXCEPT_HOST_HEADER)
_STATIC_FILES = Behavior(SITE_ORIGIN, cache_policy=CACHING_OPTIMIZED)
# The first that matches counts: /api/openapi.json is the API's, not a static file.
ORDERED_BEHAVIORS = {API_PATHS: _API, **dict.fromkeys(PATH_PATTERNS, _STATIC_FILES)}


class Cdn(pulumi.ComponentResource):
    """The CloudFront distribution and what belongs to it: origin access, cache and header policies."""

    distribution: aws.cloudfront.Distribution
    url: pulumi.Output[str]
    """The site as browsers reach it, without a slash at the end."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        api: HttpApi,
        site: StaticSite,
        store: ExperimentStore,
        sign_in: SignIn,
        domain: CustomDomain | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:cdn:Cdn", name, None, opts)
        self._settings = settings
        self._domain = domain
        self._child = pulumi.ResourceOptions(parent=self)

        self._access_control = self._create_origin_access_control()
        self._page_cache = self._create_page_cache_policy()
        self._security_headers = self._create_security_headers_policy(store, sign_in)
        self.distribution = self._create_distribution(api, site)
        self._grant_read(site)
        self.url = self._site_url()

        self.register_outputs({"url": self.url})

    def _create_origin_access_control(self) -> aws.cloudfront.OriginAccessControl:
        return aws.cloudfront.OriginAccessControl(
            "site",
            name=self._settings.name("site"),
            description="Signs the CDN's requests to the bucket of static files.",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self._child,
        )

    def _create_page_cache_policy(self) -> aws.cloudfront.CachePolicy:
        return aws.cloudfront.CachePolicy(
            "pages",
            name=self._settings.name("pages"),
            comment="As long as the renderer says.",
            min_ttl=PAGE_TTL["MinTTL"],
            default_ttl=PAGE_TTL["DefaultTTL"],
            max_ttl=PAGE_TTL["MaxTTL"],
            parameters_in_cache_key_and_forwarded_to_origin=(
                aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs(
                    enable_accept_encoding_brotli=True,
                    enable_accept_encoding_gzip=True,
                    cookies_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs(
                        cookie_behavior="none"
                    ),
                    headers_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs(
                        header_behavior="none"
                    ),
                    query_strings_config=(
                        aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs(
                            query_string_behavior="all"
                        )
                    ),
                )
            ),
            opts=self._child,
        )

    def _create_security_headers_policy(
        self, store: ExperimentStore, sign_in: SignIn
    ) -> aws.cloudfront.ResponseHeadersPolicy:
        policy = pulumi.Output.all(store.media.bucket, sign_in.url).apply(
            lambda known: content_security_policy(self._settings, *known)
        )
        return aws.cloudfront.ResponseHeadersPolicy(
            "security",
            name=self._settings.name("security"),
            comment="Security headers of every response.",
            security_headers_config=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigArgs(
                content_security_policy=(
                    aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigContentSecurityPolicyArgs(
                        content_security_policy=policy, override=True
                    )
                ),
                content_type_options=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigContentTypeOptionsArgs(
                    override=True
                ),
                frame_options=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigFrameOptionsArgs(
                    frame_option=FRAME_OPTION, override=True
                ),
                referrer_policy=aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigReferrerPolicyArgs(
                    referrer_policy=REFERRER_POLICY, override=True
                ),
                strict_transport_security=self._strict_transport_security(),
            ),
            opts=self._child,
        )

    def _strict_transport_security(
        self,
    ) -> aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs | None:
        if not self._settings.require_https:
            return None
        return aws.cloudfront.ResponseHeadersPolicySecurityHeadersConfigStrictTransportSecurityArgs(
            access_control_max_age_sec=YEAR,
            include_subdomains=self._settings.hsts_include_subdomains,
            override=True,
        )

    def _create_distribution(self, api: HttpApi, site: StaticSite) -> aws.cloudfront.Distribution:
        return aws.cloudfront.Distribution(
            "dashboard",
            comment=self._settings.name("dashboard"),
            enabled=True,
            aliases=[self._settings.served_domain] if self._settings.served_domain else [],
            http_version="http2and3",
            is_ipv6_enabled=True,
            price_class=self._settings.price_class,
            origins=[self._api_origin(api), self._site_origin(site)],
            default_cache_behavior=self._default_behavior(),
            ordered_cache_behaviors=[self._ordered_behavior(pattern) for pattern in ORDERED_BEHAVIORS],
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(
                geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
            ),
            custom_error_responses=[
                aws.cloudfront.DistributionCustomErrorResponseArgs(error_code=code, error_caching_min_ttl=seconds)
                for code, seconds in ERRORS_HELD.items()
            ],
            viewer_certificate=self._viewer_certificate(),
            tags=self._settings.tags("cdn"),
            # A CDN that is younger than the files holds nothing of theirs that it had to forget.
            opts=pulumi.ResourceOptions(parent=self, depends_on=site.objects),
        )

    def _api_origin(self, api: HttpApi) -> aws.cloudfront.DistributionOriginArgs:
        """The API's stage: host, port and path from its URL."""
        url = api.url.apply(urlsplit)
        return aws.cloudfront.DistributionOriginArgs(
            origin_id=API_ORIGIN,
            domain_name=url.apply(_host),
            origin_path=url.apply(lambda parts: parts.path),
            custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
                http_port=url.apply(lambda parts: _port(parts, "http", default=80)),
                https_port=url.apply(lambda parts: _port(parts, "https", default=443)),
                origin_protocol_policy=url.apply(lambda parts: f"{parts.scheme}-only"),
                origin_ssl_protocols=["TLSv1.2"],
            ),
        )

    def _site_origin(self, site: StaticSite) -> aws.cloudfront.DistributionOriginArgs:
        return aws.cloudfront.DistributionOriginArgs(
            origin_id=SITE_ORIGIN,
            domain_name=site.bucket.bucket_regional_domain_name,
            origin_access_control_id=self._access_control.id,
        )

    def _default_behavior(self) -> aws.cloudfront.DistributionDefaultCacheBehaviorArgs:
        return aws.cloudfront.DistributionDefaultCacheBehaviorArgs(**self._settings_of(DEFAULT_BEHAVIOR))

    def _ordered_behavior(self, path_pattern: str) -> aws.cloudfront.DistributionOrderedCacheBehaviorArgs:
        settings = self._settings_of(ORDERED_BEHAVIORS[path_pattern])
        return aws.cloudfront.DistributionOrderedCacheBehaviorArgs(path_pattern=path_pattern, **settings)

    def _settings_of(self, behavior: Behavior) -> dict[str, Any]:
        return {
            "target_origin_id": behavior.origin,
            "viewer_protocol_policy": viewer_protocol_policy(self._settings),
            "allowed_methods": list(behavior.methods),
            "cached_methods": READ,
            "compress": True,
            "cache_policy_id": behavior.cache_policy or self._page_cache.id,
            "origin_request_policy_id": behavior.origin_request_policy or None,
            "response_headers_policy_id": self._security_headers.id,
        }

    def _viewer_certificate(self) -> aws.cloudfront.DistributionViewerCertificateArgs:
        if self._domain is None:
            return aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True)
        return aws.cloudfront.DistributionViewerCertificateArgs(
            acm_certificate_arn=self._domain.certificate_arn,
            minimum_protocol_version="TLSv1.2_2021",
            ssl_support_method="sni-only",
        )

    def _grant_read(self, site: StaticSite) -> None:
        """Only this distribution reads the bucket; without the right to list, a missing file is an access denied."""
        policy = pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "LetTheCdnRead",
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudfront.amazonaws.com"},
                        "Action": "s3:GetObject",
                        "Resource": pulumi.Output.concat(site.bucket.arn, "/*"),
                        "Condition": {"StringEquals": {"AWS:SourceArn": self.distribution.arn}},
                    }
                ],
            }
        )
        aws.s3.BucketPolicy("site", bucket=site.bucket.bucket, policy=policy, opts=self._child)

    def _site_url(self) -> pulumi.Output[str]:
        if self._settings.served_domain and not self._settings.site_url_format:
            return pulumi.Output.from_input(f"https://{self._settings.served_domain}")
        url_format = self._settings.site_url_format or "https://{label}.cloudfront.net"
        return self.distribution.domain_name.apply(lambda name: url_format.format(label=name.split(".")[0]).rstrip("/"))


def content_security_policy(settings: Settings, media_bucket: str, sign_in_url: str) -> str:
    """Pages and files come from the site alone; no inline script or style, no plug-in, no frame.

    Videos may come from the media bucket, too: a link to one is redirected there, and the policy holds for its target.
    The admin page fetches its tokens from where one signs in.
    """
    media = (settings.media_url_format or "https://{bucket}.s3.amazonaws.com").format(bucket=media_bucket)
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' {media}/; "
        f"connect-src 'self' {sign_in_url}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def viewer_protocol_policy(settings: Settings) -> str:
    """What becomes of requests over plain HTTP."""
    return "redirect-to-https" if settings.require_https else "allow-all"


def _host(url: SplitResult) -> str:
    if not url.hostname:
        raise pulumi.RunError(f"The API's URL {url.geturl()} names no host; check apiUrlFormat in the stack's config.")
    return url.hostname


def _port(url: SplitResult, scheme: str, default: int) -> int:
    return url.port if url.scheme == scheme and url.port else default
