"""What a release has to prove, and what is put on record."""

import base64
import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import dill
import pytest
from botocore.exceptions import ClientError
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.dynamic.dynamic import serialize_provider

from components import release
from components.release import ProvenReleases
from releasing.history import ReleaseHistory
from releasing.proof import NotServed, differences
from releasing.record import as_json

BUILD = "6Yk62c4zT4SZTHP0lHXd5nLWmD0mMVxyK1FN2H/TjDI="
OLD_BUILD = "7Yk62c4zT4SZTHP0lHXd5nLWmD0mMVxyK1FN2H/TjDI="
SCRIPT = b"console.log(1)"
REFUSED = ("/api/api/admin/health", "/cdn/api/admin/health")


class Site:
    """API and CDN at one address, each below a path of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        page, health = f"<html>{BUILD}</html>".encode(), json.dumps({"build_id": BUILD}).encode()
        self.answers: dict[str, list[bytes]] = {
            "/api/": [page],
            "/api/health": [health],
            "/cdn/": [page],
            "/cdn/health": [health],
            "/cdn/admin.js": [SCRIPT],
        }
        """What each path answers, one after the other; the last one from then on."""
        self.answers |= {path: [b"{}"] for path in REFUSED}
        self.refused = set(REFUSED)
        self.asked: list[str] = []

    def answer(self, path: str) -> bytes | None:
        self.asked.append(path)
        answers = self.answers.get(path)
        return None if answers is None else answers.pop(0) if len(answers) > 1 else answers[0]


class Dynamo:
    """The table's release records in memory, and what else AWS is asked for."""

    def __init__(self) -> None:
        self.live = {"Version": "3", "CodeSha256": BUILD}
        self.items: dict[str, dict[str, Any]] = {}
        self.failure: ClientError | None = None

    def put_item(self, *, Item: dict[str, Any], **_: Any) -> None:  # noqa: N803
        if self.failure:
            raise self.failure
        self.items[Item["sk"]["S"]] = Item

    def delete_item(self, *, Key: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.items.pop(Key["sk"]["S"], None)

    def query(self, *, Limit: int, ScanIndexForward: bool, **_: Any) -> dict[str, Any]:  # noqa: N803
        return {"Items": [self.items[key] for key in sorted(self.items, reverse=not ScanIndexForward)[:Limit]]}

    def get_function_configuration(self, **_: Any) -> dict[str, str]:
        return self.live

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:sts::123456789012:assumed-role/deploy/ada"}


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.answer(self.path)
            self.send_response(401 if self.path in served.refused else 404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Tests print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Site(f"http://127.0.0.1:{server.server_port}")
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def dynamo(monkeypatch: pytest.MonkeyPatch) -> Dynamo:
    dynamo = Dynamo()
    monkeypatch.setattr(release, "client_of", lambda *_: dynamo)
    monkeypatch.setattr(release, "POLL_SECONDS", 0)
    return dynamo


@pytest.fixture
def releases() -> ProvenReleases:
    releases = ProvenReleases()
    releases.configure(ConfigureRequest(Config({"aws:region": "us-east-1"}, "ai-video-codec-dashboard")))
    return releases


def props(site: Site, **changed: Any) -> dict[str, Any]:
    return {
        "api_url": f"{site.url}/api",
        "site_url": f"{site.url}/cdn",
        "table_name": "experiments",
        "static_files": {"/admin.js": hashlib.sha256(SCRIPT).hexdigest()},
        "build_id": BUILD,
        "renderer_version": "7",
        "rolled_back": False,
        "admin_function": "admin-api",
        "admin_build_id": BUILD,
        "admin_version": "3",
        "commit": "a" * 40,
        "dirty": False,
        "invalidation": {"id": "I2", "paths": ["/admin.js"]},
        # As Pulumi hands numbers over.
        "snapshots": {"renderer": [{"versions": 4.0, "memory_mb": 512.0}], "admin_api": None},
        "patience_seconds": 0,
        **changed,
    }


def test_a_release_that_is_served_is_put_on_record(releases: ProvenReleases, site: Site, dynamo: Dynamo) -> None:
    outs = releases.create(props(site)).outs
    assert outs is not None
    record = outs["record"]
    assert record.pop("released_at").endswith("Z")
    assert record == {
        "release": "r1",
        "released_by": "assumed-role/deploy/ada",
        "commit": "a" * 40,
        "dirty": False,
        "renderer": {"version": "7", "build_id": BUILD, "rolled_back": False},
        "admin_api": {"version": "3", "build_id": BUILD},
        "static_files": {"/admin.js": hashlib.sha256(SCRIPT).hexdigest()},
        "snapshots": {"renderer": [{"versions": 4, "memory_mb": 512}]},
        "invalidated": ["/admin.js"],
    }
    assert outs["snapshots"] == props(site)["snapshots"]
    assert [found["release"] for found in ReleaseHistory(dynamo, "experiments").newest()] == ["r1"]
    assert set(site.asked) == {"/api/", "/api/health", "/cdn/", "/cdn/health", "/cdn/admin.js", *REFUSED}


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("/api/", OLD_BUILD.encode(), f"API /: expected status 200, build id {BUILD}; found status 200, build id 7Yk"),
        ("/cdn/health", b"{}", f"CDN /health: expected status 200, build id {BUILD}; found status 200, no build id"),
        ("/cdn/", f"{BUILD} {OLD_BUILD}".encode(), f"found status 200, build id {BUILD} and {OLD_BUILD}"),
        ("/cdn/admin.js", b"old", "CDN /admin.js: expected status 200, SHA-256 "),
        ("/cdn/admin.js", None, "found status 404"),
    ],
)
def test_anything_else_that_users_get_fails_the_deployment_and_is_named(
    releases: ProvenReleases, site: Site, dynamo: Dynamo, path: str, answer: bytes | None, told: str
) -> None:
    site.answers.pop(path)
    if answer is not None:
        site.answers[path] = [answer]
    with pytest.raises(NotServed) as caught:
        releases.create(props(site))
    assert told in str(caught.value)
    assert "pulumi up --refresh" in str(caught.value)
    assert not dynamo.items


def test_an_admin_api_that_lets_strangers_in_fails_the_deployment(
    releases: ProvenReleases, site: Site, dynamo: Dynamo
) -> None:
    site.refused.remove("/cdn/api/admin/health")
    with pytest.raises(NotServed, match=r"CDN /api/admin/health without a token: expected status 401; found status 2"):
        releases.create(props(site))


def test_another_build_of_the_admin_api_fails_the_deployment(
    releases: ProvenReleases, site: Site, dynamo: Dynamo
) -> None:
    dynamo.live["CodeSha256"] = OLD_BUILD
    with pytest.raises(NotServed, match=r"admin-api live: expected version 3, build id 6Yk.*; found version 3, .* 7Yk"):
        releases.create(props(site))


def test_a_cdn_that_takes_its_time_is_waited_for(releases: ProvenReleases, site: Site, dynamo: Dynamo) -> None:
    site.answers["/cdn/admin.js"] = [b"old", b"old", SCRIPT]
    releases.create(props(site, patience_seconds=60))
    assert site.asked.count("/cdn/admin.js") == 3
    assert len(dynamo.items) == 1


def test_a_site_that_cannot_be_reached_is_told_as_such(site: Site, dynamo: Dynamo) -> None:
    found = differences(props(site, api_url="http://127.0.0.1:1"), dynamo)
    assert found[:2] == [
        f"API {path}: expected status 200, build id {BUILD}; "
        f"found http://127.0.0.1:1{path} can't be reached (ConnectionError)."
        for path in ("/health", "/")
    ]
    assert len(found) == 3


@pytest.mark.parametrize(
    "changed",
    [
        *({"commit": "b" * 40}, {"dirty": True}, {"build_id": OLD_BUILD}, {"static_files": {}}, {"rolled_back": True}),
        {"admin_build_id": OLD_BUILD},
    ],
    ids=str,
)
def test_other_content_or_another_commit_is_another_release(
    releases: ProvenReleases, site: Site, changed: dict[str, Any]
) -> None:
    assert releases.diff("id", props(site), props(site, **changed)).changes is True


def test_the_same_content_is_looked_at_in_every_deployment(
    releases: ProvenReleases, site: Site, dynamo: Dynamo
) -> None:
    news = props(site, invalidation={"id": "I3", "paths": []}, snapshots={"renderer": []}, __provider="another")
    assert releases.diff("id", props(site), news).changes is False
    assert "/cdn/admin.js" in site.asked
    site.answers["/cdn/admin.js"] = [b"changed by hand"]
    assert releases.diff("id", props(site), news).changes is True


def test_what_is_found_right_in_the_end_is_no_further_release(
    releases: ProvenReleases, site: Site, dynamo: Dynamo
) -> None:
    olds = {**props(site), "number": 4.0, "record": {"release": "r4"}}
    outs = releases.update("id", olds, props(site)).outs
    assert outs is not None
    assert outs["record"] == {"release": "r4"}
    assert not dynamo.items


def test_after_a_crash_a_release_keeps_its_number(releases: ProvenReleases, site: Site, dynamo: Dynamo) -> None:
    olds = {**props(site, commit="b" * 40), "number": 4.0, "record": {"release": "r4"}}
    for _attempt in range(2):
        outs = releases.update("id", olds, props(site)).outs
    assert outs is not None
    assert outs["record"]["release"] == "r5"
    assert list(dynamo.items) == ["RELEASE#00000005"]


def test_after_a_crash_the_first_release_keeps_its_number(releases: ProvenReleases, site: Site, dynamo: Dynamo) -> None:
    for _attempt in range(2):
        outs = releases.create(props(site)).outs
    assert outs is not None
    assert outs["record"]["release"] == "r1"
    assert list(dynamo.items) == ["RELEASE#00000001"]


def test_what_an_earlier_deployment_invalidated_is_on_its_own_record_alone(
    releases: ProvenReleases, site: Site, dynamo: Dynamo
) -> None:
    olds = {**props(site, commit="b" * 40), "number": 4.0, "record": {"release": "r4"}}
    for invalidation, invalidated in (("I2", []), ("I3", ["/admin.js"])):
        news = props(site, invalidation={"id": invalidation, "paths": ["/admin.js"]})
        outs = releases.update("id", olds, news).outs
        assert outs is not None
        assert outs["record"]["invalidated"] == invalidated


def test_a_table_from_an_earlier_life_of_the_stack_is_counted_on(
    releases: ProvenReleases, site: Site, dynamo: Dynamo
) -> None:
    ReleaseHistory(dynamo, "experiments").put(41, {"release": "r41"})
    outs = releases.create(props(site)).outs
    assert outs is not None
    assert outs["record"]["release"] == "r42"


def test_a_record_is_written_alike_by_the_program_and_from_the_stacks_outputs() -> None:
    """The engine hands numbers to the program as 4.0; the stack's outputs, which are verified, have 4."""
    by_program, from_outputs = ({"snapshots": {"renderer": [{"versions": four}]}} for four in (4.0, 4))
    assert as_json(by_program) == as_json(from_outputs)


def test_the_last_hundred_are_kept(dynamo: Dynamo) -> None:
    history = ReleaseHistory(dynamo, "experiments")
    for number in range(1, 104):
        history.put(number, {"release": f"r{number}"})
    assert [found["release"] for found in history.newest()] == [f"r{number}" for number in range(103, 3, -1)]
    assert len(dynamo.items) == 100


def test_a_release_that_cannot_be_recorded_says_that_it_is_live(
    releases: ProvenReleases, site: Site, dynamo: Dynamo
) -> None:
    dynamo.failure = ClientError({"Error": {"Code": "AccessDeniedException"}}, "PutItem")
    with pytest.raises(RuntimeError, match=r"live and proven, but not on record: PutItem failed .* dynamodb:Query"):
        releases.create(props(site))


def test_the_state_holds_a_reference_to_the_proof() -> None:
    assert type(dill.loads(base64.b64decode(serialize_provider(ProvenReleases())))) is ProvenReleases
