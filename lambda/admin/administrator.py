"""Who is asking: what API Gateway's JWT authorizer has verified of the access token."""

import os
from dataclasses import dataclass
from typing import Any

GROUP = "ADMIN_GROUP"
"""The environment's name for the group of the user pool whose members may use the admin API."""


class NotAnAdministratorError(Exception):
    """The token is valid, but not an administrator's access token."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """A member of the group of administrators."""

    subject: str
    """Cognito's id of the user, which stays when the name changes."""
    name: str
    """What the audit trail calls the user."""

    @classmethod
    def of(cls, event: dict[str, Any]) -> "Administrator":
        """Return the administrator whose token came with a request.

        Raises:
            NotAnAdministratorError: it is no access token, or its user is in another group or in none.
        """
        claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
        if claims.get("token_use") != "access" or os.environ[GROUP] not in _groups(claims.get("cognito:groups")):
            raise NotAnAdministratorError
        return cls(subject=str(claims["sub"]), name=str(claims.get("username") or claims["sub"]))


def _groups(claim: object) -> list[str]:
    """Return the groups of a claim: API Gateway hands a list over as `[a b]`.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
    """
    return [str(group) for group in claim] if isinstance(claim, list) else str(claim or "").strip("[]").split()
