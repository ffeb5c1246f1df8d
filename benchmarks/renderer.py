"""How long the renderer takes for its first page of 50 experiments, and how much it sends."""

import gzip
import importlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from benchmarks.figures import Figure
from components.lambda_package import package_source
from components.settings import Settings
from sandbox.emulator import REGION, ROOT_KEY
from sandbox.places import PROJECT_NAME
from tests.project_copy import ROOT, ProjectCopy

EXPERIMENTS = 50
WARM_UP = 20
RUNS = 200
KIB = 1024


def measure_renderer(folder: Path) -> list[Figure]:
    """The handler in this process and the whole way through CDN and API, both warm, with the same 50 experiments."""
    project = ProjectCopy.make(folder / "renderer")
    try:
        project.run("up")
        outputs = project.outputs()
        _fill(project, outputs["table_name"])
        renderer = _import_renderer(project, outputs)
        with_table = _times(lambda: _render(renderer))
        through_cdn = _times(lambda: project.get(outputs["dashboard_url"]))
        page = project.get(outputs["dashboard_url"]).content
        recorded = _times(_with_recorded_answer(renderer))
    finally:
        project.close()
    archive = package_source(ROOT / "lambda", "benchmark", folder).path.stat().st_size
    return [
        Figure("function zip", [archive / KIB], "KiB", limit=150),
        Figure("page of 50 experiments, gzipped", [len(gzip.compress(page)) / KIB], "KiB", limit=40),
        Figure("server time of / (p50), without the emulator's share", recorded, "ms", limit=15),
        Figure("server time of / (p50), the emulator's table included", with_table, "ms"),
        Figure("whole request through emulated CDN, API and Lambda (p50)", through_cdn, "ms"),
    ]


def _fill(project: ProjectCopy, table: str) -> None:
    from experiments.model import Experiment
    from experiments.repository import ExperimentRepository

    repository = ExperimentRepository(table, project.emulator.client("dynamodb"))
    now = datetime.now(UTC)
    for number in range(EXPERIMENTS):
        item = _item(number)
        experiment = replace(Experiment.from_item(item), created_at=now - timedelta(minutes=number))
        repository.put(experiment)


def _item(number: int) -> dict[str, Any]:
    return {
        "id": f"benchmark-{number}",
        "name": f"mandelbrot-zoom · x265 · CRF {number}",
        "codec": "x265",
        "status": "succeeded",
        "parameters": {"crf": number, "preset": "medium", "width": 640, "height": 360, "fps": 30, "frames": 60},
        "metrics": {
            "psnr_db": 46 - number / 2,
            "ssim": 0.99 - number / 500,
            "bitrate_kbps": 4000 / (number + 1),
            "compression_ratio": 20.5 + number,
            "encode_seconds": 2.5,
            "duration_seconds": 2,
        },
        "artefacts": {
            "video_key": f"experiments/benchmark-{number}/video.mp4",
            "decoder_key": f"experiments/benchmark-{number}/decoder.zip",
            "decoder_bytes": 40_000,
        },
        "cost_usd": 0.0004,
        "created_at": "2026-11-24T00:00:00.000000Z",
    }


def _import_renderer(project: ProjectCopy, outputs: dict[str, Any]) -> ModuleType:
    os.environ |= {
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": project.emulator.url,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "BUILD_ID": outputs["renderer_code_sha256"],
        "MEDIA_BUCKET": outputs["media_bucket"],
        "POWERTOOLS_LOG_LEVEL": "ERROR",
        "PRICES": Settings.parse(PROJECT_NAME, "benchmark", {}).prices,
        "STACK": "benchmark",
        "TABLE_NAME": outputs["table_name"],
    }
    return importlib.import_module("index_ssr")


def _render(renderer: ModuleType) -> None:
    event = {
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"stage": "$default", "http": {"method": "GET", "path": "/"}},
    }
    context = SimpleNamespace(
        aws_request_id="1", function_name="f", invoked_function_arn="arn", memory_limit_in_mb=512, function_version="1"
    )
    assert renderer.handler(event, context)["statusCode"] == 200


def _with_recorded_answer(renderer: ModuleType) -> Callable[[], None]:
    """The handler with DynamoDB's answer taken from memory, so that only our own code is measured."""
    answers: list[Any] = []
    client = renderer.experiments._client
    query = client.query

    def record(**request: Any) -> Any:
        if not answers:
            answers.append(query(**request))
        return answers[0]

    client.query = record
    return lambda: _render(renderer)


def _times(action: Callable[[], object]) -> list[float]:
    """Milliseconds of each run, after a warm-up."""
    for _ in range(WARM_UP):
        action()
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        action()
        times.append(1000 * (time.perf_counter() - began))
    return times
