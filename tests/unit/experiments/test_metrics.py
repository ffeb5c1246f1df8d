"""The catalogue of metrics: what is declared there once is shown everywhere."""

import csv
import html
import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.project_copy import ROOT

VMAF = "    vmaf: float"
MADE_UP = """    ms_ssim: float | None = _measured(
        Metric(
            label="MS-SSIM",
            meaning="Structural similarity at several scales",
            decimals=5,
            read=between(0, 1),
            is_sortable=True,
            curve="ms-ssim",
        )
    )
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the functions show where the catalogue has one metric more."""
    source = tmp_path_factory.mktemp("another") / "lambda"
    shutil.copytree(ROOT / "lambda", source, ignore=shutil.ignore_patterns("__pycache__"))
    catalogue = source / "experiments" / "metrics.py"
    before, found, after = catalogue.read_text().partition(VMAF)
    catalogue.write_text(before + MADE_UP + found + after)
    result = subprocess.run(
        [sys.executable, "-m", "tests.unit.experiments.another_metric"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found_shown: dict[str, Any] = json.loads(result.stdout)
    return found_shown


def text_of(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_it_has_a_column_and_orders_in_the_overview(shown: dict[str, Any]) -> None:
    page = shown["overview"]
    assert '<th scope="col" class="col-ms-ssim number"><a href="?sort=-ms_ssim"' in page
    assert 'title="Structural similarity at several scales">MS-SSIM</a></th>' in page
    assert '<td class="number" data-label="MS-SSIM">0.97800</td>' in page
    assert '<option value="-ms_ssim">MS-SSIM, highest first</option>' in page
    assert '<option value="ms_ssim">MS-SSIM, lowest first</option>' in page


def test_a_page_is_sorted_by_it(shown: dict[str, Any]) -> None:
    page = shown["sorted overview"]
    assert "Sorted within this page: MS-SSIM, highest first." in page
    assert page.index('data-key="e22"') < page.index('data-key="e28"')


def test_the_page_of_an_experiment_tells_it(shown: dict[str, Any]) -> None:
    assert "MS-SSIM 0.97800 – – –" in text_of(shown["experiment"])  # noqa: RUF001 the dash of what is unknown


def test_a_comparison_marks_the_best(shown: dict[str, Any]) -> None:
    assert "MS-SSIM 0.97800 (best) 0.97200" in text_of(shown["comparison"])


@pytest.mark.parametrize("place", ["curves", "comparison"])
def test_there_are_curves_by_it(shown: dict[str, Any], place: str) -> None:
    page = shown[place]
    assert "MS-SSIM over bitrate of mandelbrot-zoom" in page
    assert re.search(r'<a href="[^"]*metric=ms-ssim[^"]*" aria-current="true">MS-SSIM</a>', page)
    assert '<td class="number">0.97200</td>' in page


def test_csv_and_json_have_it(shown: dict[str, Any]) -> None:
    rows = list(csv.DictReader(shown["CSV"].splitlines()))
    assert [row["ms_ssim"] for row in rows] == ["0.978", "0.972"]
    document = json.loads(shown["JSON"])
    assert document["metrics"]["ms_ssim"] == document["rd_points"][0]["ms_ssim"] == 0.978


def test_openapi_describes_it(shown: dict[str, Any]) -> None:
    schemas = shown["OpenAPI"]["components"]["schemas"]
    for name in ("Metrics", "RDPoint"):
        assert schemas[name]["properties"]["ms_ssim"] == {"type": ["number", "null"]}
    parameters = shown["OpenAPI"]["paths"]["/api/experiments"]["get"]["parameters"]
    (sort,) = (parameter for parameter in parameters if parameter["name"] == "sort")
    assert {"ms_ssim", "-ms_ssim"} <= set(sort["schema"]["enum"])


def test_the_chats_tools_tell_it_and_compare_by_it(shown: dict[str, Any]) -> None:
    chat = shown["chat"]
    assert [experiment["ms_ssim"] for experiment in chat["listed"]["experiments"]] == [0.978, 0.972]
    assert chat["compared"]["metric"] == "MS-SSIM"
    assert chat["compared"]["clips"][0]["curves"][0]["points_kbps_quality"][1][1] == 0.978
    assert "ms-ssim" in chat["tool"]["properties"]["metric"]["enum"]


def test_the_table_keeps_it(shown: dict[str, Any]) -> None:
    assert shown["table"] == {"metrics": 0.978, "rd_points": 0.978}
