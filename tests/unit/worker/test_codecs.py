"""The codecs: what they accept, and that what they refuse is refused before anything runs, with what they take."""

from pathlib import Path
from typing import Any

import pytest
from experiments.configuration import CodecConfiguration, ConfigurationError

from worker import codecs
from worker.codecs import CODECS, FFmpegCodec, find_codec
from worker.ffmpeg import encoders, filters


def configuration(**given: Any) -> CodecConfiguration:
    defaults: dict[str, Any] = {"codec": "x264", "quality": 28, "preset": "medium"}
    return CodecConfiguration(**defaults | given)


def test_the_binary_has_all_that_the_dashboard_shows() -> None:
    assert {codec.name for codec in CODECS if codec.unavailable() is None} == {"x264", "x265", "vp9", "av1"}
    assert {"libx264", "libx265", "libvpx-vp9"} <= encoders()
    assert {"psnr", "ssim", "libvmaf"} <= filters()


def test_an_unknown_codec_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="there is no codec 'x266': use one of x264, x265, vp9, av1"):
        find_codec("x266")


def test_the_next_encoder_is_taken_where_the_first_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "encoders", lambda: frozenset({"libaom-av1"}))
    assert find_codec("av1").encoder == "libaom-av1"


def test_a_codec_that_this_host_cannot_run_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "encoders", lambda: frozenset[str]())
    with pytest.raises(ConfigurationError, match=r"av1 cannot be used: .* no libsvtav1; .* no libaom-av1"):
        find_codec("av1")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"quality": 52}, "^x264: quality must be from 0 to 51$"),
        ({"quality": -1}, "from 0 to 51"),
        ({"quality": float("nan")}, "quality must be a number"),
        ({"rate_control": "qp"}, "no rate control 'qp': use crf"),
        ({"preset": "warp"}, "preset must be one of ultrafast, superfast"),
        ({"preset": "-y"}, "preset must be one of"),
        ({"options": {"passlogfile": "/etc/x"}}, "options/passlogfile is not known here: use g, bf, refs"),
        ({"options": {"x264-params": "log-file=/etc/x"}}, "options/x264-params is not known"),
        ({"options": {"g": "30:log-file=x"}}, "options/g must be a whole number"),
        ({"options": {"i": "/etc/passwd"}}, "options/i is not known"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(given: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        find_codec("x264").check(configuration(**given))


def test_a_configuration_that_makes_sense_is_accepted() -> None:
    find_codec("x264").check(configuration(quality=17.5, preset="fast", options={"tune": "grain", "g": 30}))
    find_codec("av1").check(configuration(codec="av1", quality=63, preset="8"))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.encoder)
def test_the_number_of_threads_reaches_the_encoder(codec: FFmpegCodec) -> None:
    one, two = (
        codec.encode_command(configuration(threads=threads), Path("clip.y4m"), Path("video.mp4")) for threads in (1, 2)
    )
    changed = {argument for argument in two if argument not in one}
    assert len(changed) == 1
    assert "2" in changed.pop()


def test_what_a_record_says_of_a_configuration() -> None:
    assert configuration(options={"profile": "high", "crf": "hidden"}).parameters() == {
        "profile": "high",
        "preset": "medium",
        "rate_control": "crf",
        "crf": 28,
        "threads": 1,
    }
    assert configuration(quality=17.5).label == "CRF 17.5"
    assert configuration(quality=28.0).label == "CRF 28"
