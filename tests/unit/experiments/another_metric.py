"""Run in a process of its own, with a source folder of the functions on its path: prints what they show of a metric.

    PYTHONPATH=lambda:. python -m tests.unit.experiments.another_metric

Two experiments on a clip have `ms_ssim`; what the catalogue says of it stands in the source folder alone.
"""

import importlib
import json
import os
import sys
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.unit.renderer.conftest import ENVIRONMENT
from tests.unit.renderer.fakes import FakeTable, experiment_item

CONTEXT = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="1")
PLACES = {
    "overview": "/",
    "sorted overview": "/?sort=-ms_ssim",
    "experiment": "/experiments/e22",
    "comparison": "/compare?ids=e22,e28&metric=ms-ssim",
    "curves": "/curves?metric=ms-ssim",
    "CSV": "/experiments.csv",
    "JSON": "/api/experiments/e22",
}


def main() -> None:
    """Ask for all pages and data that show experiments."""
    os.environ.update(ENVIRONMENT)
    table = FakeTable()
    table.hold(*(_item(crf) for crf in (22, 28)))
    shown = {**_pages(table), "OpenAPI": _described(), "chat": _told_in_chat(table), "table": _stored(table)}
    sys.stdout.write(json.dumps(shown))


def _item(crf: int) -> dict[str, Any]:
    measured = {"ms_ssim": 1 - crf / 1000, "psnr_db": 60 - crf, "ssim": 0.99, "bitrate_kbps": 100_000 / crf}
    return experiment_item(
        f"e{crf}",
        clip="mandelbrot-zoom",
        parameters={"crf": crf, "rate_control": "crf"},
        metrics=measured,
        rd_points=[{**measured, "label": f"CRF {crf}"}],
    )


def _repository(table: FakeTable) -> Any:
    return importlib.import_module("experiments.repository").ExperimentRepository("experiments", table)


def _pages(table: FakeTable) -> dict[str, str]:
    renderer = importlib.import_module("index_ssr")
    renderer.services().experiments = _repository(table)
    return {place: renderer.handler(_request(link), CONTEXT)["body"] for place, link in PLACES.items()}


def _request(link: str) -> dict[str, Any]:
    parts = urlsplit(link)
    return {
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "queryStringParameters": dict(parse_qsl(parts.query)),
        "requestContext": {"stage": "$default", "http": {"method": "GET", "path": parts.path}},
    }


def _described() -> dict[str, Any]:
    document: dict[str, Any] = importlib.import_module("description.openapi").openapi()
    return document


def _told_in_chat(table: FakeTable) -> dict[str, Any]:
    tools = importlib.import_module("admin.chat.tools")
    lab = tools.Lab(_repository(table), None, None)
    listed = tools.READERS["list_experiments"].use(lab, {})
    compared = tools.READERS["compare_experiments"].use(lab, {"ids": ["e22", "e28"], "metric": "ms-ssim"})
    return {"listed": listed, "compared": compared, "tool": tools.READERS["compare_experiments"].schema}


def _stored(table: FakeTable) -> dict[str, Any]:
    item = _repository(table).get("e22").to_item()
    return {"metrics": float(item["metrics"]["ms_ssim"]), "rd_points": float(item["rd_points"][0]["ms_ssim"])}


if __name__ == "__main__":
    main()
