"""Drawings of pages: text in the repository, on the site the same as SVG that follows its light or dark theme.

A row is a label, pieces between bars with a column for each page, and a note. The letter of a column says what the
page is, as in the reports: ``W`` write-combining, ``u`` uncached-minus, ``x`` freed::

    reserved  |WWWWWWWW|
    munmap        |xx|      the middle
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from docutils import nodes
from sphinx.application import Sphinx

_PIECE = re.compile(r"\|([^|\n]+)\|")
_WORDS = re.compile(r"\S+(?: \S+)*")
_WIDE, _HIGH = 9, 22  # units of a character and of a row


def drawing(text: str) -> str:
    """The SVG of a drawing; its text is what a screen reader says."""
    rows = text.rstrip("\n").split("\n")
    width = max(map(len, rows)) * _WIDE
    marks = "\n".join(mark for at, row in enumerate(rows) for mark in _row(row, at * _HIGH))
    box = f'viewBox="0 0 {width} {len(rows) * _HIGH}" width="{width}" height="{len(rows) * _HIGH}"'
    return f'<svg class="pagemap" role="img" aria-label="{escape(text)}" {box}>\n{marks}\n</svg>'


def _row(row: str, top: int) -> Iterator[str]:
    pieces = list(_PIECE.finditer(row))
    for piece in pieces:
        for at, letter in enumerate(piece[1], piece.start(1)):
            if letter != " ":
                yield _rect(letter, at * _WIDE, top)
                yield _text(letter, at, top, "cell")
    rest = _PIECE.sub(lambda piece: " " * len(piece[0]), row)
    for words in _WORDS.finditer(rest):
        yield _text(words[0], words.start(), top, "words")


def _rect(letter: str, left: int, top: int) -> str:
    kind = f"page-{letter}" if letter.isalnum() else "page-other"
    return f'<rect class="{kind}" x="{left}" y="{top + 2}" width="{_WIDE}" height="{_HIGH - 4}"/>'


def _text(text: str, column: int, top: int, kind: str) -> str:
    length = f' textLength="{len(text) * _WIDE}"' if kind == "words" else ""
    left = column * _WIDE + (_WIDE // 2 if kind == "cell" else 0)
    return f'<text class="{kind}" x="{left}" y="{top + 15}"{length}>{escape(text)}</text>'


def _draw(app: Sphinx, document: nodes.document) -> None:
    for block in list(document.findall(nodes.literal_block)):
        if block.get("language") == "pagemap":
            block.replace_self(nodes.raw("", drawing(block.astext()), format="html"))


def setup(app: Sphinx) -> None:
    """Draw every block that is called ``pagemap``."""
    app.connect("doctree-read", _draw)
