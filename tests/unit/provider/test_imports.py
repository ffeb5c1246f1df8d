"""What `pulumi import` takes for an id, type by type: as pulumi-aws's documentation says."""

import pytest

from sandbox.provider import registry
from sandbox.provider.emulator import Aws, Emulator
from sandbox.provider.errors import ProviderError

CONFIG = {"region": "us-east-1", "accessKey": "k", "secretKey": "s", "endpoints": [{"s3": "http://127.0.0.1:4566"}]}


@pytest.mark.parametrize(
    ("token", "import_id", "known"),
    [
        ("aws:s3/bucket:Bucket", "b", {"bucket": "b"}),
        ("aws:s3/bucketObject:BucketObject", "b/folder/key.js", {"bucket": "b", "key": "folder/key.js"}),
        ("aws:s3/bucketObject:BucketObject", "s3://b/key", {"bucket": "b", "key": "key"}),
        ("aws:apigatewayv2/route:Route", "a1b2/r3", {"apiId": "a1b2", "id": "r3"}),
        ("aws:apigatewayv2/stage:Stage", "a1b2/$default", {"apiId": "a1b2", "name": "$default"}),
        ("aws:cloudwatch/eventTarget:EventTarget", "rule/target", {"rule": "rule", "targetId": "target"}),
        ("aws:cognito/userPoolClient:UserPoolClient", "us-east-1_x/c", {"userPoolId": "us-east-1_x", "id": "c"}),
        ("aws:iam/rolePolicy:RolePolicy", "role:policy", {"role": "role", "name": "policy"}),
        (
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "role/arn:aws:iam::aws:policy/service-role/P",
            {"role": "role", "policyArn": "arn:aws:iam::aws:policy/service-role/P"},
        ),
        ("aws:lambda/alias:Alias", "f/live", {"functionName": "f", "name": "live"}),
        ("aws:lambda/permission:Permission", "f/s", {"function": "f", "statementId": "s"}),
        ("aws:lambda/permission:Permission", "f:live/s", {"function": "f", "qualifier": "live", "statementId": "s"}),
        (
            "aws:route53/record:Record",
            "Z1_www_x.example.org_AAAA",
            {"zoneId": "Z1", "name": "www_x.example.org", "type": "AAAA"},
        ),
        ("aws:budgets/budget:Budget", "123456789012:costs", {"account": "123456789012", "name": "costs"}),
        ("aws:cognito/userGroup:UserGroup", "us-east-1_x/a/b", {"userPoolId": "us-east-1_x", "name": "a/b"}),
        ("aws:sqs/queue:Queue", "http://127.0.0.1/000000000000/q", {"id": "http://127.0.0.1/000000000000/q"}),
    ],
)
def test_it_names_what_a_look_at_aws_takes(token: str, import_id: str, known: dict[str, str]) -> None:
    assert registry.resource(token).imported(Aws(Emulator(CONFIG)), import_id) == known


def test_what_cannot_be_imported_is_refused() -> None:
    with pytest.raises(ProviderError, match=r"is no import id of this type; see .*/acm/certificatevalidation/#import"):
        registry.resource("aws:acm/certificateValidation:CertificateValidation").imported(Aws(Emulator(CONFIG)), "arn")
