"""The admin API's routes: its health, who is signed in, and the tables of the rest."""

import os
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from web import health
from web.aws_clients import s3_client, sqs_client
from web.release import RunningRelease
from web.routes import Operation, RouteTable

from admin import experiment_routes, watching_routes
from admin.administrator import Administrator
from admin.answers import answer
from admin.chat import routes as chat_routes
from admin.documents import User
from admin.requests import ROOT
from admin.services import services

HEALTH = f"{ROOT}/health"

table = RouteTable(ROOT)
TABLES = (table, experiment_routes.table, watching_routes.table, chat_routes.table)


@table.get("/health")
def show_health() -> Response[str]:
    """Tell which build this is, and whether what it depends on answers, as the release gate asks."""
    bucket, queue = os.environ["MEDIA_BUCKET"], os.environ["JOB_QUEUE_URL"]
    found = health.examine(
        RunningRelease.from_environment(os.environ),
        {
            "table": lambda: services().repository.newest(1),
            "media": lambda: s3_client().list_objects_v2(Bucket=bucket, Prefix="experiments/", MaxKeys=1),
            "queue": lambda: sqs_client().get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"]),
        },
    )
    return answer(found.as_json(), HTTPStatus.OK if found.ok else HTTPStatus.SERVICE_UNAVAILABLE)


@table.get("/me", operation=Operation(answers={HTTPStatus.OK: User}))
def get_user() -> Response[str]:
    """Who is signed in."""
    return answer(User(name=Administrator.of(table.router.current_event.raw_event).name))


def methods_of(path: str) -> set[str]:
    """Return the methods that programs may send to a path; none where there is no such path."""
    routes = (route for table in TABLES for route in table.routes)
    return {route.method for route in routes if route.operation and route.matches(path)}
