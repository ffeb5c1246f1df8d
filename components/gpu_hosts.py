"""GPU hosts: EC2 instances that run the worker, as many as the queue needs, none while it is empty."""

import base64
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from components.experiment_store import ExperimentStore
from components.job_queue import JobQueue
from components.settings import Settings
from components.worker_network import WorkerNetwork
from components.worker_role import ARTEFACT_PREFIX, WorkerRole
from releasing.worker_package import WorkerPackage

# AWS's Deep Learning Base AMI: NVIDIA's driver and CUDA, no framework. EC2 looks its newest id up at each launch.
# https://docs.aws.amazon.com/dlami/latest/devguide/find-dlami-id.html
IMAGE = "resolve:ssm:/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-amazon-linux-2023/latest/ami-id"
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
SESSIONS_POLICY = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
ROOT_DEVICE = "/dev/xvda"
DISK_GB = 100
INSTALLATION = Path(__file__).with_name("install_worker.sh")
# From a launch to the first job: booting, and installing the worker.
WARM_UP_SECONDS = 300
# How many hosts more: where so many jobs wait for each host that there is, or for the first one.
STEPS = ((1, 1), (4, 2), (16, 4))
IDLE_MINUTES = 10
PATIENCE_MINUTES = 10


class GpuHosts(pulumi.ComponentResource):
    """Two Auto Scaling groups from one launch template: spot instances, and one on demand for when there are none.

    A group of spot instances alone waits for spot capacity, however long: it never launches one on demand instead.
    https://docs.aws.amazon.com/autoscaling/ec2/userguide/asg-purchase-options.html
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        store: ExperimentStore,
        job_queue: JobQueue,
        worker_role: WorkerRole,
        package: WorkerPackage,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:workers:GpuHosts", name, None, opts)
        self._settings = settings
        self._queue = job_queue.queue
        self._tags = settings.tags("workers")
        self._child = pulumi.ResourceOptions(parent=self)

        artefact = self._upload(package, store)
        network = WorkerNetwork("worker-network", settings, opts=self._child)
        profile = self._create_profile(worker_role)
        template = self._create_template(network, profile, self._user_data(artefact, package, store))
        spot = self._create_group("spot-workers", template, network, settings.gpu_hosts_maximum, on_demand_percent=0)
        on_demand = self._create_group("on-demand-workers", template, network, maximum=1, on_demand_percent=100)
        self._launch_for_backlog(spot)
        self._launch_on_demand_where_there_is_no_spot(spot, on_demand)
        self._leave_when_idle(spot, on_demand)

        self.register_outputs({"spot": spot.name, "on_demand": on_demand.name})

    def _upload(self, package: WorkerPackage, store: ExperimentStore) -> aws.s3.BucketObject:
        key = f"{ARTEFACT_PREFIX}{package.sha256[:16]}.zip"
        return aws.s3.BucketObject(
            "worker",
            bucket=store.media.bucket,
            key=key,
            source=package.archive,
            source_hash=package.sha256,
            content_type="application/zip",
            tags=self._tags,
            opts=self._child,
        )

    def _user_data(
        self, artefact: aws.s3.BucketObject, package: WorkerPackage, store: ExperimentStore
    ) -> pulumi.Output[str]:
        """The installation, after what it is to install and for what; base64, as EC2 takes it."""
        variables: dict[str, pulumi.Input[str]] = {
            "ARTEFACT": pulumi.Output.concat("s3://", artefact.bucket, "/", artefact.key),
            "ARTEFACT_SHA256": package.sha256,
            "GPU_HOUR_USD": self._settings.gpu_hour_usd,
            "JOB_QUEUE_URL": self._queue.url,
            "MEDIA_BUCKET": store.media.bucket,
            "TABLE_NAME": store.table.name,
        }
        return pulumi.Output.all(**variables).apply(user_data)

    def _create_profile(self, worker_role: WorkerRole) -> aws.iam.InstanceProfile:
        """What gives hosts the worker's role, and lets administrators in by Systems Manager, without an open port."""
        role = worker_role.role.name
        aws.iam.RolePolicyAttachment("worker-sessions", role=role, policy_arn=SESSIONS_POLICY, opts=self._child)
        return aws.iam.InstanceProfile("worker", name=role, role=role, tags=self._tags, opts=self._child)

    def _create_template(
        self, network: WorkerNetwork, profile: aws.iam.InstanceProfile, user_data: pulumi.Output[str]
    ) -> aws.ec2.LaunchTemplate:
        return aws.ec2.LaunchTemplate(
            "workers",
            name=self._settings.name("workers"),
            image_id=IMAGE,
            user_data=user_data,
            vpc_security_group_ids=[network.security_group.id],
            iam_instance_profile=aws.ec2.LaunchTemplateIamInstanceProfileArgs(arn=profile.arn),
            metadata_options=aws.ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                aws.ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name=ROOT_DEVICE,
                    ebs=aws.ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        encrypted="true", volume_size=DISK_GB, volume_type="gp3"
                    ),
                )
            ],
            instance_initiated_shutdown_behavior="terminate",
            update_default_version=True,
            tags=self._tags,
            opts=self._child,
        )

    def _create_group(
        self,
        name: str,
        template: aws.ec2.LaunchTemplate,
        network: WorkerNetwork,
        maximum: int,
        on_demand_percent: int,
    ) -> aws.autoscaling.Group:
        specification = aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateLaunchTemplateSpecificationArgs(
            launch_template_id=template.id,
            # So that a host of tomorrow runs tomorrow's worker, and those of today are left to finish.
            version="$Latest",
        )
        return aws.autoscaling.Group(
            name,
            name=self._settings.name(name),
            min_size=0,
            max_size=maximum,
            vpc_zone_identifiers=[subnet.id for subnet in network.subnets],
            mixed_instances_policy=aws.autoscaling.GroupMixedInstancesPolicyArgs(
                launch_template=aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateArgs(
                    launch_template_specification=specification,
                    overrides=[
                        aws.autoscaling.GroupMixedInstancesPolicyLaunchTemplateOverrideArgs(instance_type=each)
                        for each in self._settings.gpu_instance_types.split(",")
                    ],
                ),
                instances_distribution=aws.autoscaling.GroupMixedInstancesPolicyInstancesDistributionArgs(
                    on_demand_base_capacity=0,
                    on_demand_percentage_above_base_capacity=on_demand_percent,
                    spot_allocation_strategy="price-capacity-optimized",
                ),
            ),
            capacity_rebalance=True,
            enabled_metrics=[aws.autoscaling.Metric.GROUP_IN_SERVICE_INSTANCES],
            # It would terminate a host that works only to have as many in one zone as in another.
            suspended_processes=["AZRebalance"],
            tags=[
                aws.autoscaling.GroupTagArgs(key=key, value=value, propagate_at_launch=True)
                for key, value in self._tags.items()
            ],
            opts=self._child,
        )

    def _launch_for_backlog(self, spot: aws.autoscaling.Group) -> None:
        """Step scaling, as a target for the backlog of each host would have no meaning while there is none."""
        bounds = [lower - STEPS[0][0] for lower, _ in STEPS]
        policy = self._create_policy(
            "launch-spot-workers",
            spot,
            adjustment_type="ChangeInCapacity",
            steps=[
                _step(more, lower, upper)
                for (_, more), lower, upper in zip(STEPS, bounds, [*bounds[1:], None], strict=True)
            ],
        )
        self._create_alarm(
            "worker-backlog",
            "Jobs wait, for each host that there is.",
            "waiting / IF(FILL(hosts, 0) > 1, hosts, 1)",
            [self._messages("waiting", "Visible"), _hosts(spot)],
            minutes=1,
            actions=[policy],
        )

    def _launch_on_demand_where_there_is_no_spot(
        self, spot: aws.autoscaling.Group, on_demand: aws.autoscaling.Group
    ) -> None:
        policy = self._create_policy(
            "launch-on-demand-worker", on_demand, adjustment_type="ExactCapacity", steps=[_step(1, lower=0)]
        )
        self._create_alarm(
            "no-spot-workers",
            "Jobs wait, and there is no spot instance.",
            "IF(FILL(hosts, 0) > 0, 0, waiting)",
            [self._messages("waiting", "Visible"), _hosts(spot)],
            minutes=PATIENCE_MINUTES,
            actions=[policy],
        )

    def _leave_when_idle(self, *groups: aws.autoscaling.Group) -> None:
        """All hosts at once, when no job waits and none is in work: so no host that works is chosen to go.

        SQS tells of messages in work only while there are some.
        """
        policies = [
            self._create_policy(f"end-{name}", group, adjustment_type="ExactCapacity", steps=[_step(0, lower=0)])
            for name, group in zip(("spot-workers", "on-demand-workers"), groups, strict=True)
        ]
        self._create_alarm(
            "idle-workers",
            "No job waits, and none is in work.",
            "IF(waiting + FILL(working, 0) > 0, 0, 1)",
            [self._messages("waiting", "Visible"), self._messages("working", "NotVisible")],
            minutes=IDLE_MINUTES,
            actions=policies,
        )

    def _create_policy(
        self,
        name: str,
        group: aws.autoscaling.Group,
        adjustment_type: str,
        steps: Sequence[aws.autoscaling.PolicyStepAdjustmentArgs],
    ) -> aws.autoscaling.Policy:
        return aws.autoscaling.Policy(
            name,
            name=name,
            autoscaling_group_name=group.name,
            policy_type="StepScaling",
            adjustment_type=adjustment_type,
            step_adjustments=list(steps),
            estimated_instance_warmup=WARM_UP_SECONDS,
            metric_aggregation_type="Maximum",
            opts=self._child,
        )

    def _create_alarm(
        self,
        name: str,
        meaning: str,
        expression: str,
        metrics: Sequence[aws.cloudwatch.MetricAlarmMetricQueryArgs],
        minutes: int,
        actions: Sequence[aws.autoscaling.Policy],
    ) -> None:
        """An alarm that is raised when an expression has been 1 or more for so many minutes."""
        result = aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id="result", expression=expression, label=name, return_data=True
        )
        aws.cloudwatch.MetricAlarm(
            name,
            name=self._settings.name(name),
            alarm_description=meaning,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            evaluation_periods=minutes,
            metric_queries=[*metrics, result],
            # SQS stops telling of a queue that nobody has used for six hours.
            treat_missing_data="notBreaching",
            alarm_actions=[policy.arn for policy in actions],
            tags=self._tags,
            opts=self._child,
        )

    def _messages(self, name: str, which: str) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
        return _metric(name, "AWS/SQS", f"ApproximateNumberOfMessages{which}", {"QueueName": self._queue.name})


def user_data(variables: dict[str, Any]) -> str:
    """The installation of the worker as EC2 takes it, with these variables."""
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(variables.items()))
    first_line, _, rest = INSTALLATION.read_text(encoding="utf-8").partition("\n")
    return base64.b64encode(f"{first_line}\n{exports}{rest}".encode()).decode()


def _hosts(group: aws.autoscaling.Group) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return _metric("hosts", "AWS/AutoScaling", "GroupInServiceInstances", {"AutoScalingGroupName": group.name})


def _metric(
    name: str, namespace: str, metric: str, dimensions: dict[str, pulumi.Input[str]]
) -> aws.cloudwatch.MetricAlarmMetricQueryArgs:
    return aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=name,
        metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
            namespace=namespace, metric_name=metric, dimensions=dimensions, period=60, stat="Maximum"
        ),
    )


def _step(adjustment: int, lower: int, upper: int | None = None) -> aws.autoscaling.PolicyStepAdjustmentArgs:
    """A step; its bounds count from the alarm's threshold, and without an upper one it is the last."""
    return aws.autoscaling.PolicyStepAdjustmentArgs(
        scaling_adjustment=adjustment,
        metric_interval_lower_bound=str(lower),
        metric_interval_upper_bound=None if upper is None else str(upper),
    )
