"""Cognito: user pools with their clients, groups and sign-in domains."""

from typing import Any

from sandbox.provider.emulator import Aws
from sandbox.provider.resource import Properties, Resource
from sandbox.provider.shape import AWS_DECIDES, Block, Field, Values

# What has an operation of its own.
MFA = ("mfaConfiguration", "softwareTokenMfaConfiguration")
ANY_VALUES = Values(AWS_DECIDES)


class UserPool(Resource):
    """A user pool; there may be several of a name. An update sets whatever it isn't given to its default."""

    service, reads = "cognito-idp", "describe_{}"
    id_as, id_at, found_in = "UserPoolId", "UserPool.Id", "UserPool"
    inputs = {
        "name": Field(aws="PoolName"),
        "usernameConfiguration": {"caseSensitive": True},
        "accountRecoverySetting": {"recoveryMechanisms": [{"name": None, "priority": None}]},
        "adminCreateUserConfig": {"allowAdminCreateUserOnly": False},
        "autoVerifiedAttributes": [],
        "deletionProtection": "INACTIVE",
        "passwordPolicy": Block(
            {
                "minimumLength": 8,
                **dict.fromkeys(("requireLowercase", "requireNumbers", "requireSymbols", "requireUppercase"), False),
                "temporaryPasswordValidityDays": 7,
            },
            aws="Policies.PasswordPolicy",
            default=AWS_DECIDES,
        ),
        "mfaConfiguration": "OFF",
        "softwareTokenMfaConfiguration": {"enabled": None},
    }
    replaced_by = frozenset({"name", "usernameConfiguration"})
    apart = {"ask_twice": MFA}
    outputs = {"arn": "UserPool.Arn", "endpoint": "cognito-idp.{region}.amazonaws.com/{id}"}
    tagged = True

    def create(self, aws: Aws, inputs: Properties) -> str:
        return super().create(aws, {name: value for name, value in inputs.items() if name not in MFA})

    def ask_twice(self, aws: Aws, identifier: str, known: Properties, inputs: Properties) -> None:
        request = self.only(*MFA).to_aws(inputs, aws.operation(self.service, "set_user_pool_mfa_config").input_shape)
        aws.client(self.service).set_user_pool_mfa_config(UserPoolId=identifier, **request)

    def read(self, aws: Aws, identifier: str, known: Properties) -> dict[str, Any] | None:
        state = super().read(aws, identifier, known)
        mfa = aws.client(self.service).get_user_pool_mfa_config(UserPoolId=identifier)
        told = self.properties(mfa, aws.operation(self.service, "get_user_pool_mfa_config").output_shape)
        return state and {**state, **told}


class UserPoolClient(Resource):
    """An application that signs users in; AWS does not tell whether it made it a secret."""

    service, reads = "cognito-idp", "describe_{}"
    id_as, id_at, found_in = "ClientId", "UserPoolClient.ClientId", "UserPoolClient"
    inputs = {
        "userPoolId": None,
        "name": Field(aws="ClientName"),
        "generateSecret": None,
        **dict.fromkeys(("allowedOauthFlows", "allowedOauthScopes", "callbackUrls", "logoutUrls"), ANY_VALUES),
        **dict.fromkeys(("explicitAuthFlows", "supportedIdentityProviders"), ANY_VALUES),
        **dict.fromkeys(("accessTokenValidity", "idTokenValidity", "refreshTokenValidity"), AWS_DECIDES),
        **dict.fromkeys(("allowedOauthFlowsUserPoolClient", "enableTokenRevocation"), AWS_DECIDES),
        "preventUserExistenceErrors": AWS_DECIDES,
        "tokenValidityUnits": Block(
            {"accessToken": "hours", "idToken": "hours", "refreshToken": "days"}, default=AWS_DECIDES
        ),
    }
    import_ids = ("{userPoolId}/{id}",)
    replaced_by = frozenset({"userPoolId", "generateSecret"})


class UserGroup(Resource):
    """A group of a pool's users."""

    service, noun, found_in = "cognito-idp", "group", "Group"
    inputs = {"userPoolId": None, "name": Field(aws="GroupName"), "description": ""}
    identity = "{userPoolId}/{name}"
    replaced_by = frozenset({"description"})
    differs_in = "its description, another of which is another group: the emulator has no UpdateGroup"


class UserPoolDomain(Resource):
    """The name below which a pool's sign-in pages are."""

    service, reads, found_in = "cognito-idp", "describe_{}", "DomainDescription"
    inputs = {"domain": None, "userPoolId": None, "managedLoginVersion": AWS_DECIDES}
    identity = "{domain}"
    replaced_by = frozenset({"userPoolId"})
    differs_in = "waiting for it: the emulator's is there at once"

    def delete(self, aws: Aws, identifier: str, known: Properties) -> None:
        aws.client(self.service).delete_user_pool_domain(Domain=identifier, UserPoolId=known["userPoolId"])
