"""EC2 Auto Scaling: groups and their policies. The emulator launches nothing."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, Setting
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Field, Values

TAGS = Blocks(
    key="key",
    of=Block(
        fields={
            "key": Field(aws="Key", required=True),
            "value": Field(aws="Value", required=True),
            "propagateAtLaunch": Field(aws="PropagateAtLaunch", required=True),
        }
    ),
)
MIXED_INSTANCES = Block(
    fields={
        "launchTemplate": Block(
            aws="LaunchTemplate",
            fields={
                "launchTemplateSpecification": Block(
                    aws="LaunchTemplateSpecification",
                    fields={"launchTemplateId": Field(aws="LaunchTemplateId"), "version": Field(aws="Version")},
                ),
                "overrides": Blocks(
                    aws="Overrides", ordered=True, of=Block(fields={"instanceType": Field(aws="InstanceType")})
                ),
            },
        ),
        "instancesDistribution": Block(
            aws="InstancesDistribution",
            fields={
                "onDemandBaseCapacity": Field(aws="OnDemandBaseCapacity"),
                "onDemandPercentageAboveBaseCapacity": Field(aws="OnDemandPercentageAboveBaseCapacity"),
                "spotAllocationStrategy": Field(aws="SpotAllocationStrategy"),
            },
        ),
    }
)


class Group(Resource):
    """A group of instances. Its metrics and suspended processes the emulator does not know, nor its kinds of instances.

    What it does not tell of them stays as the stack knows it.
    """

    tokens = ("aws:autoscaling/group:Group",)
    inputs = Block(
        fields={
            "name": Field(required=True),
            "minSize": Field(required=True),
            "maxSize": Field(required=True),
            "vpcZoneIdentifiers": Values(),
            "mixedInstancesPolicy": MIXED_INSTANCES,
            "capacityRebalance": Field(default=False),
            "enabledMetrics": Values(),
            "suspendedProcesses": Values(),
            "tags": TAGS,
        }
    )
    identity = ("name",)
    computed = ("arn",)

    def create(self, aws: Aws, inputs: Properties) -> str:
        tags = TAGS.to_aws(inputs.get("tags", []))
        aws.client("autoscaling").create_auto_scaling_group(**self._request(inputs), Tags=tags)
        return str(inputs["name"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        client = aws.client("autoscaling")
        groups = client.describe_auto_scaling_groups(AutoScalingGroupNames=[identifier])["AutoScalingGroups"]
        if not groups:
            return None
        return {
            "name": identifier,
            "minSize": groups[0]["MinSize"],
            "maxSize": groups[0]["MaxSize"],
            "vpcZoneIdentifiers": groups[0]["VPCZoneIdentifier"].split(","),
            "tags": TAGS.from_aws(groups[0].get("Tags", [])),
            "arn": groups[0]["AutoScalingGroupARN"],
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        client = aws.client("autoscaling")
        client.update_auto_scaling_group(**self._request(inputs))
        if "tags" in changed:
            place = {"ResourceId": identifier, "ResourceType": "auto-scaling-group"}
            client.delete_tags(Tags=[{**tag, **place} for tag in TAGS.to_aws(known.get("tags") or [])])
            client.create_or_update_tags(Tags=[{**tag, **place} for tag in TAGS.to_aws(inputs.get("tags", []))])

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("autoscaling").delete_auto_scaling_group(AutoScalingGroupName=identifier, ForceDelete=True)

    def changes(self, aws: Aws, old_inputs: Properties, known: Properties, inputs: Properties) -> set[str]:
        """Its tags are a list of their own form."""
        changed = super().changes(aws, old_inputs, known, inputs)
        return changed | (self.shape.changes(old_inputs, inputs) & {"tags"})

    def _request(self, inputs: Properties) -> dict[str, Any]:
        policy = inputs.get("mixedInstancesPolicy")
        return {
            "AutoScalingGroupName": inputs["name"],
            "MinSize": inputs["minSize"],
            "MaxSize": inputs["maxSize"],
            "VPCZoneIdentifier": ",".join(inputs.get("vpcZoneIdentifiers", [])),
            "CapacityRebalance": inputs.get("capacityRebalance", False),
            **({"MixedInstancesPolicy": MIXED_INSTANCES.to_aws(policy)} if policy else {}),
        }


POLICY = Block(
    fields={
        "name": Field(aws="PolicyName", required=True),
        "autoscalingGroupName": Field(aws="AutoScalingGroupName", required=True),
        "policyType": Field(aws="PolicyType", default="SimpleScaling"),
        "adjustmentType": Field(aws="AdjustmentType", required=True),
        "estimatedInstanceWarmup": Field(aws="EstimatedInstanceWarmup", default=AWS_DECIDES),
        "metricAggregationType": Field(aws="MetricAggregationType", default=AWS_DECIDES),
        "stepAdjustments": Blocks(
            aws="StepAdjustments",
            ordered=True,
            of=Block(
                fields={
                    "scalingAdjustment": Field(aws="ScalingAdjustment", required=True),
                    "metricIntervalLowerBound": Field(),
                    "metricIntervalUpperBound": Field(),
                }
            ),
        ),
    }
)
BOUNDS = {
    "metricIntervalLowerBound": "MetricIntervalLowerBound",
    "metricIntervalUpperBound": "MetricIntervalUpperBound",
}


class Policy(Setting):
    """How a group's size follows an alarm."""

    tokens = ("aws:autoscaling/policy:Policy",)
    inputs = POLICY
    identity = ("autoscalingGroupName", "name")
    imported_as = "(?P<autoscalingGroupName>[^/]+)/(?P<name>.+)"
    computed = ("arn",)

    def identifier(self, inputs: Properties) -> str:
        return str(inputs["name"])

    def put(self, aws: Aws, inputs: Properties) -> None:
        request = POLICY.to_aws(inputs)
        for step, asked in zip(request["StepAdjustments"], inputs.get("stepAdjustments", []), strict=True):
            # Pulumi writes them as text.
            step.update({name: float(asked[key]) for key, name in BOUNDS.items() if asked.get(key)})
        aws.client("autoscaling").put_scaling_policy(**request)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        group = known["autoscalingGroupName"]
        policies = aws.client("autoscaling").describe_policies(AutoScalingGroupName=group)["ScalingPolicies"]
        policy = next((each for each in policies if each["PolicyName"] == known["name"]), None)
        if policy is None:
            return None
        properties: dict[str, Any] = POLICY.from_aws(policy)
        for step, present in zip(properties["stepAdjustments"], policy.get("StepAdjustments", []), strict=True):
            step.update({key: f"{present[name]:g}" for key, name in BOUNDS.items() if name in present})
        return {**properties, "arn": policy["PolicyARN"]}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("autoscaling").delete_policy(
            AutoScalingGroupName=known["autoscalingGroupName"], PolicyName=known["name"]
        )

    def unknown_after(self, changed: set[str], known: Properties) -> tuple[str, ...]:
        """The emulator gives it another ARN."""
        return ("arn",)
