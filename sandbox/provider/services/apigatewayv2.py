"""API Gateway v2: HTTP APIs with their authorizers, integrations, routes and stages."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Block, Field

ARN = "arn:aws:apigateway:{region}::/apis"
EXECUTION_ARN = "arn:aws:execute-api:{region}:{account}"
DEFAULT_STAGE = "$default"


class Api(Resource):
    """An API; there may be several of a name."""

    id_as = id_at = "ApiId"
    inputs = {"name": None, "protocolType": None, "description": "", "disableExecuteApiEndpoint": False}
    replaced_by = frozenset({"protocolType"})
    outputs = {"apiEndpoint": "ApiEndpoint", "arn": f"{ARN}/{{id}}", "executionArn": f"{EXECUTION_ARN}:{{id}}"}
    tagged = True


class Part(Resource):
    """A part of an API."""

    import_ids = ("{apiId}/{id}",)
    replaced_by = frozenset({"apiId"})


class Integration(Part):
    """What answers a route."""

    id_as = id_at = "IntegrationId"
    inputs = {
        **dict.fromkeys(("apiId", "integrationType", "integrationUri")),
        "integrationMethod": AWS_DECIDES,
        "payloadFormatVersion": "1.0",
        "timeoutMilliseconds": Field(AWS_DECIDES, aws="TimeoutInMillis"),
    }
    replaced_by = frozenset({"apiId", "integrationType"})


class Authorizer(Part):
    """Who may send requests: those with a token of an issuer."""

    id_as = id_at = "AuthorizerId"
    inputs = {
        **dict.fromkeys(("apiId", "name", "authorizerType")),
        "identitySources": [],
        "jwtConfiguration": {"audiences": [], "issuer": None},
    }


class Route(Part):
    """Which requests go where; the emulator takes a second one of the same key."""

    id_as = id_at = "RouteId"
    inputs = {
        **dict.fromkeys(("apiId", "routeKey", "target", "authorizerId")),
        "authorizationType": "NONE",
        "authorizationScopes": [],
    }

    def create(self, aws: Aws, inputs: Properties) -> str:
        key, pages = inputs["routeKey"], aws.client("apigatewayv2").get_paginator("get_routes")
        if any(each["RouteKey"] == key for page in pages.paginate(ApiId=inputs["apiId"]) for each in page["Items"]):
            raise ProviderError(f"CreateRoute: ConflictException: Route with key {key} already exists for this API")
        return super().create(aws, inputs)


class Stage(Part):
    """An API as it is served; the emulator takes a second one of the same name."""

    inputs = {
        "apiId": None,
        "name": Field(aws="StageName"),
        "description": "",
        "autoDeploy": False,
        "accessLogSettings": {"destinationArn": None, "format": None},
        "defaultRouteSettings": Block(
            {"throttlingBurstLimit": 0, "throttlingRateLimit": 0, "detailedMetricsEnabled": False}, default=AWS_DECIDES
        ),
    }
    identity, import_ids = "{name}", ("{apiId}/{name}",)
    outputs = {
        "arn": f"{ARN}/{{apiId}}/stages/{{name}}",
        "executionArn": f"{EXECUTION_ARN}:{{apiId}}/{{name}}",
        "invokeUrl": "https://{apiId}.execute-api.{region}.amazonaws.com/{name}",
    }
    tagged = True
    differs_in = "how its access log is taken from it"

    def create(self, aws: Aws, inputs: Properties) -> str:
        stages = aws.client("apigatewayv2").get_stages(ApiId=inputs["apiId"])["Items"]
        if any(each["StageName"] == inputs["name"] for each in stages):
            raise ProviderError(f"CreateStage: ConflictException: Stage {inputs['name']} already exists")
        return super().create(aws, inputs)

    def further(self, aws: Aws, identifier: str, state: Properties, answer: Any) -> dict[str, Any]:
        outputs = super().further(aws, identifier, state, answer)
        return {**outputs, "invokeUrl": outputs["invokeUrl"].removesuffix(DEFAULT_STAGE)}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        if "accessLogSettings" in changed and not inputs.get("accessLogSettings"):
            aws.client("apigatewayv2").delete_access_log_settings(ApiId=inputs["apiId"], StageName=identifier)
        super().update(aws, identifier, known, inputs, changed)
