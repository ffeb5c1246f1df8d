"""The archives of the two functions: each has what its function runs, and nothing else."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pulumi
import pytest

from components import admin_api, renderer
from components.admin_api import package_admin_api
from components.renderer import API_DOCUMENT, package_renderer
from releasing.lambda_package import LambdaPackage
from releasing.routes import routes_of
from tests.project_copy import ROOT
from tests.unit.releasing import loaded_modules
from tests.unit.renderer.conftest import ENVIRONMENT

SOURCE = ROOT / "lambda"
PACKAGES: dict[str, Callable[[Path, Path], LambdaPackage]] = {
    "renderer": package_renderer,
    "admin API": package_admin_api,
}
HANDLERS = {"renderer": renderer.HANDLER, "admin API": admin_api.HANDLER}
BOTH = set(PACKAGES)


def unpacked(package: LambdaPackage, folder: Path) -> Path:
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(folder)
    return folder


def hashes(source: Path, cache: Path) -> dict[str, str]:
    return {name: package(source, cache).sha256 for name, package in PACKAGES.items()}


def copied(folder: Path) -> Path:
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("function", PACKAGES)
def test_an_archive_has_all_modules_that_its_function_loads_and_no_others(function: str, tmp_path: Path) -> None:
    package = PACKAGES[function](SOURCE, tmp_path)
    loaded = subprocess.run(
        [sys.executable, loaded_modules.__file__, HANDLERS[function].split(".")[0]],
        cwd=unpacked(package, tmp_path / "function"),
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert set(json.loads(loaded.stdout)) == {name for name in package.files if name.endswith(".py")}


def test_the_archive_has_no_template_that_no_page_names(tmp_path: Path) -> None:
    folder = unpacked(package_renderer(SOURCE, tmp_path), tmp_path / "renderer")
    texts = {file: file.read_text() for file in folder.rglob("*") if file.is_file()}
    for template in (folder / "renderer" / "templates").iterdir():
        assert any(f'"{template.name}"' in text for file, text in texts.items() if file != template), template.name


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("renderer/templates/layout.html", {"renderer"}),
        ("renderer/pages/costs.py", {"renderer"}),
        ("index_ssr.py", {"renderer"}),
        ("admin/monitor.py", {"admin API"}),
        ("admin/chat/tools.py", {"admin API"}),
        ("experiments/jobs/lifecycle.py", {"admin API"}),
        ("admin_api.py", {"admin API"}),
        ("experiments/costs.py", BOTH),
        ("web/http_api.py", BOTH),
        ("description/openapi.py", set()),
        ("requirements.txt", set()),
    ],
)
def test_an_edit_changes_the_archives_of_the_functions_that_run_it(
    edited: str, changed: set[str], tmp_path: Path
) -> None:
    source = copied(tmp_path / "lambda")
    before = hashes(source, tmp_path / "cache")
    with (source / edited).open("a") as file:
        file.write("\n")
    after = hashes(source, tmp_path / "cache")
    assert {name for name in PACKAGES if before[name] != after[name]} == changed


def test_what_an_admin_route_says_of_itself_is_in_the_renderers_archive_which_serves_it(tmp_path: Path) -> None:
    source = copied(tmp_path / "lambda")
    before = hashes(source, tmp_path / "cache")
    routes = source / "admin" / "watching_routes.py"
    routes.write_text(routes.read_text().replace("Who did what, newest first.", "Who has done what."))
    after = hashes(source, tmp_path / "cache")
    assert {name for name in PACKAGES if before[name] != after[name]} == BOTH
    document = json.loads((unpacked(package_renderer(source, tmp_path / "cache"), tmp_path) / API_DOCUMENT).read_text())
    assert document["paths"]["/api/admin/audit"]["get"]["summary"] == "Who has done what."


def test_routes_that_cannot_be_read_are_refused_with_the_reason(tmp_path: Path) -> None:
    source = copied(tmp_path / "lambda")
    with (source / "admin" / "monitor.py").open("a") as file:
        file.write("import no_such_module\n")
    with pytest.raises(pulumi.RunError, match="No module named 'no_such_module'"):
        routes_of(source, tmp_path / "cache")


def test_what_is_named_twice_is_packed_once_and_what_is_in_no_archive_is_only_there_for_deployments() -> None:
    packed = {*renderer.CONTENTS, *admin_api.CONTENTS}
    folders = {file.parent.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py")}
    assert folders - packed == {".", "description"}
