"""How administrators sign in: a Cognito user pool, its sign-in pages, and the admin page as their client."""

import hashlib
import json

import pulumi
import pulumi_aws as aws

from components.settings import Settings
from components.static_site import StaticSite

ADMIN_PAGE = "/admin.html"
ADMIN_GROUP = "admins"
"""The group whose members may use the admin API, which is told of it."""
CONFIGURATION_KEY = "config.json"
SCOPES = ("openid", "email")
# What an access token has and an ID token has not, so that API Gateway refuses ID tokens:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
API_SCOPE = "openid"
PASSWORD_LENGTH = 14
TEMPORARY_PASSWORD_DAYS = 3
# A token is good until it expires, whatever becomes of its user; the page fetches the next one by itself.
TOKEN_MINUTES = 15
SIGNED_IN_HOURS = 12
MINUTES, HOURS = "minutes", "hours"
# Cognito's own, which need no branding; version 2 shows an error until each client has a branding resource:
# https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-managed-login.html
CLASSIC_PAGES = 1


class SignIn(pulumi.ComponentResource):
    """The user pool, to which administrators alone add users, and the group whose members may use the admin API."""

    pool: aws.cognito.UserPool
    url: pulumi.Output[str]
    """Where the sign-in pages are, without a slash at the end."""
    issuer: pulumi.Output[str]
    """Who the tokens say has issued them."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("dashboard:auth:SignIn", name, None, opts)
        self._settings = settings
        self._child = pulumi.ResourceOptions(parent=self)

        self.pool = self._create_pool()
        self._create_group()
        self._domain = self._create_domain()
        self.url = self._pages_url()
        self.issuer = self.pool.endpoint.apply(lambda endpoint: f"https://{endpoint}")

        self.register_outputs({"url": self.url})

    def _create_pool(self) -> aws.cognito.UserPool:
        return aws.cognito.UserPool(
            "administrators",
            name=self._settings.name("administrators"),
            admin_create_user_config=aws.cognito.UserPoolAdminCreateUserConfigArgs(allow_admin_create_user_only=True),
            username_configuration=aws.cognito.UserPoolUsernameConfigurationArgs(case_sensitive=False),
            auto_verified_attributes=["email"],
            password_policy=aws.cognito.UserPoolPasswordPolicyArgs(
                minimum_length=PASSWORD_LENGTH,
                require_lowercase=True,
                require_numbers=True,
                require_symbols=True,
                require_uppercase=True,
                temporary_password_validity_days=TEMPORARY_PASSWORD_DAYS,
            ),
            mfa_configuration="OPTIONAL",
            software_token_mfa_configuration=aws.cognito.UserPoolSoftwareTokenMfaConfigurationArgs(enabled=True),
            account_recovery_setting=aws.cognito.UserPoolAccountRecoverySettingArgs(
                recovery_mechanisms=[
                    aws.cognito.UserPoolAccountRecoverySettingRecoveryMechanismArgs(name="verified_email", priority=1)
                ]
            ),
            deletion_protection="ACTIVE" if self._settings.deletion_protection else "INACTIVE",
            tags=self._settings.tags("sign-in"),
            opts=self._child,
        )

    def _create_group(self) -> None:
        aws.cognito.UserGroup(
            ADMIN_GROUP,
            name=ADMIN_GROUP,
            user_pool_id=self.pool.id,
            description="May run, watch and delete experiments.",
            opts=self._child,
        )

    def _create_domain(self) -> aws.cognito.UserPoolDomain:
        """All of a region's pools share one space of names; the account's id makes this one ours."""
        account = aws.get_caller_identity_output().account_id
        return aws.cognito.UserPoolDomain(
            "sign-in",
            domain=pulumi.Output.concat(self._settings.name("admin"), "-", account),
            user_pool_id=self.pool.id,
            managed_login_version=CLASSIC_PAGES,
            # A pool has room for one.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )

    def _pages_url(self) -> pulumi.Output[str]:
        if self._settings.sign_in_url:
            return pulumi.Output.from_input(self._settings.sign_in_url)
        return pulumi.Output.concat("https://", self._domain.domain, ".auth.", self.pool.region, ".amazoncognito.com")


class AdminPage(pulumi.ComponentResource):
    """The admin page as a client of the user pool, by authorization code with PKCE, and what it has to know.

    It is apart from `SignIn`, as it leads back to the CDN, whose policy has to name the sign-in pages.
    """

    client_id: pulumi.Output[str]
    hashes: pulumi.Output[dict[str, str]]
    """The URL path of the page's configuration, of which nothing is a secret, and its content's hexadecimal SHA-256."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        sign_in: SignIn,
        site: StaticSite,
        site_url: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("dashboard:auth:AdminPage", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)

        self.client_id = self._create_client(settings, sign_in, pulumi.Output.concat(site_url, ADMIN_PAGE)).id
        known = pulumi.Output.all(self.client_id, sign_in.url).apply(lambda both: configuration(*both))
        self.hashes = known.apply(lambda text: {f"/{CONFIGURATION_KEY}": hashlib.sha256(text.encode()).hexdigest()})
        site.publish(CONFIGURATION_KEY, known, opts=self._child)

        self.register_outputs({"client_id": self.client_id})

    def _create_client(
        self, settings: Settings, sign_in: SignIn, url: pulumi.Output[str]
    ) -> aws.cognito.UserPoolClient:
        return aws.cognito.UserPoolClient(
            "admin-page",
            name=settings.name("admin-page"),
            user_pool_id=sign_in.pool.id,
            generate_secret=False,
            allowed_oauth_flows=["code"],
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_scopes=list(SCOPES),
            # Signing in happens on Cognito's pages, never by its API.
            explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH"],
            supported_identity_providers=["COGNITO"],
            callback_urls=[url],
            logout_urls=[url],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            access_token_validity=TOKEN_MINUTES,
            id_token_validity=TOKEN_MINUTES,
            refresh_token_validity=SIGNED_IN_HOURS,
            token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(
                access_token=MINUTES, id_token=MINUTES, refresh_token=HOURS
            ),
            opts=self._child,
        )


def configuration(client_id: str, sign_in_url: str) -> str:
    """The admin page's configuration as `/config.json` shows it."""
    known = {
        "admin_api": "/api/admin",
        "client_id": client_id,
        "scope": " ".join(SCOPES),
        "sign_in_url": sign_in_url,
    }
    return json.dumps(known, indent=2, sort_keys=True) + "\n"
