"""Text of others' making as Markdown that shows it and nothing else: no markup, no mention, no way out of its frame."""

import re
from collections.abc import Sequence

LONGEST_NAME = 120
MOST_LISTED = 50


def code(text: str) -> str:
    """A name as inline code, cut after 120 characters."""
    printable = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
    shown = printable if len(printable) <= LONGEST_NAME else f"{printable[:LONGEST_NAME]}…"
    fence = "`" * (_longest_backticks(shown) + 1)
    # Inside its fence, one space on either side is taken away again.
    padding = " " if not shown or "`" in (shown[0], shown[-1]) else ""
    return f"{fence}{padding}{shown}{padding}{fence}"


def codes(texts: Sequence[str], most: int = MOST_LISTED) -> str:
    """Names in a line; past `most`, how many more there are."""
    rest = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(code(text) for text in texts[:most]) + rest


def code_block(text: str, language: str = "") -> str:
    """Lines as they are."""
    fence = "`" * max(3, _longest_backticks(text) + 1)
    return f"{fence}{language}\n{text}\n{fence}"


def bullets(lines: Sequence[str], most: int | None = MOST_LISTED) -> str:
    """A list of lines that are Markdown already; past `most`, how many more there are."""
    shown = list(lines[:most])
    if len(lines) > len(shown):
        shown.append(f"… and {len(lines) - len(shown)} more")
    return "\n".join(f"- {line}" for line in shown)


def _longest_backticks(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
