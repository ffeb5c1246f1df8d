"""Decodes the video beside this script: `python decode.py [decoded.y4m]`. Part of every decoder bundle.

It needs Python 3.8 and ffmpeg 5.1 or newer: the one that --ffmpeg names, else the one on PATH, else the one of the
`imageio-ffmpeg` package. It checks the bitstream before and the decoded frames afterwards against manifest.json, so a
success means: these are the very frames that were measured.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> str:
    """Decode and check; returns a message for standard error where something is wrong, else an empty string."""
    arguments = parse_arguments()
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    bitstream = HERE / manifest["bitstream"]
    if hashlib.sha256(bitstream.read_bytes()).hexdigest() != manifest["bitstream_sha256"]:
        return f"{bitstream.name} is damaged: its SHA-256 is not that of manifest.json. Download the bundle again."
    ffmpeg = arguments.ffmpeg or shutil.which("ffmpeg") or packaged_ffmpeg()
    if not ffmpeg:
        return "No ffmpeg found: install it, or run `pip install imageio-ffmpeg`, or name one with --ffmpeg."
    decode = [ffmpeg, "-hide_banner", "-loglevel", "error", "-y", "-i", str(bitstream), "-map", "0:v:0"]
    decode += ["-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", str(arguments.target)]
    if subprocess.run(decode, stdin=subprocess.DEVNULL, check=False).returncode != 0:
        return f"{ffmpeg} could not decode {bitstream.name}: its own message is above."
    frames, sha256 = frames_of(arguments.target, manifest["width"], manifest["height"])
    if (frames, sha256) != (manifest["frames"], manifest["frames_sha256"]):
        return f"{arguments.target} does not hold the {manifest['frames']} frames that were measured."
    sys.stdout.write(f"{arguments.target}: {frames} frames, the very ones that were measured\n")
    return ""


def parse_arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description="Decodes the video beside it to raw frames (Y4M) and checks them.")
    parser.add_argument("target", nargs="?", type=Path, default=Path("decoded.y4m"), help="default: %(default)s")
    parser.add_argument("--ffmpeg", help="the ffmpeg to use")
    return parser.parse_args()


def packaged_ffmpeg() -> str:
    """Return the path of imageio-ffmpeg's binary, or an empty string."""
    try:
        import imageio_ffmpeg
    except ImportError:
        return ""
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def frames_of(path: Path, width: int, height: int) -> "tuple[int, str]":
    """Return how many frames a 4:2:0 Y4M file has and the SHA-256 of them all."""
    frame_bytes = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    frames, digest = 0, hashlib.sha256()
    with path.open("rb") as file:
        file.readline()
        while file.readline():
            digest.update(file.read(frame_bytes))
            frames += 1
    return frames, digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main() or 0)
