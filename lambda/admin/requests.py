"""What administrators ask for, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from experiments.clip_catalogue import CLIPS
from experiments.codec_catalogue import CODECS
from experiments.json_schema import Problem, problems_of


class InvalidRequest(Exception):  # noqa: N818 reads better where it is raised
    """A request with problems."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{path} {message}".strip() for path, message in problems))


@dataclass(frozen=True, slots=True)
class StartRequest:
    """A new experiment."""

    codec: str
    clip: str
    parameters: Mapping[str, Any]
    name: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Read a request.

        Raises:
            InvalidRequest: it has problems.
        """
        problems = []
        codec = CODECS.get(document.get("codec", ""))
        if codec is None:
            problems.append(Problem("/codec", f"must be one of {', '.join(CODECS)}"))
        else:
            problems += problems_of(document.get("parameters"), codec.parameters, "/parameters")
        if document.get("clip") not in CLIPS:
            problems.append(Problem("/clip", f"must be one of {', '.join(CLIPS)}"))
        if problems:
            raise InvalidRequest(problems)
        return cls(document["codec"], document["clip"], document["parameters"], document.get("name", ""))
