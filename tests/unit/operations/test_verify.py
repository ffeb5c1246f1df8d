"""What a verification says of each thing that may differ, and how it tells a difference from not having looked."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from operations import verify
from operations.checks.check import Check, Findings
from operations.checks.look import PERMISSIONS, look
from operations.checks.report import as_json, print_report
from operations.checks.target import OUTPUTS, Target
from operations.drift_report import Outcome
from operations.stack import configuration
from releasing.project import CouldNotLook
from releasing.served import get
from tests.unit.operations.fake_site import API_URL, CDN_URL, CODE_URL, NOW, SOURCE, FakeSite, StoredObject, refused

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSite:
    site = FakeSite(tmp_path)
    monkeypatch.setattr(requests, "get", site.request)
    return site


def crosses(site: FakeSite) -> dict[str, Check]:
    """The checks that found a difference, by name."""
    return {check.name: check for check in look(site.target()).differing}


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        for name, text in files.items():
            package.writestr(name, text)
    return buffer.getvalue()


def test_a_site_that_is_as_git_says_gets_ticks_alone(site: FakeSite) -> None:
    findings = look(site.target())
    assert findings.outcome is Outcome.AGREES
    assert findings.checks
    assert crosses(site) == {}


CHANGED = {**SOURCE, "index_ssr.py": SOURCE["index_ssr.py"].replace("hello", "defaced"), "added.py": "\n"}
PAGE = b"<!doctype html>"

DRIFTS: dict[str, tuple[Callable[[FakeSite], object], set[str]]] = {
    "code of the function": (
        lambda site: site.latest.update(CodeSha256="x", CodeSize=1),
        {"function CodeSha256", "function CodeSize"},
    ),
    "memory": (lambda site: site.latest.update(MemorySize=777), {"function MemorySize"}),
    "timeout": (lambda site: site.version.update(Timeout=3), {"version 7 Timeout"}),
    "runtime": (lambda site: site.version.update(Runtime="python3.9"), {"version 7 Runtime"}),
    "handler": (lambda site: site.latest.update(Handler="other.handler"), {"function Handler"}),
    "architecture": (lambda site: site.latest.update(Architectures=["x86_64"]), {"function Architectures"}),
    "environment": (
        lambda site: site.version["Environment"]["Variables"].update(TABLE_NAME="x"),
        {"version 7 Environment"},
    ),
    "code of the version": (lambda site: site.version.update(CodeSha256="x"), {"version 7 CodeSha256"}),
    "alias shared": (
        lambda site: site.alias.update(RoutingConfig={"AdditionalVersionWeights": {"6": 0.1}}),
        {"alias live"},
    ),
    "archive": (lambda site: site.web.update({CODE_URL: (200, zipped(CHANGED))}), {"version 7 files"}),
    "archive that is none": (lambda site: site.web.update({CODE_URL: (200, b"no")}), {"version 7 files"}),
    "object changed": (lambda site: setattr(site.objects["admin.html"], "body", b"defaced"), {"object admin.html"}),
    "object removed": (lambda site: site.objects.pop("admin.html"), {"object admin.html"}),
    "object added": (
        lambda site: site.objects.update({"x.html": StoredObject(b"", "text/html", NOW - timedelta(hours=3))}),
        {"object x.html"},
    ),
    "content type": (
        lambda site: setattr(site.objects["admin.html"], "content_type", "text/plain"),
        {"object admin.html Content-Type"},
    ),
    "cache control": (
        lambda site: setattr(site.objects["admin.html"], "cache_control", "no-store"),
        {"object admin.html Cache-Control"},
    ),
    "page of the API": (lambda site: site.web.update({API_URL: (200, PAGE)}), {"API /"}),
    "old page in the CDN": (lambda site: site.web.update({CDN_URL: (200, PAGE + b"A" * 43 + b"=")}), {"CDN /"}),
    "health of the CDN": (lambda site: site.web.update({f"{CDN_URL}health": (200, b"[]")}), {"CDN /health"}),
    "API that fails": (lambda site: site.web.update({f"{API_URL}health": (500, b"")}), {"API /health"}),
    "file in the CDN": (lambda site: site.web.update({f"{CDN_URL}admin.html": (200, b"old")}), {"CDN /admin.html"}),
    "file not in the CDN": (lambda site: site.web.pop(f"{CDN_URL}styles.css"), {"CDN /styles.css"}),
    "CDN disabled": (lambda site: site.distribution.update(Enabled=False), {"CDN enabled"}),
    "price class": (lambda site: site.distribution.update(PriceClass="PriceClass_All"), {"CDN price class"}),
    "host name": (lambda site: site.distribution.update(Aliases={"Items": ["x.org"]}), {"CDN aliases"}),
    "errors held": (
        lambda site: site.distribution["CustomErrorResponses"]["Items"].pop(),
        {"CDN seconds that errors are held"},
    ),
    "plain HTTP": (
        lambda site: site.distribution["DefaultCacheBehavior"].update(ViewerProtocolPolicy="allow-all"),
        {"CDN behaviour default"},
    ),
    "cache of files": (
        lambda site: site.distribution["CacheBehaviors"]["Items"][1].update(CachePolicyId="x"),
        {"CDN behaviour *.css"},
    ),
    "behaviour removed": (
        lambda site: site.distribution["CacheBehaviors"]["Items"].pop(),
        {"CDN behaviours, in order"},
    ),
    "page cache": (lambda site: site.cache_policy.update(MinTTL=60), {"CDN page cache policy"}),
    "headers policy detached": (
        lambda site: site.distribution["DefaultCacheBehavior"].pop("ResponseHeadersPolicyId"),
        {"CDN behaviours without a headers policy"},
    ),
    "another headers policy": (lambda site: site.headers_policy.update(Name="x"), {"CDN headers policy"}),
    "content security policy": (
        lambda site: site.headers_policy["SecurityHeadersConfig"].update(
            ContentSecurityPolicy={"Override": True, "ContentSecurityPolicy": "default-src *"}
        ),
        {"CDN ContentSecurityPolicy"},
    ),
    "frame options": (
        lambda site: site.headers_policy["SecurityHeadersConfig"]["FrameOptions"].update(FrameOption="SAMEORIGIN"),
        {"CDN FrameOptions"},
    ),
    "content type options": (
        lambda site: site.headers_policy["SecurityHeadersConfig"].pop("ContentTypeOptions"),
        {"CDN ContentTypeOptions"},
    ),
    "function deleted": (
        lambda site: site.errors.update(GetFunctionConfiguration=refused("", "ResourceNotFoundException")),
        {"function deployed", "admin API deployed"},
    ),
    "bucket deleted": (
        lambda site: site.errors.update(ListObjectsV2=refused("", "NoSuchBucket")),
        {"objects deployed", "invalidations deployed"},
    ),
    "release record in the CDN": (
        lambda site: site.web.update({f"{CDN_URL}release.json": (200, b"{}")}),
        {"CDN /release.json"},
    ),
    "code of the admin API": (
        lambda site: site.admin_api.update(CodeSha256="x"),
        {"admin API's function CodeSha256", "admin API's version 3 CodeSha256"},
    ),
    "alias of the admin API": (
        lambda site: site.admin_alias.update(FunctionVersion="2"),
        {"admin API's alias live"},
    ),
    "admin API open to all": (
        lambda site: site.web.update({f"{CDN_URL}api/admin/health": (200, b"{}")}),
        {"CDN /api/admin/health without a token"},
    ),
    "configuration in the CDN": (
        lambda site: site.web.update({f"{CDN_URL}config.json": (200, b"{}")}),
        {"CDN /config.json"},
    ),
    "rollback": (
        lambda site: site.roll_back(),
        {"rollback"},
    ),
    "invalidation in progress": (
        lambda site: site.invalidations.append(("InProgress", NOW, ["/"])),
        {"invalidations in progress"},
    ),
}


@pytest.mark.parametrize("drift", DRIFTS)
def test_each_drift_gets_a_cross_of_its_own(site: FakeSite, drift: str) -> None:
    make_it_drift, names = DRIFTS[drift]
    make_it_drift(site)
    assert crosses(site).keys() == names
    assert look(site.target()).outcome is Outcome.DIFFERS


def test_an_alias_that_was_moved_is_named_with_both_versions(site: FakeSite) -> None:
    site.alias["FunctionVersion"] = "6"
    alias = crosses(site)["alias live"]
    assert (alias.expected, alias.found) == ("version 7", "version 6")


def test_a_source_ahead_of_what_is_deployed_is_told_from_code_deployed_by_hand(site: FakeSite) -> None:
    target = site.target()
    target.outputs["renderer_code_sha256"] = "old"  # type: ignore[index]
    assert "output renderer_code_sha256" in {check.name for check in look(target).differing}


def test_deployed_code_is_shown_as_a_diff(site: FakeSite) -> None:
    site.web[CODE_URL] = (200, zipped(CHANGED))
    files = crosses(site)["version 7 files"]
    assert files.found == "2 that differ: added.py, index_ssr.py"
    assert "--- git/index_ssr.py\n+++ deployed/index_ssr.py\n" in files.detail
    assert "-    return 'hello'\n+    return 'defaced'" in files.detail
    assert "--- /dev/null\n+++ deployed/added.py" in files.detail


def test_a_changed_object_is_shown_as_a_diff_unless_it_is_binary(site: FakeSite) -> None:
    site.objects["admin.html"].body = b"<p>defaced\n"
    site.objects["styles.css"].body = b"\xff\xfe"
    found = crosses(site)
    assert "-<p>admin\n+<p>defaced" in found["object admin.html"].detail
    assert found["object styles.css"].detail == "styles.css: binary; 17 bytes in git, 2 bytes deployed"


@pytest.mark.parametrize(
    ("invalidated", "ago", "missing"),
    [
        (None, 0, "/admin.html"),
        ("/admin.html", 30, "none"),
        ("/*", 30, "none"),
        ("/adm*", 30, "none"),
        ("/admin.html", 90, "/admin.html"),
        ("/styles.css", 30, "/admin.html"),
    ],
)
def test_an_object_written_needs_an_invalidation_after_it(
    site: FakeSite, invalidated: str | None, ago: int, missing: str
) -> None:
    site.objects["admin.html"].written = NOW - timedelta(minutes=60)
    if invalidated:
        site.invalidations.append(("Completed", NOW - timedelta(minutes=ago), [invalidated]))
    checks = {check.name: check for check in look(site.target()).checks}
    assert checks["invalidations missing"].found == missing


def test_what_the_cdn_has_forgotten_by_itself_needs_no_invalidation(site: FakeSite) -> None:
    site.distribution_changed = NOW - timedelta(days=9)
    for stored in site.objects.values():
        stored.written = NOW - timedelta(days=2)
    assert crosses(site) == {}


def test_a_missing_permission_is_named_and_no_difference(site: FakeSite) -> None:
    site.errors["GetFunction"] = refused("GetFunction", "AccessDeniedException")
    findings = look(site.target())
    assert findings.outcome is Outcome.COULD_NOT_LOOK
    assert findings.obstacles == ["The credentials lack lambda:GetFunction; docs/ci.md has a role that reads all."]


def test_a_difference_that_was_seen_counts_whatever_else_could_not_be(site: FakeSite) -> None:
    site.errors["GetFunction"] = refused("GetFunction", "AccessDeniedException")
    site.latest["MemorySize"] = 777
    findings = look(site.target())
    assert findings.outcome is Outcome.DIFFERS
    assert [check.name for check in findings.differing] == ["function MemorySize"]


def test_without_credentials_it_could_not_look_and_says_so_once(site: FakeSite) -> None:
    for operation in PERMISSIONS:
        site.errors[operation] = NoCredentialsError()
    findings = look(site.target())
    assert findings.outcome is Outcome.COULD_NOT_LOOK
    assert findings.obstacles == ["Unable to locate credentials"]


def test_expired_credentials_are_no_difference(site: FakeSite) -> None:
    site.errors["GetDistribution"] = refused("GetDistribution", "ExpiredToken")
    assert look(site.target()).obstacles == ["AWS refused GetDistribution: ExpiredToken: no"]


def test_an_aws_that_does_not_answer_is_named_once(site: FakeSite) -> None:
    for operation in PERMISSIONS:
        url = f"http://aws.example:4566/{operation}"
        site.errors[operation] = EndpointConnectionError(endpoint_url=url)
    assert look(site.target()).obstacles == ["Nothing answers at aws.example:4566: is there a network?"]


def test_a_host_that_does_not_answer_could_not_be_looked_at(site: FakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str, **_: Any) -> requests.Response:
        raise requests.ConnectionError(url)

    monkeypatch.setattr(requests, "get", fail)
    findings = look(site.target())
    assert findings.outcome is Outcome.COULD_NOT_LOOK
    assert "https://code.example/archive can't be reached (ConnectionError)." in findings.obstacles
    assert "secret" not in str(findings)


def test_names_below_localhost_are_reached_by_their_host_header(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    def answer(url: str, headers: dict[str, str], **_: Any) -> requests.Response:
        seen[url] = headers
        return requests.Response()

    monkeypatch.setattr(requests, "get", answer)
    get("http://label.cloudfront.localhost:4566/admin.html")
    get("https://aiv1codec.com/")
    assert seen == {
        "http://127.0.0.1:4566/admin.html": {"Host": "label.cloudfront.localhost:4566"},
        "https://aiv1codec.com/": {},
    }


def test_the_report_has_a_line_per_check_and_a_summary(site: FakeSite, capsys: pytest.CaptureFixture[str]) -> None:
    site.objects["admin.html"].body = b"<p>[red]defaced[/red]\n"
    print_report(look(site.target()), "test")
    lines = capsys.readouterr().out.splitlines()
    assert "✓ function MemorySize: 512" in lines
    assert "    +<p>[red]defaced[/red]" in lines
    assert any(line.startswith("✗ object admin.html: expected SHA-256 ") for line in lines)
    assert re.fullmatch(r"1 of \d+ checks on test found a difference: object admin\.html\.", lines[-1])


def test_a_clean_report_ends_with_that(site: FakeSite, capsys: pytest.CaptureFixture[str]) -> None:
    print_report(look(site.target()), "test")
    printed = capsys.readouterr().out
    assert re.fullmatch(r"All \d+ checks agree: test is what git says\.", printed.splitlines()[-1])
    assert "\x1b" not in printed


def test_json_has_every_check(site: FakeSite) -> None:
    site.alias["FunctionVersion"] = "6"
    document = json.loads(as_json(look(site.target())))
    assert document["ok"] is False
    alias = {"name": "alias live", "ok": False, "expected": "version 7", "found": "version 6", "detail": ""}
    assert alias in document["checks"]
    assert document["could_not_look"] == []


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        (Findings([Check("a", ok=True, expected="", found="")], []), 0),
        (Findings([Check("a", ok=False, expected="", found="")], ["x"]), 1),
        (Findings([Check("a", ok=True, expected="", found="")], ["x"]), 2),
    ],
)
def test_the_exit_code_tells_the_outcome(
    findings: Findings, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    outputs = tmp_path / "outputs.json"
    outputs.write_text(json.dumps(dict.fromkeys(OUTPUTS, "x")))
    monkeypatch.setattr("operations.checks.look.look", lambda _: findings)
    assert run(monkeypatch, "--stack", "other", "--outputs", str(outputs)) == code


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "outputs.json can't be read"),
        ("[]", "are no JSON object; make outputs prints one"),
        ("{}", "The stack's outputs lack admin_function, admin_version"),
    ],
)
def test_outputs_that_are_none_are_explained(
    content: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "outputs.json").write_text(content)
    assert run(monkeypatch, "--stack", "other", "--outputs", str(tmp_path / "outputs.json")) == 2
    printed = capsys.readouterr()
    assert reason in printed.err
    assert "Traceback" not in printed.err


def test_outputs_are_read_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"admin_function": "x"}'))
    assert run(monkeypatch, "--stack", "other", "--outputs", "-") == 2
    assert "lack admin_version" in capsys.readouterr().err


def test_an_unknown_stack_is_explained_in_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--stack", "nowhere", "--json") == 2
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert (document["ok"], document["checks"]) == (False, [])
    assert "Pulumi.nowhere.yaml can't be read" in document["could_not_look"][0]
    assert "Pulumi.nowhere.yaml can't be read" in printed.err


def test_without_pulumi_the_outputs_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(monkeypatch, "--stack", "production") == 2
    assert "give the outputs with --outputs FILE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo '{}'", "The stack's outputs lack admin_function"),
        ("echo 'error: no stack named production' >&2; exit 255", "can't be had: error: no stack named production"),
    ],
)
def test_outputs_are_pulumis_where_no_file_is_given(
    script: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f"#!/bin/sh\n{script}\n")
    pulumi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(monkeypatch, "--stack", "other") == 2
    assert reason in capsys.readouterr().err


def test_an_embedded_aws_that_does_not_run_is_explained(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--port", "9") == 2
    assert "The embedded AWS isn't running at http://127.0.0.1:9: run make sandbox." in capsys.readouterr().err


def test_bad_configuration_could_not_be_looked_at() -> None:
    with pytest.raises(CouldNotLook, match="rendererMemoryMb"):
        Target.of({"ai-video-codec-dashboard:rendererMemoryMb": 1}, "test", dict.fromkeys(OUTPUTS, "x"))


def test_the_sandbox_is_looked_at_on_its_port() -> None:
    endpoints = configuration("sandbox", 4600)["aws:endpoints"][0]
    assert set(endpoints.values()) == {"http://127.0.0.1:4600"}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command; the stack `other` is configured by defaults."""
    if "other" in arguments:
        monkeypatch.setattr(verify, "configuration", lambda *_: {"aws:region": "us-east-1"})
    monkeypatch.setattr("sys.argv", ["verify", *arguments])
    return verify.main()
