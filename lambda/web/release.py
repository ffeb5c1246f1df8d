"""Which build runs, and where: what the pages' footer and /health say about it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunningRelease:
    """A published version of the renderer."""

    build_id: str
    """base64 of the SHA-256 of the function's zip: Lambda's CodeSha256."""
    version: str
    """The function's version, `$LATEST` where none was published."""
    stack: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "RunningRelease":
        """Read what the deployment and Lambda itself tell the function."""
        return cls(
            build_id=environment.get("BUILD_ID", "unknown"),
            version=environment.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            stack=environment.get("STACK", "unknown"),
        )
