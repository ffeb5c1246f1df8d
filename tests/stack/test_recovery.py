"""What goes wrong on the way: killed processes, two deployments at once, bad configuration; and a clean end."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project_copy import ProjectCopy


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectCopy]:
    project = ProjectCopy.make(tmp_path / "project")
    yield project
    project.close()


def test_after_a_kill_of_the_emulator_the_site_comes_back(project: ProjectCopy) -> None:
    project.run("up")
    os.kill(_pid(project), signal.SIGKILL)
    project.run("up")
    assert project.get(project.outputs()["dashboard_url"]).status_code == 200
    assert project.up() == set()


def test_after_a_stop_of_the_emulator_nothing_is_lost(project: ProjectCopy) -> None:
    project.run("up")
    before = project.outputs()
    emulator = _pid(project)
    project.run("down")
    assert not _runs(emulator)
    assert project.up() == set()
    assert project.outputs() == before
    assert project.get(before["dashboard_url"]).status_code == 200


def test_after_a_kill_of_a_deployment_the_next_one_converges(project: ProjectCopy) -> None:
    _kill_after(project.start("up"), "created", lines=12)
    project.run("up")
    assert project.get(project.outputs()["dashboard_url"]).status_code == 200
    assert project.up() == set()
    assert _counts(project) == {"distributions": 1, "apis": 1, "buckets": 2, "functions": 1, "tables": 1, "roles": 1}


def test_a_second_deployment_at_the_same_time_is_told_who_holds_the_lock(project: ProjectCopy) -> None:
    first = project.start("up")
    _read_until(first, "created")
    message = project.fail("up")
    printed, _ = first.communicate()
    assert first.returncode == 0, printed
    assert "Another deployment of the sandbox is running (process" in message
    assert "Traceback" not in message


def test_bad_configuration_is_reported_whole_before_anything_is_registered(project: ProjectCopy) -> None:
    project.configure(logRetentionDays="often", domain="aiv1codec.com", unheardOf=1)
    message = project.fail("up")
    for key in ("logRetentionDays", "hostedZoneId", "unheardOf"):
        assert f"{key}: " in message
    assert "Traceback" not in message
    assert not _counts(project)["buckets"]


def test_a_port_in_use_is_reported_with_what_to_do(project: ProjectCopy) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", project.port))
        other.listen()
        message = project.fail("up")
    assert f"Port {project.port} is in use" in message
    assert "make sandbox PORT=" in message
    assert "Traceback" not in message


def test_a_domain_brings_certificate_and_records(project: ProjectCopy) -> None:
    project.emulator.folder.mkdir()
    project.emulator.start()
    zone = project.emulator.client("route53").create_hosted_zone(Name="example.org", CallerReference="test")
    zone_id = zone["HostedZone"]["Id"].removeprefix("/hostedzone/")
    project.configure(domain="video.example.org", hostedZoneId=zone_id)
    project.run("up")
    assert project.get("http://video.example.org/").status_code == 200
    records = project.emulator.client("route53").list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    assert {"A", "AAAA", "CNAME"} <= {record["Type"] for record in records}
    assert project.up() == set()
    project.run("destroy")


def test_destroy_leaves_nothing_behind(project: ProjectCopy) -> None:
    project.run("up")
    outputs = project.outputs()
    project.emulator.client("s3").put_object(Bucket=outputs["media_bucket"], Key="experiments/x/video.mp4", Body=b"x")
    assert all(_counts(project).values())
    project.run("destroy")
    assert not any(_counts(project).values()), _counts(project)
    assert not _leftovers(project)


def _kill_after(process: Any, text: str, lines: int) -> None:
    """Kill a deployment, engine and providers included, once it has printed a text so many times."""
    for _ in range(lines):
        _read_until(process, text)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _read_until(process: Any, text: str) -> None:
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the deployment ended before it printed {text!r}")


def _pid(project: ProjectCopy) -> int:
    return int((project.emulator.folder / "emulator.pid").read_text())


def _runs(pid: int) -> bool:
    """Whether the process, or another of its group, is there."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _counts(project: ProjectCopy) -> dict[str, int]:
    """How many of the stack's main resources the embedded AWS holds."""
    client: Callable[[str], Any] = project.emulator.client
    return {
        "distributions": len(client("cloudfront").list_distributions()["DistributionList"].get("Items", [])),
        "apis": len(client("apigatewayv2").get_apis()["Items"]),
        "buckets": len(client("s3").list_buckets()["Buckets"]),
        "functions": len(client("lambda").list_functions()["Functions"]),
        "tables": len(client("dynamodb").list_tables()["TableNames"]),
        "roles": len([role for role in client("iam").list_roles()["Roles"] if "dashboard" in role["RoleName"]]),
    }


def _leftovers(project: ProjectCopy) -> dict[str, list[Any]]:
    """Anything else of the stack's kinds that the embedded AWS still holds."""
    client: Callable[[str], Any] = project.emulator.client
    cloudfront = client("cloudfront")
    listings = {
        "layers": client("lambda").list_layers()["Layers"],
        "log groups": client("logs").describe_log_groups()["logGroups"],
        "origin access controls": cloudfront.list_origin_access_controls()["OriginAccessControlList"].get("Items", []),
        "cache policies": cloudfront.list_cache_policies(Type="custom")["CachePolicyList"].get("Items", []),
        "header policies": cloudfront.list_response_headers_policies(Type="custom")["ResponseHeadersPolicyList"].get(
            "Items", []
        ),
    }
    return {kind: found for kind, found in listings.items() if found}
