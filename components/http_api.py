"""The HTTP API in front of the functions: one stage, throttled and access-logged."""

import json

import pulumi
import pulumi_aws as aws

from components.imports import taken_over
from components.released_function import ReleasedFunction
from components.renderer import Renderer
from components.settings import Settings
from components.sign_in import API_SCOPE, AdminPage, SignIn

STAGE = "production"
ADMIN_ROUTE = "ANY /api/admin/{proxy+}"
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
ACCESS_LOG_FIELDS = (
    *("requestId", "requestTime", "identity.sourceIp", "identity.userAgent", "httpMethod", "path", "routeKey"),
    *("status", "responseLength", "responseLatency", "integrationLatency", "integrationErrorMessage"),
)


class HttpApi(pulumi.ComponentResource):
    """API Gateway's HTTP API with its stage, which calls the alias `live` of the renderer and of the admin API."""

    api: aws.apigatewayv2.Api
    url: pulumi.Output[str]
    """Where the stage is reached, without a slash at the end."""

    def __init__(
        self, name: str, settings: Settings, renderer: Renderer, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("dashboard:api:HttpApi", name, None, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)

        self.api = self._create_api()
        self._allow_invocation("renderer", renderer)
        self._route = self._create_default_route(renderer)
        self._log_group = self._create_log_group()
        self._stage = self._create_stage()
        self.url = self._stage_url()

        self.register_outputs({"url": self.url})

    def add_admin_route(self, admin_api: ReleasedFunction, sign_in: SignIn, page: AdminPage) -> None:
        """Lead those who have signed in at the page to the admin API, and answer 401 to anybody else.

        It comes last, as the CDN stands between: it leads to this API, and the page is where it is.
        """
        authorizer = aws.apigatewayv2.Authorizer(
            "administrators",
            api_id=self.api.id,
            name=self._settings.name("administrators"),
            authorizer_type="JWT",
            identity_sources=["$request.header.Authorization"],
            jwt_configuration=aws.apigatewayv2.AuthorizerJwtConfigurationArgs(
                audiences=[page.client_id], issuer=sign_in.issuer
            ),
            opts=self._child,
        )
        self._allow_invocation("admin-api", admin_api)
        aws.apigatewayv2.Route(
            "admin-api",
            api_id=self.api.id,
            route_key=ADMIN_ROUTE,
            target=self._integration("admin-api", admin_api),
            authorization_type="JWT",
            authorizer_id=authorizer.id,
            authorization_scopes=[API_SCOPE],
            opts=self._child,
        )

    def _create_api(self) -> aws.apigatewayv2.Api:
        return aws.apigatewayv2.Api(
            "dashboard",
            name=self._settings.name("dashboard"),
            protocol_type="HTTP",
            description="The dashboard's pages and its admin API.",
            tags=self._settings.tags("http-api"),
            opts=taken_over(self._settings.imported.get("api", ""), parent=self),
        )

    def _allow_invocation(self, name: str, function: ReleasedFunction) -> None:
        aws.lambda_.Permission(
            name,
            statement_id="AllowInvocationByTheApi",
            action="lambda:InvokeFunction",
            function=function.function.name,
            qualifier=function.alias.name,
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(self.api.execution_arn, f"/{STAGE}/*"),
            opts=self._child,
        )

    def _create_default_route(self, renderer: Renderer) -> aws.apigatewayv2.Route:
        """Every other request goes to the renderer, so that its pages also say what doesn't exist."""
        return aws.apigatewayv2.Route(
            "default",
            api_id=self.api.id,
            route_key="$default",
            target=self._integration("renderer", renderer),
            opts=self._child,
        )

    def _integration(self, name: str, function: ReleasedFunction) -> pulumi.Output[str]:
        """A function as a route's target."""
        integration = aws.apigatewayv2.Integration(
            name,
            api_id=self.api.id,
            integration_type="AWS_PROXY",
            integration_uri=function.alias.invoke_arn,
            integration_method="POST",
            payload_format_version="2.0",
            opts=self._child,
        )
        return pulumi.Output.concat("integrations/", integration.id)

    def _create_log_group(self) -> aws.cloudwatch.LogGroup:
        return aws.cloudwatch.LogGroup(
            "access-log",
            name=f"/aws/apigateway/{self._settings.name('dashboard')}",
            retention_in_days=self._settings.log_retention_days,
            tags=self._settings.tags("http-api"),
            opts=self._child,
        )

    def _create_stage(self) -> aws.apigatewayv2.Stage:
        return aws.apigatewayv2.Stage(
            STAGE,
            api_id=self.api.id,
            name=STAGE,
            auto_deploy=True,
            default_route_settings=aws.apigatewayv2.StageDefaultRouteSettingsArgs(
                throttling_rate_limit=self._settings.throttle_rate,
                throttling_burst_limit=self._settings.throttle_burst,
            ),
            access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
                destination_arn=self._log_group.arn,
                format=json.dumps({field: f"$context.{field}" for field in ACCESS_LOG_FIELDS}),
            ),
            tags=self._settings.tags("http-api"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self._route]),
        )

    def _stage_url(self) -> pulumi.Output[str]:
        url_format = self._settings.api_url_format
        if not url_format:
            return self._stage.invoke_url.apply(lambda url: url.rstrip("/"))
        return pulumi.Output.all(self.api.id, self._stage.name).apply(
            lambda ids: url_format.format(api_id=ids[0], stage=ids[1]).rstrip("/")
        )
