"""Sample clips, made by ffmpeg's own sources: motion, texture, hard edges and grain, the same frames on every run.

A clip is a Y4M file in a cache folder of the caller's choice, named by how it is made, so that a changed recipe makes a
new one.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.jobs.clip_catalogue import CLIPS, Shape

from worker.ffmpeg import REPRODUCIBLE, run_ffmpeg
from worker.y4m import Video, read_video


@dataclass(frozen=True, slots=True)
class Clip:
    """Raw video to encode."""

    name: str
    path: Path
    video: Video


def _mandelbrot_zoom(shape: Shape) -> str:
    """Draw a zoom to the rim of the Mandelbrot set under a swaying camera, with grain: fine texture, smooth areas."""
    width, height = shape.width * 6 // 5, shape.height * 6 // 5
    return (
        f"mandelbrot=size={width}x{height}:rate={shape.fps}:maxiter=600:start_x=-0.7436:start_y=-0.1318"
        f":start_scale=0.4:end_scale=0.02:end_pts={shape.frames},gblur=sigma=0.8"
        f",crop={shape.width}:{shape.height}:x='(in_w-out_w)*(0.5+0.4*sin(t*3))':y='(in_h-out_h)*(0.5+0.4*cos(t*2))'"
        ",format=yuv420p,noise=c0s=4:c0f=t+u:c0_seed=7"
    )


def _game_of_life(shape: Shape) -> str:
    """Draw Conway's game of life over a turning test picture, with grain: chaotic motion, text and hard edges."""
    cells = f"{max(shape.width // 4, 16)}x{max(shape.height // 4, 16)}"
    size = f"{shape.width}:{shape.height}"
    return (
        f"life=size={cells}:rate={shape.fps}:mold=10:random_seed=5:random_fill_ratio=0.2"
        f":death_color=#205040:life_color=#f0e0a0:mold_color=#402060,scale={size},format=gbrp[cells]"
        f";testsrc2=size={shape.width}x{shape.height}:rate={shape.fps},format=gbrp,rotate=a=t*0.5:c=gray[picture]"
        ";[cells][picture]blend=all_mode=average,gblur=sigma=0.8,format=yuv420p,noise=c0s=3:c0f=t:c0_seed=11"
    )


RECIPES: dict[str, Callable[[Shape], str]] = {
    "mandelbrot-zoom": _mandelbrot_zoom,
    "game-of-life": _game_of_life,
}
"""How to draw each sample clip, as a graph of ffmpeg's filters, by the clip's name."""


_FAST_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-row-mt", "1")
LOSSLESS = (*_FAST_VP9, "-lossless", "1", *REPRODUCIBLE, "-f", "webm")
"""ffmpeg's arguments for a WebM that browsers play and that has the very frames of its input.

In a third of the time that the deadline `good` takes, at a tenth more bytes.
"""


def make_clip(name: str, cache_folder: Path, shape: Shape | None = None) -> Clip:
    """Return a sample clip, in its usual shape or another; drawn now unless the cache folder has it.

    Raises:
        KeyError: there is no recipe of that name.
        CommandError: ffmpeg could not draw it.
        OSError: the cache folder cannot be written.
    """
    shape = shape or CLIPS[name].shape
    graph = f"sws_flags=bicubic+accurate_rnd+bitexact;{RECIPES[name](shape)}[out]"
    arguments = ["-filter_complex", graph, "-map", "[out]", "-frames:v", str(shape.frames), "-f", "yuv4mpegpipe"]
    path = cache_folder / f"{name}-{_digest(arguments)}.y4m"
    _make_once(path, arguments, f"drawing {name}")
    return Clip(name, path, read_video(path))


def reference_video(clip: Clip) -> Path:
    """Return the clip as browsers play it, without loss (VP9 in WebM), encoded now unless it lies beside the clip.

    Raises:
        CommandError: ffmpeg could not encode it.
    """
    path = clip.path.with_name(f"{clip.name}-{clip.video.sha256[:16]}.webm")
    _make_once(path, ["-i", clip.path, *LOSSLESS], f"reference of {clip.name}")
    return path


def _make_once(path: Path, arguments: Sequence[str | Path], work: str) -> None:
    """Let ffmpeg make a file, which appears whole or not at all, also if this process is killed or another makes it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        run_ffmpeg([*arguments, unfinished], work, path.parent)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _digest(arguments: list[str]) -> str:
    return hashlib.sha256("\n".join(arguments).encode()).hexdigest()[:12]
