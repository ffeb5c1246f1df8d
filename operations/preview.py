"""What `pulumi preview --json` printed, read into types.

The format is the engine's PreviewDigest:
https://github.com/pulumi/pulumi/blob/v3.250.0/pkg/backend/display/json.go
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

STACK = "pulumi:pulumi:Stack"


class PreviewError(ValueError):
    """The text isn't a preview: Pulumi failed before it had one, or something else printed, too."""


class Change(Enum):
    """What becomes of a resource; the value is the word for it."""

    REPLACED = "replaced"
    DELETED = "deleted"
    UPDATED = "updated"
    CREATED = "created"


# The engine's operations, as far as they change a resource:
# https://github.com/pulumi/pulumi/blob/v3.250.0/pkg/resource/deploy/step.go
CHANGES = {
    "create": Change.CREATED,
    "create-replacement": Change.REPLACED,
    "delete": Change.DELETED,
    "delete-replaced": Change.REPLACED,
    "import": Change.CREATED,
    "import-replacement": Change.REPLACED,
    "replace": Change.REPLACED,
    "update": Change.UPDATED,
}


@dataclass(frozen=True)
class Step:
    """What the engine would do to one resource."""

    recorded: Mapping[str, Any]
    """The step as the engine reports it."""

    @property
    def change(self) -> Change | None:
        """What becomes of the resource; None where it stays as it is."""
        return CHANGES.get(self.recorded["op"])

    @property
    def type(self) -> str:
        """The resource's type, such as `aws:s3/bucket:Bucket`."""
        return self._urn_parts[2].rsplit("$", 1)[-1]

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self._urn_parts[3]

    @property
    def reasons(self) -> list[str]:
        """The properties that differ; for a replacement, those that can't be changed in place."""
        return list(self.recorded.get("replaceReasons") or self.recorded.get("diffReasons") or [])

    @property
    def old_inputs(self) -> dict[str, Any]:
        """What the program asked for when it was last deployed; empty where the resource is new."""
        return self._state("oldState", "inputs")

    @property
    def old_outputs(self) -> dict[str, Any]:
        """What the resource was like after that."""
        return self._state("oldState", "outputs")

    @property
    def new_inputs(self) -> dict[str, Any]:
        """What the program asks for now; empty where the resource goes."""
        return self._state("newState", "inputs")

    @property
    def _urn_parts(self) -> list[str]:
        """`urn:pulumi:<stack>`, project, types from the outermost parent inwards, name."""
        return str(self.recorded["urn"]).split("::", 3)

    def _state(self, state: str, properties: str) -> dict[str, Any]:
        return dict((self.recorded.get(state) or {}).get(properties) or {})


@dataclass(frozen=True)
class Preview:
    """What a deployment would do."""

    steps: list[Step]
    counts: dict[str, int]
    """How many resources each operation of the engine concerns."""
    errors: list[str]
    """Why the preview failed; empty where it didn't."""
    warnings: list[str]
    """What the engine or the program warns of, such as operations that a killed deployment left pending."""

    @classmethod
    def parse(cls, text: str) -> "Preview":
        """Read what `pulumi preview --json` printed.

        Raises:
            PreviewError: it is something else.

        """
        try:
            digest = json.loads(text)
            preview = cls(
                steps=[Step(recorded) for recorded in digest.get("steps") or []],
                counts=dict(digest.get("changeSummary") or {}),
                errors=_messages(digest, "error"),
                warnings=_messages(digest, "warning"),
            )
            is_preview = all(step.type and step.recorded["op"] for step in preview.steps)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise PreviewError(f"not the output of pulumi preview --json: {error!r}") from None
        if not is_preview or not (preview.counts or preview.steps or preview.errors):
            raise PreviewError("not the output of pulumi preview --json: it has neither steps nor errors")
        return preview

    @property
    def changes(self) -> list[Step]:
        """The resources that change, one step for each, sorted by type and name; the stack itself left out."""
        changing = [step for step in self.steps if step.change and step.type != STACK]
        # A replacement can be shown as several steps, of which the first has both states.
        distinct = {(step.recorded["urn"], step.change): step for step in reversed(changing)}
        return sorted(distinct.values(), key=lambda step: (step.type, step.name))


def _messages(digest: Mapping[str, Any], severity: str) -> list[str]:
    """The diagnostics of a severity, each once."""
    found = [each["message"].strip() for each in digest.get("diagnostics") or [] if each["severity"] == severity]
    return list(dict.fromkeys(found))
