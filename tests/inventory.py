"""What an embedded AWS holds of the kinds that the stack is made of, and what the stack's state says it holds."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sandbox.emulator import Emulator

Thing = tuple[str, str]
"""A thing's type as Pulumi names it, and its id."""

# What is in the state, and in AWS is no thing by itself but a property of another: of a bucket, or a network.
PROPERTIES = frozenset(
    {
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:ec2/defaultRouteTable:DefaultRouteTable",
    }
)

# The end of a name that Pulumi has made up.
MADE_UP = re.compile(r"-[0-9a-f]{7}$")


def held(emulator: Emulator) -> dict[Thing, str]:
    """All things in the emulator, each with words that are the same after every deployment of the same source."""
    services = (
        _cloudfront,
        _api_gateway,
        _cognito,
        _lambda,
        _iam,
        _logs,
        _s3,
        _dynamodb,
        _sqs,
        _events,
        _ec2,
        _workers,
    )
    return dict(itertools.chain.from_iterable(things(emulator) for things in services))


def recorded(resources: Iterable[Mapping[str, Any]]) -> set[Thing]:
    """All things that the state says are in AWS."""
    return {
        (resource["type"], resource["id"])
        for resource in resources
        if resource["type"].startswith("aws:") and resource["type"] not in PROPERTIES
    }


def _cloudfront(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    client = emulator.client("cloudfront")
    for each in client.list_distributions()["DistributionList"].get("Items", []):
        origins = sorted(origin["Id"] for origin in each["Origins"]["Items"])
        yield ("aws:cloudfront/distribution:Distribution", each["Id"]), f"{each['Comment']} {origins}"
    for each in client.list_origin_access_controls()["OriginAccessControlList"].get("Items", []):
        yield ("aws:cloudfront/originAccessControl:OriginAccessControl", each["Id"]), each["Name"]
    for each in client.list_cache_policies(Type="custom")["CachePolicyList"].get("Items", []):
        policy = each["CachePolicy"]
        yield ("aws:cloudfront/cachePolicy:CachePolicy", policy["Id"]), policy["CachePolicyConfig"]["Name"]
    for each in client.list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"].get("Items", []):
        policy = each["ResponseHeadersPolicy"]
        name = policy["ResponseHeadersPolicyConfig"]["Name"]
        yield ("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy", policy["Id"]), name


def _api_gateway(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    client = emulator.client("apigatewayv2")
    for api in client.get_apis()["Items"]:
        yield ("aws:apigatewayv2/api:Api", api["ApiId"]), api["Name"]
        for each in client.get_integrations(ApiId=api["ApiId"])["Items"]:
            yield ("aws:apigatewayv2/integration:Integration", each["IntegrationId"]), each["IntegrationUri"]
        for each in client.get_routes(ApiId=api["ApiId"])["Items"]:
            yield ("aws:apigatewayv2/route:Route", each["RouteId"]), each["RouteKey"]
        for each in client.get_authorizers(ApiId=api["ApiId"])["Items"]:
            yield ("aws:apigatewayv2/authorizer:Authorizer", each["AuthorizerId"]), each["Name"]
        for each in client.get_stages(ApiId=api["ApiId"])["Items"]:
            yield ("aws:apigatewayv2/stage:Stage", each["StageName"]), each["StageName"]


def _cognito(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    client = emulator.client("cognito-idp")
    for pool in client.list_user_pools(MaxResults=60)["UserPools"]:
        yield ("aws:cognito/userPool:UserPool", pool["Id"]), pool["Name"]
        domain = client.describe_user_pool(UserPoolId=pool["Id"])["UserPool"].get("Domain")
        if domain:
            yield ("aws:cognito/userPoolDomain:UserPoolDomain", domain), domain
        for each in client.list_groups(UserPoolId=pool["Id"])["Groups"]:
            name = each["GroupName"]
            yield ("aws:cognito/userGroup:UserGroup", f"{pool['Id']}/{name}"), name
        for each in client.list_user_pool_clients(UserPoolId=pool["Id"])["UserPoolClients"]:
            yield ("aws:cognito/userPoolClient:UserPoolClient", each["ClientId"]), each["ClientName"]


def _lambda(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    client = emulator.client("lambda")
    for function in client.list_functions()["Functions"]:
        name = function["FunctionName"]
        yield ("aws:lambda/function:Function", name), f"{name} {MADE_UP.sub('', function['Role'])}"
        for each in client.list_aliases(FunctionName=name)["Aliases"]:
            yield ("aws:lambda/alias:Alias", each["AliasArn"]), each["AliasArn"]
            policy = json.loads(client.get_policy(FunctionName=name, Qualifier=each["Name"])["Policy"])
            for statement in policy["Statement"]:
                yield ("aws:lambda/permission:Permission", statement["Sid"]), statement["Sid"]
    for layer in client.list_layers()["Layers"]:
        for each in client.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]:
            # Which number it has depends on how often it was made: one that was recovered is replaced.
            yield ("aws:lambda/layerVersion:LayerVersion", each["LayerVersionArn"]), layer["LayerArn"]


def _iam(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    client = emulator.client("iam")
    for role in client.list_roles()["Roles"]:
        yield ("aws:iam/role:Role", role["RoleName"]), MADE_UP.sub("", role["RoleName"])
        for name in client.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            yield ("aws:iam/rolePolicy:RolePolicy", f"{role['RoleName']}:{name}"), name
        for each in client.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]:
            attachment = f"{role['RoleName']}/{each['PolicyArn']}"
            yield ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", attachment), attachment
    for each in client.list_instance_profiles()["InstanceProfiles"]:
        roles = [role["RoleName"] for role in each["Roles"]]
        yield ("aws:iam/instanceProfile:InstanceProfile", each["InstanceProfileName"]), f"{each['Path']} {roles}"


def _events(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    client = emulator.client("events")
    for rule in client.list_rules()["Rules"]:
        yield ("aws:cloudwatch/eventRule:EventRule", rule["Name"]), rule["Name"]
        for each in client.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            target = f"{rule['Name']}-{each['Id']}"
            yield ("aws:cloudwatch/eventTarget:EventTarget", target), target


def _logs(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    for each in emulator.client("logs").describe_log_groups()["logGroups"]:
        name = each["logGroupName"]
        yield ("aws:cloudwatch/logGroup:LogGroup", name), f"{name} {each.get('retentionInDays')} days"


def _s3(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    client = emulator.client("s3")
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        yield ("aws:s3/bucket:Bucket", name), name
        for each in client.list_objects_v2(Bucket=name).get("Contents", []):
            yield ("aws:s3/bucketObject:BucketObject", f"{name}/{each['Key']}"), f"{name}/{each['Key']}"


def _dynamodb(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    for name in emulator.client("dynamodb").list_tables()["TableNames"]:
        yield ("aws:dynamodb/table:Table", name), name


def _sqs(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    for url in emulator.client("sqs").list_queues().get("QueueUrls", []):
        yield ("aws:sqs/queue:Queue", url), url.rpartition("/")[2]


def _ec2(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    """Networks and launch templates; the emulator begins with a default network."""
    client = emulator.client("ec2")
    networks = [each["VpcId"] for each in client.describe_vpcs()["Vpcs"] if not each["IsDefault"]]
    inside = [{"Name": "vpc-id", "Values": [*networks, "none"]}]
    for network in networks:
        yield ("aws:ec2/vpc:Vpc", network), "network"
    for each in client.describe_internet_gateways()["InternetGateways"]:
        attached = [attachment["VpcId"] for attachment in each["Attachments"]]
        if not attached or set(attached) & set(networks):
            yield ("aws:ec2/internetGateway:InternetGateway", each["InternetGatewayId"]), f"{len(attached)} networks"
    for each in client.describe_subnets(Filters=inside)["Subnets"]:
        yield ("aws:ec2/subnet:Subnet", each["SubnetId"]), f"{each['CidrBlock']} {each['MapPublicIpOnLaunch']}"
    for each in client.describe_security_groups(Filters=inside)["SecurityGroups"]:
        if each["GroupName"] != "default":
            rules = [each["IpPermissions"], each["IpPermissionsEgress"]]
            yield ("aws:ec2/securityGroup:SecurityGroup", each["GroupId"]), f"{each['GroupName']} {rules}"
    for each in client.describe_launch_templates()["LaunchTemplates"]:
        template = each["LaunchTemplateId"]
        yield ("aws:ec2/launchTemplate:LaunchTemplate", template), each["LaunchTemplateName"]


def _workers(emulator: Emulator) -> Iterator[tuple[Thing, str]]:
    client = emulator.client("autoscaling")
    for each in client.describe_auto_scaling_groups()["AutoScalingGroups"]:
        name = each["AutoScalingGroupName"]
        yield ("aws:autoscaling/group:Group", name), f"{name} {each['MaxSize']}"
    for each in client.describe_policies()["ScalingPolicies"]:
        policy = f"{each['AutoScalingGroupName']}/{each['PolicyName']}"
        yield ("aws:autoscaling/policy:Policy", each["PolicyName"]), f"{policy} {each['StepAdjustments']}"
    for each in emulator.client("cloudwatch").describe_alarms()["MetricAlarms"]:
        yield ("aws:cloudwatch/metricAlarm:MetricAlarm", each["AlarmName"]), each["AlarmName"]
