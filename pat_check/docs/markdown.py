"""The little Markdown that generated pages need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

FROM = "<!-- Written by `python -m pat_check.docs`; do not edit. -->\n"
"""The first line of every generated page."""

_LITERAL = re.compile(r"``(.+?)``")


def cell(text: str) -> str:
    """Text for a cell of a table: on one line, with no bar that would end it."""
    return _LITERAL.sub(r"`\1`", " ".join(text.split())).replace("|", "\\|")


def code(text: str) -> str:
    """Text as it is typed."""
    return f"`{text}`" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; every cell is made fit for one."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(map(cell, row))} |" for row in rows]
    return "\n".join(lines) + "\n"


def page(title: str, *parts: str) -> str:
    """A generated page: paragraphs and tables with an empty line between two."""
    return "\n\n".join([f"{FROM}\n# {title}", *(part.strip("\n") for part in parts if part)]) + "\n"
