"""The admin API: the Lambda function through which administrators run experiments, watch them and talk about them.

API Gateway lets nobody through without a valid token (components/http_api.py); this function asks for the group.
"""

import os
from http import HTTPStatus
from typing import Any

import health
from admin.administrator import Administrator, NotAnAdministrator
from api.documents import Problem, as_json
from aws_clients import dynamodb_client, s3_client, sqs_client
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.utilities.typing import LambdaContext
from experiments.repository import ExperimentRepository
from http_api import Event, as_routed
from release import Release

JSON = "application/json"
PROBLEM = "application/problem+json"
NOT_CACHED = {"Cache-Control": "no-store"}

MEDIA_BUCKET = os.environ["MEDIA_BUCKET"]
JOB_QUEUE_URL = os.environ["JOB_QUEUE_URL"]

release = Release.from_environment(os.environ)
experiments = ExperimentRepository(os.environ["TABLE_NAME"], dynamodb_client())
logger = Logger(service="admin-api", serialize_stacktrace=False)
app = APIGatewayHttpResolver()


@logger.inject_lambda_context
def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Answer a request of API Gateway's HTTP API."""
    return app.resolve(as_routed(event), context)


@app.get("/api/admin/health")
def show_health() -> Response[dict[str, Any]]:
    """Tell which build this is, and whether what it depends on answers, as the release gate asks."""
    found = health.examine(
        release,
        {
            "table": lambda: experiments.newest(1),
            "media": lambda: s3_client().list_objects_v2(Bucket=MEDIA_BUCKET, Prefix="experiments/", MaxKeys=1),
            "queue": lambda: sqs_client().get_queue_attributes(QueueUrl=JOB_QUEUE_URL, AttributeNames=["QueueArn"]),
        },
    )
    status = HTTPStatus.OK if found.ok else HTTPStatus.SERVICE_UNAVAILABLE
    return Response(status, JSON, found.as_json(), NOT_CACHED)


@app.get("/api/admin/me")
def describe_user() -> Response[str]:
    """Tell who is signed in."""
    return Response(HTTPStatus.OK, JSON, as_json({"name": _administrator().name}), NOT_CACHED)


@app.exception_handler(NotAnAdministrator)  # type: ignore[untyped-decorator]
def refuse_others(_error: NotAnAdministrator) -> Response[str]:
    """Say that signing in is not enough."""
    return _problem(
        HTTPStatus.FORBIDDEN, "Not an administrator", "Ask an administrator to add you to the group `admins`."
    )


def _administrator() -> Administrator:
    return Administrator.of(app.current_event.raw_event)


def _problem(status: HTTPStatus, title: str, detail: str) -> Response[str]:
    problem = Problem(status=status, title=title, detail=detail)
    return Response(status, PROBLEM, as_json(problem), NOT_CACHED)
