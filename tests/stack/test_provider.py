"""The provider on the embedded AWS: what it refuses as pulumi-aws does, and what can be found and imported again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from releasing.aws_connection import GONE_CODES
from releasing.left_behind import found
from sandbox.emulator import Emulator
from sandbox.provider import emulator as provider
from sandbox.provider import registry
from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError, explained, patiently
from sandbox.provider.resource import Resource
from tests.project_copy import ProjectCopy, changes

SERVICES = (
    *("acm", "apigatewayv2", "autoscaling", "budgets", "cloudwatch", "dynamodb", "ec2", "iam", "logs", "route53", "s3"),
    *("sns", "sqs", "sts"),
)
ALARM = {
    "name": "errors",
    "metricName": "Errors",
    "namespace": "AWS/Lambda",
    "statistic": "Sum",
    "dimensions": {"FunctionName": "f"},
    "period": 60,
    "evaluationPeriods": 1,
    "threshold": 1,
    "comparisonOperator": "GreaterThanThreshold",
}
# An alarm on an expression, of which the emulator tells by sandbox/ministack_echoes.py.
ALARM_OF_QUERIES = {
    **{
        name: value for name, value in ALARM.items() if name in ("evaluationPeriods", "threshold", "comparisonOperator")
    },
    "name": "backlog",
    "metricQueries": [
        {"id": "m", "metric": {"namespace": "AWS/SQS", "metricName": "Age", "period": 60, "stat": "Maximum"}},
        {"id": "r", "expression": "FILL(m, 0)", "label": "Backlog", "returnData": True},
    ],
}
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)


@pytest.fixture(scope="module")
def aws(emulator: Emulator) -> Aws:
    config = {"region": "us-east-1", "accessKey": "test", "secretKey": "test", "s3UsePathStyle": True}
    return Aws(provider.Emulator({**config, "endpoints": [dict.fromkeys(SERVICES, emulator.url)]}))


@pytest.fixture(scope="module")
def places(emulator: Emulator) -> dict[str, str]:
    """What some things are parts of."""
    zone = emulator.client("route53").create_hosted_zone(Name="example.org", CallerReference="test")
    return {
        "api": emulator.client("apigatewayv2").create_api(Name="places", ProtocolType="HTTP")["ApiId"],
        "vpc": emulator.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"],
        "zone": zone["HostedZone"]["Id"].rpartition("/")[2],
    }


@pytest.mark.parametrize(
    ("token", "inputs", "code"),
    [
        ("aws:apigatewayv2/route:Route", {"apiId": "{api}", "routeKey": "GET /"}, "ConflictException"),
        ("aws:apigatewayv2/stage:Stage", {"apiId": "{api}", "name": "production"}, "ConflictException"),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "g"}, "ResourceAlreadyExistsException"),
        ("aws:ec2/subnet:Subnet", {"vpcId": "{vpc}", "cidrBlock": "10.9.1.0/24"}, "InvalidSubnet.Conflict"),
        ("aws:iam/instanceProfile:InstanceProfile", {"name": "p"}, "EntityAlreadyExists"),
        ("aws:s3/bucket:Bucket", {"bucket": "taken-by-us"}, "BucketAlreadyExists"),
        (
            "aws:route53/record:Record",
            {"zoneId": "{zone}", "name": "a.example.org", "type": "A", "ttl": 60, "records": ["192.0.2.1"]},
            "InvalidChangeBatch",
        ),
    ],
)
def test_what_is_there_is_refused_a_second_time_but_found(
    aws: Aws, places: dict[str, str], token: str, inputs: dict[str, Any], code: str
) -> None:
    inputs = {key: value.format(**places) if isinstance(value, str) else value for key, value in inputs.items()}
    handler = registry.resource(token)
    assert not found(aws.client, token, inputs)
    identifier = handler.create(aws, inputs)
    handler.complete(aws, identifier, inputs)
    with pytest.raises(Exception, match=r".") as refusal:
        handler.create(aws, inputs)
    assert f": {code}: " in explained(refusal.value)
    (import_id,) = found(aws.client, token, inputs)
    known = handler.imported(aws, import_id)
    assert known.get("id", identifier) == identifier
    assert patiently(lambda: handler.new_state(aws, identifier, known), GONE_CODES)


def test_a_record_may_be_written_over_where_the_program_says_so(aws: Aws, places: dict[str, str]) -> None:
    record = registry.resource("aws:route53/record:Record")
    inputs = {"zoneId": places["zone"], "name": "b.example.org", "type": "A", "ttl": 60, "records": ["192.0.2.1"]}
    record.create(aws, inputs)
    record.create(aws, {**inputs, "records": ["192.0.2.2"], "allowOverwrite": True})
    assert (record.state(aws, "", inputs) or {})["records"] == ["192.0.2.2"]


def test_a_queue_is_created_again_unless_it_is_another(aws: Aws) -> None:
    queue = registry.resource("aws:sqs/queue:Queue")
    url = queue.create(aws, {"name": "q", "visibilityTimeoutSeconds": 60})
    assert queue.create(aws, {"name": "q", "visibilityTimeoutSeconds": 60}) == url
    with pytest.raises(ClientError, match="QueueAlreadyExists"):
        queue.create(aws, {"name": "q", "visibilityTimeoutSeconds": 90})


@pytest.mark.parametrize(
    ("token", "inputs", "change"),
    [
        ("aws:cloudwatch/metricAlarm:MetricAlarm", ALARM, {"threshold": 5, "dimensions": {"FunctionName": "g"}}),
        ("aws:cloudwatch/metricAlarm:MetricAlarm", ALARM_OF_QUERIES, {"threshold": 5}),
        (
            "aws:cloudwatch/dashboard:Dashboard",
            {"dashboardName": "d", "dashboardBody": '{"widgets": []}'},
            {"dashboardBody": '{"widgets": [{"type": "text"}]}'},
        ),
        ("aws:sns/topic:Topic", {"name": "t", "displayName": "Alarms"}, {"displayName": "Bills"}),
        (
            "aws:sns/topicSubscription:TopicSubscription",
            {"topic": "{topic}", "protocol": "sqs", "endpoint": "arn:aws:sqs:us-east-1:000000000000:told"},
            {"rawMessageDelivery": True},
        ),
        (
            "aws:budgets/budget:Budget",
            {"name": "b", "budgetType": "COST", "timeUnit": "MONTHLY", "limitAmount": "20", "limitUnit": "USD"},
            {"limitAmount": "30"},
        ),
        (
            "aws:sqs/queuePolicy:QueuePolicy",
            {"queueUrl": "{queue}", "policy": '{"Version": "2012-10-17", "Statement": []}'},
            {"policy": '{"Version": "2012-10-17", "Id": "other", "Statement": []}'},
        ),
    ],
)
def test_a_type_that_is_a_table_lives_a_whole_life(
    aws: Aws, emulator: Emulator, token: str, inputs: dict[str, Any], change: dict[str, Any]
) -> None:
    made = {
        "topic": emulator.client("sns").create_topic(Name="told")["TopicArn"],
        "queue": emulator.client("sqs").create_queue(QueueName="told")["QueueUrl"],
    }
    inputs = {
        key: made.get(value.strip("{}"), value) if isinstance(value, str) else value for key, value in inputs.items()
    }
    handler = registry.resource(token)
    assert list(handler.problems(inputs)) == []
    identifier = handler.create(aws, inputs)
    handler.complete(aws, identifier, inputs)
    state = _state(handler, aws, identifier, inputs)
    assert handler.changes(aws, inputs, state, inputs) == set()
    assert handler.refreshed_inputs(inputs, state) == inputs
    changed = {**inputs, **change}
    handler.update(aws, identifier, state, changed, handler.changes(aws, inputs, state, changed))
    state = _state(handler, aws, identifier, changed)
    assert handler.refreshed_inputs(changed, state) == changed
    handler.destroy(aws, identifier, state)
    handler.destroy(aws, identifier, state)
    assert handler.state(aws, identifier, state) is None


def test_a_networks_own_route_table_is_left_as_it_is(aws: Aws, emulator: Emulator, places: dict[str, str]) -> None:
    table, vpc, ec2 = (
        registry.resource("aws:ec2/defaultRouteTable:DefaultRouteTable"),
        places["vpc"],
        emulator.client("ec2"),
    )
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    inputs = {
        "defaultRouteTableId": table.imported(aws, vpc)["id"],
        "routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": gateway}],
    }
    identifier = table.create(aws, inputs)
    table.complete(aws, identifier, inputs)
    state = _state(table, aws, identifier, inputs)
    assert state["routes"] == inputs["routes"]
    table.destroy(aws, identifier, state)
    assert _state(table, aws, identifier, inputs) == state


def test_an_object_written_over_by_hand_shows_in_its_etag_alone(aws: Aws, emulator: Emulator) -> None:
    obj, s3 = registry.resource("aws:s3/bucketObject:BucketObject"), emulator.client("s3")
    s3.create_bucket(Bucket="objects")
    inputs = {"bucket": "objects", "key": "k", "content": "ours"}
    state = _state(obj, aws, obj.create(aws, inputs), inputs)
    s3.put_object(Bucket="objects", Key="k", Body=b"theirs", ContentType=state["contentType"])
    by_hand = _state(obj, aws, "objects/k", state)
    assert obj.changes(aws, inputs, by_hand, inputs) == set()
    assert obj.changes(aws, inputs, by_hand, {**inputs, "etag": state["etag"]}) == {"etag"}
    # A change of its tags alone brings its content to nobody.
    tagged = {**inputs, "tags": {"a": "1"}}
    obj.update(aws, "objects/k", by_hand, tagged, {"tags"})
    assert s3.get_object(Bucket="objects", Key="k")["Body"].read() == b"theirs"
    assert _state(obj, aws, "objects/k", tagged)["tags"] == {"a": "1"}


def test_a_certificate_is_not_waited_for_where_a_record_is_missing(aws: Aws) -> None:
    certificate = registry.resource("aws:acm/certificate:Certificate")
    inputs = {"domainName": "www.example.org", "validationMethod": "DNS"}
    arn = certificate.create(aws, inputs)
    certificate.complete(aws, arn, inputs)
    (option,) = _state(certificate, aws, arn, inputs)["domainValidationOptions"]
    missing = f"missing www.example.org DNS validation record: {option['resourceRecordName'].rstrip('.')}"
    with pytest.raises(ProviderError, match=missing):
        registry.resource("aws:acm/certificateValidation:CertificateValidation").create(
            aws, {"certificateArn": arn, "validationRecordFqdns": ["_another.example.org"]}
        )


def test_a_role_goes_out_of_the_profiles_that_stay(aws: Aws, emulator: Emulator) -> None:
    role, profile = registry.resource("aws:iam/role:Role"), registry.resource("aws:iam/instanceProfile:InstanceProfile")
    role.create(aws, {"name": "host", "assumeRolePolicy": TRUST})
    inputs = {"name": "host", "role": "host"}
    profile.complete(aws, profile.create(aws, inputs), inputs)
    state = _state(profile, aws, "host", inputs)
    role.destroy(aws, "host", {"name": "host"})
    assert emulator.client("iam").get_instance_profile(InstanceProfileName="host")["InstanceProfile"]["Roles"] == []
    profile.destroy(aws, "host", state)
    assert profile.state(aws, "host", state) is None


def _state(handler: Resource, aws: Aws, identifier: str, known: dict[str, Any]) -> dict[str, Any]:
    """What AWS has, once it has it for every reader."""
    state = patiently(lambda: handler.new_state(aws, identifier, known), GONE_CODES)
    assert state is not None
    return state


def test_aws_tells_no_more_of_things_than_it_keeps(emulator: Emulator, places: dict[str, str]) -> None:
    jwt = {"Issuer": "https://issuer", "Audience": ["client"]}
    authorizer = emulator.client("apigatewayv2").create_authorizer(
        ApiId=places["api"],
        Name="jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.A"],
        JwtConfiguration=jwt,
    )
    told = emulator.client("apigatewayv2").get_authorizer(ApiId=places["api"], AuthorizerId=authorizer["AuthorizerId"])
    assert told.keys() - {"ResponseMetadata"} == {
        *("AuthorizerId", "AuthorizerType", "IdentitySource", "JwtConfiguration", "Name")
    }

    cloudfront = emulator.client("cloudfront")
    policy = cloudfront.create_response_headers_policy(ResponseHeadersPolicyConfig={"Name": "p"})
    config = cloudfront.get_response_headers_policy(Id=policy["ResponseHeadersPolicy"]["Id"])
    assert config["ResponseHeadersPolicy"]["ResponseHeadersPolicyConfig"] == {"Name": "p", "Comment": ""}

    sqs = emulator.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": 3}
    url = sqs.create_queue(QueueName="r", Attributes={"RedrivePolicy": json.dumps(redrive, indent=1)})["QueueUrl"]
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]["RedrivePolicy"]
    assert kept == json.dumps(redrive, separators=(",", ":"))


PROGRAM = """
import pulumi, pulumi_aws as aws

def by(id):
    return pulumi.ResourceOptions(import_=id if {imports} else None)

aws.s3.Bucket("bucket", bucket="by-hand", tags={{"made": "by hand"}}, opts=by("by-hand"))
aws.apigatewayv2.Api("api", name="by-hand", protocol_type="HTTP", opts=by("{api}"))
key = aws.dynamodb.TableAttributeArgs(name="pk", type="S")
aws.dynamodb.Table(
    "table", name="by-hand", hash_key="pk", billing_mode="PAY_PER_REQUEST", attributes=[key], opts=by("by-hand")
)
pulumi.export("hash_key", aws.dynamodb.Table.get("the-same", "by-hand").hash_key)
"""
DEPLOY = """
from sandbox.emulator import Emulator
from sandbox.engine import find_engine
from sandbox.places import HOME
from sandbox.stack import Deployment
print(Deployment(Emulator(HOME, {port}), find_engine(print)).up(print))
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectCopy]:
    project = ProjectCopy.make(tmp_path / "project")
    project.emulator.folder.mkdir()
    project.emulator.start()
    yield project
    project.close()


def test_what_was_made_by_hand_is_imported_as_it_is(project: ProjectCopy) -> None:
    client = project.emulator.client
    client("s3").create_bucket(Bucket="by-hand")
    client("s3").put_bucket_tagging(Bucket="by-hand", Tagging={"TagSet": [{"Key": "made", "Value": "by hand"}]})
    api = client("apigatewayv2").create_api(Name="by-hand", ProtocolType="HTTP")["ApiId"]
    client("dynamodb").create_table(
        TableName="by-hand",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    printed = _deploy(project, imports=True, api=api)
    assert printed.count(" imported (") == 3, printed
    assert "{'hash_key': 'pk'}" in printed
    assert changes(_deploy(project, imports=False, api=api)) == set()


def _deploy(project: ProjectCopy, **program: Any) -> str:
    """Deploy another program than the project's; what was printed."""
    (project.folder / "__main__.py").write_text(PROGRAM.format(**program))
    command = [sys.executable, "-c", DEPLOY.format(port=project.port)]
    result = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
