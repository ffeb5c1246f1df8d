"""What the engine sends and gets back: unknowns, secrets, assets and archives survive; numbers stay whole."""

import zipfile
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from sandbox.provider.errors import ProviderError
from sandbox.provider.wire import (
    ARCHIVE,
    ASSET,
    OUTPUT,
    SECRET,
    SIGNATURE_KEY,
    UNKNOWN,
    UNKNOWN_MARK,
    Content,
    has_unknown,
    marshal,
    unmarshal,
)


def struct(**fields: object) -> Struct:
    return ParseDict(fields, Struct())


def test_whole_numbers_are_whole() -> None:
    assert repr(unmarshal(struct(memory=512))["memory"]) == "512"
    assert unmarshal(struct(rate=0.5)) == {"rate": 0.5}


def test_unknown_stays_unknown_there_and_back() -> None:
    sent = struct(tags={"a": UNKNOWN_MARK})
    values = unmarshal(sent)
    assert values["tags"]["a"] is UNKNOWN
    assert has_unknown(values)
    assert marshal(values) == sent


def test_secrets_and_outputs_are_unwrapped() -> None:
    sent = struct(
        secret={SIGNATURE_KEY: SECRET, "value": "x"},
        known={SIGNATURE_KEY: OUTPUT, "value": ["y"]},
        unknown={SIGNATURE_KEY: OUTPUT},
    )
    assert unmarshal(sent) == {"secret": "x", "known": ["y"], "unknown": UNKNOWN}


def test_an_archive_of_which_the_state_keeps_only_the_hash_is_handed_on_and_equals_the_whole_one() -> None:
    elided = struct(code={SIGNATURE_KEY: ARCHIVE, "hash": "h"})
    whole = struct(code={SIGNATURE_KEY: ARCHIVE, "hash": "h", "path": "function.zip"})
    assert unmarshal(elided) == unmarshal(whole)
    assert marshal(unmarshal(elided)) == elided
    assert marshal(unmarshal(whole)) == whole


def test_absent_values_are_left_out() -> None:
    assert unmarshal(struct(a=None, b={"c": None})) == {"b": {}}
    assert marshal({"a": None, "b": {"c": None}}) == struct(b={})


def test_a_zip_is_taken_byte_for_byte(tmp_path: Path) -> None:
    file = tmp_path / "function.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.py", "")
    assert Content("h", {"path": str(file)}).zip_bytes() == file.read_bytes()


def test_a_file_that_is_no_zip_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "function.zip"
    file.write_text("no zip")
    with pytest.raises(
        ProviderError, match=r"function\.zip is not a zip file; the sandbox takes a pulumi\.FileArchive"
    ):
        Content("h", {"path": str(file)}).zip_bytes()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProviderError, match=r"cannot read .*styles\.css: No such file"):
        Content("h", {"path": str(tmp_path / "styles.css")}).asset_bytes()


def test_an_asset_is_a_file_or_a_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\x00")
    file = unmarshal(struct(source={SIGNATURE_KEY: ASSET, "hash": "h", "path": str(tmp_path / "a")}))["source"]
    text = unmarshal(struct(source={SIGNATURE_KEY: ASSET, "hash": "h", "text": "é"}))["source"]
    assert file.asset_bytes() == b"\x00"
    assert text.asset_bytes() == "é".encode()
