"""What the program promises of the hosts on which workers run."""

import base64
from collections.abc import Callable
from typing import Any

import pytest

from releasing.worker_package import package_worker
from tests.components.conftest import ROOT, Program

RunProgram = Callable[..., Program]

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
GROUP = "aws:autoscaling/group:Group"
OBJECT = "aws:s3/bucketObject:BucketObject"
POLICY = "aws:autoscaling/policy:Policy"
ROUTES = "aws:ec2/defaultRouteTable:DefaultRouteTable"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
SUBNET = "aws:ec2/subnet:Subnet"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


@pytest.fixture
def four_hosts(run_program: RunProgram) -> Program:
    return run_program("production", hostedZoneId="Z0123456789", gpuHostsMaximum="4", gpuInstanceTypes="g5.xlarge")


def test_unless_the_configuration_says_otherwise_there_is_nothing_of_them(run_program: RunProgram) -> None:
    program = run_program("production", hostedZoneId="Z0123456789")
    services = {resource.typ.split(":")[1].split("/")[0] for resource in program.resources if ":" in resource.typ}
    assert not {"autoscaling", "ec2"} & services
    assert not program.all(ALARM)
    assert not program.all(ATTACHMENT)


def test_spot_instances_come_first_and_one_on_demand_where_there_are_none(four_hosts: Program) -> None:
    spot, on_demand = (_group(four_hosts, name) for name in ("spot-workers", "on-demand-workers"))
    assert (spot["maxSize"], on_demand["maxSize"]) == (4, 1)
    shares = [_distribution(group)["onDemandPercentageAboveBaseCapacity"] for group in (spot, on_demand)]
    assert shares == [0, 100]
    for group in (spot, on_demand):
        assert group["minSize"] == 0
        assert "desiredCapacity" not in group
        assert group["capacityRebalance"] is True
        launched = group["mixedInstancesPolicy"]["launchTemplate"]
        assert launched["overrides"] == [{"instanceType": "g5.xlarge"}]
        assert launched["launchTemplateSpecification"]["version"] == "$Latest"


def test_hosts_are_launched_for_waiting_jobs_also_from_zero(four_hosts: Program) -> None:
    alarm, (policy,) = _scaling(four_hosts, "worker-backlog")
    assert _expression(alarm) == "waiting / IF(FILL(hosts, 0) > 1, hosts, 1)"
    assert _metrics(alarm)["waiting"]["metricName"] == "ApproximateNumberOfMessagesVisible"
    assert _metrics(alarm)["hosts"]["dimensions"] == {
        "AutoScalingGroupName": "ai-video-codec-dashboard-production-spot-workers"
    }
    assert (policy["adjustmentType"], policy["autoscalingGroupName"]) == (
        "ChangeInCapacity",
        "ai-video-codec-dashboard-production-spot-workers",
    )
    assert [(step["metricIntervalLowerBound"], step["scalingAdjustment"]) for step in policy["stepAdjustments"]] == [
        *(("0", 1), ("3", 2), ("15", 4))
    ]


def test_one_is_launched_on_demand_where_jobs_wait_and_there_is_no_spot_instance(four_hosts: Program) -> None:
    alarm, (policy,) = _scaling(four_hosts, "no-spot-workers")
    assert _expression(alarm) == "IF(FILL(hosts, 0) > 0, 0, waiting)"
    assert alarm["evaluationPeriods"] == 10
    assert policy["autoscalingGroupName"].endswith("-on-demand-workers")
    assert (policy["adjustmentType"], policy["stepAdjustments"][0]["scalingAdjustment"]) == ("ExactCapacity", 1)


def test_they_go_when_no_job_waits_and_none_is_in_work(four_hosts: Program) -> None:
    alarm, policies = _scaling(four_hosts, "idle-workers")
    assert _expression(alarm) == "IF(waiting + FILL(working, 0) > 0, 0, 1)"
    assert _metrics(alarm)["working"]["metricName"] == "ApproximateNumberOfMessagesNotVisible"
    assert alarm["evaluationPeriods"] == 10
    assert len({policy["autoscalingGroupName"] for policy in policies}) == 2
    for policy in policies:
        assert (policy["adjustmentType"], policy["stepAdjustments"][0]["scalingAdjustment"]) == ("ExactCapacity", 0)
    assert all(group["suspendedProcesses"] == ["AZRebalance"] for group in four_hosts.all(GROUP))


def test_nothing_comes_in_and_only_https_goes_out(four_hosts: Program) -> None:
    group = four_hosts.one(SECURITY_GROUP)
    assert group["ingress"] == []
    assert group["egress"] == [{"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["0.0.0.0/0"]}]
    assert four_hosts.one(TEMPLATE)["vpcSecurityGroupIds"] == ["SecurityGroup-workers-id"]
    zones = {subnet["availabilityZone"]: subnet["cidrBlock"] for subnet in four_hosts.all(SUBNET)}
    assert zones == {"us-east-1a": "10.0.0.0/24", "us-east-1b": "10.0.1.0/24", "us-east-1c": "10.0.2.0/24"}
    (route,) = four_hosts.one(ROUTES)["routes"]
    assert route == {"cidrBlock": "0.0.0.0/0", "gatewayId": "InternetGateway-workers-id"}


def test_a_host_gives_its_role_to_none_but_itself_and_keeps_no_plain_disk(four_hosts: Program) -> None:
    template = four_hosts.one(TEMPLATE)
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    assert [mapping["ebs"]["encrypted"] for mapping in template["blockDeviceMappings"]] == ["true"]
    assert template["imageId"].startswith("resolve:ssm:/aws/service/deeplearning/ami/x86_64/")
    assert template["instanceInitiatedShutdownBehavior"] == "terminate"
    assert "keyName" not in template


def test_administrators_come_in_by_systems_manager(four_hosts: Program) -> None:
    assert four_hosts.one(ATTACHMENT)["policyArn"].endswith(":policy/AmazonSSMManagedInstanceCore")


def test_a_host_installs_the_worker_of_the_commit(four_hosts: Program) -> None:
    package = package_worker(ROOT)
    artefact = four_hosts.one(OBJECT, sourceHash=package.sha256)
    installation = base64.b64decode(four_hosts.one(TEMPLATE)["userData"]).decode()
    assert f"export ARTEFACT=s3://{artefact['bucket']}/{artefact['key']}\n" in installation
    assert f"export ARTEFACT_SHA256={package.sha256}\n" in installation
    assert "export GPU_HOUR_USD=0.526\n" in installation
    assert len(installation) < 16 * 1024  # EC2's limit


def test_a_worker_may_do_what_its_work_takes_and_nothing_else(four_hosts: Program) -> None:
    statements = {each["Sid"]: each for each in four_hosts.policies()["worker"]}
    assert {action for each in statements.values() for action in _as_list(each["Action"])} == {
        *("sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:SendMessage"),
        *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"),
        "dynamodb:BatchWriteItem",
        *("s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
    }
    keys = statements["WriteExperiments"]["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert not {"AUDIT", "RELEASES", "*"} & set(keys)
    assert statements["PublishFiles"]["Resource"].endswith("/experiments/*")


def _group(program: Program, name: str) -> dict[str, Any]:
    return program.one(GROUP, name=f"ai-video-codec-dashboard-production-{name}")


def _distribution(group: dict[str, Any]) -> dict[str, Any]:
    return dict(group["mixedInstancesPolicy"]["instancesDistribution"])


def _scaling(program: Program, alarm: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """An alarm, and the policies that it sets off."""
    raised = program.one(ALARM, name=f"ai-video-codec-dashboard-production-{alarm}")
    assert (raised["comparisonOperator"], raised["threshold"]) == ("GreaterThanOrEqualToThreshold", 1)
    names = [action.rsplit(":", 1)[-1] for action in raised["alarmActions"]]
    return raised, [program.one(POLICY, name=name) for name in names]


def _expression(alarm: dict[str, Any]) -> str:
    (result,) = [query for query in alarm["metricQueries"] if query.get("returnData")]
    return str(result["expression"])


def _metrics(alarm: dict[str, Any]) -> dict[str, Any]:
    return {query["id"]: query["metric"] for query in alarm["metricQueries"] if "metric" in query}


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
