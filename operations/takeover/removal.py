"""Removes the old site, once nobody needs it any more: part by part, each only if it is there still."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from operations.takeover.access import Access
from operations.takeover.domain import CDN_POLL
from operations.takeover.old_site import OldSite

GONE = (
    *("404", "NoSuchBucket", "NoSuchDistribution", "NoSuchEntity", "NoSuchOriginAccessControl"),
    *("NotFoundException", "ResourceNotFoundException"),
)
AT_ONCE = 1000
# What a distribution had, CloudFront takes for used until the last edge has forgotten that one.
IN_USE_SECONDS = 15 * 60
POLL_SECONDS = 5


@dataclass(frozen=True)
class Part:
    """A part of the old site, and how it is removed."""

    name: str
    remove: Callable[[], None]


def parts(access: Access, old: OldSite) -> Iterator[Part]:
    """What there is to remove, what leads users to the others first."""
    cdn, objects, functions = access.client("cloudfront"), access.client("s3"), access.client("lambda")
    yield Part(f"distribution {old.distribution}", lambda: _remove_distribution(cdn, old.distribution))
    yield Part(f"API {old.api}", lambda: _remove_api(access, old))
    yield Part(f"function {old.function}", lambda: functions.delete_function(FunctionName=old.function))
    yield Part(f"log group {old.log_group}", lambda: access.client("logs").delete_log_group(logGroupName=old.log_group))
    if old.site_bucket:
        yield Part(f"bucket {old.site_bucket}", lambda: _remove_bucket(objects, old.site_bucket))
    if not _shared_by(functions, old):
        yield Part(f"role {old.role}", lambda: _remove_role(access.client("iam"), old.role))
    yield Part(f"table {old.table}", lambda: access.client("dynamodb").delete_table(TableName=old.table))
    if old.media_bucket:
        yield Part(f"bucket {old.media_bucket}, with all its files", lambda: _remove_bucket(objects, old.media_bucket))
    if old.access_control:
        yield Part(f"origin access control {old.access_control}", lambda: _remove_access(cdn, old.access_control))


def left(access: Access, old: OldSite) -> Iterator[str]:
    """What stays, as others may need it."""
    yield f"certificate {old.certificate}" if old.certificate else "no certificate"
    yield f"zone {access.settings.hosted_zone_id}, which leads to the new site"
    if others := _shared_by(access.client("lambda"), old):
        yield f"role {old.role}, which {', '.join(others)} has, too"


def remove(part: Part) -> bool:
    """Remove a part; false where it was gone already.

    Raises:
        ClientError: AWS refuses.

    """
    deadline = time.monotonic() + IN_USE_SECONDS
    while True:
        try:
            part.remove()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in GONE:
                return False
            if not code.endswith("InUse") or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return True


def _remove_distribution(client: Any, identifier: str) -> None:
    """CloudFront deletes only what is disabled, everywhere."""
    current = client.get_distribution_config(Id=identifier)
    if current["DistributionConfig"]["Enabled"]:
        config = {**current["DistributionConfig"], "Enabled": False}
        client.update_distribution(Id=identifier, IfMatch=current["ETag"], DistributionConfig=config)
    client.get_waiter("distribution_deployed").wait(Id=identifier, WaiterConfig=CDN_POLL)
    client.delete_distribution(Id=identifier, IfMatch=client.get_distribution_config(Id=identifier)["ETag"])


def _remove_access(client: Any, identifier: str) -> None:
    etag = client.get_origin_access_control(Id=identifier)["ETag"]
    client.delete_origin_access_control(Id=identifier, IfMatch=etag)


def _remove_api(access: Access, old: OldSite) -> None:
    if old.api_kind == "HTTP":
        access.client("apigatewayv2").delete_api(ApiId=old.api)
    else:
        access.client("apigateway").delete_rest_api(restApiId=old.api)


def _remove_bucket(client: Any, bucket: str) -> None:
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        keys = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        for start in range(0, len(keys), AT_ONCE):
            client.delete_objects(Bucket=bucket, Delete={"Objects": keys[start : start + AT_ONCE], "Quiet": True})
    client.delete_bucket(Bucket=bucket)


def _remove_role(client: Any, role: str) -> None:
    for name in client.list_role_policies(RoleName=role)["PolicyNames"]:
        client.delete_role_policy(RoleName=role, PolicyName=name)
    for attached in client.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        client.detach_role_policy(RoleName=role, PolicyArn=attached["PolicyArn"])
    client.delete_role(RoleName=role)


def _shared_by(client: Any, old: OldSite) -> list[str]:
    """Other functions that have the old one's role."""
    pages = client.get_paginator("list_functions").paginate()
    functions = [function for page in pages for function in page["Functions"]]
    return [
        each["FunctionName"]
        for each in functions
        if each["Role"].rpartition("/")[2] == old.role and each["FunctionName"] != old.function
    ]
