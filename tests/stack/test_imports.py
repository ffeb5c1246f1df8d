"""What may become the stack's with its id: nothing where users would see a change."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.imports import ImportRefused, refuse_what_users_would_see
from components.settings import Settings
from releasing.project import PROJECT_NAME
from sandbox.emulator import Emulator
from sandbox.manners import KIND
from tests.project_copy import ProjectCopy
from tests.stack.experiments_table import create_table


def refuse(emulator: Emulator, imports: str) -> None:
    services = ("apigatewayv2", "dynamodb", "s3")
    config: dict[str, Any] = {
        "aws:region": "us-east-1",
        "aws:accessKey": "test",
        "aws:secretKey": "test",
        "aws:endpoints": [dict.fromkeys(services, emulator.url)],
        f"{PROJECT_NAME}:imports": imports,
    }
    refuse_what_users_would_see(Settings.parse(PROJECT_NAME, "dev", config), config)


def test_what_serves_nobody_may_be_imported(emulator: Emulator) -> None:
    create_table(emulator.client("dynamodb"), "todays")
    for bucket in ("empty", "videos"):
        emulator.client("s3").create_bucket(Bucket=bucket)
    emulator.client("s3").put_object(Bucket="videos", Key="experiments/a/video.mp4", Body=b"video")
    api = emulator.client("apigatewayv2").create_api(Name="idle", ProtocolType="HTTP")["ApiId"]
    refuse(emulator, f"table=todays,site-bucket=empty,media-bucket=videos,api={api}")
    refuse(emulator, "")


def test_what_serves_users_is_refused_all_at_once_with_the_way_out(emulator: Emulator) -> None:
    key = {"AttributeName": "experiment_id", "KeyType": "HASH"}
    emulator.client("dynamodb").create_table(
        TableName="old",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "experiment_id", "AttributeType": "S"}],
        KeySchema=[key],
    )
    emulator.client("s3").create_bucket(Bucket="old-site")
    emulator.client("s3").put_object(Bucket="old-site", Key="admin.html", Body=b"admin")
    gateway = emulator.client("apigatewayv2")
    api = gateway.create_api(Name="old", ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(ApiId=api, StageName="production")
    with pytest.raises(ImportRefused) as caught:
        refuse(emulator, f"table=old,site-bucket=old-site,api={api},media-bucket=nowhere")
    message = str(caught.value)
    assert "table old: its keys are experiment_id, not pk, sk" in message
    assert "site-bucket old-site: it holds admin.html" in message
    assert f"api {api}: it serves users already (stage production)" in message
    assert "media-bucket nowhere: HeadBucket failed with 404" in message
    assert "make takeover" in message


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectCopy]:
    project = ProjectCopy.make(tmp_path / "project")
    project.emulator.folder.mkdir()
    project.emulator.start()
    project.emulator.behave(KIND)
    yield project
    project.close()


def test_what_is_imported_keeps_its_id_and_what_it_holds(project: ProjectCopy) -> None:
    client = project.emulator.client
    create_table(client("dynamodb"), "lab-experiments")
    item = {"pk": {"S": "EXPERIMENT#a"}, "sk": {"S": "EXPERIMENT"}}
    client("dynamodb").put_item(TableName="lab-experiments", Item=item)
    for bucket in ("lab-site", "lab-media"):
        client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket="lab-media", Key="experiments/a/video.mp4", Body=b"video")
    api = client("apigatewayv2").create_api(Name="lab", ProtocolType="HTTP")["ApiId"]

    project.configure(imports=f"table=lab-experiments,site-bucket=lab-site,media-bucket=lab-media,api={api}")
    project.run("up")
    outputs = project.outputs()
    assert (outputs["table_name"], outputs["api_id"]) == ("lab-experiments", api)
    assert (outputs["site_bucket"], outputs["media_bucket"]) == ("lab-site", "lab-media")
    assert "take out of imports" in project.fail("up")

    project.configure(imports="", tableName="lab-experiments", siteBucketName="lab-site", mediaBucketName="lab-media")
    done = {change.split()[0] for change in project.up()}
    assert done == {"updated"}
    assert project.up() == set()
    assert project.outputs()["api_id"] == api
    assert client("dynamodb").get_item(TableName="lab-experiments", Key=item)["Item"] == item
    assert client("s3").get_object(Bucket="lab-media", Key="experiments/a/video.mp4")["Body"].read() == b"video"
