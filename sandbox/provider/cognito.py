"""Cognito: user pools with their clients, groups and sign-in domains."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource, superfluous_tags
from sandbox.provider.shape import AWS_DECIDES, Block, Blocks, Field, Values


class UserPool(Resource):
    """A user pool; there may be several of a name."""

    tokens = ("aws:cognito/userPool:UserPool",)
    # What can be changed; UpdateUserPool sets whatever it isn't given to its default.
    _settings = Block(
        fields={
            "accountRecoverySetting": Block(
                aws="AccountRecoverySetting",
                fields={
                    "recoveryMechanisms": Blocks(
                        aws="RecoveryMechanisms",
                        key="name",
                        of=Block(fields={"name": Field(aws="Name"), "priority": Field(aws="Priority")}),
                    )
                },
            ),
            "adminCreateUserConfig": Block(
                aws="AdminCreateUserConfig",
                fields={"allowAdminCreateUserOnly": Field(aws="AllowAdminCreateUserOnly", default=False)},
            ),
            "autoVerifiedAttributes": Values(aws="AutoVerifiedAttributes"),
            "deletionProtection": Field(aws="DeletionProtection", default="INACTIVE"),
            "passwordPolicy": Block(
                aws="Policies.PasswordPolicy",
                fields={
                    "minimumLength": Field(aws="MinimumLength", default=8),
                    "requireLowercase": Field(aws="RequireLowercase", default=False),
                    "requireNumbers": Field(aws="RequireNumbers", default=False),
                    "requireSymbols": Field(aws="RequireSymbols", default=False),
                    "requireUppercase": Field(aws="RequireUppercase", default=False),
                    "temporaryPasswordValidityDays": Field(aws="TemporaryPasswordValidityDays", default=7),
                },
                default=AWS_DECIDES,
            ),
        }
    )
    # What has an operation of its own.
    _mfa = Block(
        fields={
            "mfaConfiguration": Field(aws="MfaConfiguration", default="OFF"),
            "softwareTokenMfaConfiguration": Block(
                aws="SoftwareTokenMfaConfiguration", fields={"enabled": Field(aws="Enabled", required=True)}
            ),
        }
    )
    _username = Block(fields={"caseSensitive": Field(aws="CaseSensitive", default=True)})
    inputs = Block(
        fields={
            "name": Field(required=True),
            "usernameConfiguration": _username,
            **_settings.fields,
            **_mfa.fields,
        }
    )
    replace_on = frozenset({"name", "usernameConfiguration"})
    computed = ("arn", "endpoint", "tagsAll")
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        given = inputs.get("usernameConfiguration")
        response = aws.client("cognito-idp").create_user_pool(
            PoolName=inputs["name"],
            UserPoolTags=aws.tags(inputs),
            **({"UsernameConfiguration": self._username.to_aws(given)} if given else {}),
            **self._settings.to_aws(inputs),
        )
        return str(response["UserPool"]["Id"])

    def complete(self, aws: Aws, identifier: str, inputs: Properties) -> None:
        aws.client("cognito-idp").set_user_pool_mfa_config(UserPoolId=identifier, **self._mfa.to_aws(inputs))

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        client = aws.client("cognito-idp")
        pool = client.describe_user_pool(UserPoolId=identifier)["UserPool"]
        return {
            "name": pool["Name"],
            "usernameConfiguration": self._username.from_aws(pool.get("UsernameConfiguration")),
            **self._settings.from_aws(pool),
            **self._mfa.from_aws(client.get_user_pool_mfa_config(UserPoolId=identifier)),
            "arn": pool["Arn"],
            "endpoint": f"cognito-idp.{aws.region}.amazonaws.com/{identifier}",
            "tagsAll": pool.get("UserPoolTags", {}),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        client = aws.client("cognito-idp")
        if changed & self._settings.fields.keys():
            client.update_user_pool(UserPoolId=identifier, **self._settings.to_aws(inputs))
        if changed & self._mfa.fields.keys():
            client.set_user_pool_mfa_config(UserPoolId=identifier, **self._mfa.to_aws(inputs))
        if "tags" in changed:
            tags = aws.tags(inputs)
            if keys := superfluous_tags(known, tags):
                client.untag_resource(ResourceArn=known["arn"], TagKeys=keys)
            if tags:
                client.tag_resource(ResourceArn=known["arn"], Tags=tags)

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("cognito-idp").delete_user_pool(UserPoolId=identifier)


class UserPoolClient(Resource):
    """An application that signs users in."""

    tokens = ("aws:cognito/userPoolClient:UserPoolClient",)
    _client = Block(
        fields={
            "name": Field(aws="ClientName", required=True),
            "accessTokenValidity": Field(aws="AccessTokenValidity", default=AWS_DECIDES),
            "allowedOauthFlows": Values(aws="AllowedOAuthFlows"),
            "allowedOauthFlowsUserPoolClient": Field(aws="AllowedOAuthFlowsUserPoolClient", default=False),
            "allowedOauthScopes": Values(aws="AllowedOAuthScopes"),
            "callbackUrls": Values(aws="CallbackURLs"),
            "enableTokenRevocation": Field(aws="EnableTokenRevocation", default=True),
            "explicitAuthFlows": Values(aws="ExplicitAuthFlows", default=AWS_DECIDES),
            "idTokenValidity": Field(aws="IdTokenValidity", default=AWS_DECIDES),
            "logoutUrls": Values(aws="LogoutURLs"),
            "preventUserExistenceErrors": Field(aws="PreventUserExistenceErrors", default=AWS_DECIDES),
            "refreshTokenValidity": Field(aws="RefreshTokenValidity", default=30),
            "supportedIdentityProviders": Values(aws="SupportedIdentityProviders"),
            "tokenValidityUnits": Block(
                aws="TokenValidityUnits",
                fields={
                    "accessToken": Field(aws="AccessToken", default="hours"),
                    "idToken": Field(aws="IdToken", default="hours"),
                    "refreshToken": Field(aws="RefreshToken", default="days"),
                },
                default=AWS_DECIDES,
            ),
        }
    )
    inputs = Block(
        fields={"userPoolId": Field(required=True), "generateSecret": Field(default=False), **_client.fields}
    )
    replace_on = frozenset({"userPoolId", "generateSecret"})
    imported_as = "(?P<userPoolId>[^/]+)/(?P<id>.+)"

    def create(self, aws: Aws, inputs: Properties) -> str:
        response = aws.client("cognito-idp").create_user_pool_client(
            UserPoolId=inputs["userPoolId"],
            GenerateSecret=inputs.get("generateSecret", False),
            **self._client.to_aws(inputs),
        )
        return str(response["UserPoolClient"]["ClientId"])

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        found = aws.client("cognito-idp").describe_user_pool_client(UserPoolId=known["userPoolId"], ClientId=identifier)
        client = found["UserPoolClient"]
        return {
            "userPoolId": known["userPoolId"],
            "generateSecret": bool(client.get("ClientSecret")),
            **self._client.from_aws(client),
        }

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        aws.client("cognito-idp").update_user_pool_client(
            UserPoolId=inputs["userPoolId"], ClientId=identifier, **self._client.to_aws(inputs)
        )

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("cognito-idp").delete_user_pool_client(UserPoolId=known["userPoolId"], ClientId=identifier)


class UserGroup(Resource):
    """A group of a pool's users; the emulator has no UpdateGroup."""

    tokens = ("aws:cognito/userGroup:UserGroup",)
    _group = Block(fields={"description": Field(aws="Description", default="")})
    inputs = Block(fields={"userPoolId": Field(required=True), "name": Field(required=True), **_group.fields})
    identity = ("userPoolId", "name")
    imported_as = "(?P<userPoolId>[^/]+)/(?P<name>.+)"
    replace_on = frozenset({"description"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        aws.client("cognito-idp").create_group(
            UserPoolId=inputs["userPoolId"], GroupName=inputs["name"], **self._group.to_aws(inputs)
        )
        return self.identifier(inputs)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        found = aws.client("cognito-idp").get_group(UserPoolId=known["userPoolId"], GroupName=known["name"])
        return {"userPoolId": known["userPoolId"], "name": known["name"], **self._group.from_aws(found["Group"])}

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("cognito-idp").delete_group(UserPoolId=known["userPoolId"], GroupName=known["name"])


class UserPoolDomain(Resource):
    """The name below which a pool's sign-in pages are."""

    tokens = ("aws:cognito/userPoolDomain:UserPoolDomain",)
    inputs = Block(
        fields={
            "domain": Field(required=True),
            "userPoolId": Field(required=True),
            "managedLoginVersion": Field(default=AWS_DECIDES),
        }
    )
    identity = ("domain",)
    replace_on = frozenset({"userPoolId"})

    def create(self, aws: Aws, inputs: Properties) -> str:
        aws.client("cognito-idp").create_user_pool_domain(**self._asked(inputs))
        return self.identifier(inputs)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        found = aws.client("cognito-idp").describe_user_pool_domain(Domain=identifier)["DomainDescription"]
        version = found.get("ManagedLoginVersion")
        return (
            {"domain": identifier, "userPoolId": found["UserPoolId"], "managedLoginVersion": version} if found else None
        )

    def update(self, aws: Aws, identifier: str, known: Properties, inputs: Properties, changed: set[str]) -> None:
        aws.client("cognito-idp").update_user_pool_domain(**self._asked(inputs))

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client("cognito-idp").delete_user_pool_domain(Domain=identifier, UserPoolId=known["userPoolId"])

    @staticmethod
    def _asked(inputs: Properties) -> dict[str, Any]:
        version = {"ManagedLoginVersion": inputs["managedLoginVersion"]} if inputs.get("managedLoginVersion") else {}
        return {"Domain": inputs["domain"], "UserPoolId": inputs["userPoolId"], **version}
