"""The whole API against its own OpenAPI description: made-up requests, good and bad, never meet an error of the server.

A few hundred of them; as many as one likes, others each time, by

    API_EXAMPLES=500 python -m pytest tests/stack/test_described_api.py
"""

import importlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
import schemathesis
from admin.chat import routes as chat_routes
from description.openapi import openapi
from experiments.jobs.log import LogLine
from experiments.model import Experiment, Status
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import one_of, sampled_from
from renderer import api_document
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from sandbox.emulator import Emulator
from tests.admin_client import CLAIMS
from tests.api_gateway import ADMIN, ApiGateway
from tests.stack.admin_lab import Lab
from tests.unit.renderer.conftest import ENVIRONMENT, api_file

EXAMPLES = os.environ.get("API_EXAMPLES")
"""How many requests are made up for each operation."""
DESCRIPTION = "/api/openapi.json"
CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
)
MADE_UP = settings(
    max_examples=int(EXAMPLES or 10),
    derandomize=EXAMPLES is None,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = [(method.upper(), path) for path, one in openapi()["paths"].items() for method in one]


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setattr(api_document, "FILE", api_file(tmp_path_factory.mktemp("packaged")))
        yield importlib.import_module("index_ssr")


@pytest.fixture(scope="module")
def lab(emulator: Emulator, renderer: ModuleType) -> Iterator[Lab]:
    with Lab.open(emulator, "described") as lab, pytest.MonkeyPatch.context() as patch:
        patch.setattr(renderer.services(), "experiments", lab.repository)
        patch.setenv("CHAT_MODEL", "sandbox.stand-in")
        patch.setenv("CHAT_MONTHLY_USD", "1000")
        stand_in = emulator.client("bedrock-runtime")
        patch.setattr(chat_routes, "bedrock_client", lambda _patience: stand_in)
        yield lab


def fill(lab: Lab) -> None:
    """Have an experiment in each status, by its name, and a log."""
    now = datetime.now(UTC)
    for status in Status:
        one = Experiment(id=status, codec="x264", clip="game-of-life", created_at=now, status=status)
        lab.repository.put(replace(one, parameters={"preset": "fast", "crf": 28}))
    lab.services.logs.append(Status.FAILED, [LogLine(1, 1, now, "x264", "frame")], now)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_whatever_is_sent_is_answered_as_described(lab: Lab, method: str, path: str) -> None:
    send_cases(lab, ApiGateway(), method, path, (*CHECKS, checks.negative_data_rejection))


@pytest.mark.parametrize(("method", "path"), [one for one in OPERATIONS if one[1].startswith(ADMIN)])
def test_whatever_a_stranger_sends_is_refused(lab: Lab, method: str, path: str) -> None:
    send_cases(lab, ApiGateway({**CLAIMS, "cognito:groups": "[viewers]"}), method, path, (*CHECKS, is_refused))


def is_refused(
    _context: schemathesis.CheckContext, response: schemathesis.Response, _case: "schemathesis.Case[Any]"
) -> None:
    assert response.status_code in (401, 403)


def send_cases(lab: Lab, api: ApiGateway, method: str, path: str, expected: Sequence[Any]) -> None:
    """Send requests to an operation, of which some are about experiments that are there, and check the answers."""
    fill(lab)
    config = schemathesis.Config.from_dict({"base-url": "http://localhost/"})
    operation = schemathesis.openapi.from_wsgi(DESCRIPTION, api, config=config)[path][method]
    cases = one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @MADE_UP
    @given(case=cases, known=sampled_from([None, *Status]))
    def send(case: "schemathesis.Case[Any]", known: str | None) -> None:
        if known and case.path_parameters:
            case.path_parameters["id"] = known
        case.call_and_validate(checks=list(expected))

    send()
