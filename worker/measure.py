"""What came out of an encode: quality by ffmpeg's psnr, ssim and libvmaf filters, and rate and speed by arithmetic.

Every measurement compares decoded frames with the raw ones by their number, never by time stamps: those of a container
are rounded (Matroska's to milliseconds), and ffmpeg would then compare a frame with its neighbour.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from experiments.frame_quality import FrameQuality
from experiments.metrics import Metrics, psnr

from worker.command import CommandError
from worker.ffmpeg import filters, run_ffmpeg
from worker.y4m import Video, VideoError

_PSNR = re.compile(r"PSNR y:(\S+) u:(\S+) v:(\S+) average:(\S+)")
_SSIM = re.compile(r"SSIM Y:(\S+) \S+ U:(\S+) \S+ V:(\S+) \S+ All:(\S+)")
# A line a frame: https://ffmpeg.org/ffmpeg-filters.html#psnr and #ssim.
_PSNR_FILE, _SSIM_FILE = "psnr.log", "ssim.log"
_FRAME_PSNR, _FRAME_SSIM = re.compile(r"psnr_avg:(\S+)"), re.compile(r"All:(\S+)")
_VMAF = re.compile(r"VMAF score: (\S+)")
_PSNR_AND_SSIM = f"psnr=stats_file={_PSNR_FILE}", f"ssim=stats_file={_SSIM_FILE}"
_AND_VMAF = (*_PSNR_AND_SSIM, "libvmaf=model=version=vmaf_v0.6.1")


def with_quality(metrics: Metrics, original: Path, decoded: Path, folder: Path) -> Metrics:
    """Add the quality of a decoded Y4M file beside the original of the same size and number of frames.

    PSNR in dB per plane and over all of a frame's samples, both from the mean squared error of the whole clip
    (https://ffmpeg.org/ffmpeg-filters.html#psnr), 100 where the frames are identical; SSIM per plane and over all, its
    planes weighted by their samples (https://ffmpeg.org/ffmpeg-filters.html#ssim); VMAF by libvmaf's built-in model
    v0.6.1, where this ffmpeg has it and the frames are large enough. What `frame_quality` reads is left in the folder.

    Raises:
        CommandError: ffmpeg could not compare them.
    """
    log = _compare(original, decoded, folder)
    psnrs, ssims, vmaf = _PSNR.search(log), _SSIM.search(log), _VMAF.search(log)
    if not psnrs or not ssims:
        raise CommandError("the comparison with the original printed no PSNR or SSIM", log)
    psnr_y_db, psnr_u_db, psnr_v_db, psnr_db = (psnr(value) for value in psnrs.groups())
    ssim_y, ssim_u, ssim_v, ssim = (float(value) for value in ssims.groups())
    return replace(
        metrics,
        psnr_db=psnr_db,
        psnr_y_db=psnr_y_db,
        psnr_u_db=psnr_u_db,
        psnr_v_db=psnr_v_db,
        ssim=ssim,
        ssim_y=ssim_y,
        ssim_u=ssim_u,
        ssim_v=ssim_v,
        vmaf=float(vmaf[1]) if vmaf else None,
    )


def frame_quality(folder: Path) -> FrameQuality:
    """Return how good each frame is, from the logs that `with_quality` has left in a folder."""
    psnrs = _FRAME_PSNR.findall((folder / _PSNR_FILE).read_text(encoding="ascii"))
    ssims = _FRAME_SSIM.findall((folder / _SSIM_FILE).read_text(encoding="ascii"))
    return FrameQuality.of([float(value) for value in psnrs], [float(value) for value in ssims])


def with_rate_and_speed(metrics: Metrics, original: Video, encoded_bytes: int, encode_seconds: float) -> Metrics:
    """Add what follows from sizes and times: the bitstream's file as a whole counts, its container included."""
    return replace(
        metrics,
        encoded_bytes=encoded_bytes,
        raw_bytes=original.raw_bytes,
        duration_seconds=round(original.duration_seconds, 3),
        bitrate_kbps=round(encoded_bytes * 8 / 1000 / original.duration_seconds, 3),
        compression_ratio=round(original.raw_bytes / encoded_bytes, 3),
        encode_seconds=round(encode_seconds, 3),
        encode_fps=round(original.frames / encode_seconds, 2),
    )


def check_same_shape(original: Video, decoded: Video) -> None:
    """Raise VideoError where a decoded clip has another size or number of frames: its metrics would mean nothing."""
    if (decoded.width, decoded.height) != (original.width, original.height):
        raise VideoError(
            f"decoded to {decoded.width}x{decoded.height}, but the clip has {original.width}x{original.height}"
        )
    if decoded.frames != original.frames:
        raise VideoError(f"decoded to {decoded.frames} frames, but the clip has {original.frames}")


def _compare(original: Path, decoded: Path, folder: Path) -> str:
    """Return the log of one pass of all filters; of one without VMAF, where that cannot be measured."""
    if "libvmaf" in filters():
        try:
            return _filter(_AND_VMAF, original, decoded, folder)
        except CommandError:
            pass
    return _filter(_PSNR_AND_SSIM, original, decoded, folder)


def _filter(comparisons: Sequence[str], original: Path, decoded: Path, folder: Path) -> str:
    copies = [
        f"[{source}:v]settb=1/25,setpts=N,split={len(comparisons)}"
        + "".join(f"[{source}-{place}]" for place in range(len(comparisons)))
        for source in (0, 1)
    ]
    graph = ";".join(copies + [f"[0-{place}][1-{place}]{name}" for place, name in enumerate(comparisons)])
    inputs = ["-i", str(decoded), "-i", str(original)]
    return run_ffmpeg([*inputs, "-filter_complex", graph, "-f", "null", "-"], "comparison", folder).log
