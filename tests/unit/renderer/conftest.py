"""The renderer as Lambda calls it, on a table and a bucket that live in memory."""

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.stub import Stubber
from experiments.repository import ExperimentRepository
from renderer import api_document, routes
from renderer.last_good import LastGoodPages

from releasing.routes import routes_of
from tests.project_copy import ROOT
from tests.unit.renderer.fakes import FakeTable

BUILD_ID = "U8vt0q5Z9ikQEpho4RS44AcpSIGN5hVB8s60rQrbc1Y="
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_LAMBDA_FUNCTION_VERSION": "12",
    "BUILD_ID": BUILD_ID,
    "MEDIA_BUCKET": "media",
    "PRICES": json.dumps(
        {
            "gpu_hour_usd": 0.526,
            "storage_gb_month_usd": 0.023,
            "delivered_gb_usd": 0.085,
            "million_input_tokens_usd": 3,
            "million_output_tokens_usd": 15,
            "snapshot_gb_second_usd": 0.0000015046,
        }
    ),
    "STACK": "sandbox",
    "TABLE_NAME": "experiments",
}
NOW = datetime(2026, 11, 24, 7, 30, 5, tzinfo=UTC)
REQUEST_ID = "8e1f0c9a-request"

Answer = Mapping[str, Any]
Ask = Callable[..., Answer]
"""Takes a path, and by name a method, a query and headers; gives what Lambda gives to API Gateway."""
SetClock = Callable[[datetime], None]


def api_file(folder: Path) -> Path:
    """The file that the renderer's archive has beside its source."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(routes_of(ROOT / "lambda").openapi), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        patch.setattr(api_document, "FILE", api_file(tmp_path_factory.mktemp("packaged")))
        yield importlib.import_module("index_ssr")


@pytest.fixture
def table(renderer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> FakeTable:
    fake = FakeTable()
    repository = ExperimentRepository("experiments", fake)  # type: ignore[arg-type]
    monkeypatch.setattr(renderer.services(), "experiments", repository)
    monkeypatch.setattr(renderer.services(), "last_good", LastGoodPages())
    return fake


@pytest.fixture
def bucket(renderer: ModuleType) -> Iterator[Stubber]:
    with Stubber(renderer.s3_client()) as stubber:
        yield stubber


@pytest.fixture
def set_clock(renderer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Set the renderer's clock; at first it shows NOW."""

    def set_clock(moment: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return moment

        monkeypatch.setattr(routes, "datetime", Clock)

    set_clock(NOW)
    return set_clock


@pytest.fixture
def log(renderer: ModuleType, monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What the renderer writes to its log, an entry of JSON a line."""
    written = StringIO()
    monkeypatch.setattr(renderer.logger.registered_handler, "stream", written)
    return written


@pytest.fixture
def ask(renderer: ModuleType, table: FakeTable) -> Ask:
    """Ask as API Gateway does: on AWS the path begins with the stage's name, in the emulator it doesn't."""

    def ask(
        path: str,
        *,
        method: str = "GET",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": urlencode(query or {}, errors="replace"),
            "headers": {"accept": "text/html", **(headers or {})},
            "queryStringParameters": query,
            "requestContext": {"stage": "production", "http": {"method": method, "path": path}},
            "isBase64Encoded": False,
        }
        context = SimpleNamespace(
            function_name="renderer",
            memory_limit_in_mb=512,
            invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:renderer:live",
            aws_request_id=REQUEST_ID,
        )
        answer: Answer = renderer.handler(event, context)
        return answer

    return ask
