"""AWS clients that give up early, so that a page can still say what is wrong within the function's time limit."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

# Two attempts of 3 seconds at most, and a short pause between them.
PATIENCE = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
# Links signed the older way, botocore's default in us-east-1, are refused for encrypted objects:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
SIGNATURE_V4 = Config(signature_version="s3v4")


def dynamodb_client() -> "DynamoDBClient":
    """Return a client of DynamoDB."""
    return boto3.client("dynamodb", config=PATIENCE)


def s3_client() -> "S3Client":
    """Return a client of S3, which also signs links."""
    return boto3.client("s3", config=PATIENCE.merge(SIGNATURE_V4))
