"""What counts as a change, and what replaces: as in pulumi-aws, where that is not what one would expect."""

from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from sandbox.provider import registry
from sandbox.provider.resource import Resource
from sandbox.provider.shape import Block, Blocks, Field, path_in

AWS: Any = SimpleNamespace(region="us-east-1", tags=lambda inputs: inputs.get("tags") or {}, default_tags={})
CLIENT = {"userPoolId": "p", "name": "c", "callbackUrls": ["https://a"], "accessTokenValidity": 1}
RULE = {"name": "r", "scheduleExpression": "rate(1 day)"}
QUEUE = {"name": "q", "visibilityTimeoutSeconds": 30}


@pytest.mark.parametrize(
    ("token", "there", "inputs", "changed"),
    [
        # What AWS keeps when the program takes it out again: "Optional, Computed" in terraform-provider-aws.
        ("aws:cloudwatch/eventRule:EventRule", {**RULE, "state": "DISABLED"}, RULE, set()),
        ("aws:cloudwatch/eventRule:EventRule", {**RULE, "state": "DISABLED"}, {**RULE, "state": "ENABLED"}, {"state"}),
        ("aws:sqs/queue:Queue", {**QUEUE, "redrivePolicy": "{}"}, QUEUE, set()),
        ("aws:sqs/queue:Queue", {**QUEUE, "sqsManagedSseEnabled": True}, QUEUE, set()),
        ("aws:cognito/userPoolClient:UserPoolClient", CLIENT, {"userPoolId": "p", "name": "c"}, set()),
        ("aws:ec2/internetGateway:InternetGateway", {"vpcId": "vpc-1"}, {}, set()),
        (
            "aws:ec2/securityGroup:SecurityGroup",
            {"name": "g", "description": "d", "egress": [{"protocol": "-1", "cidrBlocks": ["0.0.0.0/0"]}]},
            {"name": "g", "description": "d"},
            set(),
        ),
        (
            "aws:dynamodb/table:Table",
            {"name": "t", "billingMode": "PROVISIONED", "pointInTimeRecovery": {"enabled": True}},
            {"name": "t"},
            set(),
        ),
        # AWS doesn't tell it, so that one imported has none; and it can't be given later.
        (
            "aws:cognito/userPoolClient:UserPoolClient",
            CLIENT,
            {**CLIENT, "generateSecret": False},
            {"generateSecret"},
        ),
        # A default that isn't AWS's.
        (
            "aws:apigatewayv2/stage:Stage",
            {"apiId": "a", "name": "s", "defaultRouteSettings": {"throttlingRateLimit": 5, "throttlingBurstLimit": 5}},
            {"apiId": "a", "name": "s", "defaultRouteSettings": {"throttlingRateLimit": 5}},
            {"defaultRouteSettings"},
        ),
        # What is written over by hand shows in the ETag alone.
        (
            "aws:s3/bucketObject:BucketObject",
            {"bucket": "b", "key": "k", "content": "a", "etag": "by hand"},
            {"bucket": "b", "key": "k", "content": "a"},
            set(),
        ),
        (
            "aws:s3/bucketObject:BucketObject",
            {"bucket": "b", "key": "k", "content": "a", "etag": "by hand"},
            {"bucket": "b", "key": "k", "content": "a", "etag": "of a"},
            {"etag"},
        ),
    ],
)
def test_what_is_a_change(token: str, there: dict[str, Any], inputs: dict[str, Any], changed: set[str]) -> None:
    assert registry.resource(token).changes(AWS, {}, {**there, "tagsAll": {}}, inputs) == changed


@pytest.mark.parametrize(
    ("token", "changed", "unknown"),
    [
        ("aws:s3/bucketObject:BucketObject", {"tags"}, set()),
        ("aws:s3/bucketObject:BucketObject", {"content"}, {"etag", "versionId"}),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"tags"}, set()),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"imageId"}, {"defaultVersion", "latestVersion"}),
        ("aws:lambda/function:Function", {"tags"}, set()),
    ],
)
def test_what_an_update_will_change(token: str, changed: set[str], unknown: set[str]) -> None:
    assert set(registry.resource(token).unknown_after(changed, {})) == unknown


# What a type's own methods bring to AWS, or AWS knows nothing of.
UNPLACED = {
    "aws:acm/certificateValidation:CertificateValidation": {"validationRecordFqdns"},
    "aws:cloudfront/distribution:Distribution": {"retainOnDelete", "waitForDeployment"},
    "aws:cognito/userPool:UserPool": {"softwareTokenMfaConfiguration"},
    "aws:dynamodb/table:Table": {"hashKey", "rangeKey", "pointInTimeRecovery", "ttl"},
    "aws:ec2/launchTemplate:LaunchTemplate": {"updateDefaultVersion"},
    "aws:lambda/function:Function": {"sourceCodeHash"},
    "aws:lambda/layerVersion:LayerVersion": {"code", "sourceCodeHash"},
    "aws:s3/bucket:Bucket": {"forceDestroy"},
    "aws:s3/bucketObject:BucketObject": {"content", "source", "sourceHash"},
}


@pytest.mark.parametrize("token", sorted(registry.resources().keys() - {"aws:route53/record:Record"}))
def test_each_input_has_a_place_in_awss_api(token: str) -> None:
    resource = registry.resource(token)
    shapes = [shape for shape in _shapes(resource) if shape is not None]
    assert _unplaced(resource.own, shapes) == UNPLACED.get(token, set())


def _shapes(resource: Resource) -> list[Any]:
    """The shapes that the inputs may be in: of what its operations take, and of what they tell."""
    model = botocore.session.get_session().get_service_model(resource.service)
    known = {xform_name(name): name for name in model.operation_names}
    asked = {resource.operation(each) for each in ("creates", "reads", "updates", "deletes")}
    operations = [model.operation_model(known[name]) for name in asked & known.keys()]
    outer = [shape for each in operations for shape in (each.input_shape, each.output_shape) if shape]
    places = [resource.given_in] if isinstance(resource.given_in, str) else [*resource.given_in]
    paths = filter(None, (path_in(shape, path) for shape in outer for path in (*places, resource.found_in) if path))
    return [*outer, *(_inner(path[-1][1]) for path in paths)]


def _unplaced(block: Block, shapes: list[Any]) -> set[str]:
    unplaced = set()
    for name, field in block.fields.items():
        places = [place[-1][1] for shape in shapes if (place := field.place(name, shape))]
        inner = field.of if isinstance(field, Blocks) else field
        if not places:
            unplaced.add(name)
        elif isinstance(inner, Block):
            lists = [each.members["Items"] if "Quantity" in getattr(each, "members", ()) else each for each in places]
            unplaced |= _unplaced(inner, [_inner(each) for each in (lists if isinstance(field, Blocks) else places)])
    return unplaced


def _inner(shape: Any) -> Any:
    """What is in a list; any other shape as it is."""
    return shape.member if shape.type_name == "list" else shape


def test_a_name_that_aws_does_not_have_has_no_place() -> None:
    shape = botocore.session.get_session().get_service_model("sqs").operation_model("CreateQueue").input_shape
    assert not Field(aws="QueueNaem").place("", shape)
    assert Field(aws="QueueName").place("", shape)
