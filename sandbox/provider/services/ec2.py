"""EC2: networks, security groups and launch templates."""

from collections.abc import Mapping
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import MANAGED, Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Blocks, Field, Shape, Text, Values

Thing = Mapping[str, Any]


class Ec2Resource(Resource):
    """A thing that EC2 gives an id, and that can't be deleted while others need it."""

    reads = "describe_{}s"
    tagged = True
    bears = {"deletes": ("DependencyViolation",)}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        kind = cls.noun.title().replace("_", "")
        cls.found_in, cls.id_as, cls.id_at = f"{kind}s", f"{kind}Id", f"{kind}.{kind}Id"

    def listed(self, aws: Aws, **filters: str) -> list[Thing]:
        """Things of the kind that have these values, `vpc_id` for EC2's filter `vpc-id`."""
        asked = [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in filters.items()]
        return list(getattr(aws.client("ec2"), self.operation("reads"))(Filters=asked)[self.found_in])


class Vpc(Ec2Resource):
    """A network."""

    inputs = {"cidrBlock": None}
    replaced_by = frozenset({"cidrBlock"})
    outputs = {"defaultRouteTableId": ""}
    differs_in = "waiting for it: the emulator's is there at once"

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        main = DefaultRouteTable().listed(aws, vpc_id=identifier, **{"association.main": "true"})
        return {"defaultRouteTableId": main[0]["RouteTableId"]}


class InternetGateway(Ec2Resource):
    """A network's way to the internet."""

    inputs = {"vpcId": Field(AWS_DECIDES, aws="Attachments.VpcId")}
    apart = {"attach": ("vpcId",)}
    waits_for = "its being attached"

    def attach(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        """Give it to the network, in the place of the one that has it."""
        self._detach(aws, identifier, known)
        if inputs.get("vpcId"):
            aws.client("ec2").attach_internet_gateway(InternetGatewayId=identifier, VpcId=inputs["vpcId"])

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        self._detach(aws, identifier, known)
        super().delete(aws, identifier, known)

    def _detach(self, aws: Aws, identifier: str, known: Properties) -> None:
        if known.get("vpcId"):
            aws.client("ec2").detach_internet_gateway(InternetGatewayId=identifier, VpcId=known["vpcId"])


class DefaultRouteTable(Ec2Resource):
    """The route table that comes with a network; it is taken over, and stays as it is until the network goes."""

    noun = "route_table"
    inputs = {
        "defaultRouteTableId": Field(aws="RouteTableId"),
        "routes": Blocks({"cidrBlock": Field(aws="DestinationCidrBlock"), "gatewayId": None}, default=AWS_DECIDES),
    }
    import_ids = ("{vpcId}",)
    replaced_by = frozenset({"defaultRouteTableId"})
    apart = {"lead": ("routes",)}

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

    def properties(self, told: Any, shape: Shape) -> dict[str, Any]:
        properties = super().properties(told, shape)
        return {**properties, "routes": [each for each in properties["routes"] if each["gatewayId"] != "local"]}

    def lead(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        ec2 = aws.client("ec2")
        for route in known.get("routes") or []:
            ec2.delete_route(RouteTableId=identifier, DestinationCidrBlock=route["cidrBlock"])
        for route in inputs.get("routes", []):
            place = {"RouteTableId": identifier, "DestinationCidrBlock": route["cidrBlock"]}
            ec2.create_route(**place, GatewayId=route["gatewayId"])

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        pass


class Subnet(Ec2Resource):
    """A part of a network, in one zone; the emulator takes a second one of the same addresses."""

    inputs = {"vpcId": None, "cidrBlock": None, "availabilityZone": AWS_DECIDES, "mapPublicIpOnLaunch": False}
    replaced_by = frozenset({"vpcId", "cidrBlock", "availabilityZone"})
    differs_in = "waiting for it: the emulator's is there at once"
    apart = {"give_addresses": ("mapPublicIpOnLaunch",)}

    def create(self, aws: Aws, inputs: Properties) -> str:
        block = inputs["cidrBlock"]
        if self.listed(aws, vpc_id=inputs["vpcId"], cidr_block=block):
            raise ProviderError(f"CreateSubnet: InvalidSubnet.Conflict: {block} conflicts with another subnet")
        return super().create(aws, inputs)

    def give_addresses(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        public = {"Value": inputs.get("mapPublicIpOnLaunch", False)}
        aws.client("ec2").modify_subnet_attribute(SubnetId=identifier, MapPublicIpOnLaunch=public)


RULE = {
    "protocol": Field(aws="IpProtocol"),
    **dict.fromkeys(("fromPort", "toPort")),
    "cidrBlocks": Values(aws="IpRanges", each="CidrIp"),
}


class SecurityGroup(Ec2Resource):
    """What may come in and go out; what EC2 allows a new group by itself is taken from it."""

    inputs = {
        "name": Field(aws="GroupName"),
        "vpcId": None,
        "description": MANAGED,
        "ingress": Blocks(RULE, key="", default=AWS_DECIDES, aws="IpPermissions"),
        "egress": Blocks(RULE, key="", default=AWS_DECIDES, aws="IpPermissionsEgress"),
    }
    replaced_by = frozenset({"vpcId", "name", "description"})
    apart = {"set_rules": ("ingress", "egress")}

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        self.set_rules(aws, identifier, {"egress": None}, inputs)

    def set_rules(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        ec2, own = aws.client("ec2"), self.own
        shape = aws.operation("ec2", "describe_security_groups").output_shape.members["SecurityGroups"].member
        group = ec2.describe_security_groups(GroupIds=[identifier])["SecurityGroups"][0]
        for direction in ("ingress", "egress"):
            ((name, rules_shape),) = own.fields[direction].place(direction, shape)
            if present := group[name]:
                getattr(ec2, f"revoke_security_group_{direction}")(GroupId=identifier, IpPermissions=present)
            if rules := own.fields[direction].to_aws(inputs.get(direction, []), rules_shape):
                getattr(ec2, f"authorize_security_group_{direction}")(GroupId=identifier, IpPermissions=rules)


SecurityGroup.id_as = SecurityGroup.id_at = "GroupId"


class LaunchTemplate(Ec2Resource):
    """How instances are launched; a change is a new version."""

    updates = "create_{}_version"
    given_in = "LaunchTemplateData"
    inputs = {
        "name": Field(aws="LaunchTemplateName"),
        "updateDefaultVersion": False,
        **dict.fromkeys(("imageId", "userData", "instanceInitiatedShutdownBehavior")),
        "vpcSecurityGroupIds": Values(aws="SecurityGroupIds"),
        "iamInstanceProfile": {"arn": None},
        "metadataOptions": {"httpEndpoint": None, "httpTokens": None, "httpPutResponseHopLimit": None},
        "blockDeviceMappings": [
            {"deviceName": None, "ebs": {"encrypted": Text(), "volumeSize": None, "volumeType": None}}
        ],
    }
    replaced_by = frozenset({"name"})
    ours = frozenset({"updateDefaultVersion"})
    outputs = {"defaultVersion": "DefaultVersionNumber", "latestVersion": "LatestVersionNumber"}
    differs_in = "changed tags, of which the emulator goes on to tell the old ones"

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """With the data of its latest version."""
        state, operation = super().read(aws, identifier, known), "describe_launch_template_versions"
        newest = {"LaunchTemplateId": identifier, "Versions": ["$Latest"]}
        version = aws.client("ec2").describe_launch_template_versions(**newest)["LaunchTemplateVersions"][0]
        shape = aws.operation("ec2", operation).output_shape.members["LaunchTemplateVersions"].member
        data = self.properties(version["LaunchTemplateData"], shape.members["LaunchTemplateData"])
        return state and {**state, **data}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        if changed - {"tags"} - self.ours:
            version = self.call(aws, "updates", inputs, identifier)["LaunchTemplateVersion"]["VersionNumber"]
            if inputs.get("updateDefaultVersion"):
                default = {"DefaultVersion": str(version)}
                aws.client("ec2").modify_launch_template(LaunchTemplateId=identifier, **default)
        super().update(aws, identifier, known, inputs, changed & {"tags"})

    def unknown_after(self, changed: set[str], known: Properties) -> tuple[str, ...]:
        return tuple(self.outputs) if changed - {"tags"} - self.ours else ()
