"""Who gets to the admin API, and what the functions' roles may do, on an embedded AWS that enforces IAM."""

import base64
import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sandbox.emulator import REGION
from tests.project_copy import ProjectCopy
from tests.sign_in import SignInPages, Tokens, administrator

# Every route of the admin API: a test compares them with the description that the site itself gives.
ROUTES = (
    ("GET", "/audit"),
    ("GET", "/chat"),
    ("DELETE", "/chat/{}"),
    ("GET", "/chat/{}"),
    ("POST", "/chat/{}/continue"),
    ("POST", "/chat/{}/messages"),
    ("POST", "/chat/{}/proposals/{}"),
    ("GET", "/codecs"),
    ("POST", "/estimates"),
    ("GET", "/experiments"),
    ("POST", "/experiments"),
    ("DELETE", "/experiments/{}"),
    ("GET", "/experiments/{}/log"),
    ("POST", "/experiments/{}/rerun"),
    ("POST", "/experiments/{}/stop"),
    ("GET", "/health"),
    ("GET", "/me"),
    ("GET", "/monitor"),
    ("POST", "/reruns"),
)
PASSWORD = "Stranger-in-a-pool-1"
# Run by the emulator's Python, which has what it takes to sign.
SIGN = """
import base64, hashlib, hmac, json, sys
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")

def signature(how, key, message):
    if how == "none":
        return b""
    if how == "HS256":
        public = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return hmac.new(key.public_key().public_bytes(*public), message, hashlib.sha256).digest()
    if how == "another key":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.sign(message, padding.PKCS1v15(), hashes.SHA256())

file, tokens = json.loads(sys.stdin.read())
key = serialization.load_pem_private_key(open(file, "rb").read(), None)
for header, claims, how in tokens:
    message = b".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    print((message + b"." + encoded(signature(how, key, message))).decode())
"""


@dataclass
class Deployed:
    """The project, deployed, and those who ask for something."""

    project: ProjectCopy
    outputs: dict[str, Any]

    @cached_property
    def administrator(self) -> Tokens:
        """The tokens of the sandbox's administrator."""
        return administrator(self.project, self.outputs)

    @cached_property
    def outsider(self) -> Tokens:
        """The tokens of a user in no group."""
        users, user = self.project.emulator.client("cognito-idp"), {"UserPoolId": self.outputs["user_pool_id"]}
        user["Username"] = "outsider"
        users.admin_create_user(**user, TemporaryPassword=PASSWORD, MessageAction="SUPPRESS")
        users.admin_set_user_password(**user, Password=PASSWORD, Permanent=True)
        return SignInPages.of(self.outputs).sign_in("outsider", PASSWORD)

    def statuses(self, token: str | None, *ways: str) -> list[int]:
        """What each route answers to a token, by these ways."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        bases = [self.outputs[way].rstrip("/") for way in ways]
        asked = [(method, f"{base}/api/admin{path.format('x', 'y')}") for base in bases for method, path in ROUTES]
        with ThreadPoolExecutor(8) as pool:
            answers = pool.map(lambda each: self.project.request(each[0], each[1], headers), asked)
            return [answer.status_code for answer in answers]

    def as_role(self, function: str) -> Callable[[str], Any]:
        """A maker of AWS clients that have the role of a function."""
        found = self.project.emulator.client("lambda").get_function_configuration(FunctionName=function)
        # The role trusts Lambda alone; for this test, it trusts who asks for it.
        trusted = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
        self.project.emulator.client("iam").update_assume_role_policy(
            RoleName=found["Role"].rpartition("/")[2], PolicyDocument=policy
        )
        sts = self.project.emulator.client("sts")
        lent = sts.assume_role(RoleArn=found["Role"], RoleSessionName="test")["Credentials"]
        untyped: Any = boto3
        return lambda service: untyped.client(
            service,
            endpoint_url=self.project.emulator.url,
            region_name=REGION,
            aws_access_key_id=lent["AccessKeyId"],
            aws_secret_access_key=lent["SecretAccessKey"],
            aws_session_token=lent["SessionToken"],
        )


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    project = ProjectCopy.make(tmp_path_factory.mktemp("admin-access") / "project")
    project.run("up")
    yield Deployed(project, project.outputs())
    project.close()


def test_the_administrator_gets_in(deployed: Deployed) -> None:
    headers = {"Authorization": f"Bearer {deployed.administrator.access}"}
    for way in ("api_url", "dashboard_url"):
        answer = deployed.project.get(f"{deployed.outputs[way]}api/admin/me", headers)
        assert (answer.status_code, answer.json()) == (200, {"name": "admin"})
        assert answer.headers["Cache-Control"] == "no-store"


def test_the_routes_are_those_of_the_description(deployed: Deployed) -> None:
    paths = deployed.project.get(f"{deployed.outputs['api_url']}api/openapi.json").json()["paths"]
    described = {
        (method.upper(), re.sub(r"{[^}]*}", "{}", path.removeprefix("/api/admin")))
        for path, methods in paths.items()
        if path.startswith("/api/admin/")
        for method in methods
    }
    assert {*described, ("GET", "/health")} == set(ROUTES)


def test_nobody_gets_in_without_a_valid_token(deployed: Deployed) -> None:
    answers = {kind: deployed.statuses(token, "api_url", "dashboard_url") for kind, token in _invalid(deployed)}
    assert sum(map(len, answers.values())) >= 300
    assert {kind: Counter(statuses) for kind, statuses in answers.items()} == {
        kind: Counter({401: 2 * len(ROUTES)}) for kind in answers
    }


def test_an_id_token_opens_nothing(deployed: Deployed) -> None:
    assert set(deployed.statuses(deployed.administrator.id, "dashboard_url")) == {403}


def test_a_user_outside_of_the_group_may_do_nothing(deployed: Deployed) -> None:
    headers = {"Authorization": f"Bearer {deployed.outsider.access}"}
    answer = deployed.project.get(f"{deployed.outputs['dashboard_url']}api/admin/me", headers)
    assert (answer.status_code, answer.json()["title"]) == (403, "Not an administrator")
    statuses = dict(zip(ROUTES, deployed.statuses(deployed.outsider.access, "dashboard_url"), strict=True))
    # Of its health the function tells nothing that pages don't.
    assert statuses.pop(("GET", "/health")) == 200
    assert set(statuses.values()) == {403}


def test_a_session_is_refreshed_and_ends_with_signing_out(deployed: Deployed) -> None:
    pages, refresh = SignInPages.of(deployed.outputs), deployed.administrator.refresh
    answer = pages.post("/oauth2/token", grant_type="refresh_token", refresh_token=refresh)
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert deployed.project.get(f"{deployed.outputs['dashboard_url']}api/admin/me", headers).status_code == 200
    assert pages.post("/oauth2/revoke", token=refresh).status_code == 200
    assert pages.post("/oauth2/token", grant_type="refresh_token", refresh_token=refresh).status_code == 400


def test_the_renderer_can_write_nothing(deployed: Deployed) -> None:
    client = deployed.as_role(deployed.outputs["renderer_function"])
    client("dynamodb").get_item(TableName=deployed.outputs["table_name"], Key=KEY)
    _expect_denied(client, deployed.outputs, [*WRITES, *ADMIN_WRITES, *FORBIDDEN])


def test_the_admin_api_can_do_what_it_needs_and_no_more(deployed: Deployed) -> None:
    client = deployed.as_role(deployed.outputs["admin_function"])
    for service, operation, request in ADMIN_WRITES:
        getattr(client(service), operation)(**_filled(request, deployed.outputs))
    _expect_denied(client, deployed.outputs, [*WRITES, *FORBIDDEN])


def test_the_deployed_function_is_allowed_all_that_administrators_ask_of_it(deployed: Deployed) -> None:
    parameters = {"preset": "fast", "quality": 28}
    document = {"codec": "x264", "clip": "game-of-life", "parameters": parameters}
    assert _ask(deployed, "POST", "/estimates", document)["usd"] is None
    first = _ask(deployed, "POST", "/experiments", document, key="k1")["experiment"]["id"]
    assert [job["id"] for job in _ask(deployed, "GET", "/monitor")["jobs"]] == [first]
    assert _ask(deployed, "POST", f"/experiments/{first}/stop")["experiment"]["status"] == "cancelled"
    second = _ask(deployed, "POST", f"/experiments/{first}/rerun", key="k2")["experiment"]["id"]
    assert _ask(deployed, "POST", "/reruns", {"ids": [second]}, key="k3")["started"] == []
    _ask(deployed, "POST", f"/experiments/{second}/stop")
    assert _ask(deployed, "GET", f"/experiments/{second}/log") == {"lines": [], "after": None, "complete": True}
    for experiment_id in (second, first):
        assert _ask(deployed, "DELETE", f"/experiments/{experiment_id}") is None
    assert _ask(deployed, "GET", "/experiments") == {"experiments": [], "next_cursor": None}
    noted = [(entry["action"], entry["experiment_id"]) for entry in _ask(deployed, "GET", "/audit")["entries"]]
    assert noted == [
        ("delete", first),
        ("delete", second),
        ("stop", second),
        ("rerun", second),
        ("stop", first),
        ("start", first),
    ]


KEY = {"pk": {"S": "TEST"}, "sk": {"S": "TEST"}}
PUT = {"Put": {"TableName": "{table_name}", "Item": KEY}}
HELLO = {"role": "user", "content": [{"text": "Hello"}]}
Request = tuple[str, str, dict[str, Any]]
ADMIN_WRITES: list[Request] = [
    ("dynamodb", "put_item", {"TableName": "{table_name}", "Item": KEY}),
    ("dynamodb", "update_item", {"TableName": "{table_name}", "Key": KEY, "UpdateExpression": "REMOVE a"}),
    ("dynamodb", "transact_write_items", {"TransactItems": [PUT]}),
    ("dynamodb", "batch_write_item", {"RequestItems": {"{table_name}": [{"DeleteRequest": {"Key": KEY}}]}}),
    ("dynamodb", "delete_item", {"TableName": "{table_name}", "Key": KEY}),
    ("s3", "delete_object", {"Bucket": "{media_bucket}", "Key": "experiments/none"}),
    ("sqs", "send_message", {"QueueUrl": "{job_queue_url}", "MessageBody": "{{}}"}),
    ("bedrock-runtime", "converse", {"modelId": "sandbox.stand-in", "messages": [HELLO]}),
]
# What neither function may write.
WRITES: list[Request] = [
    ("s3", "put_object", {"Bucket": "{media_bucket}", "Key": "experiments/x/video.mp4", "Body": "x"}),
    ("s3", "delete_object", {"Bucket": "{media_bucket}", "Key": "other/x"}),
    ("s3", "put_object", {"Bucket": "{site_bucket}", "Key": "admin.js", "Body": "x"}),
    ("s3", "delete_object", {"Bucket": "{site_bucket}", "Key": "admin.js"}),
    ("sqs", "send_message", {"QueueUrl": "{dead_letter_queue_url}", "MessageBody": "x"}),
    ("sqs", "purge_queue", {"QueueUrl": "{job_queue_url}"}),
    ("sqs", "receive_message", {"QueueUrl": "{job_queue_url}"}),
]
# What else would be of use to whoever takes a function over.
FORBIDDEN: list[Request] = [
    ("dynamodb", "delete_table", {"TableName": "{table_name}"}),
    ("dynamodb", "scan", {"TableName": "{table_name}"}),
    ("lambda", "update_function_code", {"FunctionName": "{renderer_function}", "ZipFile": b""}),
    ("lambda", "update_alias", {"FunctionName": "{admin_function}", "Name": "live", "FunctionVersion": "1"}),
    ("iam", "create_user", {"UserName": "intruder"}),
    ("cognito-idp", "list_users", {"UserPoolId": "{user_pool_id}"}),
    (
        "cognito-idp",
        "admin_add_user_to_group",
        {"UserPoolId": "{user_pool_id}", "Username": "admin", "GroupName": "admins"},
    ),
    ("bedrock-runtime", "converse", {"modelId": "amazon.nova-pro-v1:0", "messages": []}),
]


def _ask(deployed: Deployed, method: str, path: str, document: Any = None, key: str = "") -> Any:
    """What the administrator is answered by the CDN; it has to be a success."""
    headers = {"Authorization": f"Bearer {deployed.administrator.access}"} | ({"Idempotency-Key": key} if key else {})
    url = f"{deployed.outputs['dashboard_url']}api/admin{path}"
    answer = deployed.project.request(method, url, headers, document)
    assert answer.ok, answer.text
    return answer.json() if answer.text else None


def _expect_denied(client: Callable[[str], Any], outputs: dict[str, Any], requests: list[Request]) -> None:
    allowed = []
    for service, operation, request in requests:
        try:
            getattr(client(service), operation)(**_filled(request, outputs))
        except ClientError as error:
            if "AccessDenied" in error.response["Error"]["Code"]:
                continue
            allowed.append(f"{operation}: {error.response['Error']['Code']}")
        else:
            allowed.append(operation)
    assert allowed == []


def _filled(value: Any, outputs: dict[str, Any]) -> Any:
    """A request in which the stack's outputs stand for their names."""
    match value:
        case str():
            return value.format(**outputs)
        case dict():
            return {_filled(key, outputs): _filled(each, outputs) for key, each in value.items()}
        case list():
            return [_filled(each, outputs) for each in value]
    return value


def _invalid(deployed: Deployed) -> Iterator[tuple[str, str | None]]:
    """Tokens that are none, by what is wrong with them."""
    good = deployed.administrator.access
    header, claims, signature = good.split(".")
    yield "no token", None
    yield "garbage", "garbage"
    yield "three parts of garbage", "a.b.c"
    yield "another's signature", f"{header}.{claims}.{deployed.outsider.access.split('.')[2]}"
    yield "other claims than signed", f"{header}.{deployed.outsider.access.split('.')[1]}.{signature}"
    yield from _forged(deployed, _decoded(header), _decoded(claims))


def _forged(deployed: Deployed, header: dict[str, Any], claims: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Tokens that are signed with the user pool's own key, but wrong, or as good ones, but not signed with it."""
    now = int(time.time())
    forged = {
        "expired": (header, {**claims, "iat": now - 7200, "exp": now - 3600}, "RS256"),
        "not yet valid": (header, {**claims, "nbf": now + 3600}, "RS256"),
        "wrong audience": (header, {**claims, "client_id": "another"}, "RS256"),
        "wrong issuer": (header, {**claims, "iss": f"{claims['iss']}x"}, "RS256"),
        "unsigned": ({**header, "alg": "none"}, claims, "none"),
        "signed with the public key": ({**header, "alg": "HS256"}, claims, "HS256"),
        "signed with another key": (header, claims, "another key"),
        "key that is not known": ({**header, "kid": "another"}, claims, "RS256"),
    }
    key = f"{deployed.project.emulator.folder}/aws/services/cognito-pool-keys/{deployed.outputs['user_pool_id']}"
    python = deployed.project.emulator.folder / "emulator" / "bin" / "python"
    request = json.dumps([f"{key}-access.pem", list(forged.values())])
    printed = subprocess.run([python, "-c", SIGN], input=request, capture_output=True, text=True, check=True).stdout
    return zip(forged, printed.split(), strict=True)


def _decoded(part: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(f"{part}==")))
