"""The codecs that experiments can use, and what each lets one choose: the one definition for API, page and worker.

A learned codec joins as an entry of `CODECS` here and a class in worker/codecs.py: its presets may be its models, its
quality the λ of its rate-distortion trade-off (`rate_control="lambda"`), its options whatever else its command line
takes. An option that isn't named here never reaches an encoder: some of ffmpeg's write files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from experiments.configuration import CodecConfiguration, ConfigurationError
from experiments.json_schema import FieldProblem, Schema, Validator

_DECIMALS = 9
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecEntry:
    """A codec by its name, and what its experiments may ask of it."""

    name: str
    title: str
    presets: Sequence[str]
    """From the fastest to the slowest, or the other way round, as its encoder has them."""
    preset: str
    """The usual one."""
    rate_control: str = "crf"
    quality: Schema
    """The schema of a quality point on the scale of `rate_control`, with the usual one as its default."""
    options: Mapping[str, Schema] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse schemas that can't be checked.

        Raises:
            ValueError: one is such.
        """
        Validator(self.parameters)

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON Schema of what one may ask for."""
        return {
            "$schema": DIALECT,
            "type": "object",
            "properties": {
                "preset": {"type": "string", "enum": list(self.presets), "title": "Preset", "default": self.preset},
                "quality": {"title": self.rate_control.upper(), **self.quality},
                "options": {
                    "type": "object",
                    "title": "Encoder options",
                    "properties": dict(self.options),
                    "additionalProperties": False,
                },
            },
            "required": ["preset", "quality"],
            "additionalProperties": False,
        }

    @property
    def validator(self) -> Validator:
        """What finds all that is wrong with parameters."""
        return Validator(self.parameters)

    @property
    def defaults(self) -> dict[str, Any]:
        """What one asks for without an opinion."""
        return {"preset": self.preset, "quality": self.quality["default"], "options": {}}

    def configuration(self, parameters: Mapping[str, Any], threads: int = 1) -> CodecConfiguration:
        """Return the configuration that parameters, which fit the schema, ask for."""
        return CodecConfiguration(
            codec=self.name,
            quality=_tidy(parameters["quality"]),
            rate_control=self.rate_control,
            preset=parameters["preset"],
            threads=threads,
            options={name: _tidy(value) for name, value in parameters.get("options", {}).items()},
        )

    def problems(self, configuration: CodecConfiguration) -> Iterator[FieldProblem]:
        """Yield everything that a configuration asks for and this codec doesn't take."""
        if configuration.rate_control != self.rate_control:
            yield FieldProblem("", f"has no rate control {configuration.rate_control!r}: use {self.rate_control}")
            return
        asked = {
            "preset": configuration.preset,
            "quality": configuration.quality,
            "options": dict(configuration.options),
        }
        yield from self.validator.problems(asked)

    def check(self, configuration: CodecConfiguration) -> None:
        """Accept what the codec takes.

        Raises:
            ConfigurationError: it takes something else; the message names every problem.
        """
        if problems := list(self.problems(configuration)):
            found = "; ".join(f"{problem.path.removeprefix('/')} {problem.message}".strip() for problem in problems)
            raise ConfigurationError(f"{self.name}: {found}")


def _tidy(value: Any) -> Any:
    """Return the same number always in the same way, and none that is closer to zero than the table can keep."""
    if not isinstance(value, float):
        return value
    return int(value) if value.is_integer() else round(value, _DECIMALS)


def _crf(kind: str, highest: int, usual: int) -> Schema:
    description = "Constant rate factor: lower is better and larger."
    return {"type": kind, "minimum": 0, "maximum": highest, "default": usual, "description": description}


def _whole(title: str, lowest: int, highest: int) -> Schema:
    return {"type": "integer", "title": title, "minimum": lowest, "maximum": highest}


def _one_of(title: str, *values: str) -> Schema:
    return {"type": "string", "title": title, "enum": list(values)}


def _numbers(lowest: int, highest: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(lowest, highest + 1))


_X26X_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
_KEYFRAMES = _whole("Frames between keyframes, at most", 1, 1000)
_X26X_OPTIONS = {
    "g": _KEYFRAMES,
    "bf": _whole("B-frames in a row, at most", 0, 16),
    "refs": _whole("Reference frames", 1, 16),
}

CODECS = {
    entry.name: entry
    for entry in (
        CodecEntry(
            name="x264",
            title="H.264 by x264",
            presets=_X26X_PRESETS,
            preset="medium",
            quality=_crf("number", 51, 23),
            options={
                **_X26X_OPTIONS,
                "profile": _one_of("Profile", "baseline", "main", "high"),
                "level": _one_of("Level", "3", "3.1", "4", "4.1", "4.2", "5", "5.1", "5.2"),
                "tune": _one_of("Tuning", "film", "animation", "grain", "stillimage", "psnr", "ssim", "fastdecode"),
            },
        ),
        CodecEntry(
            name="x265",
            title="H.265 by x265",
            presets=_X26X_PRESETS,
            preset="medium",
            quality=_crf("number", 51, 28),
            options={
                **_X26X_OPTIONS,
                "profile": _one_of("Profile", "main"),
                "tune": _one_of("Tuning", "animation", "grain", "psnr", "ssim", "fastdecode"),
            },
        ),
        CodecEntry(
            name="vp9",
            title="VP9 by libvpx",
            presets=_numbers(0, 8),
            preset="4",
            quality=_crf("integer", 63, 31),
            options={
                "g": _KEYFRAMES,
                "lossless": _whole("Without loss", 0, 1),
                # Presets above 5 are faster only with the deadline `realtime`.
                "deadline": _one_of("Deadline", "best", "good", "realtime"),
            },
        ),
        CodecEntry(
            name="av1",
            title="AV1 by SVT-AV1, else libaom",
            presets=_numbers(0, 13),
            preset="8",
            quality=_crf("integer", 63, 35),
            options={"g": _KEYFRAMES},
        ),
    )
}
