"""However a person gives credentials, the dynamic resources and those of the `aws` provider are in the same account.

Each way leads to an account of its own: the emulator takes a key of twelve digits for the account of that number, and a
role's account from its ARN. SSO's own service is played here.
"""

import base64
import hashlib
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import pulumi.automation as auto
import pytest
import yaml

from operations.stack import configuration
from releasing.aws_connection import PATIENCE, AwsConfigError, connected
from sandbox.emulator import Emulator
from sandbox.engine import find_engine
from tests.project_copy import ROOT
from tests.stack.who_asks import ask

REGION = "eu-central-1"
START_URL = "https://lab.awsapps.com/start"
ISSUER = "token.actions.githubusercontent.com"
ROLE = "deployer"


def account(number: int) -> str:
    """One account of many."""
    return str(200000000000 + number)


def role(number: int) -> str:
    """The ARN of the role that an account has."""
    return f"arn:aws:iam::{account(number)}:role/{ROLE}"


class SingleSignOn(BaseHTTPRequestHandler):
    """Grants the role of account 8 to who has signed in.

    https://docs.aws.amazon.com/singlesignon/latest/PortalAPIReference/API_GetRoleCredentials.html
    """

    def do_GET(self) -> None:
        granted = self.headers["x-amz-sso_bearer_token"] == "signed-in" and account(8) in self.path
        keys = {"accessKeyId": account(8), "secretAccessKey": "secret", "sessionToken": "", "expiration": 4102444800000}
        body = json.dumps({"roleCredentials": keys}).encode()
        self.send_response(200 if granted else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Stay quiet."""


class Workspace(auto.LocalWorkspace):
    """One that spares processes: every command names its stack, and its program itself hands on what it was told."""

    def select_stack(self, stack_name: str) -> None:
        """Select nothing."""

    def stack_outputs(self, stack_name: str) -> auto.OutputMap:
        """None."""
        return {}


@dataclass
class Lab:
    """Accounts, a home folder with AWS's files in it, and an engine."""

    folder: Path
    emulator: Emulator
    engine: auto.PulumiCommand
    sso: str

    def client(self, service: str, number: int) -> Any:
        """A client with an account's own keys."""
        untyped: Any = boto3
        return untyped.client(
            service,
            endpoint_url=self.emulator.url,
            region_name=REGION,
            aws_access_key_id=account(number),
            aws_secret_access_key="secret",
        )

    def create_role(self, number: int, principal: Mapping[str, str], action: str = "sts:AssumeRole") -> None:
        """The role of an account, for somebody to take."""
        trust = {"Effect": "Allow", "Principal": principal, "Action": action}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.client("iam", number).create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)

    def session(self, number: int) -> dict[str, str]:
        """Temporary keys of an account's role."""
        taken = self.client("sts", 1).assume_role(RoleArn=role(number), RoleSessionName="by-hand")
        return dict(taken["Credentials"])

    def write(self, name: str, content: str) -> str:
        """Write a file of the home folder; its path."""
        file = self.folder / "home" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        return str(file)

    def deploy(self, config: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Deploy the stack that asks who it is with this configuration; the account and region, by who asked."""
        told: dict[str, tuple[str, str]] = {}
        self.stack(config, environment, lambda: ask(told)).up(show_secrets=False)
        return told

    def stack(
        self, config: Mapping[str, Any], environment: Mapping[str, str], program: Callable[[], None] = lambda: None
    ) -> auto.Stack:
        """The stack, with this in its file; a `ConfigValue` is set by Pulumi's own command, with --path."""
        keys = self.written(config)
        by_command = {key: value for key, value in keys.items() if isinstance(value, auto.ConfigValue)}
        written = {"config": {key: value for key, value in keys.items() if key not in by_command}}
        (self.folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(written), encoding="utf-8")
        workspace = Workspace(
            work_dir=str(self.folder),
            program=program,
            project_settings=auto.ProjectSettings("who-asks", "python"),
            env_vars={**self.variables(), **environment},
            pulumi_command=self.engine,
        )
        stack = auto.Stack.select("dev", workspace)
        if by_command:
            stack.set_all_config(by_command, path=True)
        return stack

    def written(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The keys of `aws`, and those that every stack needs here, as they stand in a stack's file."""
        endpoints = [{"sts": self.emulator.url, "sso": self.sso}]
        return {f"aws:{key}": value for key, value in {"endpoints": endpoints, "region": REGION, **config}.items()}

    def variables(self) -> dict[str, str]:
        """The environment of the engine."""
        return {
            "AWS_EC2_METADATA_DISABLED": "true",
            "HOME": str(self.folder / "home"),
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]]),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(self.folder / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, emulator: Emulator) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch, ThreadingHTTPServer(("127.0.0.1", 0), SingleSignOn) as sso:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        Thread(target=sso.serve_forever, daemon=True).start()
        lab = Lab(folder, emulator, find_engine(print), f"http://127.0.0.1:{sso.server_port}")
        (folder / "state").mkdir()
        lab.stack({}, {}).workspace.create_stack("dev")
        _write_launchers(folder / "bin")
        _write_home(lab)
        for number in (2, 4, 9, 10):
            lab.create_role(number, {"AWS": account(1)})
        lab.create_role(11, {"AWS": role(10)})
        may_take = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role(11)}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [may_take]})
        lab.client("iam", 10).put_role_policy(RoleName=ROLE, PolicyName="next", PolicyDocument=policy)
        provider = f"arn:aws:iam::{account(12)}:oidc-provider/{ISSUER}"
        lab.create_role(12, {"Federated": provider}, "sts:AssumeRoleWithWebIdentity")
        yield lab
        sso.shutdown()


def _write_launchers(folder: Path) -> None:
    folder.mkdir()
    for name, module in {"aws": "sandbox.provider", "pulumi-python": "sandbox.dynamic"}.items():
        launcher = folder / f"pulumi-resource-{name}"
        launcher.write_text(
            f'#!/bin/sh\nexport PYTHONPATH={shlex.quote(str(ROOT))}\nexec {sys.executable} -u -m {module} "$@"\n',
            encoding="utf-8",
        )
        launcher.chmod(0o755)


def _write_home(lab: Lab) -> None:
    """AWS's files: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html."""
    lab.write(
        ".aws/config",
        f"[profile single-sign-on]\nsso_start_url = {START_URL}\nsso_region = {REGION}\n"
        f"sso_account_id = {account(8)}\nsso_role_name = {ROLE}\n"
        f"[profile in-role]\nrole_arn = {role(9)}\nsource_profile = own-keys\n",
    )
    lab.write(
        ".aws/credentials",
        "".join(
            f"[{name}]\naws_access_key_id = {account(number)}\naws_secret_access_key = secret\n"
            for name, number in {"own-keys": 1, "of-environment": 5, "of-stack": 6, "elsewhere": 99}.items()
        ),
    )
    cached = {"startUrl": START_URL, "region": REGION, "accessToken": "signed-in", "expiresAt": "2099-01-01T00:00:00Z"}
    lab.write(f".aws/sso/cache/{hashlib.sha1(START_URL.encode()).hexdigest()}.json", json.dumps(cached))


Given = tuple[dict[str, Any], dict[str, str]]
"""The keys of the stack's `aws` configuration, and the environment."""


def _environment(number: int, **others: str) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": account(number), "AWS_SECRET_ACCESS_KEY": "secret", **others}


def _keys(number: int) -> dict[str, str]:
    return {"accessKey": account(number), "secretKey": "secret"}


def _session_in_config(lab: Lab) -> Given:
    taken = lab.session(2)
    names = {"accessKey": "AccessKeyId", "secretKey": "SecretAccessKey", "token": "SessionToken"}
    return {key: taken[name] for key, name in names.items()}, {}


def _session_in_environment(lab: Lab) -> Given:
    taken = lab.session(4)
    names = {"ACCESS_KEY_ID": "AccessKeyId", "SECRET_ACCESS_KEY": "SecretAccessKey", "SESSION_TOKEN": "SessionToken"}
    return {}, {f"AWS_{variable}": taken[name] for variable, name in names.items()}


def _role_by_command(_: Lab) -> Given:
    """As `pulumi config set --path 'aws:assumeRoles[0].roleArn' …` and `pulumi config set --secret` write it."""
    values = {"assumeRoles[0].roleArn": role(10), "assumeRoles[0].duration": "15m", "allowedAccountIds[0]": account(10)}
    secrets = {"secretKey": "secret", "assumeRoles[0].externalId": "dashboard"}
    by_command = {
        name: auto.ConfigValue(value, secret=name in secrets) for name, value in {**values, **secrets}.items()
    }
    return {"accessKey": account(1), **by_command}, {}


def _files_of_one_s_own(lab: Lab) -> Given:
    """The profile's keys in one file, its region in another, both among several."""
    keys = [lab.write("other", "[lab]\naws_access_key_id = x\n")]
    keys.append(lab.write("keys", f"[lab]\naws_access_key_id = {account(7)}\naws_secret_access_key = secret\n"))
    files = [lab.write("region", f"[profile lab]\nregion = {REGION}\n"), lab.write("empty", "")]
    return {"profile": "lab", "region": "", "sharedCredentialsFiles": keys, "sharedConfigFiles": files}, {}


def _web_identity(lab: Lab) -> Given:
    claims = base64.urlsafe_b64encode(json.dumps({"iss": f"https://{ISSUER}", "sub": "repo:lab"}).encode()).decode()
    file = lab.write("token", f"e30.{claims.rstrip('=')}.signature")
    return {}, {"AWS_ROLE_ARN": role(12), "AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_ROLE_SESSION_NAME": "workflow"}


WAYS: dict[str, tuple[int, Callable[[Lab], Given]]] = {
    "keys in the configuration": (1, lambda _: (_keys(1), _environment(99))),
    "temporary keys in the configuration": (2, _session_in_config),
    "keys in the environment": (3, lambda _: ({"region": ""}, _environment(3, AWS_REGION=REGION))),
    "temporary keys in the environment": (4, _session_in_environment),
    "a profile in the environment": (5, lambda _: ({}, {"AWS_PROFILE": "of-environment"})),
    "a profile in the configuration": (6, lambda _: ({"profile": "of-stack"}, _environment(99))),
    "a profile in files of one's own": (7, _files_of_one_s_own),
    "a profile of SSO": (8, lambda _: ({"profile": "single-sign-on"}, {})),
    "a profile with a role": (9, lambda _: ({}, {"AWS_PROFILE": "in-role"})),
    "a role": (10, _role_by_command),
    "a role by another": (
        11,
        lambda _: ({"profile": "own-keys", "assumeRoles": [{"roleArn": role(each)} for each in (10, 11)]}, {}),
    ),
    "OIDC": (12, _web_identity),
}


@pytest.mark.parametrize("way", WAYS)
def test_dynamic_resources_and_official_ones_are_in_the_same_account(way: str, lab: Lab) -> None:
    number, give = WAYS[way]
    told = lab.deploy(*give(lab))
    assert told == dict.fromkeys(("dynamic", "official"), (account(number), REGION))


def test_what_looks_at_a_stack_asks_as_its_deployment_did(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    config, _ = _role_by_command(lab)
    lab.stack(config, {})
    for name, value in lab.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(lab.engine.command).parent), os.environ["PATH"]]))
    sts = connected("sts", configuration("dev", 0, lab.folder), PATIENCE)
    assert sts.get_caller_identity()["Account"] == account(10)


@pytest.mark.parametrize("key", ["allowedAccountIds", "forbiddenAccountIds"])
def test_an_account_that_is_not_allowed_is_refused(key: str, lab: Lab) -> None:
    accounts = {"allowedAccountIds": account(3), "forbiddenAccountIds": account(1)}
    with pytest.raises(AwsConfigError, match=rf"AWS account {account(1)}, which is not allowed: aws:{key} "):
        connected("sts", lab.written({**_keys(1), key: [accounts[key]]}), PATIENCE)


def test_a_deployment_to_an_account_that_is_not_allowed_ends_before_anything_is_done(lab: Lab) -> None:
    with pytest.raises(auto.CommandError, match=f"AWS account {account(1)}, which is not allowed") as refusal:
        lab.deploy({**_keys(1), "allowedAccountIds": [account(3)]}, {})
    assert "Caller caller" not in str(refusal.value)
