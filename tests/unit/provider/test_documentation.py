"""What docs/sandbox.md says of each resource type is what its class says."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from sandbox.provider import registry
from sandbox.provider.resource import Resource

DOCUMENT = Path(__file__).parents[3] / "docs" / "sandbox.md"


def rows() -> Iterator[str]:
    """To be pasted into the document where this test fails: `python -m tests.unit.provider.test_documentation`."""
    for token, resource in sorted(registry.resources().items()):
        _, module, name = token.split(":")
        columns = (
            f"`aws.{module.split('/')[0]}.{name}`",
            replaced_by(resource),
            resource.waits_for,
            import_id(resource),
            resource.differs_in,
        )
        yield f"| {' | '.join(columns)} |"


def replaced_by(resource: Resource) -> str:
    names = resource.replaces(set(resource.inputs))
    return "anything" if names == set(resource.inputs) else quoted(sorted(names))


def import_id(resource: Resource) -> str:
    forms = resource.import_ids or (resource.identity or (resource.id_at or resource.id_as).rsplit(".", 1)[-1],)
    return quoted(forms) if any(forms) else "none"


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def test_the_documents_table_says_what_the_classes_say() -> None:
    documented = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `aws.")]
    assert documented == list(rows())


if __name__ == "__main__":
    print("\n".join(rows()))  # noqa: T201 for the document
