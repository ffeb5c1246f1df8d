"""Raw video files: measured ones are whole, of a known size and rate."""

import hashlib
from fractions import Fraction
from pathlib import Path

import pytest

from worker.y4m import VideoError, read_video

FRAME = b"FRAME\n" + b"\x10" * 6


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "clip.y4m"
    path.write_bytes(content)
    return path


def test_a_video_is_known_by_its_frames_not_its_header(tmp_path: Path) -> None:
    video = read_video(written(tmp_path, b"YUV4MPEG2 W2 H2 F30000:1001 Ip C420jpeg\n" + FRAME * 3))
    assert (video.width, video.height, video.fps, video.frames) == (2, 2, Fraction(30000, 1001), 3)
    assert (video.frame_bytes, video.raw_bytes) == (6, 18)
    assert video.duration_seconds == pytest.approx(0.1001)
    assert video.sha256 == hashlib.sha256(b"\x10" * 18).hexdigest()
    assert read_video(written(tmp_path, b"YUV4MPEG2 H2 W2 F5:1\n" + FRAME * 3)).sha256 == video.sha256


def test_odd_sizes_have_chroma_rounded_up(tmp_path: Path) -> None:
    frame = b"FRAME Ip\n" + b"\x10" * (9 + 2 * 4)
    assert read_video(written(tmp_path, b"YUV4MPEG2 W3 H3 F5:1 C420\n" + frame)).frame_bytes == 17


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no Y4M video"),
        (b"\x00\x00\x00\x20ftypisom", "is no Y4M video"),
        (b"YUV4MPEG2 W2 H2 F30:1 C420\n", "has no frames"),
        (b"YUV4MPEG2 W2 H2 F30:1 C420\n" + FRAME + FRAME[:-1], "is cut off or damaged after frame 1"),
        (b"YUV4MPEG2 W2 H2 F30:1 C420\n" + b"\x10" * 12, "is cut off or damaged after frame 0"),
        (b"YUV4MPEG2 W2 H2 F30:1 C444\n" + FRAME, "has 444 samples: only 8-bit 4:2:0 is measured"),
        (b"YUV4MPEG2 W2 H2 F30:1 C420p10\n" + FRAME, "has 420p10 samples"),
        (b"YUV4MPEG2 W2 F30:1 C420\n" + FRAME, "broken Y4M header"),
        (b"YUV4MPEG2 W2 H2 F30:0 C420\n" + FRAME, "broken Y4M header"),
        (b"YUV4MPEG2 W0 H2 F30:1 C420\n" + FRAME, "broken Y4M header"),
        (b"YUV4MPEG2 Wx H2 F30:1 C420\n" + FRAME, "broken Y4M header"),
        (b"YUV4MPEG2 W-2 H-2 F30:1 C420\n" + FRAME, "broken Y4M header"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(VideoError, match=reason):
        read_video(written(tmp_path, content))
