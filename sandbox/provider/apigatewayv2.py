"""API Gateway v2: HTTP APIs with their authorizers, integrations, routes and stages."""

from collections.abc import Iterator
from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, superfluous_tags
from sandbox.provider.shape import AWS_DECIDES, Block, Field, Values

DEFAULT_STAGE = "$default"


class ApiPart(Resource):
    """A part of an API, which AWS gives an id."""

    collection = ""
    """AWS's word for all parts of this kind in an API, as in `GetRoutes`."""
    id_name = ""
    part = Block(fields={})
    found_by: tuple[str, ...] = ()
    """The inputs by which an interrupted deployment's is recognised."""

    def find(self, aws: Aws, inputs: Properties) -> str | None:
        """As Resource."""
        for item in self._all(aws, inputs):
            if not self.part.changes(self.part.from_aws(item), inputs) & set(self.found_by):
                return str(item[self.id_name])
        return None

    def _all(self, aws: Aws, inputs: Properties) -> Iterator[Properties]:
        pages = aws.client("apigatewayv2").get_paginator(f"get_{self.collection}").paginate(ApiId=inputs["apiId"])
        return (item for page in pages for item in page["Items"])


class Api(Resource):
    """An API; an interrupted deployment's is recognised by its name and protocol."""

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

    def find(self, aws: Aws, inputs: Properties) -> str | None:
        """As Resource."""
        pages = aws.client("apigatewayv2").get_paginator("get_apis").paginate()
        wanted = (inputs["name"], inputs["protocolType"])
        apis = (api for page in pages for api in page["Items"])
        return next((str(api["ApiId"]) for api in apis if (api["Name"], api["ProtocolType"]) == wanted), None)

    def create(self, aws: Aws, inputs: Properties) -> str:
        """As Resource."""
        response = aws.client("apigatewayv2").create_api(
            ProtocolType=inputs["protocolType"], Tags=aws.tags(inputs), **self._api.to_aws(inputs)
        )
        return str(response["ApiId"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """As Resource."""
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
        """As Resource."""
        if changed - {"tags"}:
            aws.client("apigatewayv2").update_api(ApiId=identifier, **self._api.to_aws(inputs))
        if "tags" in changed:
            _tag(aws, _arn(aws, identifier), known, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """As Resource."""
        aws.client("apigatewayv2").delete_api(ApiId=identifier)


class Integration(ApiPart):
    """What answers a route."""

    tokens = ("aws:apigatewayv2/integration:Integration",)
    collection = "integrations"
    id_name = "IntegrationId"
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
    found_by = ("integrationType", "integrationUri")

    def create(self, aws: Aws, inputs: Properties) -> str:
        """As Resource."""
        response = aws.client("apigatewayv2").create_integration(ApiId=inputs["apiId"], **self.part.to_aws(inputs))
        return str(response["IntegrationId"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """As Resource."""
        item = aws.client("apigatewayv2").get_integration(ApiId=known["apiId"], IntegrationId=identifier)
        return {"apiId": known["apiId"], **self.part.from_aws(item)}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        """As Resource."""
        aws.client("apigatewayv2").update_integration(
            ApiId=inputs["apiId"], IntegrationId=identifier, **self.part.to_aws(inputs)
        )

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """As Resource."""
        aws.client("apigatewayv2").delete_integration(ApiId=known["apiId"], IntegrationId=identifier)


class Authorizer(ApiPart):
    """Who may send requests: those with a token of an issuer."""

    tokens = ("aws:apigatewayv2/authorizer:Authorizer",)
    collection = "authorizers"
    id_name = "AuthorizerId"
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
    replace_on = frozenset({"apiId", "authorizerType"})
    found_by = ("name",)

    def create(self, aws: Aws, inputs: Properties) -> str:
        """As Resource."""
        response = aws.client("apigatewayv2").create_authorizer(ApiId=inputs["apiId"], **self.part.to_aws(inputs))
        return str(response["AuthorizerId"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """As Resource."""
        item = aws.client("apigatewayv2").get_authorizer(ApiId=known["apiId"], AuthorizerId=identifier)
        return {"apiId": known["apiId"], **self.part.from_aws(item)}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        """As Resource."""
        aws.client("apigatewayv2").update_authorizer(
            ApiId=inputs["apiId"], AuthorizerId=identifier, **self.part.to_aws(inputs)
        )

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """As Resource."""
        aws.client("apigatewayv2").delete_authorizer(ApiId=known["apiId"], AuthorizerId=identifier)


class Route(ApiPart):
    """Which requests go where."""

    tokens = ("aws:apigatewayv2/route:Route",)
    collection = "routes"
    id_name = "RouteId"
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
    found_by = ("routeKey",)

    def create(self, aws: Aws, inputs: Properties) -> str:
        """As Resource."""
        return str(
            aws.client("apigatewayv2").create_route(ApiId=inputs["apiId"], **self.part.to_aws(inputs))["RouteId"]
        )

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """As Resource."""
        item = aws.client("apigatewayv2").get_route(ApiId=known["apiId"], RouteId=identifier)
        return {"apiId": known["apiId"], **self.part.from_aws(item)}

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        """As Resource."""
        aws.client("apigatewayv2").update_route(ApiId=inputs["apiId"], RouteId=identifier, **self.part.to_aws(inputs))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """As Resource."""
        aws.client("apigatewayv2").delete_route(ApiId=known["apiId"], RouteId=identifier)


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
    computed = ("arn", "executionArn", "invokeUrl", "tagsAll")
    tagged = True

    def identifier(self, inputs: Properties) -> str:
        """As Resource."""
        return str(inputs["name"])

    def create(self, aws: Aws, inputs: Properties) -> str:
        """As Resource."""
        aws.client("apigatewayv2").create_stage(
            ApiId=inputs["apiId"], StageName=inputs["name"], Tags=aws.tags(inputs), **self._stage.to_aws(inputs)
        )
        return str(inputs["name"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        """As Resource."""
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
        """As Resource."""
        client, where = aws.client("apigatewayv2"), {"ApiId": inputs["apiId"], "StageName": identifier}
        if "accessLogSettings" in changed and not inputs.get("accessLogSettings"):
            client.delete_access_log_settings(**where)
        if changed - {"tags"}:
            client.update_stage(**where, **self._stage.to_aws(inputs))
        if "tags" in changed:
            _tag(aws, known["arn"], known, inputs)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        """As Resource."""
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
