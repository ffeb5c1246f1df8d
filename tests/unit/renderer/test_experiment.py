"""The page of one experiment: what it shows of good, broken and hostile items, and where it leads."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from experiments.frame_quality import FrameQuality

from tests.unit.renderer.conftest import Ask
from tests.unit.renderer.fakes import FakeTable, experiment_item
from tests.unit.renderer.html_text import links_of, rows_of, text_of
from tests.unit.renderer.test_overview import BROKEN_ITEMS, HOSTILE

SHA256 = "5f" * 32


def test_everything_recorded_is_shown_with_its_unit(ask: Ask, table: FakeTable) -> None:
    metrics = {
        "psnr_db": 41.268,
        "psnr_y_db": 40.5,
        "psnr_u_db": 45,
        "psnr_v_db": 120,
        "ssim": 0.98765,
        "ssim_y": 0.98,
        "vmaf": 93.456,
        "bitrate_kbps": 1234.4,
        "encoded_bytes": 308600,
        "raw_bytes": 20736000,
        "duration_seconds": 2,
        "encode_seconds": 3.21,
        "encode_fps": 18.69,
    }
    artefacts = {"decoder_key": "experiments/e1/decoder.zip", "decoder_bytes": 123456, "decoder_sha256": SHA256}
    table.hold(experiment_item("e1", metrics=metrics, artefacts=artefacts, worker="gpu-7", attempt=2))
    body = ask("/experiments/e1")["body"]
    assert ["PSNR", "41.27 dB", "40.50 dB", "45.00 dB", "≥ 100 dB"] in rows_of(body)
    assert ["SSIM", "0.9877", "0.9800", "–", "–"] in rows_of(body)  # noqa: RUF001 the dash
    assert ["VMAF", "93.46", "–", "–", "–"] in rows_of(body)  # noqa: RUF001 the dash
    assert ["width", "640"] in rows_of(body)
    text = text_of(body)
    for written in (
        *("Bitrate 1,234 kbps", "Encoded size 308.6 kB", "Raw size 20.7 MB", "Clip length 2.0 s"),
        *("Waited in the queue 3.9 s", "From start to end 12.3 s", "Encoding 3.2 s", "Encoding speed 18.7 fps"),
        *("Cost 0.0012 USD", "Queued 2026-11-24 06:12:56 UTC", "Started 2026-11-24 06:13:00 UTC"),
        *("Finished 2026-11-24 06:13:12 UTC", "Worker gpu-7", "Attempt 2", "Size 123.5 kB", f"SHA-256 {SHA256}"),
    ):
        assert written in text


def test_frames_are_drawn_where_they_are_recorded(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("e1"))
    assert "Frame by frame" not in text_of(ask("/experiments/e1")["body"])
    table.hold_unlisted(FrameQuality(step=4, psnr_db=(41.0, 38.5, 42.0), ssim=(0.98, 0.96, 0.98)).to_item("e1"))
    body = ask("/experiments/e1")["body"]
    assert "Each value is the worst of 4 frames." in text_of(body)
    assert "From 38.50 dB (frame 5) to 42.00 dB." in text_of(body)
    assert 'points="0.0,40.0 300.0,140.0 600.0,0.0"' in body


def test_a_single_frame_or_a_constant_is_a_level_line(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("e1"))
    table.hold_unlisted(FrameQuality(step=1, psnr_db=(41.0,), ssim=(1.0, 1.0)).to_item("e1"))
    body = ask("/experiments/e1")["body"]
    assert 'points="0.0,70.0 600,70.0"' in body
    assert 'points="0.0,70.0 600.0,70.0"' in body


def test_a_failure_says_why_and_shows_the_end_of_its_log(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("e1", status="failed", metrics={}, artefacts={}, error="crf 99", log_tail="exit 234"))
    body = ask("/experiments/e1")["body"]
    assert "What went wrong crf 99 exit 234" in text_of(body)
    assert "<video" not in body
    assert "There is none to download." in text_of(body)


@pytest.mark.parametrize(
    ("status", "is_followed", "shown"),
    [
        ("queued", True, "Queued queued "),
        ("running", True, "Running 42 % queued "),
        ("succeeded", False, "Succeeded Excellent"),
        ("odd", False, "Unknown Excellent"),
    ],
)
def test_the_page_of_an_experiment_that_waits_or_runs_is_followed_and_tells_its_age(
    ask: Ask, table: FakeTable, status: str, is_followed: bool, shown: str
) -> None:
    table.hold(experiment_item("e1", status=status, progress=0.42))
    body = ask("/experiments/e1")["body"]
    assert ("/live.js" in body) is is_followed
    assert shown in text_of(body)


def test_video_and_reference_play_side_by_side(ask: Ask, table: FakeTable) -> None:
    artefacts = {"video_key": "experiments/e1/video.mp4", "reference_key": "experiments/references/clip.webm"}
    table.hold(experiment_item("e1", artefacts=artefacts), experiment_item("e2", artefacts={"video_key": "v"}))
    body = ask("/experiments/e1")["body"]
    assert body.count("<video controls") == 2
    assert 'src="../experiments/e1/video"' in body
    assert 'src="../experiments/e1/reference"' in body
    assert "/compare.js" in body
    assert "/compare.js" not in ask("/experiments/e2")["body"]


def test_the_reference_link_leads_to_a_signed_url(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("e1", artefacts={"reference_key": "experiments/references/clip.webm"}))
    answer = ask("/experiments/e1/reference")
    assert answer["statusCode"] == 302
    assert urlsplit(answer["headers"]["Location"]).path.endswith("experiments/references/clip.webm")


def test_it_leads_to_its_neighbours_and_to_what_it_runs_again(ask: Ask, table: FakeTable) -> None:
    table.hold(experiment_item("e3"), experiment_item("e2", parent_id="e1"), experiment_item("e1"))
    links = links_of(ask("/experiments/e2")["body"])
    assert [link for link in links if link.startswith("../experiments/e") and link.count("/") == 2] == [
        *("../experiments/e3", "../experiments/e1", "../experiments/e1"),
    ]
    newest, oldest = (text_of(ask(f"/experiments/{name}")["body"]) for name in ("e3", "e1"))
    assert ("Newer" in newest, "Older" in newest) == (False, True)
    assert ("Newer" in oldest, "Older" in oldest) == (True, False)


def test_it_leads_to_the_curves_that_it_is_a_point_of(ask: Ask, table: FakeTable) -> None:
    measured = {"clip": "game of life", "rd_points": [{"bitrate_kbps": 900, "psnr_db": 38.2}]}
    table.hold(experiment_item("e1", **measured), experiment_item("e2", **measured, status="failed"))
    assert "../curves?clip=game+of+life" in links_of(ask("/experiments/e1")["body"])
    assert "../curves?clip=game+of+life" not in links_of(ask("/experiments/e2")["body"])


@pytest.mark.parametrize("broken", BROKEN_ITEMS, ids=range(len(BROKEN_ITEMS)))
def test_a_broken_item_still_has_a_page(ask: Ask, table: FakeTable, broken: dict[str, Any]) -> None:
    table.hold({**broken, "pk": "EXPERIMENT#x"})
    table.hold_unlisted({"pk": "EXPERIMENT#x", "sk": "FRAMES", "psnr_db": "broken"})
    answer = ask("/experiments/x")
    assert answer["statusCode"] == 200
    assert "Decoder" in text_of(answer["body"])


def test_hostile_text_stays_text(ask: Ask, table: FakeTable) -> None:
    fields = dict.fromkeys(("name", "codec", "error", "log_tail", "worker", "parent_id"), HOSTILE)
    table.hold(experiment_item("e1", **fields, parameters={HOSTILE: HOSTILE}))
    body = ask("/experiments/e1")["body"]
    assert "<script>" not in body
    assert "<img" not in body
    assert HOSTILE in text_of(body)
    assert not any("alert" in link for link in links_of(body))


@pytest.mark.parametrize("experiment_id", ["nope", "<script>alert(1)</script>", "x" * 257, "..", "a b", "e1/"])
def test_an_id_that_is_none_is_a_friendly_404(ask: Ask, experiment_id: str) -> None:
    answer = ask(f"/experiments/{experiment_id}")
    assert answer["statusCode"] == 404
    assert "<script" not in answer["body"]
    assert "See the newest experiments" in text_of(answer["body"])
