"""EC2 Auto Scaling: groups and their policies. The emulator launches nothing."""

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, Setting
from sandbox.provider.shape import AWS_DECIDES, Blocks, Field, Text, Values


class Group(Resource):
    """A group of instances; its tags are a list of their own form."""

    noun = "auto_scaling_group"
    reads, found_in = "describe_{}s", "AutoScalingGroups"
    inputs = {
        "name": Field(aws="AutoScalingGroupName"),
        **dict.fromkeys(("minSize", "maxSize")),
        "vpcZoneIdentifiers": [],
        "mixedInstancesPolicy": {
            "launchTemplate": {
                "launchTemplateSpecification": {"launchTemplateId": None, "version": None},
                "overrides": Blocks({"instanceType": None}, ordered=True),
            },
            "instancesDistribution": dict.fromkeys(
                ("onDemandBaseCapacity", "onDemandPercentageAboveBaseCapacity", "spotAllocationStrategy")
            ),
        },
        "capacityRebalance": False,
        **dict.fromkeys(("enabledMetrics", "suspendedProcesses"), Values()),
        "tags": [{"key": None, "value": None, "propagateAtLaunch": None}],
    }
    identity = "{name}"
    outputs = {"arn": "AutoScalingGroupARN"}
    untold = frozenset({"mixedInstancesPolicy", "capacityRebalance", "enabledMetrics", "suspendedProcesses"})
    bears = {"deletes": ("ResourceInUse", "ScalingActivityInProgress")}
    differs_in = "waiting for instances; metrics and suspended processes, which the emulator doesn't know"

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        super().update(aws, identifier, known, inputs, changed - {"tags"})
        if "tags" in changed:
            client, place = aws.client(self.service), {"ResourceId": identifier, "ResourceType": "auto-scaling-group"}
            shape = aws.operation(self.service, "create_or_update_tags").input_shape.members["Tags"]
            old, new = (self.own.fields["tags"].to_aws(each.get("tags") or [], shape) for each in (known, inputs))
            client.delete_tags(Tags=[{**tag, **place} for tag in old])
            client.create_or_update_tags(Tags=[{**tag, **place} for tag in new])

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """Let its instances go first."""
        if self.read(aws, identifier, known):
            nothing = dict.fromkeys(("MinSize", "MaxSize", "DesiredCapacity"), 0)
            aws.client(self.service).update_auto_scaling_group(AutoScalingGroupName=identifier, **nothing)
            super().delete(aws, identifier, known)


class Policy(Setting):
    """How a group's size follows an alarm; the emulator gives it another ARN with every update."""

    creates = updates = "put_scaling_policy"
    reads, found_in = "describe_policies", "ScalingPolicies"
    inputs = {
        "name": Field(aws="PolicyName"),
        "autoscalingGroupName": None,
        "policyType": "SimpleScaling",
        "adjustmentType": None,
        "estimatedInstanceWarmup": None,
        "metricAggregationType": AWS_DECIDES,
        "stepAdjustments": [
            {"metricIntervalLowerBound": Text(), "metricIntervalUpperBound": Text(), "scalingAdjustment": None}
        ],
    }
    identity, import_ids = "{name}", ("{autoscalingGroupName}/{name}",)
    replaced_by = frozenset({"autoscalingGroupName"})
    outputs = {"arn": "PolicyARN"}
    moving = ("arn",)
