"""The decoder bundle: a small zip with all that it takes to decode an experiment's very bitstream, and to prove it."""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from worker.codecs import Codec
from worker.y4m import Video

# The earliest time that a zip can hold: one and the same, so that the same bitstream gives the same bundle.
_TIME = (1980, 1, 1, 0, 0, 0)
_README = """\
{name}

{bitstream} is what {encoder} made of {frames} frames of {width}x{height} at {fps} frames per second.
To decode it to raw frames (Y4M):

    python decode.py decoded.y4m

decode.py checks the bitstream and the decoded frames against manifest.json, and says at its top what it needs.
SHA256SUMS lists the bundle's files:

    sha256sum --check SHA256SUMS
"""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle that was written."""

    path: Path
    bytes: int
    sha256: str


def write_bundle(target: Path, name: str, codec: Codec, bitstream: Path, decoded: Video) -> Bundle:
    """Write the bundle of a bitstream whose decoded frames are `decoded`; `name` is the experiment's."""
    files = {bitstream.name: bitstream.read_bytes(), **codec.decoder_files()}
    manifest = _manifest(codec, bitstream.name, files[bitstream.name], decoded)
    files["manifest.json"] = (json.dumps(manifest, indent=2) + "\n").encode()
    files["README.txt"] = _README.format(name=name, **manifest).encode()
    sums = [f"{hashlib.sha256(content).hexdigest()}  {file_name}\n" for file_name, content in sorted(files.items())]
    files["SHA256SUMS"] = "".join(sums).encode()
    _write_zip(target, files)
    packed = target.read_bytes()
    return Bundle(target, len(packed), hashlib.sha256(packed).hexdigest())


def _manifest(codec: Codec, bitstream_name: str, bitstream: bytes, decoded: Video) -> dict[str, str | int]:
    return {
        "codec": codec.name,
        "encoder": codec.encoder,
        "bitstream": bitstream_name,
        "bitstream_sha256": hashlib.sha256(bitstream).hexdigest(),
        "width": decoded.width,
        "height": decoded.height,
        "fps": str(decoded.fps),
        "pixel_format": decoded.pixel_format,
        "frames": decoded.frames,
        "frames_sha256": decoded.sha256,
    }


def _write_zip(target: Path, files: dict[str, bytes]) -> None:
    # Stored, not compressed: a bitstream doesn't get smaller, and other zlib versions would give other bytes.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, content)
