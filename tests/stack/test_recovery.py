"""What goes wrong on the way: a killed emulator, two deployments at once, bad configuration; and a clean end."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.inventory import held, recorded
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
    assert not held(project.emulator)


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
    assert held(project.emulator)
    project.run("destroy")
    assert not held(project.emulator)


def test_what_a_killed_deployment_left_is_recovered_and_destroyed(project: ProjectCopy) -> None:
    _kill_a_creation(project, "aws:iam:Role worker created")
    left = held(project.emulator)
    message = _recover(project, "--check", code=1)
    assert "was creating it" in message
    assert "make recover STACK=sandbox" in message
    recovered = _recover(project, "--yes")
    assert ": taken into the stack" in recovered
    assert left.keys() <= recorded(project.state())
    assert "taken into the stack" not in _recover(project, "--yes")
    _recover(project, "--check")
    project.run("destroy")
    assert not held(project.emulator)


def test_an_interrupted_stack_is_destroyed_whole(project: ProjectCopy) -> None:
    _kill_a_creation(project, "aws:lambda:Function renderer created")
    project.run("destroy")
    assert not held(project.emulator)


def test_what_is_protected_says_so_before_anything_is_deleted(project: ProjectCopy) -> None:
    project.configure(deletionProtection=True)
    project.run("up")
    before = held(project.emulator)
    message = project.fail("destroy")
    assert "administrators" in message
    assert "experiments" in message
    assert "ai-video-codec-dashboard:deletionProtection to false in Pulumi.sandbox.yaml" in message
    assert held(project.emulator) == before
    project.edit("Pulumi.sandbox.yaml", "deletionProtection: true", "deletionProtection: false")
    project.run("up")
    project.run("destroy")
    assert not held(project.emulator)


def test_what_is_there_by_other_hands_is_refused_with_what_to_do(project: ProjectCopy) -> None:
    project.emulator.folder.mkdir()
    project.emulator.start()
    group = "/aws/lambda/ai-video-codec-dashboard-sandbox-renderer"
    project.emulator.client("logs").create_log_group(logGroupName=group)
    message = project.fail("up")
    assert "CreateLogGroup: ResourceAlreadyExistsException" in message
    assert "make recover" in message
    project.emulator.client("logs").delete_log_group(logGroupName=group)
    project.run("up")


def _kill_a_creation(project: ProjectCopy, once: str) -> None:
    process = project.start("up")
    _read_until(process, once)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _recover(project: ProjectCopy, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "operations.recover", "--port", str(project.port), *arguments]
    result = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


def _read_until(process: Any, text: str) -> None:
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"the deployment ended before it printed {text!r}")


def _pid(project: ProjectCopy) -> int:
    return int((project.emulator.folder / "emulator.pid").read_text().split()[0])


def _runs(pid: int) -> bool:
    """Whether the process, or another of its group, is there."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True
