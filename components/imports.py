"""Things that are in the account already and become the stack's with their ids, where that changes nothing for users.

The engine reads such a thing as it is, and takes it for what git says. Once `imports` no longer names it, the next
deployment brings it to what git really says.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import botocore.exceptions
import pulumi

from components.settings import Settings
from releasing.aws_connection import RETRIES, connected

TABLE_KEYS = ["pk", "sk"]


class ImportRefused(pulumi.RunError):
    """Something can't become the stack's; the message says what, why, and what to do."""


def taken_over(identifier: str, parent: pulumi.Resource) -> pulumi.ResourceOptions:
    """Options of a resource that is there already under an id, or is created where that is empty."""
    if not identifier:
        return pulumi.ResourceOptions(parent=parent)
    return pulumi.ResourceOptions(parent=parent, import_=identifier, ignore_changes=["*"])


def refuse_what_users_would_see(settings: Settings, config: Mapping[str, Any]) -> None:
    """Look at what is to be imported, before any resource is registered.

    Raises:
        ImportRefused: with every problem found.

    """
    problems = [
        f"  {what} {identifier}: {problem}"
        for what, identifier in settings.imported.items()
        for problem in _problems(what, identifier, config)
    ]
    if problems:
        raise ImportRefused(
            "\n".join(["Not imported, as users would see a change:", *problems])
            + "\nDeploy beside it instead, and move the domain: make takeover (docs/takeover.md). What this stack has "
            "imported already, take out of imports."
        )


def _problems(what: str, identifier: str, config: Mapping[str, Any]) -> Iterator[str]:
    looks = {"table": _of_table, "site-bucket": _of_site_bucket, "media-bucket": _of_media_bucket, "api": _of_api}
    try:
        yield from looks[what](identifier, config)
    except botocore.exceptions.ClientError as error:
        yield f"{error.operation_name} failed with {error.response['Error']['Code']}"


def _of_table(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    table = connected("dynamodb", config, RETRIES).describe_table(TableName=name)["Table"]
    keys = [key["AttributeName"] for key in table["KeySchema"]]
    if keys != TABLE_KEYS:
        yield f"its keys are {', '.join(keys)}, not {', '.join(TABLE_KEYS)}: an empty table would take its place"


def _of_site_bucket(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    found = connected("s3", config, RETRIES).list_objects_v2(Bucket=name, MaxKeys=1).get("Contents", [])
    if found:
        yield f"it holds {found[0]['Key']}, which users may be getting: the stack's files would take its place"


def _of_media_bucket(name: str, config: Mapping[str, Any]) -> Iterator[str]:
    connected("s3", config, RETRIES).head_bucket(Bucket=name)
    yield from ()


def _of_api(identifier: str, config: Mapping[str, Any]) -> Iterator[str]:
    client = connected("apigatewayv2", config, RETRIES)
    if client.get_api(ApiId=identifier)["ProtocolType"] != "HTTP":
        yield "it is no HTTP API"
    stages = [each["StageName"] for each in client.get_stages(ApiId=identifier)["Items"]]
    routes = [each["RouteKey"] for each in client.get_routes(ApiId=identifier)["Items"]]
    if stages or routes:
        served = ", ".join([*(f"stage {name}" for name in stages), *(f"route {key}" for key in routes)])
        yield f"it serves users already ({served})"
