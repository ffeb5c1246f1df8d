"""Property values as Pulumi sends them: protobuf structs with marked unknowns, secrets, outputs, assets and archives.

The marks are those of the engine:
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/plugin/rpc.go
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from google.protobuf.struct_pb2 import ListValue, Struct, Value

from sandbox.provider.errors import ProviderError

UNKNOWN_MARK = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 a mark, no password
OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


class Unknown:
    """The type of UNKNOWN, a value that only the deployment will tell."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Content:
    """An asset or archive, compared by the engine's hash alone.

    The engine leaves the content out of what it repeats from a stack's state and puts it back where the same hash
    comes back, so it is handed on as it came.
    """

    hash: str
    fields: Mapping[str, Any] = field(compare=False)

    def asset_bytes(self) -> bytes:
        """What the asset holds.

        Raises:
            ProviderError: it is neither a text nor a readable file.

        """
        if "text" in self.fields:
            return str(self.fields["text"]).encode()
        return self._file_bytes("a pulumi.FileAsset or pulumi.StringAsset")

    def zip_bytes(self) -> bytes:
        """Return the zip file that the archive is, byte for byte, so that its SHA-256 stays what the program says.

        Raises:
            ProviderError: it is not a readable zip file.

        """
        accepted = "a pulumi.FileArchive of a .zip file"
        content = self._file_bytes(accepted)
        if not zipfile.is_zipfile(self.fields["path"]):
            raise ProviderError(f"{self.fields['path']} is not a zip file; the sandbox takes {accepted}")
        return content

    def _file_bytes(self, accepted: str) -> bytes:
        if not self.fields.get("path"):
            raise ProviderError(f"cannot read this asset or archive; the sandbox takes {accepted}")
        try:
            return Path(self.fields["path"]).read_bytes()
        except OSError as error:
            raise ProviderError(f"cannot read {self.fields['path']}: {error.strerror}") from None


def unmarshal(struct: Struct) -> dict[str, Any]:
    """Properties as plain Python values, UNKNOWN and Content; secrets are unwrapped, absent ones left out."""
    return {key: _unmarshal(value) for key, value in struct.fields.items() if value.WhichOneof("kind") != "null_value"}


def marshal(properties: Mapping[str, Any]) -> Struct:
    """Plain values, UNKNOWN and Content as the engine takes them; None is left out."""
    return Struct(fields={key: _marshal(value) for key, value in properties.items() if value is not None})


def has_unknown(value: Any) -> bool:
    """Whether a value is unknown, wholly or somewhere inside."""
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return value is UNKNOWN


def _unmarshal(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_MARK else value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "list_value":
            return [_unmarshal(item) for item in value.list_value.values]
        case "struct_value":
            return _unmarshal_map(unmarshal(value.struct_value))
    return None


def _unmarshal_map(fields: dict[str, Any]) -> Any:
    signature = fields.get(SIGNATURE_KEY)
    if signature is None:
        return fields
    if signature == SECRET:
        return fields.get("value")
    if signature == OUTPUT:
        return fields.get("value", UNKNOWN)
    if signature in (ASSET, ARCHIVE):
        return Content(str(fields.get("hash", "")), fields)
    raise ProviderError("a resource was given as a property; give its id or ARN instead")


def _marshal(value: Any) -> Value:
    match value:
        case Unknown():
            return Value(string_value=UNKNOWN_MARK)
        case Content():
            return Value(struct_value=marshal(value.fields))
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case Mapping():
            return Value(struct_value=marshal(value))
        case list() | tuple():
            return Value(list_value=ListValue(values=[_marshal(item) for item in value]))
        case _:
            return Value(string_value=str(value))
