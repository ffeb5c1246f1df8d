"""The provider talks to an AWS on this machine, and to no other."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from releasing.aws_connection import AwsConfigError
from sandbox.provider.emulator import Aws, Emulator
from sandbox.provider.errors import ProviderError

HERE = "http://127.0.0.1:4566"
CONFIG: dict[str, Any] = {
    "region": "us-east-1",
    "accessKey": "test",
    "secretKey": "test",
    "endpoints": [{"s3": HERE, "cloudwatchlogs": "http://localhost:4566"}],
}


@pytest.mark.parametrize(
    "url", ["https://s3.amazonaws.com", "http://127.0.0.1.example.com:4566", "http://0.0.0.0:4566", "s3", ""]
)
def test_an_endpoint_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ProviderError, match=r"aws:endpoints has iam at .* not this machine"):
        Emulator({**CONFIG, "endpoints": [{"s3": HERE, "iam": url}]})


def test_no_endpoints_at_all_are_refused() -> None:
    with pytest.raises(ProviderError, match="aws:endpoints is not set"):
        Emulator({**CONFIG, "endpoints": []})


def test_config_may_come_as_json() -> None:
    config = {**CONFIG, "endpoints": json.dumps(CONFIG["endpoints"]), "s3UsePathStyle": "true"}
    config["defaultTags"] = json.dumps({"tags": {"project": "p"}})
    assert Aws(Emulator(config)).tags({"tags": {"own": "1"}}) == {"project": "p", "own": "1"}


def test_default_tags_may_come_from_the_environment_and_those_of_the_config_win(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key in ("project", "team"):
        monkeypatch.setenv(f"TF_AWS_DEFAULT_TAGS_{key}", "of-environment")
    config = {**CONFIG, "defaultTags": {"tags": {"project": "of-config"}}}
    assert Aws(Emulator(config)).tags({}) == {"project": "of-config", "team": "of-environment"}


def test_a_service_that_gives_credentials_is_asked_on_this_machine_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "config"
    file.write_text(
        "[profile lab]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = keys\n[profile keys]\n"
    )
    keys = tmp_path / "credentials"
    keys.write_text("[keys]\naws_access_key_id = k\naws_secret_access_key = s\n")
    files = {"sharedConfigFiles": [str(file)], "sharedCredentialsFiles": [str(keys)]}
    emulator = Emulator({"region": "us-east-1", "endpoints": CONFIG["endpoints"], "profile": "lab", **files})
    with pytest.raises(AwsConfigError, match="names no endpoint for sts"):
        Aws(emulator).client("s3").list_buckets()


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ProviderError, match=r"aws:ignoreTags .* add it to sandbox/provider/emulator\.py"):
        Emulator({**CONFIG, "ignoreTags": '{"keys": ["x"]}'})


def test_a_service_without_an_endpoint_is_named() -> None:
    with pytest.raises(AwsConfigError, match="names no endpoint for dynamodb: add it to aws:endpoints"):
        Aws(Emulator(CONFIG)).client("dynamodb")


def test_each_service_is_asked_at_its_endpoint_in_the_resources_region() -> None:
    logs = Aws(Emulator(CONFIG), "eu-west-1").client("logs")
    assert (logs.meta.endpoint_url, logs.meta.region_name) == ("http://localhost:4566", "eu-west-1")


def test_an_emulator_that_does_not_answer_is_told_once_and_by_its_address() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ProviderError, match=f"the embedded AWS at {url} does not answer: run `make sandbox`$"):
            Emulator({**CONFIG, "endpoints": [{"s3": url, "iam": url}]}).expect_answer()
        nobody.listen()
        Emulator({**CONFIG, "endpoints": [{"s3": url, "iam": url}]}).expect_answer()
