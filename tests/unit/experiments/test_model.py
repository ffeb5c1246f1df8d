"""Experiments: one shape when written, any shape when read."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from experiments.attribute_values import item_to_attribute_values, item_to_python
from experiments.fields import iso_utc
from experiments.metrics import Metrics, RDPoint
from experiments.model import Artefacts, Experiment, Status, new_experiment_id

CREATED = datetime(2026, 11, 24, 6, 12, 56, 123456, tzinfo=UTC)
WHOLE = Experiment(
    id="20261124-061256-x265-9f86d081",
    name="mandelbrot-zoom · x265 · CRF 28",
    codec="x265",
    clip="mandelbrot-zoom",
    status=Status.SUCCEEDED,
    created_at=CREATED,
    updated_at=CREATED + timedelta(seconds=3),
    started_at=CREATED + timedelta(seconds=1),
    finished_at=CREATED + timedelta(seconds=3),
    parameters={"encoder": "libx265", "crf": 28, "scale": 0.5, "lossless": False},
    metrics=Metrics(
        psnr_db=37.25,
        psnr_y_db=36.5,
        psnr_u_db=40.125,
        psnr_v_db=41.0,
        ssim=0.9612,
        ssim_y=0.95,
        ssim_u=0.97,
        ssim_v=0.98,
        vmaf=91.3,
        bitrate_kbps=512.4,
        compression_ratio=163.9,
        encode_seconds=1.75,
        encode_fps=34.3,
        duration_seconds=2.0,
        encoded_bytes=128_100,
        raw_bytes=20_736_000,
    ),
    rd_points=(RDPoint(bitrate_kbps=512.4, psnr_db=37.25, ssim=0.9612, vmaf=91.3, label="CRF 28"),),
    artefacts=Artefacts(
        video_key="experiments/x/video.mp4",
        reference_key="experiments/x/reference.webm",
        decoder_key="experiments/x/decoder.zip",
        decoder_bytes=130_000,
        decoder_sha256="ab" * 32,
    ),
    cost_usd=0.00026,
    error="",
    log_tail="",
    worker="host-1",
    worker_build="0f3a",
    heartbeat_at=datetime(2026, 11, 24, 6, 13, tzinfo=UTC),
    stop_requested_at=datetime(2026, 11, 24, 6, 14, tzinfo=UTC),
    attempt=2,
    parent_id="20261124-061000-x265-00000000",
)


def through_dynamodb(experiment: Experiment) -> Experiment:
    return Experiment.from_item(item_to_python(item_to_attribute_values(experiment.to_item())))


def test_what_is_written_is_what_is_read() -> None:
    assert through_dynamodb(WHOLE) == WHOLE
    assert Experiment.from_item(WHOLE.to_item()) == WHOLE


def test_an_item_carries_its_keys_and_is_listed_by_time() -> None:
    item = WHOLE.to_item()
    assert item["pk"] == "EXPERIMENT#20261124-061256-x265-9f86d081"
    assert (item["sk"], item["feed"]) == ("EXPERIMENT", "EXPERIMENTS")
    assert item["created_at"] == "2026-11-24T06:12:56.123456Z"
    assert item["metrics"]["psnr_db"] == Decimal("37.25")


def test_what_is_unknown_is_not_written() -> None:
    queued = Experiment(id="a", created_at=CREATED, status=Status.QUEUED)
    assert queued.to_item() == {
        "pk": "EXPERIMENT#a",
        "sk": "EXPERIMENT",
        "feed": "EXPERIMENTS",
        "id": "a",
        "status": "queued",
        "created_at": "2026-11-24T06:12:56.123456Z",
    }


@pytest.mark.parametrize("experiment", [Experiment(created_at=CREATED), Experiment(id="a")])
def test_an_item_that_no_listing_would_show_is_refused(experiment: Experiment) -> None:
    with pytest.raises(ValueError, match="needs an id and created_at"):
        experiment.to_item()


def test_times_sort_as_text_whatever_their_zone_and_fraction() -> None:
    whole_second = datetime(2026, 11, 24, 7, 0, tzinfo=timezone(timedelta(hours=1)))
    assert iso_utc(whole_second) == "2026-11-24T06:00:00.000000Z"
    assert iso_utc(whole_second) < iso_utc(CREATED)


def test_an_id_sorts_by_time_and_is_safe_in_a_url() -> None:
    identifier = new_experiment_id(CREATED, "../Neural codec/é v2")
    assert re.fullmatch(r"20261124-061256-neural-codec---v2-[0-9a-f]{8}", identifier)
    assert new_experiment_id(CREATED, "x265") != new_experiment_id(CREATED, "x265")
    assert re.fullmatch(r"20261124-061256-codec-[0-9a-f]{8}", new_experiment_id(CREATED, "ø"))


DEEP_JSON = "[" * 100_000
HOSTILE_VALUES: list[Any] = [
    None,
    "",
    " ",
    "abc",
    "NaN",
    "nan",
    "-inf",
    "1e999",
    "9" * 5000,
    10**400,
    -1,
    -0.0001,
    float("nan"),
    float("-inf"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("-Infinity"),
    Decimal("1e300"),
    True,
    [],
    {},
    [[[]]],
    {"N": "3"},
    {"psnr_db": {"psnr_db": {}}},
    [None, 1, "x", {"bitrate_kbps": "fast"}],
    b"\x00\xff",
    {1, 2},
    object(),
    "{",
    "{}",
    "[]",
    "null",
    '"text"',
    '{"psnr_db": NaN}',
    '{"psnr_db": [1]}',
    '[{"bitrate_kbps": null}]',
    DEEP_JSON,
    '"\\ud800"',
    "\ud800",
    "<script>alert(1)</script>",
    "\x00\x1b[31m",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-13-45T99:99:99Z",
]
ATTRIBUTES = [*WHOLE.to_item(), "error", "log_tail", "experiment_id", "timestamp", "timestamp_iso", "experiments"]


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_one_broken_attribute_costs_no_other(attribute: str) -> None:
    for value in HOSTILE_VALUES:
        experiment = Experiment.from_item(WHOLE.to_item() | {attribute: value})
        assert_presentable(experiment)
        if attribute != "metrics":
            assert experiment.metrics == WHOLE.metrics, value
        if attribute != "codec":
            assert experiment.codec == "x265", value


@pytest.mark.parametrize("container", ["metrics", "artefacts", "parameters", "rd_points"])
def test_one_broken_part_of_a_map_costs_no_other(container: str) -> None:
    whole = WHOLE.to_item()[container]
    names = whole[0] if container == "rd_points" else whole
    for name in [*names, "unknown", 7]:
        for value in HOSTILE_VALUES:
            broken = {**names, name: value}
            experiment = Experiment.from_item(
                WHOLE.to_item() | {container: [broken, *whole] if container == "rd_points" else broken}
            )
            assert_presentable(experiment)
            if container == "metrics" and name != "ssim_y":
                assert experiment.metrics.ssim_y == 0.95
            if container == "rd_points":
                assert experiment.rd_points[-1] == WHOLE.rd_points[0]


@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=lambda value: f"{value!r:.20}")
def test_an_item_that_is_broken_all_over_is_still_presentable(value: Any) -> None:
    assert_presentable(Experiment.from_item(dict.fromkeys(ATTRIBUTES, value)))
    assert_presentable(Experiment.from_item({name: value for name in WHOLE.to_item() if name not in ("pk", "id")}))


def test_an_empty_item_is_an_experiment_of_which_nothing_is_known() -> None:
    assert Experiment.from_item({}) == Experiment()


def assert_presentable(experiment: Experiment) -> None:
    """Everything has the type it promises, and texts can be sent to a browser."""
    for name in ("id", "name", "codec", "clip", "error", "log_tail", "worker", "worker_build"):
        getattr(experiment, name).encode()
    assert experiment.status is None or isinstance(experiment.status, Status)
    for name in ("created_at", "updated_at", "started_at", "finished_at", "heartbeat_at", "stop_requested_at"):
        moment = getattr(experiment, name)
        assert moment is None or iso_utc(moment).endswith("Z")
    for name in Metrics.__slots__:
        value = getattr(experiment.metrics, name)
        assert value is None or (-1 <= value < float("inf") and f"{value:.2f}")
    for point in experiment.rd_points:
        assert point.bitrate_kbps >= 0
    for parameter in experiment.parameters.values():
        str(parameter).encode()
    assert experiment.cost_usd is None or 0 <= experiment.cost_usd < float("inf")


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("2026-11-24T06:12:56.123456Z", CREATED),
        ("2026-11-24T07:12:56.123456+01:00", CREATED),
        ("2026-11-24T06:12:56.123456", CREATED),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
        (1760724136, datetime(2025, 10, 17, 18, 2, 16, tzinfo=UTC)),
        (Decimal("1760724136"), datetime(2025, 10, 17, 18, 2, 16, tzinfo=UTC)),
        ("1760724136", datetime(2025, 10, 17, 18, 2, 16, tzinfo=UTC)),
        (1760724136000, datetime(2025, 10, 17, 18, 2, 16, tzinfo=UTC)),
        ("yesterday", None),
        (True, None),
        (1e300, None),
    ],
)
def test_times_of_several_shapes(stored: object, read: datetime | None) -> None:
    assert Experiment.from_item({"created_at": stored}).created_at == read


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (Decimal("37.25"), 37.25),
        ("37.25", 37.25),
        (37, 37.0),
        ("inf", 100.0),
        (float("inf"), 100.0),
        (132.4, 100.0),
        (-3, None),
        ("37 dB", None),
    ],
)
def test_psnr_of_several_shapes(stored: object, read: float | None) -> None:
    assert Experiment.from_item({"metrics": {"psnr_db": stored}}).metrics.psnr_db == read


@pytest.mark.parametrize(("stored", "read"), [(0.97, 0.97), ("0.97", 0.97), (97, None), (-1.5, None), (1, 1.0)])
def test_ssim_outside_its_range_is_broken(stored: object, read: float | None) -> None:
    assert Experiment.from_item({"metrics": {"ssim": stored}}).metrics.ssim == read


def test_maps_and_lists_may_be_json_text() -> None:
    experiment = Experiment.from_item(
        {
            "metrics": json.dumps({"psnr_db": "33.5", "encoded_bytes": "1200"}),
            "rd_points": json.dumps([{"bitrate_kbps": 100, "psnr_db": 33.5}, {"psnr_db": 1}]),
            "parameters": json.dumps({"crf": 28, "preset": "fast", "nested": {"lost": 1}}),
        }
    )
    assert (experiment.metrics.psnr_db, experiment.metrics.encoded_bytes) == (33.5, 1200)
    assert experiment.rd_points == (RDPoint(bitrate_kbps=100, psnr_db=33.5),)
    assert experiment.parameters == {"crf": 28, "preset": "fast"}


def test_a_name_is_always_there_if_an_id_is() -> None:
    assert Experiment.from_item({"pk": "EXPERIMENT#a-1", "sk": "EXPERIMENT"}).name == "a-1"
    assert Experiment.from_item({"id": 17}).name == "17"


def test_an_item_of_the_old_system_with_results_as_json_text() -> None:
    runs = [
        {"experiment_type": "baseline", "status": "completed"},
        {
            "experiment_type": "real_procedural_generation",
            "status": "completed",
            "real_metrics": {"bitrate_mbps": 1.25, "psnr_db": "35.5", "ssim": 0.961, "duration": 10, "fps": 30},
            "decoder_s3_key": "decoders/exp_1760724136.py",
            "video_url": "https://lab-videos.s3.amazonaws.com/reconstructed/exp%201.mp4?X-Amz-Signature=0a",
        },
    ]
    experiment = Experiment.from_item(
        {
            "experiment_id": "proc_exp_1760724136",
            "timestamp": Decimal("1760724136"),
            "timestamp_iso": "",
            "status": "completed",
            "experiments": json.dumps(runs),
        }
    )
    assert experiment.id == experiment.name == "proc_exp_1760724136"
    assert experiment.codec == "real_procedural_generation"
    assert experiment.status is Status.SUCCEEDED
    assert experiment.created_at == datetime(2025, 10, 17, 18, 2, 16, tzinfo=UTC)
    assert experiment.metrics == Metrics(psnr_db=35.5, ssim=0.961, bitrate_kbps=1250.0, duration_seconds=10.0)
    assert experiment.artefacts.decoder_key == "decoders/exp_1760724136.py"
    assert experiment.artefacts.video_key == "reconstructed/exp 1.mp4"


def test_an_item_of_the_old_system_with_results_of_its_own() -> None:
    experiment = Experiment.from_item(
        {
            "experiment_id": "gpu_exp_1",
            "timestamp": "1760724136",
            "status": "timed_out",
            "psnr": "31.2",
            "ssim": "0.91",
            "bitrate": "640",
            "experiments": '[{"failure_reason": "stuck in design"}]',
        }
    )
    assert experiment.metrics == Metrics(psnr_db=31.2, ssim=0.91, bitrate_kbps=640.0)
    assert (experiment.status, experiment.error) == (Status.FAILED, "stuck in design")


def test_files_of_the_old_system_are_also_named_beside_the_runs() -> None:
    artifacts = {"video_url": "https://[broken", "decoder_s3_key": "decoders/a.py"}
    experiment = Experiment.from_item({"experiment_id": "a", "timestamp": 1760724136, "artifacts": artifacts})
    assert experiment.artefacts == Artefacts(decoder_key="decoders/a.py")


def test_an_item_of_the_old_system_can_be_stored_in_the_new_table() -> None:
    old = Experiment.from_item({"experiment_id": "gpu_exp_1", "timestamp": 1760724136, "status": "running"})
    assert through_dynamodb(old) == old
    assert old.to_item()["status"] == "running"
