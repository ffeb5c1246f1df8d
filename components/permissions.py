"""IAM's documents: what may be done, and which service may take a role."""

from collections.abc import Sequence
from typing import Any

VERSION = "2012-10-17"


def allow(sid: str, action: str | Sequence[str], resource: Any, condition: Any = None) -> dict[str, Any]:
    """A statement of a policy, as IAM writes it; `resource` and `condition` may hold Pulumi's outputs."""
    statement = {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def policy(statements: Sequence[Any]) -> dict[str, Any]:
    """The policy that statements make."""
    return {"Version": VERSION, "Statement": statements}


def assumed_by(service: str) -> dict[str, Any]:
    """The policy of a role that a service of AWS takes, such as `lambda`."""
    principal = {"Service": f"{service}.amazonaws.com"}
    return policy([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}])
