"""AWS clients that give up early, so that a page can still say what is wrong within the function's time limit.

They are botocore's, which boto3's are too: boto3 itself takes long to import, for what is of no use here.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.model import MapShape
from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

# Two attempts of 3 seconds at most, and a short pause between them.
PATIENCE = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
# Botocore's own text is put together twice a request, which is a quarter of what a request costs this process.
NAME = Config(user_agent="ai-video-codec-dashboard")
# Links signed the older way, botocore's default in us-east-1, are refused for encrypted objects:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
SIGNATURE_V4 = Config(signature_version="s3v4")


class ItemsAsSent(JSONParser):
    """Leaves items as DynamoDB sends them.

    botocore walks through each attribute by its model, which for a page of fifty items takes longer than everything
    else that is done to show it, and changes but one thing: binary values, here of no use, stay Base64 text.
    """

    def _handle_map(self, shape: MapShape, value: dict[str, Any]) -> dict[str, Any]:
        if shape.name == "AttributeMap":
            return value
        return super()._handle_map(shape, value)  # type: ignore[misc, no-any-return]


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> ResponseParser:
        return ItemsAsSent() if protocol_name == "json" else super().create_parser(protocol_name)


_session = botocore.session.get_session()
_session.register_component("response_parser_factory", _Parsers())


def dynamodb_client() -> "DynamoDBClient":
    """Return a client of DynamoDB."""
    return _client("dynamodb", PATIENCE)  # type: ignore[no-any-return]


@cache
def s3_client() -> "S3Client":
    """Return the client of S3, which also signs links."""
    return _client("s3", PATIENCE.merge(SIGNATURE_V4))  # type: ignore[no-any-return]


@cache
def sqs_client() -> Any:
    """Return the client of SQS."""
    return _client("sqs", PATIENCE)


@cache
def cloudwatch_client() -> Any:
    """Return the client of CloudWatch, for what it has counted."""
    return _client("cloudwatch", PATIENCE)


@cache
def bedrock_client(patience: Config) -> Any:
    """Return the client of Bedrock's models that is so patient."""
    return _client("bedrock-runtime", patience)


def _client(service: str, config: Config) -> Any:
    return _session.create_client(service, config=config.merge(NAME))
