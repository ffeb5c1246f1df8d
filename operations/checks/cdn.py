"""The CDN: its behaviours, and its policies of caching and of security headers."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.cdn import (
    DEFAULT_BEHAVIOR,
    ERRORS_HELD,
    FRAME_OPTION,
    ORDERED_BEHAVIORS,
    PAGE_TTL,
    REFERRER_POLICY,
    YEAR,
    content_security_policy,
    viewer_protocol_policy,
)
from operations.checks.check import Check, compared
from operations.checks.target import Target

PAGES = "default"
# What a behaviour is told by; the page cache's and the headers' policies have ids of this distribution alone.
BEHAVIOUR = ("TargetOriginId", "ViewerProtocolPolicy", "CachePolicyId", "OriginRequestPolicyId")


def cdn_checks(target: Target) -> Iterator[Check]:
    """Compare the distribution and its policies with the program's."""
    config = target.cdn.get_distribution(Id=target.outputs["distribution_id"])["Distribution"]["DistributionConfig"]
    settings = target.settings
    yield compared("CDN enabled", expected=True, found=config["Enabled"])
    yield compared("CDN price class", settings.price_class, config["PriceClass"])
    aliases = [settings.served_domain] if settings.served_domain else []
    yield compared("CDN aliases", aliases, config["Aliases"].get("Items", []))

    errors = config.get("CustomErrorResponses", {}).get("Items", [])
    held = {error["ErrorCode"]: error["ErrorCachingMinTTL"] for error in errors}
    yield compared("CDN seconds that errors are held", ERRORS_HELD, dict(sorted(held.items())))

    default = config["DefaultCacheBehavior"]
    ordered = config.get("CacheBehaviors", {}).get("Items", [])
    found = {PAGES: default, **{behaviour["PathPattern"]: behaviour for behaviour in ordered}}
    yield from _behaviour_checks(found, _behaviours(viewer_protocol_policy(settings), default))
    yield from _cache_policy_checks(target, default.get("CachePolicyId"))
    yield from _headers_policy_checks(target, found)


def _behaviours(viewer: str, default: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What the program declares, by path pattern; the page cache's policy is checked by its content."""
    own = default.get("CachePolicyId", "")
    return {
        pattern: dict(
            zip(
                BEHAVIOUR,
                (behavior.origin, viewer, behavior.cache_policy or own, behavior.origin_request_policy),
                strict=True,
            )
        )
        for pattern, behavior in {PAGES: DEFAULT_BEHAVIOR, **ORDERED_BEHAVIORS}.items()
    }


def _behaviour_checks(
    found: Mapping[str, Mapping[str, Any]], expected: Mapping[str, Mapping[str, str]]
) -> Iterator[Check]:
    yield compared("CDN behaviours, in order", list(expected), list(found))
    for pattern in [pattern for pattern in expected if pattern in found]:
        actual = {name: found[pattern].get(name, "") for name in BEHAVIOUR}
        yield compared(f"CDN behaviour {pattern}", expected[pattern], actual)


def _cache_policy_checks(target: Target, policy_id: str | None) -> Iterator[Check]:
    name = "CDN page cache policy"
    if not policy_id:
        yield Check(name, ok=False, expected=target.settings.name("pages"), found="none")
        return
    config = target.cdn.get_cache_policy(Id=policy_id)["CachePolicy"]["CachePolicyConfig"]
    expected = {"Name": target.settings.name("pages"), **PAGE_TTL}
    yield compared(name, expected, {field: config.get(field) for field in expected})


def _headers_policy_checks(target: Target, behaviours: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    """One policy of security headers on every behaviour, with the program's settings."""
    expected = target.settings.name("security")
    ids = {pattern: behaviour.get("ResponseHeadersPolicyId") for pattern, behaviour in behaviours.items()}
    without = [pattern for pattern, policy_id in ids.items() if not policy_id]
    yield compared("CDN behaviours without a headers policy", "none", ", ".join(without) or "none")
    for policy_id in sorted({policy_id for policy_id in ids.values() if policy_id}):
        policy = target.cdn.get_response_headers_policy(Id=policy_id)["ResponseHeadersPolicy"]
        config = policy["ResponseHeadersPolicyConfig"]
        yield compared("CDN headers policy", expected, config["Name"])
        headers = config.get("SecurityHeadersConfig", {})
        for header, settings in _security_headers(target).items():
            actual = headers.get(header, {})
            yield compared(f"CDN {header}", settings, {name: actual.get(name) for name in settings or actual})


def _security_headers(target: Target) -> dict[str, dict[str, Any]]:
    policy = content_security_policy(target.settings, target.outputs["media_bucket"], target.outputs["sign_in_url"])
    subdomains = target.settings.hsts_include_subdomains
    transport = {"AccessControlMaxAgeSec": YEAR, "IncludeSubdomains": subdomains, "Override": True}
    return {
        "ContentSecurityPolicy": {"ContentSecurityPolicy": policy, "Override": True},
        "ContentTypeOptions": {"Override": True},
        "FrameOptions": {"FrameOption": FRAME_OPTION, "Override": True},
        "ReferrerPolicy": {"Override": True, "ReferrerPolicy": REFERRER_POLICY},
        "StrictTransportSecurity": transport if target.settings.require_https else {},
    }
