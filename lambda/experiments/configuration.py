"""What an experiment asks of a codec."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from experiments.model import Experiment, Scalar

# What an experiment's parameters tell beside the options of its encoder.
_NO_OPTIONS = (
    *("clip", "width", "height", "fps", "frames", "pixel_format"),
    *("encoder", "preset", "rate_control", "threads"),
)


class ConfigurationError(Exception):
    """A codec cannot be run as configured; the message says what it takes instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecConfiguration:
    """A codec, by its name in the catalogue, and how it is to encode."""

    codec: str
    quality: float
    """The quality point on the scale of `rate_control`, e.g. a CRF: lower is better and larger."""
    rate_control: str = "crf"
    preset: str
    threads: int = 1
    """How many threads the encoder may use. It changes speed, with some encoders also the bitstream."""
    options: Mapping[str, Scalar] = field(default_factory=dict)
    """More encoder options by name, of those that the codec allows."""

    @classmethod
    def of(cls, experiment: Experiment) -> Self:
        """Read what an experiment's parameters ask for.

        Raises:
            ConfigurationError: they lack something, or a number is none.
        """
        asked = experiment.parameters
        rate_control = str(asked.get("rate_control", "crf"))
        try:
            return cls(
                codec=experiment.codec,
                quality=float(asked[rate_control]),
                rate_control=rate_control,
                preset=str(asked["preset"]),
                threads=int(asked.get("threads", 1)),
                options={name: value for name, value in asked.items() if name not in (*_NO_OPTIONS, rate_control)},
            )
        except KeyError as missing:
            raise ConfigurationError(f"the parameters lack {missing}") from None
        except ValueError as error:
            raise ConfigurationError(f"a parameter is no number: {error}") from None

    @property
    def label(self) -> str:
        """The quality point as engineers write it, e.g. `CRF 28`."""
        return f"{self.rate_control.upper()} {self.quality:g}"

    def name_on(self, clip: str) -> str:
        """Return what people call an experiment on a clip: `mandelbrot-zoom · x265 · CRF 28`."""
        options = [f"{option} {value}" for option, value in sorted(self.options.items())]
        return " · ".join([clip, self.codec, self.label, *options])

    def parameters(self) -> dict[str, Scalar]:
        """Return what an experiment's record says of it; options first, so that none can hide a main one."""
        return {
            **self.options,
            "preset": self.preset,
            "rate_control": self.rate_control,
            self.rate_control: int(self.quality) if float(self.quality).is_integer() else self.quality,
            "threads": self.threads,
        }
