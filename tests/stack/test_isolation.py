"""The embedded AWS's host names, and who else on this machine can look at what it keeps."""

import stat

import pytest
import requests

from sandbox.emulator import Emulator

ALIAS = "video.example.org"
ORIGIN = "site"
# The fields that CloudFront requires, and no more: it answers 502, as its origin is nowhere.
DISTRIBUTION = {
    "CallerReference": ALIAS,
    "Comment": "",
    "Enabled": True,
    "Aliases": {"Quantity": 1, "Items": [ALIAS]},
    "Origins": {
        "Quantity": 1,
        "Items": [
            {
                "Id": ORIGIN,
                "DomainName": "origin.invalid",
                "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "http-only"},
            }
        ],
    },
    "DefaultCacheBehavior": {
        "TargetOriginId": ORIGIN,
        "ViewerProtocolPolicy": "allow-all",
        "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "AllowedMethods": {
            "Quantity": 7,
            "Items": ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        },
    },
}
# What ministack answers itself, on any other host name: its own, Cognito's, S3's and those of AWS's query APIs.
OWN_PATHS = ["/_ministack/health", "/_ministack/reset", "/oauth2/token", "/bucket", "/?Action=ListQueues", "/v2/", "/"]
AS_ROOT = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request"}


@pytest.fixture(scope="module")
def label(emulator: Emulator) -> str:
    """The label of a distribution with an alias."""
    certificate = emulator.client("acm").request_certificate(DomainName=ALIAS, ValidationMethod="DNS")
    viewer = {"ACMCertificateArn": certificate["CertificateArn"], "SSLSupportMethod": "sni-only"}
    config = {**DISTRIBUTION, "ViewerCertificate": viewer}
    made = emulator.client("cloudfront").create_distribution(DistributionConfig=config)
    return str(made["Distribution"]["DomainName"].partition(".")[0])


@pytest.mark.parametrize("path", OWN_PATHS)
def test_a_distribution_has_all_paths_of_its_names(emulator: Emulator, label: str, path: str) -> None:
    for host in (ALIAS, f"{ALIAS}:{emulator.port}", f"{label}.cloudfront.localhost:{emulator.port}"):
        answer = _post(emulator, host, path)
        assert (answer.status_code, answer.headers["Server"]) == (502, "CloudFront")


@pytest.mark.parametrize("path", OWN_PATHS)
def test_a_name_of_no_distribution_is_a_name_of_nothing(emulator: Emulator, label: str, path: str) -> None:
    assert _post(emulator, f"another{label}.cloudfront.localhost:{emulator.port}", path).status_code == 404
    answer = _post(emulator, "another.example.org", path)
    assert answer.status_code == 403
    assert answer.text.startswith("another.example.org is no name of the embedded AWS")


def test_what_it_keeps_nobody_else_can_read(emulator: Emulator) -> None:
    emulator.folder.chmod(0o755)
    (emulator.folder / "aws" / "services").mkdir(exist_ok=True)
    (emulator.folder / "aws" / "services" / "cognito.json").touch(0o644)
    emulator.client("s3").create_bucket(Bucket="kept")
    emulator.client("s3").put_object(Bucket="kept", Key="object", Body=b"kept")
    emulator.client("cognito-idp").create_user_pool(PoolName="kept")
    emulator.start()
    emulator.stop()
    kept = [emulator.folder, *(emulator.folder / "aws").rglob("*")]
    assert len(kept) > 3
    assert [file for file in kept if stat.S_IMODE(file.stat().st_mode) & 0o077] == []


def _post(emulator: Emulator, host: str, path: str) -> requests.Response:
    return requests.post(f"{emulator.url}{path}", headers={"Host": host, **AS_ROOT}, timeout=30)
