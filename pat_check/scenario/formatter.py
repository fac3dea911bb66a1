"""Scenarios in their one layout: spaces, indentation, and the ends of lines in one column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from pat_check.scenario.parser import read

if TYPE_CHECKING:
    import lark

    from pat_check.scenario.parser import Node, Tree

_COLUMN = 60
"""The last 1-based column in which the end of a line begins, unless the line itself is longer."""

_ENDS = frozenset(("COMMENT", "REMARK", "CLAIMS", "ERAS"))
"""What is set apart from the statement before it, and from an end before it."""

_TIGHT_AFTER = frozenset(("LPAR", "LSQB", "IGNORE"))
_TIGHT_BEFORE = frozenset(("COLON", "COMMA", "RPAR", "RSQB"))
_NUMBER = re.compile(r"([0-9a-fA-Fx]+?)[ \t]*([kmgtKMGT]|pages?)")


@dataclass(slots=True)
class _Line:
    """A line: how deep it stands, what it says, and what is set apart at its end. Without either it is blank."""

    depth: int = 0
    code: str = ""
    end: str = ""

    @property
    def width(self) -> int:
        """Columns up to the end of the code."""
        return 2 * self.depth + len(self.code)


def formatted(text: str, path: str) -> str:
    """A scenario in its one layout, which says the same; `path` stands in messages. Raises ScenarioError."""
    tree, _ = read(text, path)
    lines: list[str] = []
    for is_blank, paragraph in groupby(_lines(tree), key=lambda line: not line.code and not line.end):
        lines += [""] if is_blank else _aligned(list(paragraph))
    return "".join(f"{line}\n" for line in lines)


def _lines(tree: Tree) -> Iterator[_Line]:
    """The lines that say something, and a blank one for those between them."""
    depth, last = 0, 0
    for at, tokens in groupby(_tokens(tree), key=lambda token: token.line or 0):
        if last and at > last + 1:
            yield _Line()
        code, end, before = "", "", ""
        opens = False
        for token in tokens:
            depth -= token.type == "RBRACE"
            opens |= token.type == "LBRACE"
            if token.type in _ENDS:
                end += f"  {_text(token)}" if end else _text(token)
            elif end:
                end += _space(before, token.type) + _text(token)
            else:
                code += (_space(before, token.type) if code else "") + _text(token)
            before = token.type
        yield _Line(depth, code, end)
        depth += opens
        last = at


def _tokens(tree: Tree) -> Iterator[lark.Token]:
    """All tokens from left to right, however deep the tree."""
    nodes: list[Node] = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, str):
            yield node
        else:
            nodes += reversed(node.children)


def _space(before: str, after: str) -> str:
    return "" if before in _TIGHT_AFTER or after in _TIGHT_BEFORE else " "


def _text(token: lark.Token) -> str:
    if token.type == "NUMBER" and (match := _NUMBER.fullmatch(token)) is not None:
        number, unit = match.groups()
        return f"{number} {unit}" if unit.startswith("page") else number + unit.upper()
    if token.type == "REMARK":
        return "# pat-check:"
    return token.rstrip() if token.type in ("COMMENT", "REASON") else str(token)


def _aligned(lines: list[_Line]) -> list[str]:
    """Lines without a blank one between them: what stands at their ends begins in one column."""
    wanted = max((line.width + 2 for line in lines if line.code and line.end), default=0)
    column = min(wanted, _COLUMN - 1)
    texts = []
    for line in lines:
        text = " " * (2 * line.depth) + line.code
        if line.code and line.end:
            text = text.ljust(max(column, len(text) + 2))
        texts.append(text + line.end)
    return texts
