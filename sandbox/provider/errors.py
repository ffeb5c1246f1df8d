"""What goes wrong, told in one line each."""

from urllib.parse import urlsplit

import botocore.exceptions

GONE_CODES = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "InvalidGroup.NotFound",
        "InvalidInternetGatewayID.NotFound",
        "InvalidLaunchTemplateId.NotFound",
        "InvalidRouteTableID.NotFound",
        "InvalidSubnetID.NotFound",
        "InvalidVpcID.NotFound",
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
        "QueueDoesNotExist",
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
            return no_answer(error.kwargs["endpoint_url"])
        case ProviderError() | botocore.exceptions.BotoCoreError():
            return " ".join(str(error).split())
    return f"the sandbox's provider failed with {type(error).__name__}: {' '.join(str(error).split())}"


def no_answer(url: str) -> str:
    """One line on an endpoint at which nothing listens."""
    parts = urlsplit(url)
    return f"the embedded AWS at {parts.scheme}://{parts.netloc} does not answer: run `make sandbox`"


def _code(error: botocore.exceptions.ClientError) -> str:
    return str(error.response["Error"]["Code"])
