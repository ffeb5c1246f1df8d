"""EC2: networks, security groups and launch templates."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import MANAGED, Properties, Resource, superfluous_tags, tag_list, tag_map
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Field, Values

Thing = Mapping[str, Any]


class Kind(NamedTuple):
    """How EC2's API names a kind of thing: its tags, the request that lists it, what that returns, and its id there."""

    tagged_as: str
    listed_by: str
    listed_as: str
    id: str


class Ec2Resource(Resource):
    """A thing that EC2 gives an id."""

    kind: ClassVar[Kind]
    computed: ClassVar[tuple[str, ...]] = ("tagsAll",)
    tagged = True

    def listed(self, aws: Aws, **filters: str) -> list[Thing]:
        """Things of the kind that have these values, `vpc_id` for EC2's filter `vpc-id`."""
        asked = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        return list(getattr(aws.client("ec2"), self.kind.listed_by)(Filters=asked)[self.kind.listed_as])

    def tags_at_creation(self, aws: Aws, inputs: Properties) -> list[dict[str, Any]]:
        """The tags as EC2 takes them with the thing itself."""
        return [{"ResourceType": self.kind.tagged_as, "Tags": tag_list(aws.tags(inputs))}]

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        thing = self.described(aws, identifier)
        return {**self.properties(aws, thing), "tagsAll": tag_map(thing.get("Tags", []))} if thing else None

    def described(self, aws: Aws, identifier: str) -> Thing | None:
        """The thing of an id, as EC2 describes it."""
        request = {f"{self.kind.id}s": [identifier]}
        return next(iter(getattr(aws.client("ec2"), self.kind.listed_by)(**request)[self.kind.listed_as]), None)

    def properties(self, aws: Aws, thing: Thing) -> dict[str, Any]:
        """Its inputs and outputs, without tags."""
        raise NotImplementedError

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        if "tags" in changed:
            ec2, tags = aws.client("ec2"), aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                ec2.delete_tags(Resources=[identifier], Tags=[{"Key": key} for key in keys])
            if tags:
                ec2.create_tags(Resources=[identifier], Tags=tag_list(tags))


class Vpc(Ec2Resource):
    """A network."""

    tokens = ("aws:ec2/vpc:Vpc",)
    inputs = Block(fields={"cidrBlock": Field(required=True)})
    kind = Kind("vpc", "describe_vpcs", "Vpcs", "VpcId")
    replace_on = frozenset({"cidrBlock"})
    computed = ("defaultRouteTableId", "tagsAll")

    def create(self, aws: Aws, inputs: Properties) -> str:
        request = {"CidrBlock": inputs["cidrBlock"], "TagSpecifications": self.tags_at_creation(aws, inputs)}
        return str(aws.client("ec2").create_vpc(**request)["Vpc"]["VpcId"])

    def properties(self, aws: Aws, thing: Thing) -> dict[str, Any]:
        main = DefaultRouteTable().listed(aws, vpc_id=thing["VpcId"], **{"association.main": "true"})
        return {"cidrBlock": thing["CidrBlock"], "defaultRouteTableId": main[0]["RouteTableId"]}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("ec2").delete_vpc(VpcId=identifier)


class InternetGateway(Ec2Resource):
    """A network's way to the internet."""

    tokens = ("aws:ec2/internetGateway:InternetGateway",)
    inputs = Block(fields={"vpcId": Field()})
    kind = Kind(
        "internet-gateway",
        "describe_internet_gateways",
        "InternetGateways",
        "InternetGatewayId",
    )

    def create(self, aws: Aws, inputs: Properties) -> str:
        request = {"TagSpecifications": self.tags_at_creation(aws, inputs)}
        return str(aws.client("ec2").create_internet_gateway(**request)["InternetGateway"]["InternetGatewayId"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        if inputs.get("vpcId"):
            aws.client("ec2").attach_internet_gateway(InternetGatewayId=identifier, VpcId=inputs["vpcId"])

    def properties(self, aws: Aws, thing: Thing) -> dict[str, Any]:
        return {"vpcId": next((each["VpcId"] for each in thing["Attachments"]), None)}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        super().update(aws, identifier, known, inputs, changed)
        if "vpcId" in changed:
            self._detach(aws, identifier, known)
            self.complete(aws, identifier, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        self._detach(aws, identifier, known)
        aws.client("ec2").delete_internet_gateway(InternetGatewayId=identifier)

    def _detach(self, aws: Aws, identifier: str, known: Properties) -> None:
        if known.get("vpcId"):
            aws.client("ec2").detach_internet_gateway(InternetGatewayId=identifier, VpcId=known["vpcId"])


class DefaultRouteTable(Ec2Resource):
    """The route table that comes with a network; it is taken over, and goes with the network."""

    tokens = ("aws:ec2/defaultRouteTable:DefaultRouteTable",)
    inputs = Block(
        fields={
            "defaultRouteTableId": Field(required=True),
            "routes": Blocks(
                key="cidrBlock", of=Block(fields={"cidrBlock": Field(required=True), "gatewayId": Field(required=True)})
            ),
        }
    )
    kind = Kind("route-table", "describe_route_tables", "RouteTables", "RouteTableId")
    replace_on = frozenset({"defaultRouteTableId"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        """Take it over: it is there already."""
        return str(inputs["defaultRouteTableId"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        known = self.state(aws, identifier, inputs) or {}
        self.update(aws, identifier, known, inputs, {"routes", "tags"})

    def imported(self, aws: Aws, import_id: str) -> dict[str, str]:
        """By the id of its network."""
        main = self.listed(aws, vpc_id=import_id, **{"association.main": "true"})
        return {"id": str(main[0]["RouteTableId"]) if main else import_id}

    def properties(self, aws: Aws, thing: Thing) -> dict[str, Any]:
        routes = [
            {"cidrBlock": route["DestinationCidrBlock"], "gatewayId": route["GatewayId"]}
            for route in thing["Routes"]
            if route["GatewayId"] != "local"
        ]
        return {"defaultRouteTableId": thing["RouteTableId"], "routes": routes}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        super().update(aws, identifier, known, inputs, changed)
        if "routes" in changed:
            self.delete(aws, identifier, known)
            for route in inputs.get("routes", []):
                aws.client("ec2").create_route(
                    RouteTableId=identifier, DestinationCidrBlock=route["cidrBlock"], GatewayId=route["gatewayId"]
                )

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        for route in known.get("routes") or []:
            aws.client("ec2").delete_route(RouteTableId=identifier, DestinationCidrBlock=route["cidrBlock"])


class Subnet(Ec2Resource):
    """A part of a network, in one zone."""

    tokens = ("aws:ec2/subnet:Subnet",)
    inputs = Block(
        fields={
            "vpcId": Field(required=True),
            "cidrBlock": Field(required=True),
            "availabilityZone": Field(default=AWS_DECIDES),
            "mapPublicIpOnLaunch": Field(default=False),
        }
    )
    kind = Kind("subnet", "describe_subnets", "Subnets", "SubnetId")
    replace_on = frozenset({"vpcId", "cidrBlock", "availabilityZone"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        zone, block = inputs.get("availabilityZone"), inputs["cidrBlock"]
        if self.listed(aws, vpc_id=inputs["vpcId"], cidr_block=block):
            raise ProviderError(f"CreateSubnet: InvalidSubnet.Conflict: {block} conflicts with another subnet")
        request = {
            "VpcId": inputs["vpcId"],
            "CidrBlock": block,
            "TagSpecifications": self.tags_at_creation(aws, inputs),
            **({"AvailabilityZone": zone} if zone else {}),
        }
        return str(aws.client("ec2").create_subnet(**request)["Subnet"]["SubnetId"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        public = {"Value": inputs.get("mapPublicIpOnLaunch", False)}
        aws.client("ec2").modify_subnet_attribute(SubnetId=identifier, MapPublicIpOnLaunch=public)

    def properties(self, aws: Aws, thing: Thing) -> dict[str, Any]:
        return {
            "vpcId": thing["VpcId"],
            "cidrBlock": thing["CidrBlock"],
            "availabilityZone": thing["AvailabilityZone"],
            "mapPublicIpOnLaunch": thing["MapPublicIpOnLaunch"],
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        super().update(aws, identifier, known, inputs, changed)
        if "mapPublicIpOnLaunch" in changed:
            self.complete(aws, identifier, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("ec2").delete_subnet(SubnetId=identifier)


RULES = Blocks(
    of=Block(
        fields={
            "protocol": Field(aws="IpProtocol", required=True),
            "fromPort": Field(aws="FromPort", required=True),
            "toPort": Field(aws="ToPort", required=True),
            "cidrBlocks": Values(),
        }
    )
)


class SecurityGroup(Ec2Resource):
    """What may come in and go out; what EC2 allows a new group by itself is taken from it."""

    tokens = ("aws:ec2/securityGroup:SecurityGroup",)
    inputs = Block(
        fields={
            "name": Field(required=True),
            "vpcId": Field(required=True),
            "description": Field(default=MANAGED),
            "ingress": RULES,
            "egress": RULES,
        }
    )
    kind = Kind("security-group", "describe_security_groups", "SecurityGroups", "GroupId")
    replace_on = frozenset({"vpcId", "name", "description"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        created = aws.client("ec2").create_security_group(
            GroupName=inputs["name"],
            VpcId=inputs["vpcId"],
            Description=inputs.get("description", MANAGED),
            TagSpecifications=self.tags_at_creation(aws, inputs),
        )
        return str(created["GroupId"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        self._set_rules(aws, identifier, inputs, {"ingress", "egress"})

    def properties(self, aws: Aws, thing: Thing) -> dict[str, Any]:
        return {
            "name": thing["GroupName"],
            "vpcId": thing["VpcId"],
            "description": thing["Description"],
            "ingress": _rules_from_aws(thing["IpPermissions"]),
            "egress": _rules_from_aws(thing["IpPermissionsEgress"]),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        super().update(aws, identifier, known, inputs, changed)
        self._set_rules(aws, identifier, inputs, changed & {"ingress", "egress"})

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("ec2").delete_security_group(GroupId=identifier)

    def _set_rules(self, aws: Aws, identifier: str, inputs: Properties, directions: set[str]) -> None:
        ec2, group = aws.client("ec2"), self.described(aws, identifier) or {}
        for direction in directions:
            present = group["IpPermissions" if direction == "ingress" else "IpPermissionsEgress"]
            if present:
                getattr(ec2, f"revoke_security_group_{direction}")(GroupId=identifier, IpPermissions=present)
            if rules := _rules_to_aws(inputs.get(direction, [])):
                getattr(ec2, f"authorize_security_group_{direction}")(GroupId=identifier, IpPermissions=rules)


def _rules_to_aws(rules: Sequence[Properties]) -> list[dict[str, Any]]:
    return [
        {**RULES.of.to_aws(rule), "IpRanges": [{"CidrIp": block} for block in rule.get("cidrBlocks", [])]}
        for rule in rules
    ]


def _rules_from_aws(rules: Sequence[Thing]) -> list[dict[str, Any]]:
    return [
        {**RULES.of.from_aws(rule), "cidrBlocks": [each["CidrIp"] for each in rule.get("IpRanges", [])]}
        for rule in rules
    ]


class Flag(Field):
    """A truth that Pulumi writes as text."""

    def to_aws(self, value: Any) -> bool:
        return str(value).lower() == "true"

    def from_aws(self, value: Any) -> Any:
        return None if value is None else str(value).lower()


DATA = Block(
    fields={
        "imageId": Field(aws="ImageId"),
        "userData": Field(aws="UserData"),
        "vpcSecurityGroupIds": Values(aws="SecurityGroupIds"),
        "instanceInitiatedShutdownBehavior": Field(aws="InstanceInitiatedShutdownBehavior"),
        "iamInstanceProfile": Block(aws="IamInstanceProfile", fields={"arn": Field(aws="Arn")}),
        "metadataOptions": Block(
            aws="MetadataOptions",
            fields={
                "httpEndpoint": Field(aws="HttpEndpoint"),
                "httpTokens": Field(aws="HttpTokens"),
                "httpPutResponseHopLimit": Field(aws="HttpPutResponseHopLimit"),
            },
        ),
        "blockDeviceMappings": Blocks(
            aws="BlockDeviceMappings",
            key="deviceName",
            of=Block(
                fields={
                    "deviceName": Field(aws="DeviceName"),
                    "ebs": Block(
                        aws="Ebs",
                        fields={
                            "encrypted": Flag(aws="Encrypted"),
                            "volumeSize": Field(aws="VolumeSize"),
                            "volumeType": Field(aws="VolumeType"),
                        },
                    ),
                }
            ),
        ),
    }
)


class LaunchTemplate(Ec2Resource):
    """How instances are launched; a change is a new version."""

    tokens = ("aws:ec2/launchTemplate:LaunchTemplate",)
    inputs = Block(
        fields={"name": Field(required=True), "updateDefaultVersion": Field(default=False), **DATA.fields},
    )
    kind = Kind("launch-template", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId")
    replace_on = frozenset({"name"})
    computed = ("defaultVersion", "latestVersion", "tagsAll")

    def create(self, aws: Aws, inputs: Properties) -> str:
        created = aws.client("ec2").create_launch_template(
            LaunchTemplateName=inputs["name"],
            LaunchTemplateData=DATA.to_aws(inputs),
            TagSpecifications=self.tags_at_creation(aws, inputs),
        )
        return str(created["LaunchTemplate"]["LaunchTemplateId"])

    def properties(self, aws: Aws, thing: Thing) -> dict[str, Any]:
        response = aws.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=thing["LaunchTemplateId"], Versions=["$Latest"]
        )
        return {
            "name": thing["LaunchTemplateName"],
            "defaultVersion": thing["DefaultVersionNumber"],
            "latestVersion": thing["LatestVersionNumber"],
            **DATA.from_aws(response["LaunchTemplateVersions"][0]["LaunchTemplateData"]),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        super().update(aws, identifier, known, inputs, changed)
        if not changed & DATA.fields.keys():
            return
        ec2 = aws.client("ec2")
        version = ec2.create_launch_template_version(
            LaunchTemplateId=identifier, LaunchTemplateData=DATA.to_aws(inputs)
        )["LaunchTemplateVersion"]["VersionNumber"]
        if inputs.get("updateDefaultVersion"):
            ec2.modify_launch_template(LaunchTemplateId=identifier, DefaultVersion=str(version))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("ec2").delete_launch_template(LaunchTemplateId=identifier)

    def unknown_after(self, changed: set[str], known: Properties) -> tuple[str, ...]:
        return ("defaultVersion", "latestVersion") if changed & DATA.fields.keys() else ()
