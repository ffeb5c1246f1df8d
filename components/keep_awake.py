"""A daily call of each function, so that none falls asleep that nobody has used for two weeks.

SnapStart gives up the snapshot of a version that has not been called for 14 days: the next requests fail until Lambda
has made another one, which takes minutes.
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-troubleshooting.html
"""

import json
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.released_function import ReleasedFunction
from components.settings import Settings
from releasing.version_checks import request_for

DAILY = "rate(1 day)"


class KeepAwake(pulumi.ComponentResource):
    """A rule of EventBridge that asks the version behind each function's alias `live` for its health."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        functions: Sequence[ReleasedFunction],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:lambda:KeepAwake", name, None, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)

        self._rule = self._create_rule()
        for function in functions:
            self._allow_invocation(function)
            self._create_target(function)

        self.register_outputs({"rule": self._rule.name})

    def _create_rule(self) -> aws.cloudwatch.EventRule:
        return aws.cloudwatch.EventRule(
            "keep-awake",
            name=self._settings.name("keep-awake"),
            description="Calls each function, so that SnapStart keeps its snapshot.",
            schedule_expression=DAILY,
            # Where the program leaves it out, pulumi-aws leaves a rule that was disabled by hand disabled.
            state="ENABLED",
            tags=self._settings.tags("keep-awake"),
            opts=self._child,
        )

    def _allow_invocation(self, function: ReleasedFunction) -> None:
        aws.lambda_.Permission(
            f"keep-awake-{function.name}",
            statement_id="AllowInvocationByTheSchedule",
            action="lambda:InvokeFunction",
            function=function.function.name,
            qualifier=function.alias.name,
            principal="events.amazonaws.com",
            source_arn=self._rule.arn,
            opts=self._child,
        )

    def _create_target(self, function: ReleasedFunction) -> None:
        aws.cloudwatch.EventTarget(
            f"keep-awake-{function.name}",
            rule=self._rule.name,
            target_id=function.name,
            arn=function.alias.arn,
            input=json.dumps(request_for(function.health)),
            opts=self._child,
        )
