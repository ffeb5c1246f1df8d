"""A stack's configuration: good values are read, bad ones reported all at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.settings import InvalidConfig, Settings, check_stack_file
from worker.experiment import G4DN_XLARGE_USD_PER_HOUR

PROJECT = "ai-video-codec-dashboard"
ROOT = Path(__file__).parent.parent.parent.parent


def parse(stack: str = "dev", **config: Any) -> Settings:
    return Settings.parse(PROJECT, stack, {f"{PROJECT}:{key}": value for key, value in config.items()})


def problems_of(stack: str = "dev", **config: Any) -> list[str]:
    with pytest.raises(InvalidConfig) as caught:
        parse(stack, **config)
    return caught.value.problems


def test_defaults_are_those_of_the_project_file() -> None:
    settings = parse()
    assert settings.log_retention_days == 30
    assert settings.require_https is True
    assert settings.domain == ""


def test_an_hour_of_the_usual_host_costs_what_its_worker_counts_with() -> None:
    assert float(parse().gpu_hour_usd) == G4DN_XLARGE_USD_PER_HOUR


def test_values_are_read_as_the_engine_hands_them_over() -> None:
    settings = parse(rendererMemoryMb="1024", deletionProtection="true", requireHttps="false")
    assert (settings.renderer_memory_mb, settings.deletion_protection, settings.require_https) == (1024, True, False)


def test_prices_are_handed_on_as_numbers() -> None:
    assert json.loads(parse(gpuHourUsd="0.752").prices) == {
        "gpu_hour_usd": 0.752,
        "storage_gb_month_usd": 0.023,
        "delivered_gb_usd": 0.085,
        "million_input_tokens_usd": 3,
        "million_output_tokens_usd": 15,
        "snapshot_gb_second_usd": 0.0000015046,
    }


def test_keys_of_other_namespaces_are_not_ours_to_judge() -> None:
    settings = Settings.parse(PROJECT, "dev", {"aws:region": "us-east-1", "other:key": 1})
    assert settings.stack == "dev"


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("deletionProtection", "maybe", "true or false"),
        ("deletionProtection", 1, "true or false"),
        ("logRetentionDays", "thirty", "a whole number"),
        ("logRetentionDays", "31", "one of 1, 3, 5"),
        ("logRetentionDays", True, "a whole number"),
        ("rendererMemoryMb", "64", "128 to 10240"),
        ("rendererMemoryMb", "512.5", "a whole number"),
        ("rendererTimeoutSeconds", "30", "1 to 29"),
        ("throttleRate", "0", "1 or more"),
        ("throttleBurst", "-5", "1 or more"),
        ("priceClass", "PriceClass_300", "one of PriceClass_100"),
        ("rendererFunctionName", "no spaces", "1 to 64"),
        ("tableName", "ab", "3 to 255"),
        ("siteBucketName", "Upper-Case", "3 to 63"),
        ("mediaBucketName", "a", "3 to 63"),
        ("apiUrlFormat", "http://localhost/{stage}", "{api_id} and {stage}"),
        ("siteUrlFormat", "ftp://{label}", "http or https"),
        ("siteUrlFormat", "http://{label}.{other}", "no other braces"),
        ("mediaUrlFormat", "http://localhost", "{bucket}"),
        ("signInUrl", "http://127.0.0.1:4566/login", "without a path"),
        ("chatModel", "a model", "a model's id"),
        ("chatMonthlyUsd", "much", "an amount in USD"),
        ("gpuHourUsd", "0,526", "a price in USD such as 0.526"),
        ("deliveredGbUsd", "-1", "a price in USD"),
        ("storageGbMonthUsd", "nan", "a price in USD"),
        ("millionInputTokensUsd", 3.5, "a number in quotes"),
        ("domain", 5, "text"),
        ("domainAlias", "perhaps", "true or false"),
        ("namePrefix", "Upper", "a-z, 0-9 and inner hyphens"),
        ("resourceNames", "admin-api", "<what>=<name>"),
        ("resourceNames", "admin-api=no spaces", "<what>=<name>"),
        ("resourceNames", "nothing-of-ours=lab", "what being one of admin"),
        ("imports", "table", "<what>=<id>"),
        ("imports", "renderer=ai-video-codec-dashboard-renderer", "functions and distributions are never imported"),
        ("imports", "distribution=E3PUY7OMWPWSUN", "functions and distributions are never imported"),
    ],
)
def test_a_bad_value_is_reported_with_key_value_and_what_is_accepted(key: str, value: Any, accepted: str) -> None:
    (problem,) = problems_of(**{key: value})
    assert problem.startswith(f"{key}: ")
    assert str(value).lower() in problem.lower()
    assert accepted in problem


@pytest.mark.parametrize("domain", ["no-dot", "-a.com", "a..com", "https://aiv1codec.com", "aiv1codec.com/"])
def test_a_domain_is_a_host_name(domain: str) -> None:
    (problem,) = problems_of(domain=domain, hostedZoneId="Z0123456789")
    assert problem.startswith("domain: ")


def test_an_unknown_key_is_reported_with_the_known_ones() -> None:
    (problem,) = problems_of(logRetentionDay="30")
    assert "logRetentionDay: unknown key" in problem
    assert "logRetentionDays" in problem.split(";")[1]


def test_a_domain_needs_its_hosted_zone_and_the_other_way_round() -> None:
    assert problems_of(domain="aiv1codec.com") == [
        'hostedZoneId: missing, though domain is "aiv1codec.com"; set both, or neither'
    ]
    assert problems_of(hostedZoneId="Z0123456789") == [
        'domain: missing, though hostedZoneId is "Z0123456789"; set both, or neither'
    ]


def test_what_is_imported_is_read_by_what_it_is() -> None:
    assert parse().imported == {}
    assert parse(imports="table=old-table,api=pbv4wnw8zd").imported == {"table": "old-table", "api": "pbv4wnw8zd"}


def test_a_domain_that_another_distribution_has_is_not_served() -> None:
    domain = {"domain": "aiv1codec.com", "hostedZoneId": "Z0123456789"}
    assert parse(**domain).served_domain == "aiv1codec.com"
    beside = parse(**domain, domainAlias="false")
    assert (beside.served_domain, beside.public_url) == ("", "https://aiv1codec.com/")


def test_all_problems_are_reported_at_once() -> None:
    problems = problems_of(unknown="x", logRetentionDays="abc", priceClass="none", domain="aiv1codec.com")
    assert [problem.split(":")[0] for problem in problems] == [
        *("unknown", "logRetentionDays", "priceClass", "hostedZoneId"),
    ]


@pytest.mark.parametrize("stack", ["Upper", "dot.ted", "-x", "a-stack-whose-name-is-longer-than-buckets-allow"])
def test_a_stack_name_that_no_bucket_could_carry_is_refused(stack: str) -> None:
    (problem,) = problems_of(stack)
    assert problem.startswith("stack name: ")


@pytest.mark.parametrize("stack", ["aws", "laws", "dev-amazon", "cognito-test"])
def test_a_stack_name_that_cognito_refuses_in_an_address_is_refused_with_the_reason(stack: str) -> None:
    (problem,) = problems_of(stack)
    assert problem.startswith(
        f'stack name: "{stack}" is not accepted: Cognito refuses addresses of sign-in pages with '
    )


def test_a_project_name_that_cognito_refuses_is_refused_too() -> None:
    with pytest.raises(InvalidConfig, match='project name: "aws-lab" is not accepted: Cognito refuses'):
        Settings.parse("aws-lab", "dev", {})


def test_the_files_of_both_stacks_are_valid_but_for_the_accounts_own_ids() -> None:
    check_stack_file(ROOT / "Pulumi.sandbox.yaml")
    with pytest.raises(InvalidConfig) as caught:
        check_stack_file(ROOT / "Pulumi.production.yaml")
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["hostedZoneId"]


def test_a_file_that_is_no_yaml_is_reported_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config:\n  key: value: other\n")
    with pytest.raises(InvalidConfig, match=r"not YAML: .* line 2, column 13"):
        check_stack_file(file)


def test_a_stack_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    check_stack_file(tmp_path / "Pulumi.dev.yaml")


def test_what_a_deployment_is_told_by_its_environment_is_checked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for accepted in ("", "12", "newest"):
        monkeypatch.setenv("RENDERER_VERSION", accepted)
        check_stack_file(ROOT / "Pulumi.sandbox.yaml")
    monkeypatch.setenv("RENDERER_VERSION", "latest")
    with pytest.raises(InvalidConfig, match=r'RENDERER_VERSION \(environment\): "latest" is not accepted'):
        check_stack_file(ROOT / "Pulumi.sandbox.yaml")
