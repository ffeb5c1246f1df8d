"""The site that the lab has had: a function without versions, called by the API as it is, and items of many shapes.

Built with boto3 alone, as by hand, for the rehearsal of its being taken over.
"""

import io
import json
import random
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3.dynamodb.types
from botocore.exceptions import ClientError
from experiments.batch import MOST_AT_ONCE, write_in_batches

from operations.takeover.removal import GONE
from sandbox.emulator import Emulator

DOMAIN = "aiv1codec.com"
FUNCTION = "ai-video-codec-dashboard-renderer"
LOG_GROUP = f"/aws/lambda/{FUNCTION}"
ROLE = "ai-video-codec-dashboard-role"
TABLE = "ai-video-codec-experiments"
SITE_BUCKET = "ai-video-codec-dashboard-580473065386"
MEDIA_BUCKET = "ai-video-codec-videos-580473065386"
STAGE = "production"
PAGES = {"admin.html": "text/html", "admin.js": "text/javascript", "styles.css": "text/css"}
CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
FIRST = datetime(2025, 9, 1, tzinfo=UTC)
MINUTES_APART = 10
# One experiment in so many can't be read, was recorded twice, or has lost its video.
UNREADABLE_EVERY, TWICE_EVERY, LOST_EVERY = 50, 20, 40
SHOWN = 50
CODE = f"""
import html, json, boto3

table = boto3.resource("dynamodb").Table("{TABLE}")

def handler(event, context):
    path = event.get("rawPath") or event.get("path") or "/"
    if path.rstrip("/").removeprefix("/{STAGE}"):
        return {{"statusCode": 404, "headers": {{"Content-Type": "text/html"}}, "body": "<h1>404 Not Found</h1>"}}
    rows = "".join(
        f"<tr><td>{{html.escape(str(item['experiment_id']))}}</td><td>{{html.escape(str(item.get('status')))}}</td></tr>"
        for item in table.scan(Limit={SHOWN})["Items"]
    )
    page = f"<!DOCTYPE html><title>AiV1 Video Codec Research</title><table>{{rows}}</table>"
    return {{"statusCode": 200, "headers": {{"Content-Type": "text/html"}}, "body": page}}
"""

Item = dict[str, Any]


@dataclass
class OldSite:
    """What it consists of; AWS chooses most ids."""

    emulator: Emulator
    account: str = ""
    api: str = ""
    access_control: str = ""
    certificate: str = ""
    distribution: str = ""
    distribution_name: str = ""
    zone: str = ""
    experiments: set[str] = field(default_factory=set)
    """The ids of those that can be read."""
    unreadable: int = 0

    @classmethod
    def build(cls, emulator: Emulator, count: int) -> "OldSite":
        """Build it with so many experiments, the unreadable ones among them."""
        site = cls(emulator)
        site.account = site._client("sts").get_caller_identity()["Account"]
        site._build_storage()
        site.record(0, count)
        site._build_function()
        site._build_api()
        site._build_domain()
        site._build_distribution()
        site._lead_to_it()
        return site

    def record(self, first: int, count: int) -> None:
        """Write experiments, as the lab's runs do, each with its files."""
        requests = []
        for number in range(first, first + count):
            for item in items(number):
                requests.append({"PutRequest": {"Item": _serialised(item)}})
                self._note(item, number)
            self._upload_files(number)
        for start in range(0, len(requests), MOST_AT_ONCE * 20):
            write_in_batches(self._client("dynamodb"), TABLE, requests[start : start + MOST_AT_ONCE * 20])

    def update(self, number: int, **attributes: Any) -> None:
        """Change an experiment, as its run does when it ends."""
        *_, item = items(number)
        write_in_batches(
            self._client("dynamodb"), TABLE, [{"PutRequest": {"Item": _serialised({**item, **attributes})}}]
        )

    def description(self) -> dict[str, Any]:
        """All that there is to tell of it but for who has the domain, which moves."""
        functions, gateway, objects = self._client("lambda"), self._client("apigatewayv2"), self._client("s3")
        roles, cdn = self._client("iam"), self._client("cloudfront")
        config = cdn.get_distribution_config(Id=self.distribution)["DistributionConfig"]
        described = {
            "function": functions.get_function(FunctionName=FUNCTION)["Configuration"],
            "versions": functions.list_versions_by_function(FunctionName=FUNCTION)["Versions"],
            "policy": functions.get_policy(FunctionName=FUNCTION)["Policy"],
            "api": gateway.get_api(ApiId=self.api),
            "integrations": gateway.get_integrations(ApiId=self.api)["Items"],
            "routes": gateway.get_routes(ApiId=self.api)["Items"],
            "stages": gateway.get_stages(ApiId=self.api)["Items"],
            "role": roles.get_role(RoleName=ROLE)["Role"],
            "permissions": roles.get_role_policy(RoleName=ROLE, PolicyName="access")["PolicyDocument"],
            "distribution": {name: value for name, value in config.items() if name != "Aliases"},
            "certificate": self._client("acm").describe_certificate(CertificateArn=self.certificate)["Certificate"],
            "table": self._client("dynamodb").describe_table(TableName=TABLE)["Table"],
            "items": sorted(self._scan(), key=str),
            "log groups": self._client("logs").describe_log_groups(logGroupNamePrefix=LOG_GROUP)["logGroups"],
        }
        for bucket in (SITE_BUCKET, MEDIA_BUCKET):
            pages = objects.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            described[bucket] = [(each["Key"], each["ETag"]) for page in pages for each in page.get("Contents", [])]
        whole: dict[str, Any] = _without_metadata(described)
        return whole

    def is_there(self) -> dict[str, bool]:
        """Which of its parts are there."""
        looks = {
            "function": lambda: self._client("lambda").get_function(FunctionName=FUNCTION),
            "api": lambda: self._client("apigatewayv2").get_api(ApiId=self.api),
            "distribution": lambda: self._client("cloudfront").get_distribution(Id=self.distribution),
            "table": lambda: self._client("dynamodb").describe_table(TableName=TABLE),
            "site bucket": lambda: self._client("s3").head_bucket(Bucket=SITE_BUCKET),
            "media bucket": lambda: self._client("s3").head_bucket(Bucket=MEDIA_BUCKET),
            "role": lambda: self._client("iam").get_role(RoleName=ROLE),
        }
        return {name: _exists(look) for name, look in looks.items()}

    def wait(self) -> None:
        """Wait until all of it serves."""
        poll = {"Delay": 1, "MaxAttempts": 300}
        issued, deployed = (
            self._client(service).get_waiter(state)
            for service, state in (("acm", "certificate_validated"), ("cloudfront", "distribution_deployed"))
        )
        issued.wait(CertificateArn=self.certificate, WaiterConfig=poll)
        deployed.wait(Id=self.distribution, WaiterConfig=poll)

    def leads_to(self) -> set[str]:
        """The names to which the domain's A and AAAA records lead."""
        pages = self._client("route53").list_resource_record_sets(HostedZoneId=self.zone)["ResourceRecordSets"]
        mine = [record for record in pages if record["Name"] == f"{DOMAIN}." and "AliasTarget" in record]
        return {record["AliasTarget"]["DNSName"].rstrip(".") for record in mine}

    def _client(self, service: str) -> Any:
        return self.emulator.client(service)

    def _note(self, item: Item, number: int) -> None:
        if is_unreadable(number):
            self.unreadable += 1
        elif item["timestamp"] == _timestamp(number):
            self.experiments.add(item["experiment_id"])
        else:
            self.experiments.add(f"{item['experiment_id']}-{item['timestamp']}")

    def _build_storage(self) -> None:
        objects = self._client("s3")
        for bucket in (SITE_BUCKET, MEDIA_BUCKET):
            objects.create_bucket(Bucket=bucket)
        for name, content_type in PAGES.items():
            body = (
                f"/* the old {name} */" if name.endswith(("css", "js")) else f"<title>AiV1 admin</title><!-- {name} -->"
            )
            objects.put_object(Bucket=SITE_BUCKET, Key=name, Body=body.encode(), ContentType=content_type)
        self._client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "experiment_id", "AttributeType": "S"},
                {"AttributeName": "timestamp", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "experiment_id", "KeyType": "HASH"},
                {"AttributeName": "timestamp", "KeyType": "RANGE"},
            ],
        )

    def _build_function(self) -> None:
        roles, functions = self._client("iam"), self._client("lambda")
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        roles.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(trust))
        table = f"arn:aws:dynamodb:us-east-1:{self.account}:table/{TABLE}"
        access: list[dict[str, Any]] = [
            {"Effect": "Allow", "Action": ["dynamodb:Scan", "dynamodb:Query"], "Resource": [table, f"{table}/index/*"]},
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{MEDIA_BUCKET}/*"},
            {"Effect": "Allow", "Action": "logs:*", "Resource": "*"},
        ]
        roles.put_role_policy(RoleName=ROLE, PolicyName="access", PolicyDocument=_policy(*access))
        self._client("logs").create_log_group(logGroupName=LOG_GROUP)
        functions.create_function(
            FunctionName=FUNCTION,
            Runtime="python3.11",
            Role=f"arn:aws:iam::{self.account}:role/{ROLE}",
            Handler="index_ssr.handler",
            Code={"ZipFile": _zip("index_ssr.py", CODE)},
            Timeout=30,
        )

    def _build_api(self) -> None:
        gateway = self._client("apigatewayv2")
        self.api = gateway.create_api(Name="ai-video-codec-dashboard-api", ProtocolType="HTTP")["ApiId"]
        function = f"arn:aws:lambda:us-east-1:{self.account}:function:{FUNCTION}"
        integration = gateway.create_integration(
            ApiId=self.api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
        )
        gateway.create_route(ApiId=self.api, RouteKey="$default", Target=f"integrations/{integration['IntegrationId']}")
        gateway.create_stage(ApiId=self.api, StageName=STAGE, AutoDeploy=True)
        self._client("lambda").add_permission(
            FunctionName=FUNCTION,
            StatementId="api",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
        )

    def _build_domain(self) -> None:
        certificates, dns = self._client("acm"), self._client("route53")
        self.zone = dns.create_hosted_zone(Name=DOMAIN, CallerReference="old")["HostedZone"]["Id"].split("/")[-1]
        self.certificate = certificates.request_certificate(DomainName=DOMAIN, ValidationMethod="DNS")["CertificateArn"]
        (option,) = certificates.describe_certificate(CertificateArn=self.certificate)["Certificate"][
            "DomainValidationOptions"
        ]
        proof = option["ResourceRecord"]
        self._upsert(
            {
                "Name": proof["Name"],
                "Type": proof["Type"],
                "TTL": 300,
                "ResourceRecords": [{"Value": proof["Value"]}],
            }
        )

    def _build_distribution(self) -> None:
        cdn = self._client("cloudfront")
        access = {"Name": "old", "SigningProtocol": "sigv4", "SigningBehavior": "always"}
        control = cdn.create_origin_access_control(
            OriginAccessControlConfig={**access, "OriginAccessControlOriginType": "s3"}
        )
        self.access_control = control["OriginAccessControl"]["Id"]
        made = cdn.create_distribution(DistributionConfig=self._distribution_config())["Distribution"]
        self.distribution, self.distribution_name = made["Id"], made["DomainName"]
        reading = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudfront.amazonaws.com"},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{SITE_BUCKET}/*",
            "Condition": {"StringEquals": {"AWS:SourceArn": made["ARN"]}},
        }
        self._client("s3").put_bucket_policy(Bucket=SITE_BUCKET, Policy=_policy(reading))

    def _distribution_config(self) -> dict[str, Any]:
        behaviour = {"ViewerProtocolPolicy": "allow-all", "CachePolicyId": CACHING_DISABLED}
        api = {
            "Id": "api",
            "DomainName": "localhost",
            "OriginPath": f"/_aws/execute-api/{self.api}/{STAGE}",
            "CustomOriginConfig": {
                "HTTPPort": self.emulator.port,
                "HTTPSPort": 443,
                "OriginProtocolPolicy": "http-only",
            },
        }
        site = {
            "Id": "site",
            "DomainName": f"{SITE_BUCKET}.s3.us-east-1.amazonaws.com",
            "OriginAccessControlId": self.access_control,
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        files = [
            {"PathPattern": f"*.{suffix}", "TargetOriginId": "site", **behaviour} for suffix in ("html", "js", "css")
        ]
        return {
            "CallerReference": "old",
            "Comment": "AiV1 dashboard",
            "Enabled": True,
            "Aliases": {"Quantity": 1, "Items": [DOMAIN]},
            "Origins": {"Quantity": 2, "Items": [api, site]},
            "DefaultCacheBehavior": {"TargetOriginId": "api", **behaviour},
            "CacheBehaviors": {"Quantity": len(files), "Items": files},
            "ViewerCertificate": {"ACMCertificateArn": self.certificate, "SSLSupportMethod": "sni-only"},
        }

    def _lead_to_it(self) -> None:
        target = {
            "DNSName": self.distribution_name,
            "HostedZoneId": CLOUDFRONT_ZONE,
            "EvaluateTargetHealth": False,
        }
        for kind in ("A", "AAAA"):
            self._upsert({"Name": DOMAIN, "Type": kind, "AliasTarget": target})

    def _upsert(self, record: dict[str, Any]) -> None:
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
        self._client("route53").change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch={"Changes": changes})

    def _upload_files(self, number: int) -> None:
        for key in files(number):
            self._client("s3").put_object(Bucket=MEDIA_BUCKET, Key=key, Body=f"content of {key}".encode())

    def _scan(self) -> Iterator[Item]:
        for page in self._client("dynamodb").get_paginator("scan").paginate(TableName=TABLE):
            yield from page["Items"]


def is_unreadable(number: int) -> bool:
    """Whether nothing can make an experiment of what was recorded with this number."""
    return number % UNREADABLE_EVERY == UNREADABLE_EVERY - 1


def files(number: int) -> list[str]:
    """The keys of an experiment's files; of some, only the item knows still."""
    if _shape(number) != 0 or is_unreadable(number):
        return []
    kept = [] if number % LOST_EVERY == 0 else [_video_key(number)]
    return [*kept, _decoder_key(number)]


def items(number: int) -> Iterator[Item]:
    """What the lab has recorded of an experiment: mostly one item, the newest last."""
    item = {"experiment_id": f"proc_exp_{1760700000 + number}", "timestamp": _timestamp(number), **_of_shape(number)}
    if is_unreadable(number):
        # A time that no calendar has.
        yield {**item, "timestamp": 10**20 + number, "timestamp_iso": "yesterday"}
        return
    if number % TWICE_EVERY == 1:
        yield {**item, "timestamp": _timestamp(number) - 60, "status": "created"}
    yield item


def _of_shape(number: int) -> Item:
    chance = random.Random(number)
    psnr, ssim, mbps = round(chance.uniform(20, 45), 2), round(chance.uniform(0.7, 0.99), 4), chance.randint(1, 80) / 10
    when = datetime.fromtimestamp(_timestamp(number), UTC).isoformat()
    run = {
        "experiment_type": "real_procedural_generation",
        "status": "completed",
        "real_metrics": {"bitrate_mbps": mbps, "psnr_db": psnr, "ssim": ssim, "duration": 10, "fps": 30},
    }
    match _shape(number):
        case 0:
            video = (
                f"https://{MEDIA_BUCKET}.s3.amazonaws.com/{_video_key(number)}?X-Amz-Signature=0a&X-Amz-Expires=86400"
            )
            runs = [
                {"experiment_type": "baseline"},
                {**run, "video_url": video, "decoder_s3_key": _decoder_key(number)},
            ]
            return {"status": "completed", "timestamp_iso": when, "experiments": json.dumps(runs)}
        case 1:
            return {"status": "success", "psnr": str(psnr), "ssim": str(ssim), "bitrate": str(int(mbps * 1000))}
        case 2:
            runs = [{"experiment_type": "real_ai_neural", "status": "failed", "failure_reason": "stuck in design"}]
            return {"status": "timed_out", "timestamp_iso": when, "experiments": json.dumps(runs)}
        case 3:
            return {"status": "created", "timestamp_iso": "", "current_phase": "design"}
        case 4:
            return {"status": "completed", "experiments": "[{broken", "timestamp_iso": when.replace("+00:00", "Z")}
        case 5:
            measured = {name: Decimal(str(value)) for name, value in run["real_metrics"].items()}  # type: ignore[attr-defined]
            return {"status": "completed", "experiments": [{**run, "real_metrics": measured}]}
        case 6:
            return {"status": "abandoned", "blob": b"\x00\x01", "tags": {"a", "b"}, "nothing": None, "flag": True}
    return {
        "status": "succeeded",
        "codec": "x265",
        "clip": "foreman",
        "parameters": {"preset": "fast", "crf": 18 + number % 30},
        "metrics": {"psnr_db": Decimal(str(psnr)), "bitrate_kbps": int(mbps * 1000)},
        "rd_points": [{"bitrate_kbps": int(mbps * 1000), "psnr_db": Decimal(str(psnr))}],
    }


def _shape(number: int) -> int:
    return number % 8


def _timestamp(number: int) -> int:
    return int(FIRST.timestamp()) + number * MINUTES_APART * 60


def _video_key(number: int) -> str:
    return f"reconstructed/proc_exp_{number}.mp4"


def _decoder_key(number: int) -> str:
    return f"decoders/proc_exp_{number}_decoder.py"


def _serialised(item: Item) -> Item:
    serialise = boto3.dynamodb.types.TypeSerializer().serialize
    return {name: serialise(value) for name, value in item.items()}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _zip(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def _exists(look: Any) -> bool:
    try:
        look()
    except ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise
        return False
    return True


def _without_metadata(described: Any) -> Any:
    """Leave out what differs between two looks at the same thing."""
    if isinstance(described, dict):
        return {
            name: _without_metadata(value)
            for name, value in described.items()
            if name not in ("ResponseMetadata", "RoleLastUsed", "InUseBy", "storedBytes")
        }
    return list(map(_without_metadata, described)) if isinstance(described, list) else described
