"""What the program wires to what, for the live site and for the sandbox."""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from experiments.jobs.lifecycle import MOST_ATTEMPTS, STALLED_AFTER

from components.settings import NAMED, InvalidConfig
from tests.components.conftest import ACCOUNT, PROJECT, ROOT, Program

RunProgram = Callable[..., Program]

ALIAS = "aws:lambda/alias:Alias"
API = "aws:apigatewayv2/api:Api"
AUTHORIZER = "aws:apigatewayv2/authorizer:Authorizer"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET = "aws:s3/bucket:Bucket"
CLIENT = "aws:cognito/userPoolClient:UserPoolClient"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
FUNCTION = "aws:lambda/function:Function"
GATE = "pulumi-python:dynamic:ReleaseGate"
HEADERS = "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy"
INTEGRATION = "aws:apigatewayv2/integration:Integration"
INVALIDATION = "pulumi-python:dynamic:Invalidation"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
OBJECT = "aws:s3/bucketObject:BucketObject"
PERMISSION = "aws:lambda/permission:Permission"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
PROOF = "pulumi-python:dynamic:ReleaseProof"
QUEUE = "aws:sqs/queue:Queue"
RECORD = "aws:route53/record:Record"
ROLE = "aws:iam/role:Role"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
ROUTE = "aws:apigatewayv2/route:Route"
STAGE = "aws:apigatewayv2/stage:Stage"
TABLE = "aws:dynamodb/table:Table"
USER_POOL = "aws:cognito/userPool:UserPool"

# Kinds of resources that AWS lets nobody tag.
UNTAGGABLE = {
    "Alias",
    "Authorizer",
    "BucketLifecycleConfiguration",
    "BucketOwnershipControls",
    "BucketPolicy",
    "BucketPublicAccessBlock",
    "CachePolicy",
    "CertificateValidation",
    "EventTarget",
    "Integration",
    "Invalidation",
    "LayerVersion",
    "OriginAccessControl",
    "Permission",
    "Policy",
    "QueuePolicy",
    "Record",
    "ReleaseGate",
    "ReleaseProof",
    "ResponseHeadersPolicy",
    "RolePolicy",
    "RolePolicyAttachment",
    "Route",
    "UserGroup",
    "UserPoolClient",
    "UserPoolDomain",
}


@pytest.fixture
def production(run_program: RunProgram) -> Program:
    """The live site as it is once it answers at its domain."""
    return run_program("production", hostedZoneId="Z0123456789", domainAlias="true")


@pytest.fixture
def sandbox(run_program: RunProgram) -> Program:
    return run_program("sandbox")


@pytest.mark.parametrize("name", ["renderer", "admin-api"])
def test_the_api_calls_the_alias_of_the_published_version(production: Program, name: str) -> None:
    function = production.named(FUNCTION, name)
    assert function["publish"] is False, "the gate publishes"
    assert production.one(ALIAS, functionName=function["name"])["functionVersion"] == "7"
    assert production.named(INTEGRATION, name)["integrationUri"] == "invoke:live"
    permission = production.named(PERMISSION, name)
    assert (permission["function"], permission["qualifier"]) == (function["name"], "live")
    assert permission["sourceArn"] == "execution:dashboard/production/*"


@pytest.mark.parametrize(("name", "checked_at"), [("renderer", ["/health", "/"]), ("admin-api", ["/api/admin/health"])])
def test_a_version_passes_the_gate_before_alias_and_files_move(
    production: Program, name: str, checked_at: list[str]
) -> None:
    function = production.named(FUNCTION, name)
    gate = production.one(GATE, function_name=function["name"])
    assert gate["rolled_back_to"] == ""
    assert gate["kept_versions"] == 10
    assert gate["code_sha256"] == function["codeSha256"]
    assert gate["checked_at"] == checked_at


@pytest.mark.parametrize("changed", [{"rendererMemoryMb": 2048}, {"rendererTimeoutSeconds": 5}, {"gpuHourUsd": "9"}])
def test_another_configuration_of_the_function_has_to_pass_the_gate(
    run_program: RunProgram, changed: dict[str, Any]
) -> None:
    gates = [
        program.one(GATE, function_name=program.named(FUNCTION, "renderer")["name"])["configuration"]
        for program in (run_program("sandbox"), run_program("sandbox"), run_program("sandbox", **changed))
    ]
    assert gates[0] == gates[1] != gates[2]


@pytest.mark.parametrize("name", ["renderer", "admin-api"])
def test_each_function_is_called_daily_so_that_its_snapshot_is_kept(production: Program, name: str) -> None:
    assert production.one(RULE)["scheduleExpression"] == "rate(1 day)"
    assert production.one(RULE)["state"] == "ENABLED"
    target = production.one(TARGET, targetId=name)
    assert target["arn"] == "arn:aws:Alias:live"
    function = production.named(FUNCTION, name)["name"]
    assert json.loads(target["input"])["rawPath"] == production.one(GATE, function_name=function)["checked_at"][0]
    permission = production.named(PERMISSION, f"keep-awake-{name}")
    assert (permission["function"], permission["qualifier"]) == (function, "live")
    assert permission["principal"] == "events.amazonaws.com"
    assert permission["sourceArn"] == "arn:aws:EventRule:keep-awake"


def test_the_functions_share_their_dependencies_alone(production: Program) -> None:
    renderer, admin_api = (production.named(FUNCTION, name) for name in ("renderer", "admin-api"))
    assert renderer["codeSha256"] != admin_api["codeSha256"]
    assert renderer["layers"] == admin_api["layers"]
    assert renderer["role"] != admin_api["role"]


def test_other_permissions_are_another_role(production: Program, run_program: RunProgram) -> None:
    other = run_program("production", hostedZoneId="Z0123456789", tableName="another-table")
    for name in ("renderer", "admin-api"):
        role = f"ai-video-codec-dashboard-production-{name}"
        tags, others = (program.named(ROLE, role)["tags"] for program in (production, other))
        assert tags["permissions"] != others["permissions"]
        assert "name" not in production.named(ROLE, role), "a name of its own would be taken after a failed deployment"


def test_the_build_id_is_the_hash_of_the_deployed_archive(production: Program) -> None:
    for function in production.all(FUNCTION):
        assert function["environment"]["variables"]["BUILD_ID"] == function["codeSha256"]
    assert production.one(INVALIDATION)["rendered_by"] == production.named(FUNCTION, "renderer")["codeSha256"]


def test_functions_count_with_the_prices_of_the_configuration(run_program: RunProgram) -> None:
    for function in run_program("sandbox", gpuHourUsd="0.752").all(FUNCTION):
        prices = json.loads(function["environment"]["variables"]["PRICES"])
        assert (prices["gpu_hour_usd"], prices["snapshot_gb_second_usd"]) == (0.752, 0.0000015046)


def test_the_last_step_proves_what_users_get_and_puts_it_on_record(production: Program) -> None:
    proof = production.one(PROOF)
    renderer, admin_api = (production.named(FUNCTION, name) for name in ("renderer", "admin-api"))
    assert (proof["build_id"], proof["admin_build_id"]) == (renderer["codeSha256"], admin_api["codeSha256"])
    assert proof["admin_function"] == admin_api["name"]
    kept = [{"versions": 2, "memory_mb": 512}]
    assert proof["snapshots"] == {"renderer": kept, "admin_api": kept}
    configuration = production.one(OBJECT, key="config.json")["content"]
    written = {"/config.json": hashlib.sha256(configuration.encode()).hexdigest()}
    assert proof["static_files"] == {**production.one(INVALIDATION)["static_files"], **written}
    assert proof["site_url"] == "https://aiv1codec.com"
    record = production.one(OBJECT, key="release.json")
    assert json.loads(record["content"]) == {"release": "r1"}
    assert record["cacheControl"] == "no-cache"


def test_a_rollback_takes_an_earlier_version_of_the_renderer_through_the_gate(
    run_program: RunProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENDERER_VERSION", "3")
    program = run_program("sandbox")
    for name, back, version in (("renderer", "3", "3"), ("admin-api", "", "7")):
        function = program.named(FUNCTION, name)["name"]
        assert program.one(GATE, function_name=function)["rolled_back_to"] == back
        assert program.one(ALIAS, functionName=function)["functionVersion"] == version
    assert program.one(PROOF)["rolled_back"] is True


def test_what_is_no_version_is_refused_before_anything_is_registered(
    run_program: RunProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENDERER_VERSION", "v3; rm")
    with pytest.raises(InvalidConfig, match=r"RENDERER_VERSION .* takes a version's number, or newest"):
        run_program("sandbox")


def test_no_statement_names_every_resource_or_every_action_but_for_metrics(production: Program) -> None:
    for name, statements in production.policies().items():
        for statement in statements:
            actions = _as_list(statement["Action"])
            whole = "*" in _as_list(statement["Resource"])
            assert not whole or actions == ["cloudwatch:GetMetricData"], f"{name}: {statement['Sid']}"
            assert not any("*" in action for action in actions), f"{name}: {statement['Sid']}"


def test_the_renderer_can_write_nothing_but_its_log(production: Program) -> None:
    assert _actions(production, "renderer") == {
        *("dynamodb:GetItem", "dynamodb:Query"),
        *("s3:GetObject", "s3:ListBucket"),
        *("logs:CreateLogStream", "logs:PutLogEvents"),
    }


def test_the_admin_api_can_change_experiments_and_queue_jobs_and_no_more(production: Program) -> None:
    assert _actions(production, "admin-api") == {
        *("dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:GetItem"),
        *("dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"),
        *("s3:DeleteObject", "s3:ListBucket"),
        *("sqs:GetQueueAttributes", "sqs:SendMessage"),
        "cloudwatch:GetMetricData",
        *("logs:CreateLogStream", "logs:PutLogEvents"),
    }


@pytest.mark.parametrize(
    ("model", "resources"),
    [
        ("", []),
        ("amazon.nova-pro-v1:0", ["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"]),
        (
            "us.amazon.nova-pro-v1:0",
            [
                f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.amazon.nova-pro-v1:0",
                "arn:aws:bedrock:*::foundation-model/amazon.nova-pro-v1:0",
            ],
        ),
    ],
)
def test_the_chat_may_ask_the_configured_model_alone(run_program: RunProgram, model: str, resources: list[str]) -> None:
    program = run_program("sandbox", chatModel=model)
    asking = [each for each in program.policies()["admin-api"] if each["Action"] == "bedrock:InvokeModel"]
    assert [each["Resource"] for each in asking] == resources
    assert program.named(FUNCTION, "admin-api")["environment"]["variables"]["CHAT_MODEL"] == model


def test_administrators_alone_get_to_the_admin_api(production: Program) -> None:
    route = production.named(ROUTE, "admin-api")
    assert route["routeKey"] == "ANY /api/admin/{proxy+}"
    assert (route["authorizationType"], route["authorizationScopes"]) == ("JWT", ["openid"])
    assert route["authorizerId"] == "Authorizer-administrators-id"
    authorizer = production.one(AUTHORIZER)
    assert authorizer["identitySources"] == ["$request.header.Authorization"]
    assert authorizer["jwtConfiguration"] == {
        "audiences": ["UserPoolClient-admin-page-id"],
        "issuer": "https://cognito-idp.us-east-1.amazonaws.com/pool",
    }


def test_nobody_signs_up_by_himself(production: Program, sandbox: Program) -> None:
    pool = production.one(USER_POOL)
    assert pool["adminCreateUserConfig"] == {"allowAdminCreateUserOnly": True}
    assert pool["passwordPolicy"]["minimumLength"] >= 14
    assert pool["mfaConfiguration"] == "OPTIONAL"
    assert [each["name"] for each in pool["accountRecoverySetting"]["recoveryMechanisms"]] == ["verified_email"]
    assert [program.one(USER_POOL)["deletionProtection"] for program in (production, sandbox)] == ["ACTIVE", "INACTIVE"]


def test_the_admin_page_signs_in_by_code_and_leads_back_to_itself(production: Program) -> None:
    client = production.one(CLIENT)
    assert client["generateSecret"] is False
    assert client["allowedOauthFlows"] == ["code"]
    assert client["callbackUrls"] == client["logoutUrls"] == ["https://aiv1codec.com/admin.html"]
    assert client["preventUserExistenceErrors"] == "ENABLED"
    assert client["enableTokenRevocation"] is True


def test_the_admin_page_is_told_where_to_sign_in_and_may_fetch_its_tokens_there(
    production: Program, sandbox: Program
) -> None:
    domain = f"ai-video-codec-dashboard-production-admin-{ACCOUNT}"
    signs_in_at = [
        (production, f"https://{domain}.auth.us-east-1.amazoncognito.com"),
        (sandbox, "http://127.0.0.1:4566"),
    ]
    for program, url in signs_in_at:
        assert json.loads(program.one(OBJECT, key="config.json")["content"]) == {
            "admin_api": "/api/admin",
            "client_id": "UserPoolClient-admin-page-id",
            "scope": "openid email",
            "sign_in_url": url,
        }
        assert f"; connect-src 'self' {url}; " in _content_security(program)


def test_no_bucket_is_public(production: Program) -> None:
    buckets = {bucket["bucket"] for bucket in production.all(BUCKET)}
    blocks = {block["bucket"]: block for block in production.all(BLOCK)}
    assert buckets == blocks.keys()
    for block in blocks.values():
        assert all(value is True for key, value in block.items() if key != "bucket")


def test_only_the_distribution_reads_the_site_bucket(production: Program) -> None:
    (statement,) = production.policies()["site"]
    assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"AWS:SourceArn": "arn:aws:Distribution:dashboard"}}


def test_pages_come_from_the_stage_and_files_from_the_bucket(production: Program) -> None:
    distribution = production.one(DISTRIBUTION)
    api, site = distribution["origins"]
    assert api["domainName"] == "abc.execute-api.us-east-1.amazonaws.com"
    assert api["originPath"] == "/production"
    assert api["customOriginConfig"]["originProtocolPolicy"] == "https-only"
    assert site["originAccessControlId"] == "OriginAccessControl-site-id"
    behaviors = distribution["orderedCacheBehaviors"]
    targets = {behavior["pathPattern"]: behavior["targetOriginId"] for behavior in behaviors}
    assert distribution["defaultCacheBehavior"]["targetOriginId"] == "api"
    assert behaviors[0]["pathPattern"] == "/api/*"
    assert targets["/api/*"] == "api"
    assert {targets["*.html"], targets["*.css"], targets["*.js"]} == {"site"}


def test_nothing_of_the_api_is_cached_and_pages_as_long_as_the_renderer_says(production: Program) -> None:
    pages = production.one("aws:cloudfront/cachePolicy:CachePolicy")
    assert (pages["minTtl"], pages["defaultTtl"]) == (0, 0)
    api = next(b for b in production.one(DISTRIBUTION)["orderedCacheBehaviors"] if b["pathPattern"] == "/api/*")
    assert api["cachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # AWS's CachingDisabled
    # AWS's AllViewerExceptHostHeader, without which the API gets no token.
    assert api["originRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"
    errors = production.one(DISTRIBUTION)["customErrorResponses"]
    assert {error["errorCachingMinTtl"] for error in errors} == {0}


def test_production_speaks_https_only_and_the_sandbox_need_not(production: Program, run_program: RunProgram) -> None:
    behaviors = _behaviors(production)
    assert {behavior["viewerProtocolPolicy"] for behavior in behaviors} == {"redirect-to-https"}
    transport = production.one(HEADERS)["securityHeadersConfig"]["strictTransportSecurity"]
    assert transport == {"accessControlMaxAgeSec": 31536000, "includeSubdomains": False, "override": True}
    sandbox = run_program("sandbox")
    assert {behavior["viewerProtocolPolicy"] for behavior in _behaviors(sandbox)} == {"allow-all"}
    assert "strictTransportSecurity" not in sandbox.one(HEADERS)["securityHeadersConfig"]


def test_other_hosts_of_the_domain_are_bound_to_https_only_if_config_says_so(run_program: RunProgram) -> None:
    program = run_program("production", hostedZoneId="Z0123456789", hstsIncludeSubdomains=True)
    assert program.one(HEADERS)["securityHeadersConfig"]["strictTransportSecurity"]["includeSubdomains"] is True


def test_the_sign_in_pages_are_those_that_need_no_branding(production: Program) -> None:
    assert production.one("aws:cognito/userPoolDomain:UserPoolDomain")["managedLoginVersion"] == 1


def test_the_content_security_policy_forbids_inline_code(production: Program) -> None:
    policy = _content_security(production)
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


def test_pages_may_play_videos_from_where_signed_links_lead(production: Program, sandbox: Program) -> None:
    assert f"; media-src 'self' https://{_media_bucket(production)}.s3.amazonaws.com/; " in _content_security(
        production
    )
    assert f"; media-src 'self' http://127.0.0.1:4566/{_media_bucket(sandbox)}/; " in _content_security(sandbox)


def test_the_stage_is_throttled_and_its_access_logged(production: Program) -> None:
    stage = production.one(STAGE)
    assert stage["name"] == "production"
    assert stage["defaultRouteSettings"] == {"throttlingBurstLimit": 200, "throttlingRateLimit": 100}
    assert json.loads(stage["accessLogSettings"]["format"])["status"] == "$context.status"


def test_logs_are_kept_as_long_as_configured(production: Program) -> None:
    assert {group["retentionInDays"] for group in production.all(LOG_GROUP)} == {90}


def test_production_protects_its_table_and_can_restore_it(production: Program) -> None:
    table = production.one(TABLE)
    assert table["deletionProtectionEnabled"] is True
    assert table["pointInTimeRecovery"]["enabled"] is True
    assert not any(bucket["forceDestroy"] for bucket in production.all(BUCKET))


def test_logs_and_requests_expire(production: Program) -> None:
    assert production.one(TABLE)["ttl"] == {"attributeName": "expires_at", "enabled": True}


def test_a_job_that_no_worker_could_settle_is_kept_after_more_receives_than_attempts(production: Program) -> None:
    jobs, dead = (production.one(QUEUE, name=f"{PROJECT}-production-{name}") for name in ("jobs", "dead-jobs"))
    redrive = json.loads(jobs["redrivePolicy"])
    assert redrive["deadLetterTargetArn"] == "arn:aws:Queue:dead-jobs"
    assert redrive["maxReceiveCount"] > MOST_ATTEMPTS
    assert jobs["visibilityTimeoutSeconds"] == STALLED_AFTER.total_seconds()
    assert "redrivePolicy" not in dead


def test_queues_are_encrypted_and_answer_tls_alone_but_in_the_sandbox(production: Program, sandbox: Program) -> None:
    assert not sandbox.all(QUEUE_POLICY)
    queues = production.all(QUEUE)
    assert len(queues) == 2
    assert all(queue["sqsManagedSseEnabled"] is True for queue in queues)
    policies = [json.loads(policy["policy"])["Statement"] for policy in production.all(QUEUE_POLICY)]
    assert {statement["Resource"] for (statement,) in policies} == {"arn:aws:Queue:jobs", "arn:aws:Queue:dead-jobs"}
    for (statement,) in policies:
        assert (statement["Effect"], statement["Action"]) == ("Deny", "sqs:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_each_static_file_is_an_object_with_hash_type_and_cache_control(production: Program) -> None:
    admin = production.one(OBJECT, key="admin.html")
    assert admin["contentType"] == "text/html; charset=utf-8"
    assert admin["cacheControl"].startswith("public, max-age=0")
    assert admin["sourceHash"] == production.one(INVALIDATION)["static_files"]["/admin.html"]


def test_an_object_of_the_site_that_is_written_over_by_hand_is_seen_by_its_etag(production: Program) -> None:
    documents = [each for each in production.all(OBJECT) if each["key"].endswith((".html", ".js", ".json"))]
    assert any("content" in each for each in documents)
    for each in documents:
        content = each["content"].encode() if "content" in each else Path(each["source"].path).read_bytes()
        assert each["etag"] == hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_content_is_in_place_before_the_cdn_forgets_what_was_there(production: Program) -> None:
    files = {f"{OBJECT} {path.removeprefix('/')}" for path in production.one(INVALIDATION)["static_files"]}
    assert files | {f"{ALIAS} live"} <= production.dependencies[INVALIDATION]


def test_what_users_get_is_looked_at_after_everything_that_serves_it(production: Program) -> None:
    served_by = {
        f"{INVALIDATION} ai-video-codec-dashboard-production-content",
        f"{DISTRIBUTION} dashboard",
        f"{RECORD} site-A",
    }
    assert served_by | production.dependencies[INVALIDATION] <= production.dependencies[PROOF]


def test_every_resource_that_can_be_tagged_says_where_it_belongs(production: Program) -> None:
    for resource in production.resources:
        kind = resource.typ.rsplit(":", 1)[-1]
        if resource.typ.startswith("dashboard:") or kind in UNTAGGABLE:
            continue
        tags = resource.inputs.get("tags") or {}
        if isinstance(tags, list):  # Auto Scaling's, which instances inherit.
            assert all(tag["propagateAtLaunch"] for tag in tags)
            tags = {tag["key"]: tag["value"] for tag in tags}
        assert tags.keys() - {"permissions"} == {"project", "stack", "component"}, resource.name
        assert tags["stack"] == "production"


def test_two_stacks_share_no_physical_name(run_program: RunProgram) -> None:
    names = [_physical_names(run_program(stack)) for stack in ("sandbox", "review")]
    assert names[0]
    assert not names[0] & names[1]


def test_production_takes_no_name_of_the_site_that_the_lab_has_already(production: Program) -> None:
    function = "ai-video-codec-dashboard-renderer"
    names = _physical_names(production)
    assert names
    assert not names & {function, f"/aws/lambda/{function}", "ai-video-codec-dashboard-580473065386"}


def test_a_prefix_gives_all_names(run_program: RunProgram) -> None:
    names = _physical_names(run_program("sandbox", namePrefix="codec-lab"))
    assert names
    assert all("codec-lab-" in name for name in names)


def test_every_name_can_be_one_of_ones_choice(run_program: RunProgram) -> None:
    chosen = ",".join(f"{what}=chosen-{what}" for what in NAMED)
    program = run_program("sandbox", namePrefix="codec-lab", resourceNames=chosen, gpuHostsMaximum=1)
    declared = {f"{resource.typ} {resource.name}": str(resource.inputs) for resource in program.resources}
    assert not [name for name, inputs in declared.items() if "codec-lab" in inputs]
    assert not [what for what in NAMED if f"chosen-{what}" not in "".join(declared.values())]


def test_a_domain_brings_certificate_proof_alias_and_records(production: Program) -> None:
    distribution = production.one(DISTRIBUTION)
    assert distribution["aliases"] == ["aiv1codec.com"]
    assert distribution["viewerCertificate"]["acmCertificateArn"] == "arn:aws:Certificate:site"
    assert production.one("aws:acm/certificate:Certificate")["region"] == "us-east-1"
    types = sorted(record["type"] for record in production.all(RECORD))
    assert types == ["A", "AAAA", "CNAME"]


def test_what_leads_to_the_domain_takes_the_place_of_other_records_and_outlives_the_stack(production: Program) -> None:
    assert all(record["allowOverwrite"] for record in production.all(RECORD))
    assert {f"{RECORD} {name}" for name in ("certificate-validation", "site-A", "site-AAAA")} == production.kept


def test_while_another_distribution_has_the_domain_there_is_the_certificate_alone(run_program: RunProgram) -> None:
    beside = run_program("production", hostedZoneId="Z0123456789")
    distribution = beside.one(DISTRIBUTION)
    assert "aliases" not in distribution or distribution["aliases"] == []
    assert distribution["viewerCertificate"]["acmCertificateArn"] == "arn:aws:Certificate:site"
    assert [record["type"] for record in beside.all(RECORD)] == ["CNAME"]
    assert beside.one(PROOF)["site_url"] == "https://d111.cloudfront.net"


def test_functions_stay_as_they_are_when_the_domain_moves(production: Program, run_program: RunProgram) -> None:
    beside = run_program("production", hostedZoneId="Z0123456789")
    for name in ("renderer", "admin-api"):
        assert beside.named(FUNCTION, name)["environment"] == production.named(FUNCTION, name)["environment"]


def test_what_is_there_already_keeps_its_id(run_program: RunProgram, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.imports.refuse_what_users_would_see", lambda *_: None)
    program = run_program("sandbox", imports="table=old,media-bucket=old-media,site-bucket=old-site,api=abc123")
    assert program.imported == {
        f"{TABLE} experiments": "old",
        f"{BUCKET} media": "old-media",
        f"{BUCKET} site": "old-site",
        f"{API} dashboard": "abc123",
    }
    assert program.one(TABLE)["name"] == "old"
    assert {bucket["bucket"] for bucket in program.all(BUCKET)} == {"old-media", "old-site"}


def test_functions_are_told_the_sites_address_where_there_is_one(production: Program, sandbox: Program) -> None:
    for program, url in ((production, "https://aiv1codec.com/"), (sandbox, "")):
        assert {each["environment"]["variables"]["SITE_URL"] for each in program.all(FUNCTION)} == {url}


def test_without_a_domain_cloudfronts_own_name_serves(sandbox: Program) -> None:
    assert sandbox.one(DISTRIBUTION)["viewerCertificate"] == {"cloudfrontDefaultCertificate": True}
    assert not sandbox.all(RECORD)


def test_bucket_names_carry_the_account_as_all_of_aws_shares_them(sandbox: Program) -> None:
    names = {bucket["bucket"] for bucket in sandbox.all(BUCKET)}
    assert names == {f"ai-video-codec-dashboard-sandbox-{what}-{ACCOUNT}" for what in ("site", "media")}


def test_the_outputs_are_those_of_the_readme(sandbox: Program) -> None:
    told = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Stack outputs")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in told.splitlines() if line.startswith("| `")]
    assert sandbox.outputs.keys() == set(re.findall(r"`(\w+)`", " ".join(rows)))


def _behaviors(program: Program) -> list[dict[str, Any]]:
    distribution = program.one(DISTRIBUTION)
    return [distribution["defaultCacheBehavior"], *distribution["orderedCacheBehaviors"]]


def _physical_names(program: Program) -> set[str]:
    named = {"bucket": BUCKET, "name": FUNCTION}
    names = {inputs[key] for key, type_ in named.items() for inputs in program.all(type_)}
    return names | {inputs["name"] for type_ in (API, LOG_GROUP, QUEUE, TABLE) for inputs in program.all(type_)}


def _actions(program: Program, role: str) -> set[str]:
    return {action for statement in program.policies()[role] for action in _as_list(statement["Action"])}


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _content_security(program: Program) -> str:
    headers = program.one(HEADERS)["securityHeadersConfig"]
    return str(headers["contentSecurityPolicy"]["contentSecurityPolicy"])


def _media_bucket(program: Program) -> str:
    (bucket,) = (bucket["bucket"] for bucket in program.all(BUCKET) if "media" in bucket["bucket"])
    return str(bucket)
