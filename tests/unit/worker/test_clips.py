"""Sample clips: the same frames on every run, and something for an encoder to do in them."""

from fractions import Fraction
from pathlib import Path

import pytest
from experiments.jobs.clip_catalogue import Shape

from tests.unit.worker.conftest import TINY
from worker.clips import RECIPES, Clip, make_clip, reference_video
from worker.command import CommandError
from worker.ffmpeg import run_ffmpeg
from worker.y4m import read_video


@pytest.mark.parametrize("name", RECIPES)
def test_a_clip_has_the_same_frames_wherever_it_is_made(name: str, tmp_path: Path) -> None:
    first = make_clip(name, tmp_path / "first", TINY)
    second = make_clip(name, tmp_path / "second", TINY)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert (first.video.width, first.video.height, first.video.fps, first.video.frames) == (64, 64, Fraction(30), 10)


@pytest.mark.parametrize("name", RECIPES)
def test_a_clip_moves_and_has_grain(name: str, tmp_path: Path) -> None:
    clip = make_clip(name, tmp_path, TINY)
    content, step = clip.path.read_bytes(), clip.video.frame_bytes + len("FRAME\n")
    frames = [content[end - clip.video.frame_bytes : end] for end in range(len(content), step, -step)]
    assert len(frames) == len(set(frames)) == TINY.frames
    assert all(len(set(frame)) > 50 for frame in frames), "a picture of few values is a flat one"


def test_a_clip_that_is_there_is_not_drawn_again(clip: Clip, clip_folder: Path) -> None:
    before = clip.path.stat().st_mtime_ns
    assert make_clip("game-of-life", clip_folder, TINY) == clip
    assert clip.path.stat().st_mtime_ns == before


def test_clips_of_other_shapes_lie_beside_each_other(clip: Clip, clip_folder: Path) -> None:
    other = make_clip("game-of-life", clip_folder, Shape(width=64, height=64, fps=30, frames=5))
    assert other.path != clip.path
    assert other.video.frames == 5


def test_the_reference_has_the_very_frames_of_the_clip(clip: Clip, tmp_path: Path) -> None:
    reference = reference_video(clip)
    assert reference.suffix == ".webm"
    decoded = tmp_path / "decoded.y4m"
    run_ffmpeg(["-i", reference, "-fps_mode", "passthrough", decoded], "decoding", tmp_path)
    assert read_video(decoded).sha256 == clip.video.sha256


def test_a_clip_that_cannot_be_drawn_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "broken", lambda shape: "no-such-filter")
    with pytest.raises(CommandError, match=r"drawing broken failed: .*no-such-filter"):
        make_clip("broken", tmp_path, TINY)
    assert list(tmp_path.iterdir()) == []
