"""Looks at every subject, and tells what differs from what could not be looked at."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pulumi
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from operations.checks.cdn import cdn_checks
from operations.checks.check import Check, Findings
from operations.checks.function import admin_api_checks, renderer_checks
from operations.checks.invalidations import invalidation_checks
from operations.checks.served import served_checks
from operations.checks.static_files import object_checks
from operations.checks.target import Target
from releasing.project import CouldNotLook
from releasing.served import Unreachable

SUBJECTS: dict[str, Callable[[Target], Iterator[Check]]] = {
    "function": renderer_checks,
    "admin API": admin_api_checks,
    "objects": object_checks,
    "CDN": cdn_checks,
    "invalidations": invalidation_checks,
    "served": served_checks,
}
# How AWS says that a thing isn't there.
ABSENT = {
    *("NoSuchBucket", "NoSuchCachePolicy", "NoSuchDistribution", "NoSuchKey", "NoSuchResponseHeadersPolicy"),
    "ResourceNotFoundException",
}
DENIED = {"AccessDenied", "AccessDeniedException"}
# The permission that each operation takes; the read role of docs/ci.md has them all.
PERMISSIONS = {
    "GetAlias": "lambda:GetAlias",
    "GetCachePolicy": "cloudfront:GetCachePolicy",
    "GetDistribution": "cloudfront:GetDistribution",
    "GetFunction": "lambda:GetFunction",
    "GetFunctionConfiguration": "lambda:GetFunctionConfiguration",
    "GetInvalidation": "cloudfront:GetInvalidation",
    "GetObject": "s3:GetObject",
    "GetResponseHeadersPolicy": "cloudfront:GetResponseHeadersPolicy",
    "ListInvalidations": "cloudfront:ListInvalidations",
    "ListObjectsV2": "s3:ListBucket",
}


def look(target: Target) -> Findings:
    """Look at every subject; one that can't be looked at doesn't keep the others from being."""
    with ThreadPoolExecutor(len(SUBJECTS)) as pool:
        each = list(pool.map(lambda subject: _look_at(subject, target), SUBJECTS))
    obstacles = dict.fromkeys(obstacle for findings in each for obstacle in findings.obstacles)
    return Findings([check for findings in each for check in findings.checks], list(obstacles))


def _look_at(subject: str, target: Target) -> Findings:
    checks: list[Check] = []
    obstacles: list[str] = []
    try:
        for check in SUBJECTS[subject](target):
            checks.append(check)  # what was seen before an error counts
    except ClientError as error:
        code = error.response["Error"].get("Code", "unknown")
        message = error.response["Error"].get("Message", "")
        if code in ABSENT:
            checks.append(Check(f"{subject} deployed", ok=False, expected="all of it", found=f"{code}: {message}"))
        else:
            obstacles.append(_explained(error.operation_name, code, message))
    except EndpointConnectionError as error:
        obstacles.append(f"Nothing answers at {urlsplit(error.kwargs['endpoint_url']).netloc}: is there a network?")
    except (BotoCoreError, CouldNotLook, Unreachable, pulumi.RunError) as error:
        obstacles.append(" ".join(str(error).split()))
    return Findings(checks, obstacles)


def _explained(operation: str, code: str, message: str) -> str:
    if code in DENIED:
        return f"The credentials lack {PERMISSIONS.get(operation, operation)}; docs/ci.md has a role that reads all."
    return f"AWS refused {operation}: {code}: {message}"
