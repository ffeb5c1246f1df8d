"""The embedded AWS is as slow and as moody as AWS: each manner bites who doesn't wait, and passes."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import botocore.exceptions
import pytest

from sandbox.emulator import Emulator
from sandbox.manners import FILE, HARSH, KIND, LEVELS, MILD, Manners

# As long as a test may need to look, in AWS's seconds; what is to pass is then let pass by another setting.
LONG = 10**6
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
        ],
    }
)
LIST_TABLES = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:ListTables", "Resource": "*"}]}
)


@pytest.fixture
def be(emulator: Emulator) -> Iterator[Callable[..., None]]:
    """Let the emulator have these manners and no others, until the test ends."""

    def be(**manners: Any) -> None:
        emulator.behave(replace(KIND, **manners))

    be()
    yield be
    be()


def test_a_new_sandbox_has_mild_manners_and_what_is_set_stays(tmp_path: Any) -> None:
    assert Manners.read(tmp_path) == MILD
    for manners in LEVELS.values():
        manners.write(tmp_path)
        assert Manners.read(tmp_path) == manners
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_harsh_manners_lack_none_but_what_no_deployment_could_live_with() -> None:
    kinder = {name for name, value in vars(HARSH).items() if not value and name != "seed"}
    assert kinder == {"taken_buckets", "unverified_account"}


def test_a_published_version_is_pending_and_can_not_be_called(emulator: Emulator, be: Callable[..., None]) -> None:
    function = _function(emulator, "pending")
    be(version_pending_seconds=90, clock=60)
    client = emulator.client("lambda")
    version = client.publish_version(FunctionName=function)
    assert version["State"] == "Pending"
    assert _code(lambda: client.invoke(FunctionName=function, Qualifier="1")) == "ResourceConflictException"
    _wait_for_version(client, function)
    assert client.invoke(FunctionName=function, Qualifier="1")["StatusCode"] == 200


def test_a_version_fails_at_times_and_is_not_published_again_while_nothing_changes(
    emulator: Emulator, be: Callable[..., None]
) -> None:
    function = _function(emulator, "failing")
    be(version_failure_chance=1)
    client = emulator.client("lambda")
    client.publish_version(FunctionName=function)
    with pytest.raises(botocore.exceptions.WaiterError):
        _wait_for_version(client, function)
    found = client.get_function_configuration(FunctionName=function, Qualifier="1")
    assert (found["State"], found["StateReasonCode"]) == ("Failed", "InternalError")
    be()
    assert client.publish_version(FunctionName=function)["Version"] == "1"


def test_a_version_that_nobody_calls_falls_asleep_and_fails_the_call_that_wakes_it(
    emulator: Emulator, be: Callable[..., None]
) -> None:
    function = _function(emulator, "asleep")
    client = emulator.client("lambda")
    client.publish_version(FunctionName=function)
    _wait_for_version(client, function)
    be(version_idle_seconds=1e-6)
    assert client.get_function_configuration(FunctionName=function, Qualifier="1")["State"] == "Inactive"
    assert _code(lambda: client.invoke(FunctionName=function, Qualifier="1")) == "SnapStartNotReadyException"
    be()
    _wait_for_version(client, function)
    assert client.invoke(FunctionName=function, Qualifier="1")["StatusCode"] == 200


def test_an_alias_leads_to_no_version_that_is_not_there(emulator: Emulator) -> None:
    alias = {"FunctionName": _function(emulator, "aliased"), "Name": "live"}
    client = emulator.client("lambda")
    assert _code(lambda: client.create_alias(**alias, FunctionVersion="1")) == "ResourceNotFoundException"
    client.publish_version(FunctionName="aliased")
    client.create_alias(**alias, FunctionVersion="1")
    assert _code(lambda: client.update_alias(**alias, FunctionVersion="2")) == "ResourceNotFoundException"


def test_code_takes_storage_until_versions_are_removed(emulator: Emulator, be: Callable[..., None]) -> None:
    function = _function(emulator, "stored")
    be(code_storage_bytes=1)
    publish = {"FunctionName": function}
    client = emulator.client("lambda")
    assert _code(lambda: client.publish_version(**publish)) == "CodeStorageExceededException"
    be(code_storage_bytes=10**9)
    assert client.publish_version(**publish)["Version"] == "1"


def test_a_new_role_can_not_be_assumed_yet(emulator: Emulator, be: Callable[..., None]) -> None:
    be(role_seconds=LONG)
    role = _role(emulator, "new")
    with pytest.raises(botocore.exceptions.ClientError, match="cannot be assumed by Lambda"):
        _function(emulator, "early", role=role)
    assume = {"RoleArn": role, "RoleSessionName": "test"}
    assert _code(lambda: emulator.client("sts").assume_role(**assume)) == "AccessDenied"
    be()
    assert emulator.client("sts").assume_role(**assume)["Credentials"]


def test_a_policy_takes_effect_late(emulator: Emulator, be: Callable[..., None]) -> None:
    role = _role(emulator, "late")
    credentials = emulator.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    be(policy_seconds=LONG)
    emulator.client("iam").put_role_policy(RoleName="late", PolicyName="lists", PolicyDocument=LIST_TABLES)
    client = emulator.client("dynamodb")
    client._request_signer._credentials.access_key = credentials["AccessKeyId"]
    client._request_signer._credentials.secret_key = credentials["SecretAccessKey"]
    client._request_signer._credentials.token = credentials["SessionToken"]
    assert _code(client.list_tables) == "AccessDeniedException"
    be()
    assert client.list_tables()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_distribution_is_in_progress_and_holds_what_it_has_left(emulator: Emulator, be: Callable[..., None]) -> None:
    client = emulator.client("cloudfront")
    be(distribution_seconds=LONG)
    policies = [_cache_policy(client, name) for name in ("first", "second")]
    made = client.create_distribution(DistributionConfig=_distribution(policies[0], enabled=True))
    identifier = made["Distribution"]["Id"]
    assert client.get_distribution(Id=identifier)["Distribution"]["Status"] == "InProgress"
    disabled = _distribution(policies[1], enabled=False)
    client.update_distribution(Id=identifier, IfMatch=made["ETag"], DistributionConfig=disabled)
    etag = client.get_distribution(Id=identifier)["ETag"]
    assert _code(lambda: client.delete_distribution(Id=identifier, IfMatch=etag)) == "DistributionNotDisabled"
    assert _code(lambda: _delete_cache_policy(client, policies[0])) == "CachePolicyInUse"
    be()
    _delete_cache_policy(client, policies[0])
    client.delete_distribution(Id=identifier, IfMatch=etag)


def test_an_unverified_account_gets_no_distribution(emulator: Emulator, be: Callable[..., None]) -> None:
    client = emulator.client("cloudfront")
    policy = _cache_policy(client, "unverified")
    be(unverified_account=True)
    with pytest.raises(botocore.exceptions.ClientError, match="Your account must be verified before you can add"):
        client.create_distribution(DistributionConfig=_distribution(policy, enabled=True))


def test_a_certificate_is_pending_and_tells_its_records_late(emulator: Emulator, be: Callable[..., None]) -> None:
    client = emulator.client("acm")
    be(certificate_seconds=LONG)
    certificate = client.request_certificate(DomainName="video.example.org", ValidationMethod="DNS")["CertificateArn"]
    found = client.describe_certificate(CertificateArn=certificate)["Certificate"]
    assert found["Status"] == "PENDING_VALIDATION"
    assert "ResourceRecord" not in found["DomainValidationOptions"][0]
    be()
    found = client.describe_certificate(CertificateArn=certificate)["Certificate"]
    assert found["Status"] == "ISSUED"
    assert found["DomainValidationOptions"][0]["ResourceRecord"]["Type"] == "CNAME"


def test_a_change_of_dns_is_pending(emulator: Emulator, be: Callable[..., None]) -> None:
    client = emulator.client("route53")
    zone = client.create_hosted_zone(Name="example.org", CallerReference="test")["HostedZone"]["Id"]
    be(dns_seconds=LONG)
    record = {"Name": "x.example.org", "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"x"'}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    change = client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)["ChangeInfo"]["Id"]
    assert client.get_change(Id=change)["ChangeInfo"]["Status"] == "PENDING"
    be()
    assert client.get_change(Id=change)["ChangeInfo"]["Status"] == "INSYNC"


def test_a_new_table_can_not_be_used_yet(emulator: Emulator, be: Callable[..., None]) -> None:
    client = emulator.client("dynamodb")
    be(table_seconds=LONG)
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    client.create_table(
        TableName="new",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[key],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    assert client.describe_table(TableName="new")["Table"]["TableStatus"] == "CREATING"
    put = {"TableName": "new", "Item": {"pk": {"S": "x"}}}
    assert _code(lambda: client.put_item(**put)) == "ResourceNotFoundException"
    assert (
        _code(lambda: client.update_table(TableName="new", BillingMode="PAY_PER_REQUEST")) == "ResourceInUseException"
    )
    be()
    client.put_item(**put)


@pytest.mark.parametrize(
    ("create", "read", "code"),
    [
        (
            lambda emulator: emulator.client("sqs").create_queue(QueueName="lagging"),
            lambda emulator: emulator.client("sqs").get_queue_attributes(
                QueueUrl=emulator.client("sqs").get_queue_url(QueueName="lagging")["QueueUrl"], AttributeNames=["All"]
            ),
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            lambda emulator: _role(emulator, "lagging"),
            lambda emulator: emulator.client("iam").get_role(RoleName="lagging"),
            "NoSuchEntity",
        ),
        (
            lambda emulator: emulator.client("s3").create_bucket(Bucket="lagging"),
            lambda emulator: emulator.client("s3").head_bucket(Bucket="lagging"),
            "404",
        ),
    ],
    ids=["queue", "role", "bucket"],
)
def test_what_was_just_created_is_not_found_by_every_read(
    emulator: Emulator,
    be: Callable[..., None],
    create: Callable[[Emulator], Any],
    read: Callable[[Emulator], Any],
    code: str,
) -> None:
    be(read_seconds=LONG)
    create(emulator)
    assert _code(lambda: read(emulator)) == code
    read(emulator)


def test_the_name_of_a_deleted_queue_stays_taken(emulator: Emulator, be: Callable[..., None]) -> None:
    client = emulator.client("sqs")
    be(queue_name_seconds=LONG)
    client.delete_queue(QueueUrl=client.create_queue(QueueName="again")["QueueUrl"])
    code = "AWS.SimpleQueueService.QueueDeletedRecently"
    assert _code(lambda: client.create_queue(QueueName="again")) == code
    be()
    client.create_queue(QueueName="again")


def test_a_bucket_of_somebody_elses_can_not_be_had(emulator: Emulator, be: Callable[..., None]) -> None:
    be(taken_buckets=("taken",))
    assert _code(lambda: emulator.client("s3").create_bucket(Bucket="taken")) == "BucketAlreadyExists"


@pytest.mark.parametrize("manner", ["throttling_chance", "error_chance"])
@pytest.mark.parametrize(
    ("service", "operation"),
    [
        *(("acm", "list_certificates"), ("apigatewayv2", "get_apis"), ("cloudfront", "list_distributions")),
        *(("cloudwatch", "describe_alarms"), ("dynamodb", "list_tables"), ("ec2", "describe_vpcs")),
        *(("events", "list_rules"), ("iam", "list_roles"), ("lambda", "list_functions")),
        *(("logs", "describe_log_groups"), ("route53", "list_hosted_zones"), ("s3", "list_buckets")),
        *(("sqs", "list_queues"), ("sts", "get_caller_identity")),
    ],
)
def test_a_request_is_refused_at_times_and_who_retries_gets_through(
    emulator: Emulator,
    be: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    service: str,
    operation: str,
    manner: str,
) -> None:
    """As each service words it, so that botocore sees that it is worth another try."""
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    be(**{manner: 1})
    client = emulator.client(service)
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        getattr(client, operation)()
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] > 0
    be()
    getattr(client, operation)()


def _wait_for_version(client: Any, function: str) -> None:
    waiter = client.get_waiter("published_version_active")
    waiter.wait(FunctionName=function, Qualifier="1", WaiterConfig={"Delay": 0.1, "MaxAttempts": 300})


def _code(request: Callable[[], Any]) -> str:
    """The code of the error that a request ends with."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        request()
    return str(caught.value.response["Error"]["Code"])


def _role(emulator: Emulator, name: str) -> str:
    role = emulator.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    return str(role["Role"]["Arn"])


def _function(emulator: Emulator, name: str, role: str = "") -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", "def handler(event, context):\n    return {}\n")
    client = emulator.client("lambda")
    client.create_function(
        FunctionName=name,
        Role=role or _role(emulator, f"{name}-role"),
        Runtime="python3.13",
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
        SnapStart={"ApplyOn": "PublishedVersions"},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
    return name


def _cache_policy(client: Any, name: str) -> str:
    policy = client.create_cache_policy(CachePolicyConfig={"Name": name, "MinTTL": 0})
    return str(policy["CachePolicy"]["Id"])


def _delete_cache_policy(client: Any, identifier: str) -> None:
    client.delete_cache_policy(Id=identifier, IfMatch=client.get_cache_policy(Id=identifier)["ETag"])


def _distribution(cache_policy: str, enabled: bool) -> dict[str, Any]:
    origin = {"Id": "origin", "DomainName": "example.org", "CustomOriginConfig": _ORIGIN}
    return {
        "CallerReference": "test",
        "Comment": "test",
        "Enabled": enabled,
        "Origins": {"Quantity": 1, "Items": [origin]},
        "DefaultCacheBehavior": {
            "TargetOriginId": "origin",
            "ViewerProtocolPolicy": "allow-all",
            "CachePolicyId": cache_policy,
        },
    }


_ORIGIN = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
