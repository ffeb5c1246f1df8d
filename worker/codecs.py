"""The codecs that experiments can use, by name, and the interface through which another one joins them.

A codec is a pair of command lines: one from a Y4M file to a bitstream, one back. They run in processes of their own, so
a learned codec brings its own Python environment, weights and GPU: write a class with the members of `Codec` whose
commands call that environment's interpreter, add an instance to `CODECS`, and say in experiments/codec_catalogue.py
what may be asked of it. Measuring, bundling and publishing need no change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from experiments import codec_catalogue
from experiments.configuration import CodecConfiguration, ConfigurationError

from worker.ffmpeg import REPRODUCIBLE, encoders, ffmpeg_command

DECODE_SCRIPT = Path(__file__).parent / "decode.py"


class Codec(Protocol):
    """What the worker needs to know of a codec."""

    @property
    def name(self) -> str:
        """The name under which experiments are listed, e.g. `x265`."""

    @property
    def encoder(self) -> str:
        """The implementation, e.g. `libx265`."""

    @property
    def container(self) -> str:
        """The extension of its bitstream's file, e.g. `mp4`."""

    @property
    def plays_in_browsers(self) -> bool:
        """Whether the bitstream itself is the video to show; else one is made of the decoded frames."""

    def unavailable(self) -> str | None:
        """Why it cannot be used on this host, in a line; None where it can."""

    def check(self, configuration: CodecConfiguration) -> None:
        """Raise ConfigurationError for what it does not understand, before anything runs."""

    def encode_command(self, configuration: CodecConfiguration, source: Path, bitstream: Path) -> Sequence[str]:
        """The command line that encodes a Y4M file.

        What it prints on standard output as `frame=N`, frames encoded so far, is shown as progress.
        """

    def decode_command(self, bitstream: Path, target: Path) -> Sequence[str]:
        """The command line that decodes a bitstream to a Y4M file."""

    def decoder_files(self) -> Mapping[str, bytes]:
        """The files of a decoder bundle by name; `decode.py` among them decodes as its manifest says."""


@dataclass(frozen=True, slots=True)
class FFmpegCodec:
    """A codec of the ffmpeg binary."""

    name: str
    encoder: str
    container: str
    preset_option: str
    options: Sequence[str] = ()
    """Encoder options of every encode; `{threads}` stands for the number of threads."""
    plays_in_browsers: bool = True

    def unavailable(self) -> str | None:
        """Say so where the binary lacks the encoder."""
        return None if self.encoder in encoders() else f"this host's ffmpeg has no {self.encoder}"

    def check(self, configuration: CodecConfiguration) -> None:
        """Accept what the catalogue offers."""
        codec_catalogue.CODECS[self.name].check(configuration)

    def encode_command(self, configuration: CodecConfiguration, source: Path, bitstream: Path) -> Sequence[str]:
        """Encode with a constant rate factor."""
        arguments = ["-progress", "pipe:1", "-i", str(source), "-an", "-c:v", self.encoder]
        arguments += [self.preset_option, configuration.preset, "-crf", f"{configuration.quality:g}"]
        arguments += [option.format(threads=configuration.threads) for option in self.options]
        for option, value in sorted(configuration.options.items()):
            arguments += [f"-{option}:v", str(value)]
        return ffmpeg_command([*arguments, *REPRODUCIBLE, bitstream])

    def decode_command(self, bitstream: Path, target: Path) -> Sequence[str]:
        """Decode every coded frame once, whatever time stamps the container gives it."""
        arguments = ["-map", "0:v:0", "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe"]
        return ffmpeg_command(["-i", bitstream, *arguments, target])

    def decoder_files(self) -> Mapping[str, bytes]:
        """Give the script that decodes with any recent ffmpeg."""
        return {"decode.py": DECODE_SCRIPT.read_bytes()}


CODECS: list[Codec] = [
    FFmpegCodec(
        name="x264",
        encoder="libx264",
        container="mp4",
        preset_option="-preset",
        options=("-threads", "{threads}", "-movflags", "+faststart"),
    ),
    FFmpegCodec(
        name="x265",
        encoder="libx265",
        container="mp4",
        preset_option="-preset",
        # Safari plays HEVC in MP4 only under the tag hvc1.
        options=(
            *("-x265-params", "pools={threads}:frame-threads=1"),
            *("-tag:v", "hvc1", "-movflags", "+faststart"),
        ),
    ),
    FFmpegCodec(
        name="vp9",
        encoder="libvpx-vp9",
        container="webm",
        preset_option="-cpu-used",
        options=("-b:v", "0", "-row-mt", "1", "-threads", "{threads}"),
    ),
    FFmpegCodec(
        name="av1",
        encoder="libsvtav1",
        container="webm",
        preset_option="-preset",
        options=("-svtav1-params", "lp={threads}"),
    ),
    FFmpegCodec(
        name="av1",
        encoder="libaom-av1",
        container="webm",
        preset_option="-cpu-used",
        options=("-b:v", "0", "-row-mt", "1", "-threads", "{threads}"),
    ),
]


def find_codec(name: str) -> Codec:
    """Return the codec of a name, the first one of several that this host can run.

    Raises:
        ConfigurationError: there is none of that name, or none that this host can run.
    """
    candidates = [codec for codec in CODECS if codec.name == name]
    if not candidates:
        known = ", ".join(dict.fromkeys(codec.name for codec in CODECS))
        raise ConfigurationError(f"there is no codec {name!r}: use one of {known}")
    reasons = [codec.unavailable() for codec in candidates]
    for codec, reason in zip(candidates, reasons, strict=True):
        if reason is None:
            return codec
    raise ConfigurationError(f"{name} cannot be used: {'; '.join(reason for reason in reasons if reason)}")
