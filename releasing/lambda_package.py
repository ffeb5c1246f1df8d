"""What a Lambda function is deployed from: the deterministic zip of its source and the layer of its dependencies.

The same source gives the same bytes on every machine: entries sorted by name, no timestamps, fixed modes, deflated by
libdeflate (zlib's output differs between its implementations). So the hash of the zip is known before deployment, and
it is the CodeSha256 that Lambda reports afterwards:
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

import base64
import hashlib
import io
import os
import struct
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import uv
from deflate import deflate_compress

from releasing.files import write_whole

CACHE_DIR = Path(__file__).parent.parent / ".cache" / "lambda"
RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
# The wheels that fit RUNTIME and ARCHITECTURE on Amazon Linux 2023.
WHEEL_PYTHON = "3.13"
WHEEL_PLATFORM = "aarch64-manylinux_2_28"
REQUIREMENTS = "requirements.txt"
COMPRESSION_LEVEL = 9
# What a zip says of an entry: the version that reads it, names in UTF-8, how it is compressed, the oldest date that
# it can hold, on which system it was made, and its mode there.
ZIP_VERSION = 20
ZIP_UTF8_NAMES = 0x800
ZIP_DEFLATED = 8
ZIP_EPOCH = 1 << 5 | 1
UNIX = 3
REGULAR_FILE_MODE = 0o100644 << 16


@dataclass(frozen=True)
class LambdaPackage:
    """A zip on disk, ready to be deployed."""

    path: Path
    sha256: str
    """base64 of the zip's SHA-256, as Lambda's CodeSha256."""
    files: dict[str, str]
    """Each entry's name and hexadecimal SHA-256."""

    @property
    def archive(self) -> pulumi.FileArchive:
        """The zip as Pulumi takes it, relative to the project, so that the state holds no path of one machine."""
        return pulumi.FileArchive(os.path.relpath(self.path))

    @property
    def asset(self) -> pulumi.FileAsset:
        """The zip as a file to upload, likewise."""
        return pulumi.FileAsset(os.path.relpath(self.path))


def package_source(
    source: Path,
    name: str,
    contents: Iterable[str],
    cache: Path = CACHE_DIR,
    made: Mapping[str, bytes] | None = None,
) -> LambdaPackage:
    """Zip a function.

    Args:
        source: The folder of all functions' source.
        name: What to call the zip.
        contents: The function's files and folders in it, by their paths; a folder stands for the files right in it.
        cache: Where the zip goes.
        made: More files by their paths, which are made for the zip.

    Raises:
        pulumi.RunError: a file or folder is missing or empty, or a link leads out of the source.

    """
    entries, files = dict(made or {}), list(_source_files(source))
    for path in contents:
        found = [file for file in files if path in (_path(file, source), _path(file.parent, source))]
        if not found:
            raise pulumi.RunError(f"{source / path}: no file to deploy; is the checkout complete?")
        entries |= {_path(file, source): file.read_bytes() for file in found}
    return write_package(cache / f"{name}.zip", entries)


def source_entries(source: Path) -> dict[str, bytes]:
    """A source folder's files by their paths in it, without caches, hidden files and its requirements.

    Raises:
        pulumi.RunError: the folder holds no Python file, or a link that leads out of it.

    """
    entries = {_path(file, source): file.read_bytes() for file in _source_files(source)}
    if not any(entry.endswith(".py") for entry in entries):
        raise pulumi.RunError(f"{source}: no Python file to deploy; is the checkout complete?")
    return entries


def package_layer(requirements: Path, cache: Path = CACHE_DIR) -> LambdaPackage:
    """Zip the packages of a locked requirements file as a Lambda layer; built once per content of that file.

    Raises:
        pulumi.RunError: the packages can't be had.

    """
    recipe = f"{WHEEL_PYTHON} {WHEEL_PLATFORM} deflated {COMPRESSION_LEVEL}\n{requirements.read_text(encoding='utf-8')}"
    path = cache / f"layer-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}.zip"
    if path.exists():
        return _read_package(path)
    with tempfile.TemporaryDirectory() as folder:
        _install(requirements, Path(folder))
        entries = {
            f"python/{file.relative_to(folder).as_posix()}": file.read_bytes()
            for file in _walk(Path(folder), keep=_is_layer_file)
        }
        return write_package(path, entries)


def _path(file: Path, source: Path) -> str:
    return file.relative_to(source).as_posix()


def _source_files(source: Path) -> Iterable[Path]:
    for file in _walk(source, keep=_is_source_file):
        if not file.resolve().is_relative_to(source.resolve()):
            raise pulumi.RunError(f"{file}: links to a file outside {source}; put a copy there, or remove the link")
        yield file


def _walk(folder: Path, keep: Callable[[Path], bool]) -> Iterable[Path]:
    return (file for file in folder.rglob("*") if file.is_file() and keep(file.relative_to(folder)))


def _is_source_file(file: Path) -> bool:
    hidden_or_cache = any(part.startswith(".") or part == "__pycache__" for part in file.parts)
    return not hidden_or_cache and file.suffix != ".pyc" and file.name != REQUIREMENTS


def _is_layer_file(file: Path) -> bool:
    """Leave out what differs between two installations of the same wheel, and scripts that Lambda never runs."""
    installer_record = file.parent.suffix == ".dist-info" and file.name in ("INSTALLER", "RECORD", "REQUESTED")
    return not installer_record and file.parts[0] != "bin" and not file.name.startswith(".")


def _install(requirements: Path, folder: Path) -> None:
    command = [
        *(uv.find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--no-deps", "--require-hashes"),
        *("--only-binary", ":all:", "--no-compile-bytecode", "--link-mode", "copy"),
        *("--python-version", WHEEL_PYTHON, "--python-platform", WHEEL_PLATFORM),
        *("--target", str(folder), "--requirements", str(requirements)),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise pulumi.RunError(
            f"The layer of {requirements} could not be built: {' '.join(result.stderr.split())[-500:]}\n"
            "Check the network and the proxy settings, then run the same command again."
        )


def write_package(path: Path, entries: dict[str, bytes]) -> LambdaPackage:
    """Zip files by their names."""
    content = _zip_bytes(entries)
    write_whole(path, content)
    return LambdaPackage(path, _lambda_sha256(content), {name: hex_sha256(data) for name, data in entries.items()})


def _read_package(path: Path) -> LambdaPackage:
    content = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        files = {name: hex_sha256(package.read(name)) for name in package.namelist()}
    return LambdaPackage(path, _lambda_sha256(content), files)


def _zip_bytes(entries: dict[str, bytes]) -> bytes:
    """A zip, written here as `zipfile` takes no other compressor than zlib.

    https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16
    """
    files, directory = bytearray(), bytearray()
    for name, data in sorted(entries.items()):
        compressed, encoded_name = deflate_compress(data, COMPRESSION_LEVEL), name.encode()
        sizes = (zlib.crc32(data), len(compressed), len(data), len(encoded_name))
        described = struct.pack("<5H3I2H", ZIP_VERSION, ZIP_UTF8_NAMES, ZIP_DEFLATED, 0, ZIP_EPOCH, *sizes, 0)
        directory += struct.pack("<4s2B", b"PK\1\2", ZIP_VERSION, UNIX) + described
        directory += struct.pack("<3H2I", 0, 0, 0, REGULAR_FILE_MODE, len(files)) + encoded_name
        files += b"PK\3\4" + described + encoded_name + compressed
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), len(files), 0)
    return bytes(files + directory + end)


def _lambda_sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def hex_sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()
