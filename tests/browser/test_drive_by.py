"""Pages of other origins, which somebody with a sandbox happens to visit, and what they try on the embedded AWS."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from sandbox.emulator import Emulator
from sandbox.manners import KIND
from tests.browser.chromium import find_chromium
from tests.project_copy import free_port

SERVICES = ("apigatewayv2", "cognito-idp", "dynamodb", "iam", "lambda", "s3", "sqs")
NAME = "victim"
PASSWORD = "Kept-safe-1"
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
ROLE = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
HANDLER = "def handler(event, context):\n    with open({file!r}, 'a') as calls:\n        calls.write('called ')\n"
# What some browsers have, and others haven't: https://wicg.github.io/local-network-access/
SHIELDS = "LocalNetworkAccessChecks"
PAGE = "<!doctype html><title>A page</title>"
PATIENCE_MS = 20_000

# Names that lead here, as an attacker's do once their DNS says so; where the page says no port, a forwarder knows it.
RESOLVE = "MAP evil.example 127.0.0.1, MAP *.evil.example 127.0.0.1, MAP no-port.example:80 127.0.0.1:{port}"
# Where a page is from. What is at the emulator's own port has been rebound there, and is of one origin with it.
ELSEWHERE = "http://127.0.0.1:{elsewhere}"
ANOTHER_NAME = "http://evil.example:{elsewhere}"
LOCAL_PROGRAM = "http://foo.localhost:{elsewhere}"
REBOUND = "http://evil.example:{port}"
REBOUND_LOCALHOST = "http://localhost.evil.example:{port}"
REBOUND_ADDRESS = "http://127.0.0.1.evil.example:{port}"
REBOUND_WITHOUT_PORT = "http://no-port.example"

# Each gets it done, and returns what it could read.
MEANS = """async () => {
const {elsewhere, port, role, trust, zip, pool, socket} = %(names)s;
const aws = location.port === String(elsewhere) ? `http://127.0.0.1:${port}` : location.origin;
const evil = `evil-${Date.now()}`;
const read = answer => answer.ok ? answer.text() : "";
const ask = (url, init) => fetch(url, init).then(read, () => "");
const send = (url, body) => ask(url, {method: "POST", mode: "no-cors", body});
const call = (service, target, input) => ask(`${aws}/?${signed(service)}`, {
  method: "POST", headers: {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"},
  body: JSON.stringify(input)});
const signed = (service, parameters) => new URLSearchParams({
  "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": `test/${day}/us-east-1/${service}/aws4_request`,
  "X-Amz-Date": `${day}T000000Z`, "X-Amz-Expires": "604800", "X-Amz-SignedHeaders": "host", "X-Amz-Signature": "0",
  ...parameters});
const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
const load = (tag, name, url, more = {}) => new Promise(done => {
  const element = Object.assign(document.createElement(tag), more);
  element.onload = element.onerror = () => done("");
  element[name] = url;
  document.body.append(element);
});
const submit = (url, enctype, fields) => new Promise(done => {
  const frame = Object.assign(document.createElement("iframe"), {name: "answer"});
  const form = Object.assign(document.createElement("form"), {action: url, method: "POST", enctype, target: "answer"});
  for (const [name, value] of Object.entries(fields))
    form.append(Object.assign(document.createElement("input"), {name, value}));
  document.body.append(frame, form);
  frame.onload = () => done("");
  form.submit();
});
const beacon = (url, body) => new Promise(done => {
  new PerformanceObserver(() => done("")).observe({type: "resource"});
  navigator.sendBeacon(url, body);
});
const request = (method, url, headers, body) => new Promise(done => {
  const request = new XMLHttpRequest();
  request.onloadend = () => done(request.status === 200 ? request.responseText : "");
  request.open(method, url);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.send(body);
});
const listen = (Kind, url) => new Promise(done => {
  const source = new Kind(url);
  source.onopen = () => done("open");
  source.onerror = () => done("");
});
const inSandbox = url => new Promise(done => {
  const frame = Object.assign(document.createElement("iframe"), {
    sandbox: "allow-scripts",
    srcdoc: `<script>
      const tell = text => parent.postMessage(text, "*");
      fetch("${url}").then(answer => answer.text()).then(tell, () => tell(""));
    </script>`});
  addEventListener("message", event => done(event.data));
  document.body.append(frame);
});
const functions = `${aws}/2015-03-31/functions`;
const code = JSON.stringify({FunctionName: evil, Runtime: "python3.11", Handler: "evil.handler", Role: role,
  Code: {ZipFile: zip}});
const signature = `Credential=test/${day}/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0`;
const askForObject = init => ask(`${aws}/victim/object`, {
  headers: {Authorization: `AWS4-HMAC-SHA256 ${signature}`}, ...init});
const password = {UserPoolId: pool, Username: "victim", Password: "Changed-1", Permanent: true};
const queue = {Version: "2012-11-05", QueueUrl: `http://127.0.0.1:${port}/000000000000/victim`};
const newQueue = `${aws}/?${signed("sqs", {Version: "2012-11-05", Action: "CreateQueue", QueueName: evil})}`;
const message = signed("sqs", {...queue, Action: "SendMessage", MessageBody: "evil"});
return await %(script)s;
}"""
RESET = "ask(`${aws}/_ministack/reset`, {method: 'POST'})"
MAKE_FUNCTION = "send(`${functions}?${signed('lambda')}`, code)"
SCAN = "call('dynamodb', 'DynamoDB_20120810.Scan', {TableName: 'victim'})"
SEND_MESSAGE = "ask(`${aws}/?${message}`)"
SET_PASSWORD = "call('cognito-idp', 'AWSCognitoIdentityProviderService.AdminSetUserPassword', password)"
LIST_USERS = "call('cognito-idp', 'AWSCognitoIdentityProviderService.ListUsers', {UserPoolId: pool})"
GET_OBJECT = "askForObject({})"
LIST_QUEUES = "ask(`${aws}/?${signed('sqs', {Version: '2012-11-05', Action: 'ListQueues'})}`)"

ATTACKS = {
    "a function by fetch": (
        ELSEWHERE,
        "ask(`${functions}?${signed('lambda')}`, {method: 'POST', headers: {'Content-Type': 'application/json'},"
        " body: code})",
    ),
    "a function by fetch without CORS": (ELSEWHERE, MAKE_FUNCTION),
    "a function by a form of plain text": (
        ELSEWHERE,
        "submit(`${functions}?${signed('lambda')}`, 'text/plain',"
        ' {[`${code.slice(0, -1)},"Description":"`]: \'"}\'})',
    ),
    "a function by a beacon": (ELSEWHERE, "beacon(`${functions}?${signed('lambda')}`, code)"),
    "a function by a request with an Authorization header": (
        ELSEWHERE,
        "request('POST', functions, {Authorization: `AWS4-HMAC-SHA256 Credential=test/${day}/us-east-1/lambda/"
        "aws4_request, SignedHeaders=host, Signature=0`}, code)",
    ),
    "a function called": (ELSEWHERE, "send(`${functions}/victim/invocations?${signed('lambda')}`, '{}')"),
    "a function deleted": (ELSEWHERE, "ask(`${functions}/victim?${signed('lambda')}`, {method: 'DELETE'})"),
    "a queue by an image": (ELSEWHERE, "load('img', 'src', newQueue)"),
    "a queue by a script": (ELSEWHERE, "load('script', 'src', newQueue)"),
    "a queue by a frame": (ELSEWHERE, "load('iframe', 'src', newQueue)"),
    "a queue by a style sheet": (ELSEWHERE, "load('link', 'href', newQueue, {rel: 'stylesheet'})"),
    "a queue by an EventSource": (ELSEWHERE, "listen(EventSource, newQueue)"),
    "a message by a form": (
        ELSEWHERE,
        "submit(`${aws}/?${signed('sqs')}`, 'application/x-www-form-urlencoded',"
        " {...queue, Action: 'SendMessage', MessageBody: 'evil'})",
    ),
    "a message by a beacon": (ELSEWHERE, "beacon(`${aws}/?${message}`)"),
    "a queue deleted by an image": (
        ELSEWHERE,
        "load('img', 'src', `${aws}/?${signed('sqs', {...queue, Action: 'DeleteQueue'})}`)",
    ),
    "a role by a form": (
        ELSEWHERE,
        "submit(`${aws}/?${signed('iam', {Action: 'CreateRole', Version: '2010-05-08', RoleName: evil,"
        " AssumeRolePolicyDocument: trust})}`, 'application/x-www-form-urlencoded', {})",
    ),
    "a bucket": (ELSEWHERE, "ask(`${aws}/${evil}`, {method: 'PUT'})"),
    "the table read": (ELSEWHERE, SCAN),
    "the queues read": (ELSEWHERE, LIST_QUEUES),
    "the users read": (ELSEWHERE, LIST_USERS),
    "a password set": (ELSEWHERE, SET_PASSWORD),
    "a WebSocket opened": (
        ELSEWHERE,
        "listen(WebSocket, `ws://127.0.0.1:${port}/_aws/execute-api/${socket}/live`)",
    ),
    "the reset by a form": (ELSEWHERE, "submit(`${aws}/_ministack/reset`, 'text/plain', {})"),
    "a queue from no origin": (ELSEWHERE, "inSandbox(newQueue)"),
    "a function from another name": (ANOTHER_NAME, MAKE_FUNCTION),
    "the table read from another name": (ANOTHER_NAME, SCAN),
    "a function from another program's page": (LOCAL_PROGRAM, MAKE_FUNCTION),
    "the queues read from another program's page": (LOCAL_PROGRAM, LIST_QUEUES),
    "a password set from another program's page": (LOCAL_PROGRAM, SET_PASSWORD),
    "a function, rebound": (REBOUND, MAKE_FUNCTION),
    "the table read, rebound": (REBOUND, SCAN),
    "an object read, rebound": (REBOUND, GET_OBJECT),
    "an object replaced, rebound": (REBOUND, "askForObject({method: 'PUT', body: 'evil and longer'})"),
    "a message, rebound": (REBOUND, SEND_MESSAGE),
    "a password set, rebound": (REBOUND, SET_PASSWORD),
    "an object read, rebound by a name that begins as localhost": (REBOUND_LOCALHOST, GET_OBJECT),
    "an object read, rebound by a name that begins as the address": (REBOUND_ADDRESS, GET_OBJECT),
    "an object read, rebound by a name without a port": (REBOUND_WITHOUT_PORT, GET_OBJECT),
    "an object deleted, rebound": (REBOUND, "askForObject({method: 'DELETE'})"),
    "the reset, rebound": (REBOUND, RESET),
}


@dataclass(frozen=True)
class Sandbox:
    """An embedded AWS with something of everything that can be changed, deleted, called or read."""

    emulator: Emulator
    calls: Path
    clients: dict[str, Any]
    names: dict[str, Any]
    """What an attacker may have come to know."""

    @classmethod
    def fill(cls, emulator: Emulator, calls: Path) -> "Sandbox":
        """Put it there."""
        clients = {name: emulator.client(name) for name in SERVICES}
        clients["s3"].create_bucket(Bucket=NAME)
        clients["s3"].put_object(Bucket=NAME, Key="object", Body=b"an object")
        clients["sqs"].create_queue(QueueName=NAME)
        clients["dynamodb"].create_table(
            TableName=NAME,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        clients["dynamodb"].put_item(TableName=NAME, Item={"pk": {"S": "an item"}})
        role = clients["iam"].create_role(RoleName=NAME, AssumeRolePolicyDocument=ROLE)["Role"]["Arn"]
        code = {"Handler": "code.handler", "Runtime": "python3.11", "Code": {"ZipFile": _zip(calls)}}
        clients["lambda"].create_function(FunctionName=NAME, Role=role, **code)
        names = {"port": emulator.port, "trust": ROLE, "role": role, "zip": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}
        names |= {**_users(clients["cognito-idp"]), **_socket(clients["apigatewayv2"])}
        return cls(emulator, calls, clients, names)

    def state(self) -> dict[str, Any]:
        """What a page could have changed."""
        s3, sqs, functions, dynamodb = map(self.clients.__getitem__, ("s3", "sqs", "lambda", "dynamodb"))
        messages = ["ApproximateNumberOfMessages"]
        return {
            "objects": {
                bucket["Name"]: [
                    (one["Key"], one["ETag"]) for one in s3.list_objects(Bucket=bucket["Name"]).get("Contents", [])
                ]
                for bucket in s3.list_buckets()["Buckets"]
            },
            "messages": {
                url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=messages)["Attributes"]
                for url in sqs.list_queues().get("QueueUrls", [])
            },
            "functions": [one["FunctionName"] for one in functions.list_functions()["Functions"]],
            "calls": self.calls.read_text(encoding="utf-8"),
            "items": dynamodb.scan(TableName=NAME)["Items"],
            "roles": [role["RoleName"] for role in self.clients["iam"].list_roles()["Roles"]],
            "signed in": "AuthenticationResult" in self._sign_in(),
        }

    def _sign_in(self) -> Any:
        return self.clients["cognito-idp"].initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self.names["client"],
            AuthParameters={"USERNAME": NAME, "PASSWORD": PASSWORD},
        )


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Whom the pages are after."""
    folder = tmp_path_factory.mktemp("aws")
    emulator = Emulator(folder, free_port())
    emulator.behave(KIND)
    emulator.start()
    (folder / "calls").touch()
    yield Sandbox.fill(emulator, folder / "calls")
    emulator.stop()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    """The port of another server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def visitor(browser: Browser, sandbox: Sandbox) -> Iterator[Browser]:
    """A browser to which other names lead to this machine."""
    rules = RESOLVE.format(port=sandbox.emulator.port)
    arguments = ["--no-sandbox", "--disable-gpu", f"--host-resolver-rules={rules}", f"--disable-features={SHIELDS}"]
    visitor = browser.browser_type.launch(executable_path=find_chromium(), args=arguments)
    yield visitor
    visitor.close()


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_page_of_another_origin_gets_nothing_done_and_nothing_read(
    visitor: Browser, sandbox: Sandbox, elsewhere: int, attack: str
) -> None:
    origin, script = ATTACKS[attack]
    page_url = origin.format(port=sandbox.emulator.port, elsewhere=elsewhere)
    names = {**sandbox.names, "elsewhere": elsewhere}
    before = sandbox.state()
    with visitor.new_page() as page:
        page.set_default_timeout(PATIENCE_MS)
        _visit(page, page_url, rebound="{elsewhere}" not in origin)
        read = page.evaluate(MEANS % {"names": json.dumps(names), "script": script})
    assert read == ""
    assert sandbox.state() == before


def _visit(page: Page, origin: str, *, rebound: bool) -> None:
    """Open an attacker's page; where its name leads to the emulator by now, as it came before it did."""
    if rebound:
        page.route(f"{origin}/", lambda route: route.fulfill(content_type="text/html", body=PAGE))
    page.goto(f"{origin}/")


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def _zip(calls: Path) -> bytes:
    with zipfile.ZipFile(archive := io.BytesIO(), "w") as opened:
        opened.writestr("code.py", HANDLER.format(file=str(calls)))
    return archive.getvalue()


def _users(cognito: Any) -> dict[str, str]:
    pool = cognito.create_user_pool(PoolName=NAME)["UserPool"]["Id"]
    flows = ["ALLOW_USER_PASSWORD_AUTH"]
    client = cognito.create_user_pool_client(UserPoolId=pool, ClientName=NAME, ExplicitAuthFlows=flows)
    cognito.admin_create_user(UserPoolId=pool, Username=NAME, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=NAME, Password=PASSWORD, Permanent=True)
    return {"pool": pool, "client": client["UserPoolClient"]["ClientId"]}


def _socket(gateway: Any) -> dict[str, str]:
    selection = "$request.body.action"
    api = gateway.create_api(Name=NAME, ProtocolType="WEBSOCKET", RouteSelectionExpression=selection)["ApiId"]
    gateway.create_stage(ApiId=api, StageName="live")
    return {"socket": api}
