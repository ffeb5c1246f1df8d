"""API Gateway v2: HTTP APIs with their authorizers, integrations, routes and stages."""

from typing import Any, ClassVar

from sandbox.provider.emulator import Aws
from sandbox.provider.errors import ProviderError
from sandbox.provider.resource import Properties, Resource, superfluous_tags
from sandbox.provider.shape import AWS_DECIDES, Block, Field, Values

DEFAULT_STAGE = "$default"


class ApiPart(Resource):
    """A part of an HTTP API, which AWS gives an id."""

    kind: ClassVar[str]
    """AWS's name of the type, such as `Route`."""
    part: ClassVar[Block]
    """What of it can be changed."""
    imported_as = "(?P<apiId>[^/]+)/(?P<id>.+)"

    def create(self, aws: Aws, inputs: Properties) -> str:
        response = self._call(aws, "create", ApiId=inputs["apiId"], **self.part.to_aws(inputs))
        return str(response[f"{self.kind}Id"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        item = self._call(aws, "get", ApiId=known["apiId"], **{f"{self.kind}Id": identifier})
        return {"apiId": known["apiId"], **self.part.from_aws(item)}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        place = {"ApiId": inputs["apiId"], f"{self.kind}Id": identifier}
        self._call(aws, "update", **place, **self.part.to_aws(inputs))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        self._call(aws, "delete", ApiId=known["apiId"], **{f"{self.kind}Id": identifier})

    def _call(self, aws: Aws, verb: str, **request: Any) -> Any:
        return getattr(aws.client("apigatewayv2"), f"{verb}_{self.kind.lower()}")(**request)


class Api(Resource):
    """An API; there may be several of a name."""

    tokens = ("aws:apigatewayv2/api:Api",)
    _api = Block(
        fields={
            "name": Field(aws="Name", required=True),
            "description": Field(aws="Description", default=""),
            "disableExecuteApiEndpoint": Field(aws="DisableExecuteApiEndpoint", default=False),
        }
    )
    inputs = Block(fields={**_api.fields, "protocolType": Field(required=True)})
    replace_on = frozenset({"protocolType"})
    computed = ("apiEndpoint", "arn", "executionArn", "tagsAll")
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        response = aws.client("apigatewayv2").create_api(
            ProtocolType=inputs["protocolType"], Tags=aws.tags(inputs), **self._api.to_aws(inputs)
        )
        return str(response["ApiId"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        api = aws.client("apigatewayv2").get_api(ApiId=identifier)
        return {
            **self._api.from_aws(api),
            "protocolType": api["ProtocolType"],
            "apiEndpoint": api["ApiEndpoint"],
            "arn": _arn(aws, identifier),
            "executionArn": _execution_arn(aws, identifier),
            "tagsAll": _tags(aws, _arn(aws, identifier)),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        if changed - {"tags"}:
            aws.client("apigatewayv2").update_api(ApiId=identifier, **self._api.to_aws(inputs))
        if "tags" in changed:
            _tag(aws, _arn(aws, identifier), known, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("apigatewayv2").delete_api(ApiId=identifier)


class Integration(ApiPart):
    """What answers a route."""

    tokens = ("aws:apigatewayv2/integration:Integration",)
    kind = "Integration"
    part = Block(
        fields={
            "integrationType": Field(aws="IntegrationType", required=True),
            "integrationUri": Field(aws="IntegrationUri"),
            "integrationMethod": Field(aws="IntegrationMethod", default=AWS_DECIDES),
            "payloadFormatVersion": Field(aws="PayloadFormatVersion", default="1.0"),
            "timeoutMilliseconds": Field(aws="TimeoutInMillis", default=30000),
        }
    )
    inputs = Block(fields={"apiId": Field(required=True), **part.fields})
    replace_on = frozenset({"apiId", "integrationType"})


class Authorizer(ApiPart):
    """Who may send requests: those with a token of an issuer."""

    tokens = ("aws:apigatewayv2/authorizer:Authorizer",)
    kind = "Authorizer"
    part = Block(
        fields={
            "name": Field(aws="Name", required=True),
            "authorizerType": Field(aws="AuthorizerType", required=True),
            "identitySources": Values(aws="IdentitySource"),
            "jwtConfiguration": Block(
                aws="JwtConfiguration", fields={"audiences": Values(aws="Audience"), "issuer": Field(aws="Issuer")}
            ),
        }
    )
    inputs = Block(fields={"apiId": Field(required=True), **part.fields})
    replace_on = frozenset({"apiId"})


class Route(ApiPart):
    """Which requests go where; the emulator takes a second one of the same key."""

    tokens = ("aws:apigatewayv2/route:Route",)
    kind = "Route"
    part = Block(
        fields={
            "routeKey": Field(aws="RouteKey", required=True),
            "target": Field(aws="Target"),
            "authorizationType": Field(aws="AuthorizationType", default="NONE"),
            "authorizationScopes": Values(aws="AuthorizationScopes"),
            "authorizerId": Field(aws="AuthorizerId"),
        }
    )
    inputs = Block(fields={"apiId": Field(required=True), **part.fields})
    replace_on = frozenset({"apiId"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        pages = aws.client("apigatewayv2").get_paginator("get_routes").paginate(ApiId=inputs["apiId"])
        if any(each["RouteKey"] == inputs["routeKey"] for page in pages for each in page["Items"]):
            key = inputs["routeKey"]
            raise ProviderError(f"CreateRoute: ConflictException: Route with key {key} already exists for this API")
        return super().create(aws, inputs)


class Stage(Resource):
    """An API as it is served."""

    tokens = ("aws:apigatewayv2/stage:Stage",)
    _stage = Block(
        fields={
            "description": Field(aws="Description", default=""),
            "autoDeploy": Field(aws="AutoDeploy", default=False),
            "accessLogSettings": Block(
                aws="AccessLogSettings",
                fields={
                    "destinationArn": Field(aws="DestinationArn", required=True),
                    "format": Field(aws="Format", required=True),
                },
            ),
            "defaultRouteSettings": Block(
                aws="DefaultRouteSettings",
                fields={
                    "throttlingBurstLimit": Field(aws="ThrottlingBurstLimit", default=AWS_DECIDES),
                    "throttlingRateLimit": Field(aws="ThrottlingRateLimit", default=AWS_DECIDES),
                    "detailedMetricsEnabled": Field(aws="DetailedMetricsEnabled", default=False),
                },
                default=AWS_DECIDES,
            ),
        }
    )
    inputs = Block(fields={"apiId": Field(required=True), "name": Field(required=True), **_stage.fields})
    identity = ("apiId", "name")
    imported_as = "(?P<apiId>[^/]+)/(?P<name>.+)"
    computed = ("arn", "executionArn", "invokeUrl", "tagsAll")
    tagged = True

    def identifier(self, inputs: Properties) -> str:
        return str(inputs["name"])

    def create(self, aws: Aws, inputs: Properties) -> str:
        client = aws.client("apigatewayv2")
        if any(each["StageName"] == inputs["name"] for each in client.get_stages(ApiId=inputs["apiId"])["Items"]):
            raise ProviderError(f"CreateStage: ConflictException: Stage {inputs['name']} already exists")
        client.create_stage(
            ApiId=inputs["apiId"], StageName=inputs["name"], Tags=aws.tags(inputs), **self._stage.to_aws(inputs)
        )
        return str(inputs["name"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        api_id = known["apiId"]
        stage = aws.client("apigatewayv2").get_stage(ApiId=api_id, StageName=identifier)
        path = "" if identifier == DEFAULT_STAGE else identifier
        arn = f"{_arn(aws, api_id)}/stages/{identifier}"
        return {
            "apiId": api_id,
            "name": identifier,
            **self._stage.from_aws(stage),
            "arn": arn,
            "executionArn": f"{_execution_arn(aws, api_id)}/{identifier}",
            "invokeUrl": f"https://{api_id}.execute-api.{aws.region}.amazonaws.com/{path}",
            "tagsAll": _tags(aws, arn),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        client, where = aws.client("apigatewayv2"), {"ApiId": inputs["apiId"], "StageName": identifier}
        if "accessLogSettings" in changed and not inputs.get("accessLogSettings"):
            client.delete_access_log_settings(**where)
        if changed - {"tags"}:
            client.update_stage(**where, **self._stage.to_aws(inputs))
        if "tags" in changed:
            _tag(aws, known["arn"], known, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("apigatewayv2").delete_stage(ApiId=known["apiId"], StageName=identifier)


def _arn(aws: Aws, api_id: str) -> str:
    return f"arn:aws:apigateway:{aws.region}::/apis/{api_id}"


def _execution_arn(aws: Aws, api_id: str) -> str:
    return f"arn:aws:execute-api:{aws.region}:{aws.account_id}:{api_id}"


def _tags(aws: Aws, arn: str) -> dict[str, str]:
    """The tags as they are; the emulator's APIs and stages themselves tell those they were created with."""
    return dict(aws.client("apigatewayv2").get_tags(ResourceArn=arn).get("Tags", {}))


def _tag(aws: Aws, arn: str, known: Properties, inputs: Properties) -> None:
    client, tags = aws.client("apigatewayv2"), aws.tags(inputs)
    if keys := superfluous_tags(known, tags):
        client.untag_resource(ResourceArn=arn, TagKeys=keys)
    if tags:
        client.tag_resource(ResourceArn=arn, Tags=tags)
