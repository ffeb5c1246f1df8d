"""The real engine on the embedded AWS: what each kind of change deploys, and that nothing else is touched."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from releasing.routes import routes_of
from tests.project_copy import ROOT, ProjectCopy, changes

RENDERER = {
    "updated aws:lambda:Alias live",
    "updated aws:lambda:Function renderer",
    "updated pulumi-python:dynamic:ReleaseGate ai-video-codec-dashboard-sandbox-renderer",
}
PROOF = "updated pulumi-python:dynamic:ReleaseProof ai-video-codec-dashboard-sandbox-release"
RECORD = "updated aws:s3:BucketObject release.json"
INVALIDATION = "updated pulumi-python:dynamic:Invalidation ai-video-codec-dashboard-sandbox-content"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectCopy]:
    project = ProjectCopy.make(tmp_path_factory.mktemp("deployment") / "project")
    yield project
    project.close()


@pytest.fixture(scope="module")
def first_up(project: ProjectCopy) -> set[str]:
    return project.up()


@pytest.fixture
def deployed(project: ProjectCopy, first_up: set[str]) -> Iterator[ProjectCopy]:
    """The project as in git, deployed; what a test edits is undone after it."""
    before = _files(project.folder)
    yield project
    if (edited := _files(project.folder)) == before:
        return
    for name in edited.keys() - before.keys():
        (project.folder / name).unlink()
    for name, content in before.items():
        (project.folder / name).write_bytes(content)
    project.up()


def test_the_first_up_serves_the_site(first_up: set[str], deployed: ProjectCopy) -> None:
    assert {change.split()[0] for change in first_up} == {"created"}
    assert _invalidations(deployed) == []
    outputs = deployed.outputs()
    page = deployed.get(outputs["dashboard_url"])
    assert page.status_code == 200
    assert outputs["renderer_code_sha256"] in page.text
    assert deployed.get(outputs["admin_url"]).text == (deployed.folder / "dashboard" / "admin.html").read_text()


def test_a_deployment_leaves_the_files_in_git_as_they_are(deployed: ProjectCopy) -> None:
    for name in ("Pulumi.yaml", "Pulumi.sandbox.yaml"):
        assert (deployed.folder / name).read_bytes() == (ROOT / name).read_bytes()


def test_cdn_and_api_serve_the_build_that_was_deployed(deployed: ProjectCopy) -> None:
    outputs = deployed.outputs()
    for url in (outputs["dashboard_url"], outputs["api_url"]):
        health = deployed.get(f"{url}health").json()
        assert health["build_id"] == outputs["renderer_code_sha256"]
        assert health["version"] == outputs["renderer_version"]
        assert health["status"] == "ok"
    function = deployed.emulator.client("lambda").get_function(FunctionName=outputs["renderer_function"])
    assert function["Configuration"]["CodeSha256"] == outputs["renderer_code_sha256"]


def test_responses_carry_the_security_headers(deployed: ProjectCopy) -> None:
    outputs = deployed.outputs()
    for url in (outputs["dashboard_url"], outputs["admin_url"]):
        headers = deployed.get(url).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"


def test_a_second_up_changes_nothing(deployed: ProjectCopy) -> None:
    assert deployed.up() == set()


def test_a_touched_but_unchanged_source_changes_nothing(deployed: ProjectCopy) -> None:
    for folder in ("lambda", "dashboard", "components"):
        for file in (deployed.folder / folder).rglob("*"):
            os.utime(file)
    assert deployed.up() == set()


def test_a_changed_renderer_line_updates_its_function_gate_alias_and_cache_alone(deployed: ProjectCopy) -> None:
    before = deployed.outputs()
    _change_a_renderer_line(deployed)
    assert deployed.up() == {*RENDERER, INVALIDATION, PROOF, RECORD}
    outputs = deployed.outputs()
    assert int(outputs["renderer_version"]) == int(before["renderer_version"]) + 1
    assert outputs["admin_version"] == before["admin_version"]
    assert outputs["renderer_code_sha256"] != before["renderer_code_sha256"]
    assert outputs["renderer_code_sha256"] in deployed.get(outputs["dashboard_url"]).text
    assert _last_invalidation(deployed) == set(routes_of(deployed.folder / "lambda").paths)


def test_a_changed_static_file_updates_that_object_and_its_cache_alone(deployed: ProjectCopy) -> None:
    with (deployed.folder / "dashboard" / "admin.html").open("a") as file:
        file.write("<!-- changed -->\n")
    assert deployed.up() == {"updated aws:s3:BucketObject admin.html", INVALIDATION, PROOF, RECORD}
    assert deployed.get(deployed.outputs()["admin_url"]).text.endswith("<!-- changed -->\n")
    assert _last_invalidation(deployed) == {"/admin.html"}


def test_an_added_file_is_served_and_a_removed_one_is_gone(deployed: ProjectCopy) -> None:
    added = deployed.folder / "dashboard" / "added.txt"
    added.write_text("added\n")
    assert deployed.up() == {"created aws:s3:BucketObject added.txt", INVALIDATION, PROOF, RECORD}
    url = f"{deployed.outputs()['dashboard_url']}added.txt"
    assert deployed.get(url).text == "added\n"
    added.unlink()
    assert deployed.up() == {"deleted aws:s3:BucketObject added.txt", INVALIDATION, PROOF, RECORD}
    assert deployed.get(url).status_code in (403, 404)
    assert _last_invalidation(deployed) == {"/added.txt"}


def test_a_change_of_the_invalidations_own_code_invalidates_nothing(deployed: ProjectCopy) -> None:
    invalidations = _invalidations(deployed)
    with (deployed.folder / "components" / "invalidation.py").open("a") as file:
        file.write("\n# reformatted\n")
    assert deployed.up() == set()
    assert _invalidations(deployed) == invalidations


def test_an_invalidation_that_is_new_to_a_cdn_that_is_not_forgets_everything(deployed: ProjectCopy) -> None:
    before = len(_invalidations(deployed))
    deployed.edit("components/invalidation.py", 'settings.name("content")', 'settings.name("renamed")')
    created = INVALIDATION.replace("updated", "created").replace("-content", "-renamed")
    assert deployed.up() == {created, INVALIDATION.replace("updated", "deleted")}
    assert _last_invalidation(deployed) == {"/*"}
    assert len(_invalidations(deployed)) == before + 1
    assert deployed.up() == set()


def test_refresh_reports_a_change_made_by_hand_and_up_repairs_it(deployed: ProjectCopy) -> None:
    function = deployed.outputs()["renderer_function"]
    client = deployed.emulator.client("lambda")
    client.update_function_configuration(FunctionName=function, MemorySize=777)
    assert "updated aws:lambda:Function renderer" in _refreshed(deployed)
    deployed.up()
    assert client.get_function_configuration(FunctionName=function)["MemorySize"] == 512


def test_refresh_reports_an_object_changed_by_hand_and_up_repairs_it(deployed: ProjectCopy) -> None:
    outputs = deployed.outputs()
    deployed.emulator.client("s3").put_object(Bucket=outputs["site_bucket"], Key="admin.html", Body=b"defaced")
    assert "updated aws:s3:BucketObject admin.html" in _refreshed(deployed)
    deployed.up()
    assert "defaced" not in deployed.get(outputs["admin_url"]).text


def test_refresh_reports_a_resource_removed_by_hand_and_up_brings_it_back(deployed: ProjectCopy) -> None:
    outputs = deployed.outputs()
    deployed.emulator.client("s3").delete_object(Bucket=outputs["site_bucket"], Key="admin.js")
    assert "deleted aws:s3:BucketObject admin.js" in _refreshed(deployed)
    deployed.up()
    assert deployed.get(f"{outputs['dashboard_url']}admin.js").status_code == 200


def test_preview_shows_what_would_change_and_changes_nothing(deployed: ProjectCopy) -> None:
    before = deployed.outputs()
    _change_a_renderer_line(deployed)
    assert "aws:lambda/function:Function" in deployed.run("preview")
    assert deployed.outputs() == before


def test_the_site_bucket_is_read_by_the_cdn_alone(deployed: ProjectCopy) -> None:
    bucket = deployed.outputs()["site_bucket"]
    direct = deployed.get(f"http://127.0.0.1:{deployed.port}/{bucket}/admin.html")
    assert direct.status_code == 403


def _change_a_renderer_line(project: ProjectCopy) -> None:
    with (project.folder / "lambda" / "index_ssr.py").open("a") as file:
        file.write("\nCHANGED = True\n")


def _refreshed(project: ProjectCopy) -> set[str]:
    """What a refresh finds to be changed."""
    return changes(project.run("refresh"))


def _invalidations(project: ProjectCopy) -> list[dict[str, Any]]:
    distribution = project.outputs()["distribution_id"]
    listing = project.emulator.client("cloudfront").list_invalidations(DistributionId=distribution)
    return list(listing["InvalidationList"].get("Items", []))


def _last_invalidation(project: ProjectCopy) -> set[str]:
    """The paths of the newest invalidation."""
    last = max(_invalidations(project), key=lambda summary: summary["CreateTime"])
    distribution = project.outputs()["distribution_id"]
    client = project.emulator.client("cloudfront")
    invalidation = client.get_invalidation(DistributionId=distribution, Id=last["Id"])["Invalidation"]
    return set(invalidation["InvalidationBatch"]["Paths"]["Items"])


def _files(folder: Path) -> dict[Path, bytes]:
    kept = ("components", "dashboard", "lambda")
    files = (file for name in kept for file in (folder / name).rglob("*") if "__pycache__" not in file.parts)
    return {file.relative_to(folder): file.read_bytes() for file in files if file.is_file()}
