"""What an experiment asks of a codec."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = str | int | float | bool


class ConfigurationError(Exception):
    """A codec cannot be run as configured; the message says what it takes instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A codec, by its name in `worker.codecs`, and how it is to encode."""

    codec: str
    quality: float
    """The quality point on the scale of `rate_control`, e.g. a CRF: lower is better and larger."""
    rate_control: str = "crf"
    preset: str
    threads: int = 1
    """How many threads the encoder may use. It changes speed, with some encoders also the bitstream."""
    options: Mapping[str, Scalar] = field(default_factory=dict)
    """More encoder options by name, of those that the codec allows."""

    @property
    def label(self) -> str:
        """The quality point as engineers write it, e.g. `CRF 28`."""
        return f"{self.rate_control.upper()} {self.quality:g}"

    def parameters(self) -> dict[str, Scalar]:
        """Return what an experiment's record says of it; options first, so that none can hide a main one."""
        return {
            **self.options,
            "preset": self.preset,
            "rate_control": self.rate_control,
            self.rate_control: int(self.quality) if float(self.quality).is_integer() else self.quality,
            "threads": self.threads,
        }
