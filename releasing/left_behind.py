"""How AWS is asked whether it has what an interrupted deployment was creating.

For each resource type of the program: by its name where it has one, else by what tells it from others of its kind. What
a look finds are ids as `pulumi import` takes them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import botocore.exceptions

from releasing.aws_connection import is_gone

Properties = Mapping[str, Any]
Client = Callable[[str], Any]
"""Makes a boto3 client of a service, in the region that a resource is in."""
Look = Callable[[Client, Properties], Sequence[str]]
"""Takes the resource's inputs; returns the import ids of what may be it."""


def named(service: str, operation: str, import_id: str, **parameters: str) -> Look:
    """What an operation finds by inputs; AWS's parameters and the inputs that they are, as in `RoleName="name"`."""

    def look(client: Client, inputs: Properties) -> list[str]:
        request = {parameter: inputs[name] for parameter, name in parameters.items()}
        getattr(client(service), operation)(**request)
        return [import_id.format_map(inputs)]

    return look


def listed(service: str, operation: str, found_in: str, import_id: str, like: Mapping[str, str], **where: str) -> Look:
    """What a list has that is like the inputs.

    Args:
        service: boto3's name of the service.
        operation: What lists them.
        found_in: Where the items are in its answer, with a dot where that nests.
        import_id: The import id's form, of inputs and of the item's own properties.
        like: The item's properties, and the inputs that they have to be.
        where: Parameters of the operation that are inputs.

    """

    def look(client: Client, inputs: Properties) -> list[str]:
        request: dict[str, Any] = {parameter: inputs[name] for parameter, name in where.items()}
        items = _all(client(service), operation, found_in, {**FURTHER.get(operation, {}), **request})
        return [
            import_id.format_map({**inputs, **item})
            for item in items
            if all(_of(item, key) == inputs.get(name) for key, name in like.items())
        ]

    return look


def tagged(look: Look, tags_of: Callable[[Client, str], Mapping[str, str]]) -> Look:
    """What of a look's finds has the inputs' tags: others may have the name, such as the site that was there before."""

    def look_at_tags(client: Client, inputs: Properties) -> list[str]:
        tags = inputs.get("tags") or {}
        return [each for each in look(client, inputs) if tags.items() <= tags_of(client, each).items()]

    return look_at_tags


def _tags_of_certificate(client: Client, arn: str) -> dict[str, str]:
    return _as_mapping(client("acm").list_tags_for_certificate(CertificateArn=arn)["Tags"])


def _tags_of_api(client: Client, identifier: str) -> dict[str, str]:
    return dict(client("apigatewayv2").get_api(ApiId=identifier).get("Tags", {}))


def _tags_of_distribution(client: Client, identifier: str) -> dict[str, str]:
    arn = client("cloudfront").get_distribution(Id=identifier)["Distribution"]["ARN"]
    return _as_mapping(client("cloudfront").list_tags_for_resource(Resource=arn)["Tags"].get("Items", []))


def _tags_of_user_pool(client: Client, identifier: str) -> dict[str, str]:
    return dict(client("cognito-idp").describe_user_pool(UserPoolId=identifier)["UserPool"].get("UserPoolTags", {}))


def _as_mapping(tags: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


FURTHER: Mapping[str, Mapping[str, Any]] = {
    "list_certificates": {"CertificateStatuses": ["PENDING_VALIDATION", "ISSUED"]},
    "list_cache_policies": {"Type": "custom"},
    "list_response_headers_policies": {"Type": "custom"},
    "list_user_pools": {"MaxResults": 60},
    "list_user_pool_clients": {"MaxResults": 60},
}
"""What else an operation has to be told."""


def _all(client: Any, operation: str, found_in: str, request: Mapping[str, Any]) -> Iterator[Properties]:
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**request):
            yield from _of(page, found_in) or []
        return
    # Some of CloudFront's lists, and whatever comes as a whole.
    marker: dict[str, str] = {}
    while True:
        answer = getattr(client, operation)(**request, **marker)
        yield from _of(answer, found_in) or []
        place = _of(answer, found_in.rpartition(".")[0]) if "." in found_in else {}
        if not place.get("NextMarker"):
            return
        marker = {"Marker": place["NextMarker"]}


def _of(item: Any, path: str) -> Any:
    for name in path.split("."):
        item = (item or {}).get(name)
    return item


def _policy(place: str, operation: str, kind: str) -> Look:
    """A config of CloudFront that has a name, below the kind's own name in its list."""

    def look(client: Client, inputs: Properties) -> list[str]:
        items = _all(client("cloudfront"), operation, f"{place}.Items", FURTHER.get(operation, {}))
        own = [each[kind] for each in items]
        return [str(each["Id"]) for each in own if each[f"{kind}Config"]["Name"] == inputs["name"]]

    return look


def _layer_version(client: Client, inputs: Properties) -> list[str]:
    """The newest that holds this code."""
    versions = list(_all(client("lambda"), "list_layer_versions", "LayerVersions", {"LayerName": inputs["layerName"]}))
    for each in versions:
        request = {"LayerName": inputs["layerName"], "VersionNumber": each["Version"]}
        if client("lambda").get_layer_version(**request)["Content"]["CodeSha256"] == inputs.get("sourceCodeHash"):
            return [str(each["LayerVersionArn"])]
    return []


def _permission(client: Client, inputs: Properties) -> list[str]:
    function, qualifier, statement = inputs["function"], inputs.get("qualifier"), inputs["statementId"]
    request = {"FunctionName": function, **({"Qualifier": qualifier} if qualifier else {})}
    policy = json.loads(client("lambda").get_policy(**request)["Policy"])
    if statement not in [each["Sid"] for each in policy["Statement"]]:
        return []
    return [f"{function}:{qualifier}/{statement}" if qualifier else f"{function}/{statement}"]


def _user_pool_domain(client: Client, inputs: Properties) -> list[str]:
    """Ours; another account may have one of the name."""
    found = client("cognito-idp").describe_user_pool_domain(Domain=inputs["domain"])["DomainDescription"]
    return [str(inputs["domain"])] if found.get("UserPoolId") == inputs["userPoolId"] else []


def _record(client: Client, inputs: Properties) -> list[str]:
    name, kind, zone = str(inputs["name"]).lower().rstrip("."), inputs["type"], inputs["zoneId"]
    place = {"HostedZoneId": zone, "StartRecordName": name, "StartRecordType": kind, "MaxItems": "1"}
    for each in client("route53").list_resource_record_sets(**place)["ResourceRecordSets"]:
        if (each["Name"].rstrip(".").replace("\\052", "*"), each["Type"]) == (name, kind):
            return [f"{zone}_{name}_{kind}"]
    return []


def _queue(client: Client, inputs: Properties) -> list[str]:
    return [str(client("sqs").get_queue_url(QueueName=inputs["name"])["QueueUrl"])]


def _queue_policy(client: Client, inputs: Properties) -> list[str]:
    request = {"QueueUrl": inputs["queueUrl"], "AttributeNames": ["Policy"]}
    return [inputs["queueUrl"]] if client("sqs").get_queue_attributes(**request).get("Attributes") else []


def _of_ec2(operation: str, found_in: str, id_name: str, **filters: str) -> Look:
    """By EC2's filters, `vpc_id` for `vpc-id`, and by the tags that such things have from the beginning."""

    def look(client: Client, inputs: Properties) -> list[str]:
        asked = {name.replace("_", "-"): inputs[given] for name, given in filters.items()}
        asked |= {f"tag:{key}": value for key, value in (inputs.get("tags") or {}).items()}
        answer = getattr(client("ec2"), operation)(Filters=[{"Name": k, "Values": [v]} for k, v in asked.items()])
        return [str(each[id_name]) for each in answer[found_in]]

    return look


def _default_route_table(client: Client, inputs: Properties) -> list[str]:
    """It is imported by its network's id."""
    tables = client("ec2").describe_route_tables(RouteTableIds=[inputs["defaultRouteTableId"]])["RouteTables"]
    return [str(each["VpcId"]) for each in tables]


def _nothing(client: Client, inputs: Properties) -> list[str]:
    """What is nothing in AWS by itself."""
    return []


_API = {"ApiId": "apiId"}
_POOL = {"UserPoolId": "userPoolId"}
_BUCKET = {"Bucket": "bucket"}
LOOKS: Mapping[str, Look] = {
    "aws:acm/certificate:Certificate": tagged(
        listed("acm", "list_certificates", "CertificateSummaryList", "{CertificateArn}", {"DomainName": "domainName"}),
        _tags_of_certificate,
    ),
    "aws:acm/certificateValidation:CertificateValidation": _nothing,
    "aws:apigatewayv2/api:Api": tagged(
        listed("apigatewayv2", "get_apis", "Items", "{ApiId}", {"Name": "name"}), _tags_of_api
    ),
    "aws:apigatewayv2/authorizer:Authorizer": listed(
        "apigatewayv2", "get_authorizers", "Items", "{apiId}/{AuthorizerId}", {"Name": "name"}, **_API
    ),
    "aws:apigatewayv2/integration:Integration": listed(
        "apigatewayv2",
        "get_integrations",
        "Items",
        "{apiId}/{IntegrationId}",
        {"IntegrationType": "integrationType", "IntegrationUri": "integrationUri"},
        **_API,
    ),
    "aws:apigatewayv2/route:Route": listed(
        "apigatewayv2", "get_routes", "Items", "{apiId}/{RouteId}", {"RouteKey": "routeKey"}, **_API
    ),
    "aws:apigatewayv2/stage:Stage": named("apigatewayv2", "get_stage", "{apiId}/{name}", StageName="name", **_API),
    "aws:autoscaling/group:Group": listed(
        "autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "{name}", {"AutoScalingGroupName": "name"}
    ),
    "aws:autoscaling/policy:Policy": listed(
        "autoscaling",
        "describe_policies",
        "ScalingPolicies",
        "{autoscalingGroupName}/{name}",
        {"PolicyName": "name"},
        AutoScalingGroupName="autoscalingGroupName",
    ),
    "aws:cloudfront/cachePolicy:CachePolicy": _policy("CachePolicyList", "list_cache_policies", "CachePolicy"),
    "aws:cloudfront/distribution:Distribution": tagged(
        listed("cloudfront", "list_distributions", "DistributionList.Items", "{Id}", {"Comment": "comment"}),
        _tags_of_distribution,
    ),
    "aws:cloudfront/originAccessControl:OriginAccessControl": listed(
        "cloudfront", "list_origin_access_controls", "OriginAccessControlList.Items", "{Id}", {"Name": "name"}
    ),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": _policy(
        "ResponseHeadersPolicyList", "list_response_headers_policies", "ResponseHeadersPolicy"
    ),
    "aws:cloudwatch/eventRule:EventRule": named("events", "describe_rule", "{name}", Name="name"),
    "aws:cloudwatch/eventTarget:EventTarget": listed(
        "events", "list_targets_by_rule", "Targets", "{rule}/{targetId}", {"Id": "targetId"}, Rule="rule"
    ),
    "aws:cloudwatch/logGroup:LogGroup": listed(
        "logs", "describe_log_groups", "logGroups", "{name}", {"logGroupName": "name"}, logGroupNamePrefix="name"
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": listed(
        "cloudwatch", "describe_alarms", "MetricAlarms", "{name}", {"AlarmName": "name"}
    ),
    "aws:cognito/userGroup:UserGroup": named(
        "cognito-idp", "get_group", "{userPoolId}/{name}", GroupName="name", **_POOL
    ),
    "aws:cognito/userPool:UserPool": tagged(
        listed("cognito-idp", "list_user_pools", "UserPools", "{Id}", {"Name": "name"}), _tags_of_user_pool
    ),
    "aws:cognito/userPoolClient:UserPoolClient": listed(
        "cognito-idp",
        "list_user_pool_clients",
        "UserPoolClients",
        "{userPoolId}/{ClientId}",
        {"ClientName": "name"},
        **_POOL,
    ),
    "aws:cognito/userPoolDomain:UserPoolDomain": _user_pool_domain,
    "aws:dynamodb/table:Table": named("dynamodb", "describe_table", "{name}", TableName="name"),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": _default_route_table,
    "aws:ec2/internetGateway:InternetGateway": _of_ec2(
        "describe_internet_gateways", "InternetGateways", "InternetGatewayId"
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": _of_ec2(
        "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId", launch_template_name="name"
    ),
    "aws:ec2/securityGroup:SecurityGroup": _of_ec2(
        "describe_security_groups", "SecurityGroups", "GroupId", vpc_id="vpcId", group_name="name"
    ),
    "aws:ec2/subnet:Subnet": _of_ec2("describe_subnets", "Subnets", "SubnetId", vpc_id="vpcId", cidr_block="cidrBlock"),
    "aws:ec2/vpc:Vpc": _of_ec2("describe_vpcs", "Vpcs", "VpcId", cidr="cidrBlock"),
    "aws:iam/instanceProfile:InstanceProfile": named(
        "iam", "get_instance_profile", "{name}", InstanceProfileName="name"
    ),
    "aws:iam/role:Role": named("iam", "get_role", "{name}", RoleName="name"),
    "aws:iam/rolePolicy:RolePolicy": named(
        "iam", "get_role_policy", "{role}:{name}", RoleName="role", PolicyName="name"
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": listed(
        "iam",
        "list_attached_role_policies",
        "AttachedPolicies",
        "{role}/{policyArn}",
        {"PolicyArn": "policyArn"},
        RoleName="role",
    ),
    "aws:lambda/alias:Alias": named(
        "lambda", "get_alias", "{functionName}/{name}", FunctionName="functionName", Name="name"
    ),
    "aws:lambda/function:Function": named("lambda", "get_function", "{name}", FunctionName="name"),
    "aws:lambda/layerVersion:LayerVersion": _layer_version,
    "aws:lambda/permission:Permission": _permission,
    "aws:route53/record:Record": _record,
    "aws:s3/bucket:Bucket": listed("s3", "list_buckets", "Buckets", "{bucket}", {"Name": "bucket"}),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": named(
        "s3", "get_bucket_lifecycle_configuration", "{bucket}", **_BUCKET
    ),
    "aws:s3/bucketObject:BucketObject": named("s3", "head_object", "{bucket}/{key}", Key="key", **_BUCKET),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": named(
        "s3", "get_bucket_ownership_controls", "{bucket}", **_BUCKET
    ),
    "aws:s3/bucketPolicy:BucketPolicy": named("s3", "get_bucket_policy", "{bucket}", **_BUCKET),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": named(
        "s3", "get_public_access_block", "{bucket}", **_BUCKET
    ),
    "aws:sqs/queue:Queue": _queue,
    "aws:sqs/queuePolicy:QueuePolicy": _queue_policy,
}
"""How AWS is asked for each type that the program declares."""


def found(client: Client, type_: str, inputs: Properties) -> Sequence[str]:
    """The import ids of what may be this resource; none where AWS says that there is no such thing.

    Raises:
        KeyError: the type is not known here.
        ClientError: AWS refuses to tell.

    """
    try:
        return LOOKS[type_](client, inputs)
    except botocore.exceptions.ClientError as error:
        if is_gone(error):
            return []
        raise
