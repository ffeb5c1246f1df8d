"""The archive of a function: the same source gives the same bytes, wherever and whenever it is packed."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pulumi
import pytest

from components.renderer import package_renderer
from releasing.lambda_package import package_layer, package_source

ROOT = Path(__file__).parent.parent.parent.parent
CONTENTS = ("index_ssr.py", "templates")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "templates").mkdir(parents=True)
    (folder / "index_ssr.py").write_text("def handler(event, context): ...\n")
    (folder / "templates" / "größe.html").write_text("<p>größe</p>\n", encoding="utf-8")
    (folder / "templates" / "B.html").write_text("B")
    return folder


def packed(source: Path, cache: Path) -> str:
    return package_source(source, "renderer", CONTENTS, cache).sha256


def test_the_hash_is_the_one_that_lambda_reports(source: Path, tmp_path: Path) -> None:
    package = package_source(source, "renderer", CONTENTS, tmp_path)
    assert package.sha256 == base64.b64encode(hashlib.sha256(package.path.read_bytes()).digest()).decode()


def test_the_hash_is_the_same_on_every_machine(source: Path, tmp_path: Path) -> None:
    assert packed(source, tmp_path) == "oiXLh7yALdAbKVD7lUZ7riw7xfgl5B8g5NrOJnjN31o="


def test_path_mtime_and_mode_make_no_difference(source: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "another path" / "source"
    shutil.copytree(source, elsewhere, copy_function=shutil.copyfile)
    for file in elsewhere.rglob("*"):
        os.utime(file, (1_000_000_000, 1_000_000_000))
        file.chmod(0o777)
    assert packed(source, tmp_path) == packed(elsewhere, tmp_path)


@pytest.mark.parametrize(("umask", "locale", "zone"), [(0o077, "C", "Asia/Tokyo"), (0o000, "C.UTF-8", "America/Lima")])
def test_umask_locale_and_time_zone_make_no_difference(
    source: Path, tmp_path: Path, umask: int, locale: str, zone: str
) -> None:
    program = (
        f"import os; os.umask({umask}); from pathlib import Path;"
        "from releasing.lambda_package import package_source;"
        f"source, cache = Path({str(source)!r}), Path({str(tmp_path / 'other')!r});"
        f"print(package_source(source, 'renderer', {CONTENTS!r}, cache).sha256)"
    )
    variables = {**os.environ, "LC_ALL": locale, "TZ": zone, "PYTHONHASHSEED": "7", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", program], env=variables, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == packed(source, tmp_path)


def test_caches_and_hidden_files_stay_out(source: Path, tmp_path: Path) -> None:
    before = packed(source, tmp_path)
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "index_ssr.cpython-313.pyc").write_bytes(b"x")
    (source / ".DS_Store").write_bytes(b"x")
    (source / "requirements.txt").write_text("jinja2==3.1.6")
    assert packed(source, tmp_path) == before


def test_one_changed_byte_is_another_build(source: Path, tmp_path: Path) -> None:
    before = packed(source, tmp_path)
    (source / "templates" / "B.html").write_text("b")
    assert packed(source, tmp_path) != before


def test_a_renamed_file_is_another_build(source: Path, tmp_path: Path) -> None:
    before = packed(source, tmp_path)
    (source / "templates" / "B.html").rename(source / "templates" / "b.html")
    assert packed(source, tmp_path) != before


def test_the_archive_unpacks_to_the_source(source: Path, tmp_path: Path) -> None:
    package = package_source(source, "renderer", CONTENTS, tmp_path)
    with zipfile.ZipFile(package.path) as archive:
        unpacked = {entry.filename: archive.read(entry) for entry in archive.infolist()}
        modes = {entry.external_attr >> 16 for entry in archive.infolist()}
    assert unpacked == {str(f.relative_to(source)): f.read_bytes() for f in source.rglob("*") if f.is_file()}
    assert modes == {0o100644}


@pytest.mark.parametrize("missing", ["admin_api.py", "web"])
def test_a_file_or_folder_that_is_missing_is_refused(source: Path, tmp_path: Path, missing: str) -> None:
    with pytest.raises(pulumi.RunError, match=f"{missing}: no file to deploy"):
        package_source(source, "renderer", (*CONTENTS, missing), tmp_path / "cache")


def test_a_link_out_of_the_source_is_refused(source: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (source / "templates" / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(pulumi.RunError, match=r"link\.txt"):
        package_source(source, "renderer", CONTENTS, tmp_path / "cache")


def test_what_a_function_has_no_use_for_is_left_out(source: Path, tmp_path: Path) -> None:
    (source / "templates" / "mail").mkdir()
    (source / "templates" / "mail" / "welcome.html").write_text("<p>")
    package = package_source(source, "renderer", CONTENTS, tmp_path)
    assert package.files.keys() == {"index_ssr.py", "templates/B.html", "templates/größe.html"}


def test_the_renderers_own_archive_is_small(tmp_path: Path) -> None:
    assert package_renderer(ROOT / "lambda", tmp_path).path.stat().st_size <= 150 * 1024


def test_the_renderer_describes_the_api_with_its_own_archive_alone(tmp_path: Path) -> None:
    with zipfile.ZipFile(package_renderer(ROOT / "lambda", tmp_path / "cache").path) as archive:
        archive.extractall(tmp_path / "renderer")
    program = "from renderer.api_document import api_document; print('/api/admin/chat' in api_document('1'))"
    described = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path / "renderer", env={}, capture_output=True, text=True, check=False
    )
    assert described.stdout == "True\n", described.stderr


def test_the_layer_is_the_same_each_time_it_is_built(tmp_path: Path) -> None:
    requirements = ROOT / "lambda" / "requirements.txt"
    first, second = (package_layer(requirements, tmp_path / name) for name in ("a", "b"))
    assert first.sha256 == second.sha256
    assert {"python/jinja2/__init__.py", "python/aws_lambda_powertools/__init__.py"} <= first.files.keys()
    assert not any("__pycache__" in name for name in first.files)


def test_a_layer_that_was_built_is_not_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = ROOT / "lambda" / "requirements.txt"
    built = package_layer(requirements, tmp_path)
    monkeypatch.setattr(subprocess, "run", None)
    assert package_layer(requirements, tmp_path) == built


def test_a_layer_whose_packages_cannot_be_had_says_so(tmp_path: Path) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("jinja2==3.1.6 --hash=sha256:" + "0" * 64)
    with pytest.raises(pulumi.RunError, match="could not be built") as caught:
        package_layer(requirements, tmp_path)
    assert len(str(caught.value).splitlines()) == 2


def test_the_layers_requirements_are_those_of_the_lock_file() -> None:
    locked = {p["name"]: p["version"] for p in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    lines = (ROOT / "lambda" / "requirements.txt").read_text().splitlines()
    required = dict(line.split(" ")[0].split("==") for line in lines if "==" in line)
    assert required
    assert required == {name: locked[name] for name in required}
