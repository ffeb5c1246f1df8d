"""The account's own facts: pulumi-aws's functions getCallerIdentity and getRegion."""

from typing import Any

from sandbox.provider.emulator import Aws


def get_caller_identity(aws: Aws) -> dict[str, Any]:
    """Whose credentials the stack uses."""
    identity = aws.client("sts").get_caller_identity()
    return {
        "accountId": identity["Account"],
        "arn": identity["Arn"],
        "id": identity["Account"],
        "userId": identity["UserId"],
    }


def get_region(aws: Aws) -> dict[str, Any]:
    """The region of the stack, or the one asked for."""
    return {
        "description": aws.region,
        "endpoint": f"ec2.{aws.region}.amazonaws.com",
        "id": aws.region,
        "name": aws.region,
        "region": aws.region,
    }


FUNCTIONS = {
    "aws:index/getCallerIdentity:getCallerIdentity": (get_caller_identity, frozenset({"id"})),
    "aws:index/getRegion:getRegion": (get_region, frozenset({"id", "name", "region"})),
}
"""Each function, and the arguments it takes."""
