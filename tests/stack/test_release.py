"""The end of a deployment on the embedded AWS: what users get is proven, put on record, and can be gone back from."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from components.static_site import site_files
from releasing.routes import routes_of
from tests.project_copy import ProjectCopy


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectCopy]:
    project = ProjectCopy.make(tmp_path_factory.mktemp("release") / "project")
    project.configure(releasePatienceSeconds=1)
    project.run("up")
    yield project
    project.close()


def test_a_release_is_on_record_in_the_outputs_on_the_site_and_in_the_table(project: ProjectCopy) -> None:
    outputs = project.outputs()
    record = outputs["release"]
    assert record["renderer"] == {
        "version": outputs["renderer_version"],
        "build_id": outputs["renderer_code_sha256"],
        "rolled_back": False,
    }
    assert record["admin_api"]["version"] == outputs["admin_version"]
    files = {f"/{key}" for key, _ in site_files(project.folder / "dashboard")}
    assert record["static_files"].keys() == {*files, "/config.json"}
    served = project.get(f"{outputs['dashboard_url']}release.json")
    assert served.json() == record
    assert served.headers["Cache-Control"] == "no-cache"
    assert f"{record['release']} " in _releases(project)


def test_a_deployment_that_changes_nothing_writes_nothing(project: ProjectCopy) -> None:
    before = _written(project)
    assert project.up() == set()
    assert _written(project) == before


def test_a_file_changed_by_hand_fails_the_next_deployment_until_it_is_put_right(project: ProjectCopy) -> None:
    outputs = project.outputs()
    project.emulator.client("s3").put_object(Bucket=outputs["site_bucket"], Key="admin.js", Body=b"defaced")
    message = project.fail("up")
    assert "Not what git says is what users get" in message
    assert "CDN /admin.js: expected status 200, SHA-256" in message
    assert "Traceback" not in message
    project.run("refresh")
    project.run("up")
    assert project.outputs()["release"] == outputs["release"]


def test_a_rollback_is_released_as_such_and_ended_by_whoever_says_so_alone(project: ProjectCopy) -> None:
    first = project.outputs()
    _append(project, "lambda/index_ssr.py", "CHANGED = True\n")
    project.run("up")
    second = project.outputs()

    version = _releases(project, "--version-of", first["release"]["release"]).strip()
    assert version == first["renderer_version"]
    _deploy(project, RENDERER_VERSION=version)
    back = project.outputs()
    assert first["renderer_code_sha256"] in project.get(first["dashboard_url"]).text
    assert back["release"]["renderer"] == {**first["release"]["renderer"], "rolled_back": True}
    assert back["release"]["admin_api"] == second["release"]["admin_api"]
    assert back["release"]["invalidated"] == list(routes_of(project.folder / "lambda").paths)
    assert project.get(f"{first['dashboard_url']}release.json").json() == back["release"]

    message = project.fail("up")
    assert f"is rolled back to version {version}, and this deployment would end that" in message.replace("\n", " ")
    assert "RENDERER_VERSION=newest" in message
    assert project.outputs() == back

    _append(project, "dashboard/admin.html", "<!-- goes on meanwhile -->\n")
    _deploy(project, RENDERER_VERSION=version)
    assert project.get(first["admin_url"]).text.endswith("<!-- goes on meanwhile -->\n")
    assert first["renderer_code_sha256"] in project.get(first["dashboard_url"]).text

    _deploy(project, RENDERER_VERSION="newest")
    assert second["renderer_code_sha256"] in project.get(first["dashboard_url"]).text
    assert project.up() == set()
    assert [line.split()[0] for line in _releases(project).splitlines()] == ["release", "r5", "r4", "r3", "r2", "r1"]


def test_a_version_that_never_was_is_refused_and_users_keep_theirs(project: ProjectCopy) -> None:
    before = project.outputs()
    project.environment["RENDERER_VERSION"] = "999"
    message = project.fail("up")
    project.environment.clear()
    assert "has no version 999; make releases lists those that it had" in message.replace("\n", " ")
    assert before["renderer_code_sha256"] in project.get(before["dashboard_url"]).text


def _deploy(project: ProjectCopy, **environment: str) -> None:
    project.environment.update(environment)
    project.run("up")
    project.environment.clear()


def _append(project: ProjectCopy, name: str, text: str) -> None:
    with (project.folder / name).open("a", encoding="utf-8") as file:
        file.write(text)


def _releases(project: ProjectCopy, *arguments: str) -> str:
    """What `make releases` prints."""
    command = [sys.executable, "-m", "operations.releases", "--port", str(project.port), *arguments]
    environment = {**os.environ, "COLUMNS": "400"}
    return subprocess.run(
        command, cwd=project.folder, env=environment, capture_output=True, text=True, check=True
    ).stdout


def _written(project: ProjectCopy) -> dict[str, Any]:
    """What a deployment writes to AWS: objects, versions, invalidations, releases."""
    outputs = project.outputs()
    client = project.emulator.client
    objects = client("s3").list_objects_v2(Bucket=outputs["site_bucket"])["Contents"]
    invalidations = client("cloudfront").list_invalidations(DistributionId=outputs["distribution_id"])
    return {
        "objects": {entry["Key"]: entry["LastModified"] for entry in objects},
        "versions": len(
            client("lambda").list_versions_by_function(FunctionName=outputs["renderer_function"])["Versions"]
        ),
        "invalidations": json.dumps(invalidations["InvalidationList"].get("Items", []), default=str),
        "releases": _releases(project),
    }
