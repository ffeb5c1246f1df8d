"""What goes wrong, told in one line each."""

from urllib.parse import urlsplit

import botocore.exceptions

GONE_CODES = frozenset(
    {
        "404",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchCachePolicy",
        "NoSuchCORSConfiguration",
        "NoSuchDistribution",
        "NoSuchEntity",
        "NoSuchFunctionExists",
        "NoSuchHostedZone",
        "NoSuchKey",
        "NoSuchLifecycleConfiguration",
        "NoSuchOriginAccessControl",
        "NoSuchOriginRequestPolicy",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchResponseHeadersPolicy",
        "NotFoundException",
        "OwnershipControlsNotFoundError",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)
"""AWS's error codes for a thing that is not there."""


class ProviderError(Exception):
    """What the user should know, without a traceback."""


def is_gone(error: Exception) -> bool:
    """Whether AWS said that the thing is not there."""
    return isinstance(error, botocore.exceptions.ClientError) and _code(error) in GONE_CODES


def explained(error: Exception) -> str:
    """One line on what happened; for an error of AWS, its operation, code and message."""
    match error:
        case botocore.exceptions.ClientError():
            return f"{error.operation_name}: {_code(error)}: {error.response['Error'].get('Message', '')}"
        case botocore.exceptions.EndpointConnectionError() | botocore.exceptions.ConnectionClosedError():
            url = urlsplit(error.kwargs["endpoint_url"])
            return f"the embedded AWS at {url.scheme}://{url.netloc} does not answer: run `make sandbox`"
        case ProviderError() | botocore.exceptions.BotoCoreError():
            return " ".join(str(error).split())
    return f"the sandbox's provider failed with {type(error).__name__}: {' '.join(str(error).split())}"


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response["Error"]["Code"])
