"""The steps of a takeover one by one, on an embedded AWS without a deployment: finding, checking, copying, moving."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from experiments.model import Status
from experiments.repository import ExperimentRepository

from components.settings import Settings
from operations.takeover import access as access_module
from operations.takeover import old_site, requirements
from operations.takeover.access import Access, Stopped
from operations.takeover.domain import Domain
from operations.takeover.files import Files
from operations.takeover.items import Copy, Experiments
from releasing.project import PROJECT_NAME
from sandbox.emulator import Emulator
from tests import old_site as built
from tests.old_site import OldSite
from tests.stack.experiments_table import create_table

COUNT = 60
SERVICES = (
    *("acm", "apigateway", "apigatewayv2", "cloudfront", "cloudwatchlogs", "dynamodb", "iam", "lambda", "route53"),
    *("s3", "sts"),
)
NEW_TABLE, NEW_BUCKET = "new-experiments", "new-media"


class Lab:
    """The old site, and the tables and buckets of a new one."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.old = OldSite.build(emulator, COUNT)
        create_table(emulator.client("dynamodb"), NEW_TABLE)
        emulator.client("s3").create_bucket(Bucket=NEW_BUCKET)
        self.access = self.configured()
        self.repository = ExperimentRepository(NEW_TABLE, emulator.client("dynamodb"))

    def configured(self, **config: Any) -> Access:
        """The means of a stack with this configuration."""
        own = {"domain": built.DOMAIN, "hostedZoneId": self.old.zone, "domainAlias": False, **config}
        whole: dict[str, Any] = {
            "aws:region": "us-east-1",
            "aws:accessKey": "test",
            "aws:secretKey": "test",
            "aws:endpoints": [dict.fromkeys(SERVICES, self.emulator.url)],
            f"{PROJECT_NAME}:apiUrlFormat": f"{self.emulator.url}/_aws/execute-api/{{api_id}}/{{stage}}".replace(
                "127.0.0.1", "localhost"
            ),
            **{f"{PROJECT_NAME}:{key}": value for key, value in own.items()},
        }
        return Access("dev", self.emulator.port, whole, Settings.parse(PROJECT_NAME, "dev", whole))

    def copy(self) -> tuple[Copy, Experiments]:
        files = Files(self.access.client("s3"), built.MEDIA_BUCKET, NEW_BUCKET)
        experiments = Experiments(self.access.client("dynamodb"), built.TABLE, NEW_TABLE, files)
        return experiments.copy(lambda _: None), experiments

    def crosses(self, access: Access | None = None, old: old_site.OldSite | None = None) -> dict[str, str]:
        """What is not as it has to be."""
        found = requirements.before_deploying(access or self.access, old or old_site.find(self.access, {}))
        return {each.name: each.found for each in found if not each.holds}


@pytest.fixture
def lab(emulator: Emulator) -> Lab:
    requests.post(f"{emulator.url}/_ministack/reset", timeout=30).raise_for_status()
    return Lab(emulator)


def test_the_domain_leads_to_all_parts(lab: Lab) -> None:
    found = old_site.find(lab.access, {})
    assert (found.distribution, found.distribution_name) == (lab.old.distribution, lab.old.distribution_name)
    assert (found.api, found.api_kind, found.stage) == (lab.old.api, "HTTP", built.STAGE)
    assert (found.function, found.role, found.log_group) == (built.FUNCTION, built.ROLE, built.LOG_GROUP)
    assert (found.table, found.site_bucket, found.media_bucket) == (built.TABLE, built.SITE_BUCKET, built.MEDIA_BUCKET)
    assert (found.certificate, found.access_control) == (lab.old.certificate, lab.old.access_control)
    assert [record["Type"] for record in found.records] == ["A", "AAAA"]


def test_a_rest_api_leads_to_its_function(lab: Lab) -> None:
    gateway = lab.emulator.client("apigateway")
    api = gateway.create_rest_api(name="old")["id"]
    (root,) = gateway.get_resources(restApiId=api)["items"]
    gateway.put_method(restApiId=api, resourceId=root["id"], httpMethod="ANY", authorizationType="NONE")
    function = f"arn:aws:lambda:us-east-1:{lab.old.account}:function:{built.FUNCTION}"
    gateway.put_integration(
        restApiId=api,
        resourceId=root["id"],
        httpMethod="ANY",
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{function}/invocations",
    )
    found = old_site.find(lab.access, {"api": api})
    assert (found.api, found.api_kind, found.function) == (api, "REST", built.FUNCTION)


def test_what_is_not_clear_is_asked_for(lab: Lab) -> None:
    key = {"AttributeName": "experiment_id", "KeyType": "HASH"}
    lab.emulator.client("dynamodb").create_table(
        TableName="ai-video-codec-experiments-backup",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "experiment_id", "AttributeType": "S"}],
        KeySchema=[key],
    )
    assert old_site.find(lab.access, {}).table == built.TABLE
    everything = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    lab.emulator.client("iam").put_role_policy(RoleName=built.ROLE, PolicyName="access", PolicyDocument=policy)
    with pytest.raises(Stopped, match="Name it: --table"):
        old_site.find(lab.access, {})
    assert old_site.find(lab.access, {"table": built.TABLE}).table == built.TABLE
    with pytest.raises(Stopped, match=r"No distribution of this account has nobody.example.org"):
        old_site.find(lab.configured(domain="nobody.example.org"), {})


def test_all_that_is_needed_is_there(lab: Lab) -> None:
    assert lab.crosses() == {}


def test_what_is_missing_is_named(lab: Lab) -> None:
    found = old_site.find(lab.access, {})
    assert list(lab.crosses(lab.configured(tableName=built.TABLE))) == ["names of its own"]
    record = {"Name": built.DOMAIN, "Type": "CNAME", "TTL": 86400, "ResourceRecords": []}
    slow = lab.crosses(old=replace(found, records=[record]))
    assert slow == {"DNS records with a short TTL": "CNAME, 86400 s; set it to 300 and wait for 86400 s"}
    assert "old certificate, for the way back" in lab.crosses(old=replace(found, certificate=""))
    assert lab.crosses(old=replace(found, table="nowhere")) == {"table": "Scan failed: ResourceNotFoundException"}


def test_all_that_can_be_read_is_copied_with_its_totals_and_files(lab: Lab) -> None:
    copy, experiments = lab.copy()
    assert (copy.written, copy.readable) == (len(lab.old.experiments), len(lab.old.experiments))
    assert [entry["reason"] for entry in copy.unreadable] == ["no time that can be read"] * lab.old.unreadable
    assert {entry["item"]["experiment_id"]["S"] for entry in copy.unreadable} == {"proc_exp_1760700049"}
    assert experiments.differing() == []
    listed = lab.repository.newest(1000).experiments
    assert {experiment.id for experiment in listed} == lab.old.experiments
    by_status = lab.repository.totals().by_status
    assert by_status == {status: sum(each.status is status for each in listed) for status in Status}
    assert lab.repository.clips() == ["foreman"]


def test_files_get_the_keys_of_today_and_what_is_missing_is_listed(lab: Lab) -> None:
    _, experiments = lab.copy()
    artefacts = _present(lab.repository.get("proc_exp_1760700008")).artefacts
    folder = "experiments/proc_exp_1760700008"
    assert (artefacts.video_key, artefacts.decoder_key) == (f"{folder}/video.mp4", f"{folder}/decoder.py")
    body = lab.emulator.client("s3").get_object(Bucket=NEW_BUCKET, Key=f"{folder}/video.mp4")["Body"].read()
    assert body == b"content of reconstructed/proc_exp_8.mp4"
    assert artefacts.stored_bytes == len(body) + (artefacts.decoder_bytes or 0)
    lost = {entry["key"] for entry in experiments.files.missing}
    assert lost == {"reconstructed/proc_exp_0.mp4", "reconstructed/proc_exp_40.mp4"}
    assert _present(lab.repository.get("proc_exp_1760700000")).artefacts.video_key is None


def test_copied_again_only_what_the_old_site_has_written_since_is_taken(lab: Lab) -> None:
    before, _ = lab.copy()
    known = len(lab.old.experiments)
    lab.old.record(COUNT, 10)
    lab.old.update(3, status="failed")
    lab.emulator.client("s3").put_object(Bucket=built.MEDIA_BUCKET, Key="reconstructed/proc_exp_0.mp4", Body=b"found")
    copy, experiments = lab.copy()
    assert (copy.written, copy.updated, copy.changed_here) == (len(lab.old.experiments) - known, 2, [])
    assert copy.unchanged == before.written - 2
    assert _present(lab.repository.get("proc_exp_1760700003")).status is Status.FAILED
    assert _present(lab.repository.get("proc_exp_1760700000")).artefacts.video_key is not None
    assert experiments.differing() == []
    totals = lab.repository.totals().by_status
    again, _ = lab.copy()
    assert (again.written, again.updated) == (0, 0)
    assert lab.repository.totals().by_status == totals


def test_what_the_new_site_has_changed_or_deleted_stays_so(lab: Lab) -> None:
    lab.copy()
    changed, deleted, only_here = (f"proc_exp_{1760700000 + number}" for number in (3, 4, 5))
    lab.repository.put(replace(_present(lab.repository.get(changed)), status=Status.CANCELLED))
    lab.emulator.client("dynamodb").delete_item(
        TableName=NEW_TABLE, Key={"pk": {"S": f"EXPERIMENT#{deleted}"}, "sk": {"S": "EXPERIMENT"}}
    )
    lab.repository.put(replace(_present(lab.repository.get(only_here)), name="renamed"))
    lab.old.update(3, status="failed")
    lab.old.update(4, status="failed")
    copy, experiments = lab.copy()
    assert (copy.written, copy.updated) == (0, 0)
    assert sorted(copy.changed_here) == [changed, deleted]
    assert _present(lab.repository.get(changed)).status is Status.CANCELLED
    assert lab.repository.get(deleted) is None
    assert _present(lab.repository.get(only_here)).name == "renamed"
    assert experiments.differing() == [changed, deleted, only_here]


def test_records_are_as_before_when_the_domain_is_back(lab: Lab) -> None:
    dns = lab.emulator.client("route53")
    before = old_site.records_of(lab.access, built.DOMAIN)
    (ipv6,) = [record for record in before if record["Type"] == "AAAA"]
    dns.change_resource_record_sets(
        HostedZoneId=lab.old.zone, ChangeBatch={"Changes": [{"Action": "DELETE", "ResourceRecordSet": ipv6}]}
    )
    before.remove(ipv6)
    domain = Domain(lab.access)
    domain.lead_to("d111.cloudfront.net")
    assert [record["Type"] for record in old_site.records_of(lab.access, built.DOMAIN)] == ["A", "AAAA"]
    assert lab.old.leads_to() == {"d111.cloudfront.net"}
    domain.restore(before)
    assert old_site.records_of(lab.access, built.DOMAIN) == before


def test_why_a_domain_does_not_move_is_said(lab: Lab) -> None:
    with pytest.raises(Stopped, match=r"does not move aiv1codec.com to E000: NoSuchDistribution"):
        Domain(lab.access).move("E000", ["d111.cloudfront.net"], lambda _: None)
    assert Domain(lab.access).holder() == lab.old.distribution


def test_the_proof_for_cloudfront_is_written_once_and_removed(lab: Lab) -> None:
    domain = Domain(lab.access)
    domain.prove("d111.cloudfront.net", lab.old.distribution_name)
    assert _texts(lab) == [f"_.{built.DOMAIN}. d111.cloudfront.net {lab.old.distribution_name}"]
    domain.forget_proof()
    domain.forget_proof()
    assert _texts(lab) == []


@pytest.mark.parametrize("given", ["config:\n", f"config:\n  {PROJECT_NAME}:domainAlias: true # so far\n  a:b: c\n"])
def test_the_stacks_file_says_who_answers_at_the_domain(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(f"# What people wrote stays.\n{given}")
    monkeypatch.setattr(access_module, "PROJECT", tmp_path)
    lab.access.answer_at_domain(False)
    assert file.read_text().count(f"  {PROJECT_NAME}:domainAlias: false\n") == 1
    assert file.read_text().startswith("# What people wrote stays.\nconfig:\n")
    lab.access.answer_at_domain(True)
    assert f"  {PROJECT_NAME}:domainAlias: true\n" in file.read_text()
    assert [entry.name for entry in tmp_path.iterdir()] == [file.name]


def _present(experiment: Any) -> Any:
    assert experiment is not None
    return experiment


def _texts(lab: Lab) -> list[str]:
    records = lab.emulator.client("route53").list_resource_record_sets(HostedZoneId=lab.old.zone)["ResourceRecordSets"]
    return [
        " ".join([record["Name"], *(json.loads(value["Value"]) for value in record["ResourceRecords"])])
        for record in records
        if record["Type"] == "TXT"
    ]
