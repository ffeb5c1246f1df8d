"""The picture that goes with a shared link: rate-distortion curves, drawn and written as a PNG without a library.

It is drawn when the static site is packaged, so that git holds what it is made of, and the same on every machine.
"""

import math
import struct
import zlib
from pathlib import Path

from deflate import zlib_compress

from releasing.files import write_whole
from releasing.lambda_package import CACHE_DIR, hex_sha256

# What most consumers ask for: https://developers.facebook.com/docs/sharing/webmasters/images
WIDTH, HEIGHT = 1200, 630

_GROUND, _AXES, *_CURVES = (bytes.fromhex(ink) for ink in ("0c0f15", "3a4252", "6fb1ff", "ff9d61", "45d3a4"))
# How finely an edge goes over from the ground to an ink; each ink has as many entries in the palette.
_SHADES = 64
_COMPRESSION_LEVEL = 9
_LEFT, _RIGHT, _TOP, _BOTTOM = 110, 1090, 80, 540


def social_card_file(cache: Path = CACHE_DIR) -> Path:
    """The PNG on disk, drawn once per content of this module."""
    file = cache / f"social-card-{hex_sha256(Path(__file__).read_bytes())[:16]}.png"
    if not file.exists():
        write_whole(file, social_card())
    return file


def social_card() -> bytes:
    """The PNG."""
    pixels = [bytearray(WIDTH) for _ in range(HEIGHT)]
    for x in range(_LEFT, _RIGHT):
        _dab(pixels, 0, x, _BOTTOM, radius=2)
    for y in range(_TOP, _BOTTOM):
        _dab(pixels, 0, _LEFT, y, radius=2)
    for ink, height, bend in ((1, 0.78, 0.7), (2, 0.88, 0.5), (3, 0.97, 0.35)):
        for x in range(_LEFT + 60, _RIGHT - 40):
            # Quality rises with the bitrate, ever more slowly.
            rise = height * ((x - _LEFT) / (_RIGHT - _LEFT)) ** bend
            # Rounded, as powers are the one thing here that may end in another digit on another machine.
            height_there = round(_BOTTOM + (_TOP - _BOTTOM) * rise, 3)
            _dab(pixels, ink, x, height_there, radius=15 if x % 200 == 0 else 5)
    return _png(pixels)


def _dab(pixels: list[bytearray], ink: int, x: float, y: float, radius: float) -> None:
    """Put a round dab of ink onto the pixels, its edge softened."""
    for row in range(int(y - radius), int(y + radius) + 2):
        for column in range(int(x - radius), int(x + radius) + 2):
            shade = int((_SHADES - 1) * min(1, max(0, radius + 0.5 - math.sqrt((column - x) ** 2 + (row - y) ** 2))))
            if shade and shade > pixels[row][column] - ink * _SHADES:
                pixels[row][column] = ink * _SHADES + shade


def _png(pixels: list[bytearray]) -> bytes:
    """Write pixels as a PNG with a palette: https://www.w3.org/TR/png-3/."""
    header = struct.pack(">2I5B", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    palette = b"".join(_shade_of(ink, shade) for ink in (_AXES, *_CURVES) for shade in range(_SHADES))
    # Not by zlib, whose implementations write different bytes.
    lines = bytes(zlib_compress(b"".join(b"\0" + line for line in pixels), _COMPRESSION_LEVEL))
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", lines), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _shade_of(ink: bytes, shade: int) -> bytes:
    return bytes(low + (high - low) * shade // (_SHADES - 1) for low, high in zip(_GROUND, ink, strict=True))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
