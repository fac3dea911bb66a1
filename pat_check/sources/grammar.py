"""The grammars: what a line of each format looks like, and what is wrong with one that does not.

A grammar defines a format and gives the error messages; the regular expressions of the sources are its fast lane.
`events_of` decodes from parse trees, at some thousand lines per second, and a test holds the fast lanes to it.

Lark is imported only when it is needed: that takes as long as reading ten thousand lines, and most inputs are sound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pat_check.events import NO_PID, Event, Malformed
from pat_check.sources.patterns import Pattern

if TYPE_CHECKING:
    import lark

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = (_PACKAGE / "grammars", _PACKAGE.parent / "grammars")  # of a wheel, of the repository
_LIMIT = 400
"""Characters of a line that are looked at to say what is wrong with it."""

_EXCERPT = 160
_TERMINAL = Pattern(r"(?P<name>_?[A-Z][A-Z0-9_]*)(?:\.-?\d+)?:")


@cache
def _text(name: str) -> str:
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    return (folder / f"{name}.lark").read_text(encoding="utf-8")


@cache
def _parser(name: str) -> lark.Lark:
    import lark  # noqa: PLC0415

    return lark.Lark(_text(name), parser="lalr")


@cache
def words(name: str) -> dict[str, str]:
    """What people call the terminals: the ``//:`` comments above their definitions, in the grammar's order."""
    named: dict[str, str] = {"$END": "the end of the line"}
    said = ""
    for line in _text(name).splitlines():
        if not line:
            said = ""
        elif line.startswith("//: "):
            said = line.removeprefix("//: ")
        elif said and (terminal := _TERMINAL.match(line)) is not None:
            named[terminal["name"]] = said
    return named


def parse(name: str, line: str) -> lark.Tree[lark.Token]:
    """The parse tree of one line by the grammar of that name; raises lark.UnexpectedInput."""
    return _parser(name).parse(line)


def expected(name: str, line: str) -> tuple[str, int]:
    """What the grammar wants in a line that it cannot read, as one short sentence, and the 1-based column."""
    import lark  # noqa: PLC0415

    shown = line[:_LIMIT].partition("\n")[0]
    try:
        parse(name, shown)
    except lark.UnexpectedToken as error:
        column = len(shown) + 1 if error.token.type == "$END" else error.column
        return _sentence(name, error.expected, error.token_history), column
    except lark.UnexpectedCharacters as error:
        return _sentence(name, error.allowed, error.token_history), error.column
    return "expected a line of this format", 1  # what is wrong lies behind the limit, or is no matter of grammar


def _sentence(name: str, terminals: Iterable[str], before: Sequence[lark.Token | None] | None) -> str:
    named = words(name)
    wanted = list(dict.fromkeys(text for terminal, text in named.items() if terminal in terminals))
    if not wanted:
        return "expected something else"
    sentence = "expected " + (f"{', '.join(wanted[:-1])} or {wanted[-1]}" if wanted[1:] else wanted[0])
    last = named.get(before[-1].type) if before and before[-1] else None
    return f"{sentence} after {re.sub('^an? ', 'the ', last)}" if last else sentence


class Explainer:
    """Says what is wrong with the lines of one input; curtly after the first `BUDGET` lines, for that is slow."""

    BUDGET = 1_000

    def __init__(self, name: str) -> None:
        self._name = name
        self._explained = 0

    def __call__(self, line: str) -> tuple[str, int]:
        """A short sentence and the 1-based column."""
        self._explained += 1
        if self._explained > self.BUDGET:
            return f"expected a line of {self._name} text", 1
        return expected(self._name, line)


def events_of(name: str, lines: Sequence[str], first: int = 1) -> Iterator[Event]:
    """The events of lines from number `first` on, decoded from parse trees; one that cannot be read is Malformed."""
    import lark  # noqa: PLC0415

    from pat_check.sources import trees  # noqa: PLC0415

    decode = trees.DECODERS[name](lines)
    for at, line in enumerate(lines, first):
        if not line or line.isspace():
            continue
        try:
            yield from decode(at, line, parse(name, line))
        except lark.UnexpectedInput:
            yield _malformed(at, line, *expected(name, line))
        except trees.FieldErrorAt as error:
            yield _malformed(at, line, str(error), error.column)


def _malformed(at: int, line: str, problem: str, column: int) -> Malformed:
    return Malformed(at, None, -1, NO_PID, "", column, problem, line[:_EXCERPT])
