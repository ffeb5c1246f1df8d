"""A stack that only asks who it is: once as the dynamic resources do, once as the `aws` provider does."""

from typing import Any

import pulumi
from pulumi.dynamic import ConfigureRequest, CreateResult, DiffResult, ResourceProvider, UpdateResult

from releasing.aws_connection import PATIENCE, client_of


class CallerIdentity(ResourceProvider):
    """Asks STS at each deployment, with a client such as the project's own dynamic resources have."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        self._client = client_of("sts", req, PATIENCE)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=True)

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("caller", self._told())

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._told())

    def _told(self) -> dict[str, Any]:
        account = self._client.get_caller_identity()["Account"]
        return {"account": account, "region": self._client.meta.region_name}


class Caller(pulumi.dynamic.Resource, name="Caller"):
    """Who the dynamic resources are."""

    account: pulumi.Output[str]
    region: pulumi.Output[str]

    def __init__(self) -> None:
        super().__init__(CallerIdentity(), "caller", {"account": None, "region": None})


def ask(told: dict[str, tuple[str, str]]) -> None:
    """Be the program of a stack; `told` gets the account and the region, by who asked for it."""
    # It takes long, and the dynamic provider imports this module, too.
    import pulumi_aws as aws

    told["official"] = aws.get_caller_identity().account_id, aws.get_region().region
    caller = Caller()
    pulumi.Output.all(caller.account, caller.region).apply(lambda both: told.update(dynamic=(both[0], both[1])))
