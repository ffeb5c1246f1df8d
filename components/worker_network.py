"""The network of GPU hosts: a way out over HTTPS, and none in."""

import pulumi
import pulumi_aws as aws

from components.settings import Settings

ANYWHERE = "0.0.0.0/0"
ADDRESSES = "10.0.0.0/19"


class WorkerNetwork(pulumi.ComponentResource):
    """A VPC with a public subnet in each of some zones, and the security group of the hosts in it.

    A public address and a closed group cost nothing while no host runs; a NAT gateway would cost its hours.
    """

    subnets: list[aws.ec2.Subnet]
    security_group: aws.ec2.SecurityGroup

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("dashboard:workers:WorkerNetwork", name, None, opts)
        self._settings = settings
        self._tags = settings.tags("workers")
        self._child = pulumi.ResourceOptions(parent=self)

        self._vpc = aws.ec2.Vpc("workers", cidr_block=ADDRESSES, tags=self._tags, opts=self._child)
        self._lead_out()
        self.subnets = [self._create_subnet(zone) for zone in settings.gpu_zones.split(",")]
        self.security_group = self._create_security_group()

        self.register_outputs({"vpc": self._vpc.id})

    def _lead_out(self) -> None:
        gateway = aws.ec2.InternetGateway("workers", vpc_id=self._vpc.id, tags=self._tags, opts=self._child)
        aws.ec2.DefaultRouteTable(
            "workers",
            default_route_table_id=self._vpc.default_route_table_id,
            routes=[aws.ec2.DefaultRouteTableRouteArgs(cidr_block=ANYWHERE, gateway_id=gateway.id)],
            tags=self._tags,
            opts=self._child,
        )

    def _create_subnet(self, letter: str) -> aws.ec2.Subnet:
        return aws.ec2.Subnet(
            f"workers-{letter}",
            vpc_id=self._vpc.id,
            cidr_block=f"10.0.{ord(letter) - ord('a')}.0/24",
            availability_zone=pulumi.Output.concat(aws.get_region_output().region, letter),
            map_public_ip_on_launch=True,
            tags=self._tags,
            opts=self._child,
        )

    def _create_security_group(self) -> aws.ec2.SecurityGroup:
        https = aws.ec2.SecurityGroupEgressArgs(protocol="tcp", from_port=443, to_port=443, cidr_blocks=[ANYWHERE])
        return aws.ec2.SecurityGroup(
            "workers",
            name=self._settings.name("workers"),
            description="GPU hosts: HTTPS out, nothing in.",
            vpc_id=self._vpc.id,
            ingress=[],
            egress=[https],
            tags=self._tags,
            opts=self._child,
        )
