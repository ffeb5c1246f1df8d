"""The admin API on an embedded AWS: what administrators do happens once, whole, and is noted."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from admin.files import ExperimentFiles
from admin.requests import StartRequest
from experiments.frame_quality import FrameQuality
from experiments.jobs.lifecycle import STALLED_AFTER, IllegalChangeError
from experiments.jobs.log import LogLine
from experiments.jobs.queue import JobQueue
from experiments.jobs.workers import Worker
from experiments.metrics import Metrics, RDPoint
from experiments.model import Artefacts, Experiment, Scalar, Status

from sandbox.emulator import Emulator
from tests.admin_client import AdminClient, Answer
from tests.stack.admin_lab import BUCKET, Lab

X264 = {"preset": "veryfast", "quality": 23, "options": {"bf": 2}}
START = {"codec": "x264", "clip": "game-of-life", "parameters": X264}
CLIENT = AdminClient()


@pytest.fixture
def lab(emulator: Emulator, request: pytest.FixtureRequest) -> Iterator[Lab]:
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:70]
    with Lab.open(emulator, name) as lab:
        yield lab


def started(answer: Answer, status: int = 201) -> Any:
    assert answer.status == status, answer.body
    return answer.document["experiment"]


def start_several(count: int) -> list[str]:
    """Start experiments that differ in name and quality; their ids."""
    documents = [START | {"name": f"n{number}", "parameters": X264 | {"quality": number}} for number in range(count)]
    return [started(CLIENT.post("/experiments", one, key=f"k{place}"))["id"] for place, one in enumerate(documents)]


def at_once(act: Callable[[int], Any], count: int = 6) -> list[Any]:
    """What comes of several requests at the same time, as of several processes of Lambda."""

    def attempt(number: int) -> Any:
        try:
            return act(number)
        except IllegalChangeError as refusal:
            return refusal

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(attempt, range(count)))


def test_a_started_experiment_is_queued_for_a_worker_and_noted(lab: Lab) -> None:
    experiment = started(CLIENT.post("/experiments", START | {"name": "first try"}, key="k1"))
    assert (experiment["status"], experiment["name"]) == ("queued", "first try")
    (stored,) = lab.experiments()
    assert stored.id == experiment["id"]
    assert stored.parameters == {
        "preset": "veryfast",
        "rate_control": "crf",
        "crf": 23,
        "bf": 2,
        "threads": 1,
        "clip": "game-of-life",
        "width": 640,
        "height": 360,
        "fps": 30,
        "frames": 60,
        "pixel_format": "yuv420p",
    }
    assert lab.messages() == [stored.id]
    (entry,) = lab.services.audit.page().entries
    assert (entry.who, entry.action, entry.experiment_id) == ("ada", "start", stored.id)
    assert (entry.detail["via"], entry.detail["parameters"]) == ("page", stored.parameters)


def test_numbers_are_kept_as_the_table_can_keep_them(lab: Lab) -> None:
    parameters = {"preset": "fast", "quality": 4e-190, "options": {"refs": 2.0}}
    kept = started(CLIENT.post("/experiments", START | {"parameters": parameters}, key="k1"))["parameters"]
    assert (kept["crf"], kept["refs"], isinstance(kept["refs"], int)) == (0, 2, True)


def test_without_a_name_it_is_called_after_what_it_does(lab: Lab) -> None:
    assert started(CLIENT.post("/experiments", START, key="k1"))["name"] == "game-of-life · x264 · CRF 23 · bf 2"


def test_starts_at_once_with_the_same_key_start_one_experiment(lab: Lab) -> None:
    request, control = StartRequest.from_document(START), lab.services.control
    found = at_once(lambda number: control.start(request, f"key-{number % 2}", "ada"), 10)
    assert len({each.experiment.id for each in found}) == sum(each.is_new for each in found) == 2
    assert len(lab.experiments()) == len(lab.audited()) == 2
    assert lab.counted() == {Status.QUEUED: 2}


def test_a_message_that_was_not_sent_is_sent_when_the_request_is_repeated(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(JobQueue, "send", lambda *_: lab.queue.sqs.get_queue_attributes(QueueUrl="http://nowhere/q"))
        assert CLIENT.post("/experiments", START, key="k1").status == 503
    experiment = started(CLIENT.post("/experiments", START, key="k1"), 200)
    assert lab.messages() == [experiment["id"]]
    assert lab.audited() == [("start", experiment["id"])]


def test_of_stops_at_once_one_cancels_a_queued_experiment(lab: Lab) -> None:
    experiment_id = started(CLIENT.post("/experiments", START, key="k1"))["id"]
    found = at_once(lambda _: lab.services.control.stop(experiment_id, "ada"))
    assert [each.status for each in found] == [Status.CANCELLED] * 6
    assert sum(isinstance(each, IllegalChangeError) for each in found) == 5
    refused = CLIENT.post(f"/experiments/{experiment_id}/stop")
    assert (refused.status, refused.document["present_status"]) == (409, "cancelled")
    assert lab.counted() == {Status.CANCELLED: 1}
    assert lab.audited() == [("stop", experiment_id), ("start", experiment_id)]


def test_a_running_experiment_is_told_to_stop_as_often_as_one_likes(lab: Lab) -> None:
    experiment_id = started(CLIENT.post("/experiments", START, key="k1"))["id"]
    held = lab.services.jobs.claim(experiment_id, "host-1", "build-1", datetime.now(UTC))
    first = started(CLIENT.post(f"/experiments/{experiment_id}/stop"), 200)
    again = started(CLIENT.post(f"/experiments/{experiment_id}/stop"), 200)
    assert (first["status"], first["stop_requested_at"]) == ("running", again["stop_requested_at"])
    assert lab.services.jobs.heartbeat(held, None, datetime.now(UTC)) is True


def test_what_is_not_there_cannot_be_changed(lab: Lab) -> None:
    for experiment_id in ("20261124-061256-x264-00000000", "a%2Fb", "references", "%00", "x" * 3000):
        path = f"/experiments/{experiment_id}"
        for answer in (
            CLIENT.post(f"{path}/stop"),
            CLIENT.post(f"{path}/rerun", key="k"),
            CLIENT.send("DELETE", path),
        ):
            assert (answer.status, answer.document["title"]) == (404, "No such experiment")


def test_a_rerun_is_the_same_again_and_names_its_parent(lab: Lab) -> None:
    parent_id = started(CLIENT.post("/experiments", START | {"name": "mine"}, key="k1"))["id"]
    lab.end(parent_id, status=Status.FAILED, error="no luck")
    found = at_once(lambda _: lab.services.control.rerun(parent_id, None, "k1", "ada"))
    (rerun_id,) = {each.experiment.id for each in found}
    assert started(CLIENT.post(f"/experiments/{parent_id}/rerun", key="k1"), 200)["id"] == rerun_id
    rerun, parent = lab.repository.get(rerun_id), lab.repository.get(parent_id)
    assert rerun is not None
    assert parent is not None
    assert (rerun.parent_id, rerun.name, rerun.parameters) == (parent_id, "mine", parent.parameters)
    record = lab.repository.record(parent_id)
    assert record is not None
    assert [again.id for again in record.reruns] == [rerun_id]
    assert lab.audited()[0] == ("rerun", rerun_id)


def test_a_rerun_may_have_other_parameters(lab: Lab) -> None:
    parent_id = started(CLIENT.post("/experiments", START, key="k1"))["id"]
    lab.end(parent_id, status=Status.SUCCEEDED)
    edited = {"parameters": {"preset": "fast", "quality": 30.5}}
    rerun = started(CLIENT.post(f"/experiments/{parent_id}/rerun", edited, key="k2"))
    assert (rerun["name"], rerun["parameters"]["crf"]) == ("game-of-life · x264 · CRF 30.5", 30.5)
    assert "bf" not in rerun["parameters"]
    refused = CLIENT.post(f"/experiments/{parent_id}/rerun", {"parameters": {"quality": 52}}, key="k3")
    assert {fault["path"] for fault in refused.document["problems"]} == {"/parameters/preset", "/parameters/quality"}


@pytest.mark.parametrize("action", ["rerun", "delete"])
def test_a_job_can_neither_be_run_again_nor_deleted(lab: Lab, action: str) -> None:
    experiment_id = started(CLIENT.post("/experiments", START, key="k1"))["id"]
    path = f"/experiments/{experiment_id}"
    refused = CLIENT.send("DELETE", path) if action == "delete" else CLIENT.post(f"{path}/rerun", key="k2")
    assert (refused.status, refused.document["present_status"]) == (409, "queued")
    assert refused.document["detail"].startswith(f"Experiment {experiment_id} cannot be ")
    assert len(lab.audited()) == 1


def test_an_experiment_that_no_codec_or_clip_is_left_for_cannot_be_run_again(lab: Lab) -> None:
    then = datetime(2025, 1, 1, tzinfo=UTC)
    old = Experiment(id="old", codec="mpeg2", clip="game-of-life", created_at=then, status=Status.FAILED)
    lab.repository.put(old)
    lab.repository.put(replace(old, id="older", codec="x264", clip="akiyo"))
    lab.repository.put(replace(old, id="oldest", codec="x264"))
    for experiment_id, reason in {"old": "codec 'mpeg2'", "older": "clip 'akiyo'", "oldest": "lack 'crf'"}.items():
        refused = CLIENT.post(f"/experiments/{experiment_id}/rerun", key="k")
        assert refused.status == 422
        assert reason in refused.document["detail"]


def test_all_that_failed_and_were_not_run_again_are_run_again_once(lab: Lab) -> None:
    ids = start_several(4)
    for experiment_id in ids[:3]:
        lab.end(experiment_id, status=Status.FAILED)
    lab.end(ids[3], status=Status.SUCCEEDED)
    started(CLIENT.post(f"/experiments/{ids[0]}/rerun", key="before"))
    first = CLIENT.post("/reruns", key="bulk").document
    assert {rerun["parent_id"] for rerun in first["started"]} == set(ids[1:3])
    again = CLIENT.post("/reruns", {}, key="bulk").document
    assert again["left_out"] == []
    assert sorted(rerun["id"] for rerun in again["started"]) == sorted(rerun["id"] for rerun in first["started"])
    assert CLIENT.post("/reruns", key="later").document == {"started": [], "left_out": []}
    assert len(lab.experiments()) == 7


def test_chosen_experiments_are_run_again_and_the_others_have_a_reason(lab: Lab) -> None:
    ids = start_several(2)
    lab.end(ids[0], status=Status.FAILED)
    done = CLIENT.post("/reruns", {"ids": [*ids, ids[0], "nothing"]}, key="bulk").document
    assert [rerun["parent_id"] for rerun in done["started"]] == [ids[0]]
    assert {left["id"]: left["reason"] for left in done["left_out"]} == {
        ids[1]: f"experiment {ids[1]} cannot be run again: it is queued",
        "nothing": "experiment nothing cannot be run again: there is none of that id",
    }


MEASURED: dict[str, Any] = {
    "status": Status.SUCCEEDED,
    "metrics": Metrics(psnr_db=41, ssim=0.99, compression_ratio=50, bitrate_kbps=800, encode_seconds=2),
    "rd_points": (RDPoint(bitrate_kbps=800, psnr_db=41, label="CRF 23"),),
}


def test_a_deleted_experiment_leaves_nothing_but_what_it_has_cost(lab: Lab) -> None:
    parent_id = started(CLIENT.post("/experiments", START, key="k1"))["id"]
    lab.end(parent_id, status=Status.FAILED)
    experiment_id = started(CLIENT.post(f"/experiments/{parent_id}/rerun", key="k2"))["id"]
    keys = [f"experiments/{experiment_id}/video.mp4", f"experiments/{experiment_id}/decoder.zip"]
    reference = "experiments/references/game-of-life-0.webm"
    for key in (*keys, reference):
        lab.s3.put_object(Bucket=BUCKET, Key=key, Body=b"12345")
    lab.end(experiment_id, **MEASURED, artefacts=Artefacts(video_key=keys[0], stored_bytes=15))
    lab.repository.put_frame_quality(experiment_id, FrameQuality(psnr_db=(41.0,), ssim=(0.99,), step=1))
    lines = [LogLine(1, number, datetime.now(UTC), "x264", "frame") for number in range(1, 2000)]
    lab.services.logs.append(experiment_id, lines, datetime.now(UTC))
    assert lab.repository.curve_points("game-of-life")
    assert [best.experiment_id for best in lab.repository.totals().best] == [experiment_id]

    assert CLIENT.send("DELETE", f"/experiments/{experiment_id}").status == 204

    record = lab.repository.record(parent_id)
    assert record is not None
    assert record.reruns == ()
    assert [experiment.id for experiment in lab.experiments()] == [parent_id]
    assert list(lab.services.logs.read(experiment_id)) == []
    assert (lab.repository.curve_points("game-of-life"), lab.repository.clips()) == ([], [])
    totals = lab.repository.totals()
    assert (lab.counted(), totals.best) == ({Status.FAILED: 1}, ())
    (usage,) = totals.usage
    # The clip's reference, counted with it, is still there.
    assert (usage.gpu_seconds, usage.succeeded, usage.failed, usage.stored_bytes) == (2, 1, 1, 5)
    left = [found["Key"] for found in lab.s3.list_objects_v2(Bucket=BUCKET, Prefix="experiments/")["Contents"]]
    assert reference in left
    assert not set(keys) & set(left)
    assert lab.audited()[0] == ("delete", experiment_id)
    assert CLIENT.send("DELETE", f"/experiments/{experiment_id}").status == 404


def test_the_next_best_and_other_points_of_the_curve_stay_when_the_best_is_deleted(lab: Lab) -> None:
    ids = start_several(3)
    for ratio, experiment_id in zip((30, 60, 40), ids, strict=True):
        lab.end(experiment_id, **MEASURED | {"metrics": replace(MEASURED["metrics"], compression_ratio=ratio)})
    assert CLIENT.send("DELETE", f"/experiments/{ids[1]}").status == 204
    assert [best.experiment_id for best in lab.repository.totals().best] == [ids[2]]
    assert {point.id for point in lab.repository.curve_points("game-of-life")} == {ids[0], ids[2]}
    assert lab.repository.clips() == ["game-of-life"]


def test_a_point_of_a_curve_that_is_another_experiments_by_now_stays(lab: Lab) -> None:
    first = started(CLIENT.post("/experiments", START, key="k1"))["id"]
    lab.end(first, **MEASURED)
    second = started(CLIENT.post(f"/experiments/{first}/rerun", key="k2"))["id"]
    lab.end(second, **MEASURED)
    assert CLIENT.send("DELETE", f"/experiments/{first}").status == 204
    assert [point.id for point in lab.repository.curve_points("game-of-life")] == [second]


def test_of_deletes_at_once_each_thing_is_counted_once(lab: Lab) -> None:
    ids = start_several(2)
    for experiment_id in ids:
        lab.end(experiment_id, **MEASURED, artefacts=Artefacts(stored_bytes=10))
    found = at_once(lambda _: lab.services.control.delete(ids[0], "ada"))
    assert None in found
    assert {each.status for each in found if each} <= {None}
    assert (lab.counted(), lab.repository.totals().usage[0].stored_bytes) == ({Status.SUCCEEDED: 1}, 10)
    assert lab.audited().count(("delete", ids[0])) == 1


def test_a_delete_that_did_not_come_to_its_end_is_completed_by_the_next(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = start_several(2)
    for experiment_id in ids:
        lab.end(experiment_id, **MEASURED)
        lab.s3.put_object(Bucket=BUCKET, Key=f"experiments/{experiment_id}/video.mp4", Body=b"1")
    with monkeypatch.context() as broken:
        broken.setattr(ExperimentFiles, "delete", lambda *_: lab.s3.head_bucket(Bucket="not-there"))
        assert CLIENT.send("DELETE", f"/experiments/{ids[0]}").status == 503
    assert [experiment.id for experiment in lab.experiments()] == [ids[1]]
    assert lab.services.control.files.stored_bytes(ids[0]) == 1
    assert CLIENT.send("DELETE", f"/experiments/{ids[1]}").status == 204
    assert lab.services.control.files.stored_bytes(ids[0]) == 0
    assert lab.counted() == {}


def test_the_key_of_a_deleted_experiment_is_spent(lab: Lab) -> None:
    experiment_id = started(CLIENT.post("/experiments", START, key="k1"))["id"]
    CLIENT.post(f"/experiments/{experiment_id}/stop")
    CLIENT.send("DELETE", f"/experiments/{experiment_id}")
    refused = CLIENT.post("/experiments", START, key="k1")
    assert (refused.status, refused.document["title"]) == (409, "Not with this key")


def test_a_stalled_experiment_has_to_be_stopped_before_it_can_be_deleted(lab: Lab) -> None:
    experiment_id = started(CLIENT.post("/experiments", START, key="k1"))["id"]
    lab.services.jobs.claim(experiment_id, "host-1", "build-1", datetime.now(UTC) - STALLED_AFTER)
    assert CLIENT.send("DELETE", f"/experiments/{experiment_id}").document["present_status"] == "running"
    assert started(CLIENT.post(f"/experiments/{experiment_id}/stop"), 200)["status"] == "cancelled"
    assert CLIENT.send("DELETE", f"/experiments/{experiment_id}").status == 204


def test_the_list_has_what_is_asked_for_page_by_page(lab: Lab) -> None:
    ids = [
        started(CLIENT.post("/experiments", START | {"name": f"n{number}"}, key=f"k{number}"))["id"]
        for number in range(3)
    ]
    lab.end(ids[1], status=Status.FAILED)
    seen, cursor = [], ""
    while cursor is not None:
        page = CLIENT.get("/experiments", {"limit": "2", "cursor": cursor} if cursor else {"limit": "2"})
        seen += [experiment["id"] for experiment in page.document["experiments"]]
        cursor = page.document["next_cursor"]
    assert seen == ids[::-1]
    for query, found in (({"status": "failed"}, ids[1]), ({"q": "N2"}, ids[2]), ({"codec": "x264", "q": "n0"}, ids[0])):
        assert [experiment["id"] for experiment in CLIENT.get("/experiments", query).document["experiments"]] == [found]
    for broken in ({"cursor": "nonsense"}, {"status": "lost"}, {"limit": "0"}):
        assert CLIENT.get("/experiments", broken).status == 400


def test_an_estimate_is_what_others_like_it_took_for_as_many_samples(lab: Lab) -> None:
    asked = {"codec": "x264", "clip": "game-of-life", "parameters": {"preset": "slow", "quality": 20}}
    assert CLIENT.post("/estimates", asked).document == {
        "usd": None,
        "gpu_seconds": None,
        "basis": "nothing like it has been measured",
    }
    sizes: dict[str, Scalar] = {"width": 320, "height": 180, "frames": 60, "preset": "slow"}
    then = datetime.now(UTC)
    for number, seconds in enumerate((1, 2, None)):
        measured = Experiment(
            id=f"e{number}",
            codec="x264",
            created_at=then + timedelta(seconds=number),
            status=Status.SUCCEEDED,
            parameters=sizes,
            metrics=Metrics(encode_seconds=seconds),
        )
        lab.repository.put(measured)
        lab.repository.put(replace(measured, id=f"f{number}", parameters=sizes | {"preset": "fast"}))
    # Four times as many samples, at a dollar a second.
    assert CLIENT.post("/estimates", asked).document == {"usd": 6, "gpu_seconds": 6, "basis": "mean of 2 like it"}


def test_the_monitor_tells_what_goes_on(lab: Lab) -> None:
    now = datetime.now(UTC)
    ids, jobs, monitor = start_several(4), lab.services.jobs, lab.services.monitor
    lab.end(ids[0], **MEASURED)
    jobs.heartbeat(jobs.claim(ids[1], "host-1", "build-1", now), 0.25, now)
    jobs.request_stop(ids[1], now)
    jobs.claim(ids[2], "host-2", "build-1", now - STALLED_AFTER)
    worker = Worker(name="host-1", build="build-1", host="g4dn.xlarge", started_at=now, job=ids[1])
    monitor.workers.seen(worker, now)
    lab.queue.receive(0, 60)
    monitor.dead_letters.send("lost")
    found = CLIENT.get("/monitor").document
    by_id = {job["id"]: job for job in found["jobs"]}
    assert {by_id[one]["status"] for one in ids[1:]} == {"running", "stalled", "queued"}
    running = by_id[ids[1]]
    assert (running["progress"], running["frames"], running["worker"]) == (0.25, 60, "host-1")
    assert (running["stop_requested"], by_id[ids[3]]["status"]) == (True, "queued")
    assert by_id[ids[2]]["status"] == "stalled"
    assert [(present["name"], present["job"]) for present in found["workers"]] == [("host-1", ids[1])]
    assert found["queue"] == {"waiting": 3, "in_work": 1, "dead": 1}
    # Two seconds of encoding, at a dollar each.
    assert found["spend"] == {"today_usd": 2, "month_usd": 2}
    assert [(ended["id"], ended["status"]) for ended in found["ended"]] == [(ids[0], "succeeded")]
    assert [(rate["of"], rate["requests"], rate["errors"]) for rate in found["errors"]] == [
        ("renderer", 0, 0),
        ("admin api", 0, 0),
        ("api", 0, 0),
    ]


def test_the_monitor_is_sent_again_only_where_something_has_changed(lab: Lab) -> None:
    (experiment_id,) = start_several(1)
    first = CLIENT.get("/monitor")
    known = {"if-none-match": first.headers["ETag"]}
    unchanged = CLIENT.get("/monitor", headers=known)
    assert (unchanged.status, unchanged.body) == (304, "")
    lab.services.control.stop(experiment_id, "ada")
    changed = CLIENT.get("/monitor", headers=known)
    assert (changed.status, changed.document["jobs"]) == (200, [])


def test_a_log_is_followed_piece_by_piece_to_its_end(lab: Lab) -> None:
    (experiment_id,) = start_several(1)
    path, now = f"/experiments/{experiment_id}/log", datetime.now(UTC)
    assert CLIENT.get(path).document == {"lines": [], "after": None, "complete": False}
    lines = [LogLine(1, number, now, "x264", f"[warning] line {number}") for number in range(1, 121)]
    lab.services.logs.append(experiment_id, lines, now)
    seen: list[Any] = []
    after: dict[str, str] = {}
    for expected in (50, 50, 20, 0):
        piece = CLIENT.get(path, {"limit": "50", **after}).document
        assert (len(piece["lines"]), piece["complete"]) == (expected, False)
        seen += piece["lines"]
        after = {"after": piece["after"]}
    assert [line["number"] for line in seen] == list(range(1, 121))
    assert (seen[0]["level"], seen[0]["source"], seen[0]["text"]) == ("warning", "x264", "[warning] line 1")
    lab.services.logs.append(experiment_id, [LogLine(2, 1, now, "worker", "again")], now)
    lab.end(experiment_id, status=Status.FAILED)
    last = CLIENT.get(path, after).document
    assert ([line["text"] for line in last["lines"]], last["after"], last["complete"]) == (["again"], "2-1", True)


def test_a_log_is_read_from_the_line_on_that_is_asked_for(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    (experiment_id,) = start_several(1)
    now = datetime.now(UTC)
    lines = [LogLine(1, number, now, "x264", "frame") for number in range(1, 1201)]
    lab.services.logs.append(experiment_id, lines, now)
    for last in (1, 49, 50, 51, 1149, 1199, 1200):
        assert [line.number for line in lab.services.logs.read(experiment_id, (1, last))] == list(range(last + 1, 1201))
    sent = []
    client = lab.services.logs.client
    client.meta.events.register("before-call.dynamodb.Query", lambda params, **_: sent.append(params["body"]))
    assert list(lab.services.logs.read(experiment_id, (1, 1190)))
    assert b"0001#00001141" in sent[0]


def test_a_line_that_has_overtaken_another_waits_for_it(lab: Lab) -> None:
    (experiment_id,) = start_several(1)
    path, now = f"/experiments/{experiment_id}/log", datetime.now(UTC)
    first, second, third = (LogLine(1, number, now, "x264", f"line {number}") for number in (1, 2, 3))
    lab.services.logs.append(experiment_id, [first], now)
    lab.services.logs.append(experiment_id, [third], now)
    assert CLIENT.get(path).document["after"] == "1-1"
    lab.services.logs.append(experiment_id, [second], now)
    assert [line["number"] for line in CLIENT.get(path).document["lines"]] == [1, 2, 3]


def test_of_a_log_with_a_gap_the_rest_is_shown(lab: Lab) -> None:
    (experiment_id,) = start_several(1)
    then = datetime.now(UTC) - timedelta(minutes=1)
    lab.services.logs.append(experiment_id, [LogLine(1, 7, then, "x264", "after lines that were lost")], then)
    assert CLIENT.get(f"/experiments/{experiment_id}/log").document["after"] == "1-7"


def test_a_piece_of_a_log_fits_into_an_answer_of_lambda(lab: Lab) -> None:
    (experiment_id,) = start_several(1)
    path, now = f"/experiments/{experiment_id}/log", datetime.now(UTC)
    lines = [LogLine(1, number, now, "x264", "\x01\u4e2d\U0001f600" * 160) for number in range(1, 2001)]
    lab.services.logs.append(experiment_id, lines, now)
    answer = CLIENT.get(path, {"limit": "5000"})
    assert 0 < len(answer.document["lines"]) < 2000
    assert len(json.dumps(answer.body)) < 6_000_000
    assert answer.document["complete"] is False


@pytest.mark.parametrize(
    "query",
    [{"after": "1"}, {"after": "-1-1"}, {"after": "1-1x"}, {"after": "1-999999999"}, {"limit": "0"}, {"limit": "5001"}],
    ids=str,
)
def test_a_piece_of_a_log_that_makes_no_sense_is_refused(lab: Lab, query: dict[str, str]) -> None:
    assert CLIENT.get("/experiments/e1/log", query).status == 400
    assert CLIENT.get("/experiments/e1/log").status == 404


def test_the_audit_trail_is_read_page_by_page(lab: Lab) -> None:
    (experiment_id,) = start_several(1)
    lab.services.jobs.claim(experiment_id, "host-1", "b", datetime.now(UTC))
    for _ in range(51):
        lab.services.control.stop(experiment_id, "grace", "chat")
    first = CLIENT.get("/audit").document
    assert [entry["action"] for entry in first["entries"]] == ["stop"] * 50
    assert (first["entries"][0]["who"], first["entries"][0]["detail"]) == ("grace", {"via": "chat"})
    second = CLIENT.get("/audit", {"cursor": first["next_cursor"]}).document
    assert [entry["action"] for entry in second["entries"]] == ["stop", "start"]
    assert second["next_cursor"] is None
    assert CLIENT.get("/audit", {"cursor": "2026"}).status == 400
