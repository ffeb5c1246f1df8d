"""Clients follow the stack's `aws` configuration as the official provider does, without a request to AWS."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.exceptions
import pulumi_aws._inputs as aws_inputs
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from pulumi._types import input_type_py_to_pulumi_names
from pulumi_aws import ProviderArgs

from releasing.aws_connection import (
    ENDPOINT_NAMES,
    NO_BEARING,
    PATIENCE,
    AwsConfig,
    AwsConfigError,
    AwsSession,
    aws_session,
    camel_case,
    connected,
)

KEYS = {"accessKey": "of-config", "secretKey": "s"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with two profiles, and an environment that says nothing of AWS."""
    for name in [*os.environ]:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[profile one]\nregion = eu-west-1\n[profile two]\n", encoding="utf-8")
    (tmp_path / ".aws" / "credentials").write_text(
        "".join(f"[{name}]\naws_access_key_id = of-{name}\naws_secret_access_key = s\n" for name in ("one", "two")),
        encoding="utf-8",
    )
    return tmp_path


def session(**given: Any) -> AwsSession:
    return AwsSession(AwsConfig.of(given))


def key_of(**given: Any) -> str:
    """The access key with which a client would ask."""
    return str(session(**given).get_credentials().access_key)


def test_every_key_of_pulumi_aws_is_taken_or_known_to_have_no_bearing_on_clients() -> None:
    keys = input_type_py_to_pulumi_names(ProviderArgs)
    assert {*AwsConfig.names()} | NO_BEARING == {*keys}
    assert not {*AwsConfig.names()} & NO_BEARING
    assert {name: camel_case(name) for name in keys} == keys


def test_every_name_of_an_endpoint_is_pulumi_awss() -> None:
    names = {*input_type_py_to_pulumi_names(aws_inputs.ProviderEndpointArgs).values()}
    assert {name for known in ENDPOINT_NAMES.values() for name in known} <= names


@pytest.mark.parametrize("key", ["roles", "web identity"])
def test_every_property_of_a_role_that_pulumi_aws_knows_reaches_sts(key: str) -> None:
    arguments = {
        "roles": aws_inputs.ProviderAssumeRoleArgs,
        "web identity": aws_inputs.ProviderAssumeRoleWithWebIdentityArgs,
    }
    values: dict[str, Any] = {
        "duration": "1h30m",
        "policyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        "policy": "{}",
        "tags": {"team": "lab"},
        "transitiveTagKeys": ["team"],
        "roleArn": "arn:aws:iam::123456789012:role/deployer",
        "webIdentityToken": "token",
    }
    names = {*input_type_py_to_pulumi_names(arguments[key]).values()} - {"webIdentityTokenFile"}
    role = {name: values.get(name, f"the-{name}") for name in names}
    given = {"assumeRoles": [role], **KEYS} if key == "roles" else {"assumeRoleWithWebIdentity": role}
    asked = _asked_of_sts(session(region="us-east-1", **given))
    assert asked.pop("RoleArn") == values["roleArn"]
    assert asked.pop("DurationSeconds") == 5400
    assert asked.pop("PolicyArns") == [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]
    expected: dict[str, Any] = {"Policy": "{}", "RoleSessionName": "the-sessionName"}
    if key == "roles":
        expected |= {"ExternalId": "the-externalId", "SourceIdentity": "the-sourceIdentity"}
        expected |= {"Tags": [{"Key": "team", "Value": "lab"}], "TransitiveTagKeys": ["team"]}
    else:
        expected |= {"WebIdentityToken": "token"}
    assert asked == expected


def test_keys_of_the_configuration_go_before_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    assert key_of(profile="one", **KEYS) == "of-config"


def test_a_profile_of_the_configuration_goes_before_keys_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_PROFILE", "two")
    assert key_of(profile="one") == "of-one"
    assert key_of() == "of-environment"


def test_the_environments_web_identity_goes_before_its_profile(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    (home / ".aws" / "config").write_text("[profile two]\nrole_arn = x\nsource_profile = one\n", encoding="utf-8")
    monkeypatch.setenv("AWS_PROFILE", "two")
    assert session().get_credentials().method == "assume-role"
    monkeypatch.setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(home / "token"))
    assert session().get_credentials().method == "assume-role-with-web-identity"
    assert session(profile="two").get_credentials().method == "assume-role"


def test_a_missing_profile_of_the_environment_does_no_harm_where_there_are_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert session(region="us-east-1", **KEYS).create_client("sts").meta.region_name == "us-east-1"
    with pytest.raises(botocore.exceptions.ProfileNotFound, match="nobody"):
        session(region="us-east-1").create_client("sts")


def test_of_several_shared_files_the_later_ones_win_key_by_key(home: Path) -> None:
    for name, text in {"a": "aws_access_key_id = a\naws_secret_access_key = s", "b": "aws_access_key_id = b"}.items():
        (home / name).write_text(f"[lab]\n{text}\n", encoding="utf-8")
    assert key_of(profile="lab", sharedCredentialsFiles=["~/a", "~/b", "~/missing"]) == "b"


@pytest.mark.parametrize(
    ("given", "environment", "region"),
    [
        ({"region": "eu-north-1"}, {"AWS_REGION": "us-west-1"}, "eu-north-1"),
        ({}, {"AWS_REGION": "us-west-1", "AWS_DEFAULT_REGION": "us-west-2"}, "us-west-1"),
        ({}, {"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
        ({"profile": "one"}, {}, "eu-west-1"),
    ],
)
def test_the_region_is_found_where_pulumi_aws_finds_it(
    given: dict[str, str], environment: dict[str, str], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert session(**given).create_client("lambda").meta.region_name == region


def test_values_may_come_as_json() -> None:
    as_json = {
        "insecure": "true",
        "maxRetries": "7",
        "allowedAccountIds": "[123456789012]",
        "endpoints": '[{"s3":"u"}]',
    }
    expected = AwsConfig(insecure=True, max_retries=7, allowed_account_ids=["123456789012"], endpoints=[{"s3": "u"}])
    assert AwsConfig.of(as_json) == expected


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"accessKey": "a"}, "aws:accessKey and aws:secretKey belong together"),
        ({"token": "t"}, "aws:accessKey and aws:secretKey belong together"),
        ({"assumeRoles": [{"sessionName": "x"}], **KEYS}, "aws:assumeRoles has a role without roleArn"),
        ({"assumeRoleWithWebIdentity": {"roleArn": "r"}}, "neither webIdentityToken nor webIdentityTokenFile"),
        ({"assumeRoles": [{"roleArn": "r", "duration": "soon"}], **KEYS}, "soon is no duration"),
        ({"assumeRoles": "arn:aws:iam::1:role/r"}, r"^aws:assumeRoles is not what it has to be: a list$"),
        ({"secretKey": ["hunter2"]}, r"^aws:secretKey is not what it has to be: text$"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told_in_one_line(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(AwsConfigError, match=problem):
        session(**given).get_credentials()


def test_the_old_name_of_a_role_is_refused_as_pulumi_aws_refuses_it() -> None:
    with pytest.raises(AwsConfigError, match="write aws:assumeRoles, a list"):
        aws_session({"aws:assumeRole": '{"roleArn": "r"}'})


def test_a_role_is_taken_anew_before_it_expires() -> None:
    found = session(region="us-east-1", assumeRoles=[{"roleArn": "arn:aws:iam::1:role/r"}], **KEYS)
    with _sts(found) as sts:
        for key, minutes in (("first-key-of-role", 5), ("second-key-of-role", 60)):
            sts.add_response("assume_role", _granted(key, minutes))
        asked = [found.get_credentials().get_frozen_credentials().access_key for _ in range(3)]
    assert asked == ["first-key-of-role", "second-key-of-role", "second-key-of-role"]


def test_a_client_has_what_the_configuration_states_over_its_own_behaviour() -> None:
    keys = {f"aws:{key}": value for key, value in KEYS.items()}
    plain = connected("s3", {**keys, "aws:region": "us-east-1"}, PATIENCE)
    assert plain.meta.config.retries == PATIENCE.retries  # type: ignore[attr-defined]
    stated = {
        "insecure": True,
        "maxRetries": 2,
        "region": "us-east-1",
        "retryMode": "adaptive",
        "s3UsePathStyle": True,
        "useDualstackEndpoint": "true",
        "useFipsEndpoint": True,
    }
    client = connected("s3", {**keys, **{f"aws:{key}": value for key, value in stated.items()}}, PATIENCE)
    assert client.meta.config.retries == {"total_max_attempts": 2, "mode": "adaptive"}
    assert client.meta.config.s3["addressing_style"] == "path"
    assert client.meta.endpoint_url == "https://s3-fips.dualstack.us-east-1.amazonaws.com"
    assert client._endpoint.http_session._verify is False


def test_an_endpoint_is_known_by_each_of_its_names_and_without_variants() -> None:
    logs = session(region="us-east-1", endpoints=[{"cloudwatchlogs": "http://here"}], useFipsEndpoint=True, **KEYS)
    assert logs.create_client("logs").meta.endpoint_url == "http://here"


def test_sts_may_be_asked_in_a_region_of_its_own() -> None:
    found = session(region="us-east-1", stsRegion="eu-west-1", **KEYS)
    assert [found.create_client(name).meta.region_name for name in ("sts", "sqs")] == ["eu-west-1", "us-east-1"]


def test_proxies_are_those_of_the_configuration_then_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://sts.us-east-1.amazonaws.com"
    assert AwsConfig().proxies(url) is None
    assert AwsConfig(http_proxy="http://p").proxies(url) == {"http": "http://p", "https": "http://p"}
    monkeypatch.setenv("https_proxy", "http://e")
    assert AwsConfig(http_proxy="http://p").proxies(url) == {"http": "http://p", "https": "http://e"}
    assert AwsConfig(https_proxy="http://p", no_proxy=".amazonaws.com").proxies(url) == {}
    client = session(region="us-east-1", noProxy="amazonaws.com", **KEYS).create_client("sts")
    assert client.meta.config.proxies == {}


def _granted(key: str, minutes: int) -> dict[str, Any]:
    expiry = datetime.now(UTC) + timedelta(minutes=minutes)
    names = {"AccessKeyId": key, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": expiry}
    return {"Credentials": names}


def _sts(session: AwsSession) -> Stubber:
    """Play STS for a session."""
    client = session.create_client("sts", config=Config(), aws_access_key_id="x", aws_secret_access_key="x")
    session.create_client = lambda *_args, **_options: client  # type: ignore[method-assign]
    return Stubber(client)


def _asked_of_sts(session: AwsSession) -> dict[str, Any]:
    """What STS is asked for, for the session's credentials."""
    asked: dict[str, Any] = {}
    with _sts(session) as stubber:
        operation = "assume_role" if session._aws.assume_roles else "assume_role_with_web_identity"
        stubber.add_response(operation, _granted("k" * 20, 60))
        stubber.client.meta.events.register("before-parameter-build.sts", lambda params, **_: asked.update(params))
        session.get_credentials().get_frozen_credentials()
    return asked
