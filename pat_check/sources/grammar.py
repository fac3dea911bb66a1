"""The grammars: what a line of each format looks like, and what is wrong with one that does not.

A grammar defines a format; the regular expressions of the sources are its fast lane. `event_of` decodes from the
parse tree, at a few thousand lines per second, and a test holds the fast lanes to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import lark
from lark import Token, Tree

from pat_check.events import NO_PID, Event, Malformed
from pat_check.sources import trees

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = (_PACKAGE / "grammars", _PACKAGE.parent / "grammars")  # of a wheel, of the repository
_LIMIT = 400
"""Characters of a line that are looked at to say what is wrong with it."""

_EXCERPT = 160
_TERMINAL = re.compile(r"(?P<name>_?[A-Z][A-Z_]*)(?:\.\d+)?:")


@cache
def _text(name: str) -> str:
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    return (folder / f"{name}.lark").read_text(encoding="utf-8")


@cache
def _parser(name: str) -> lark.Lark:
    return lark.Lark(_text(name), parser="lalr")


@cache
def _words(name: str) -> dict[str, str]:
    """What people call the terminals: the ``//:`` comments above their definitions, in the grammar's order."""
    words: dict[str, str] = {"$END": "the end of the line"}
    said = ""
    for line in _text(name).splitlines():
        if not line:
            said = ""
        elif line.startswith("//: "):
            said = line.removeprefix("//: ")
        elif said and (terminal := _TERMINAL.match(line)) is not None:
            words[terminal["name"]] = said
    return words


def parse(name: str, line: str) -> Tree[Token]:
    """The parse tree of one line; raises lark.UnexpectedInput."""
    return _parser(name).parse(line)


def expected(name: str, line: str) -> tuple[str, int]:
    """What the grammar wants in a line that it cannot read, as one short sentence, and the 1-based column."""
    shown = line[:_LIMIT].partition("\n")[0]
    try:
        parse(name, shown)
    except lark.UnexpectedToken as error:
        column = len(shown) + 1 if error.token.type == "$END" else error.column
        return _sentence(name, error.expected, error.token_history), column
    except lark.UnexpectedCharacters as error:
        return _sentence(name, error.allowed, error.token_history), error.column
    return "expected a line of this format", 1  # what is wrong lies behind the limit, or is no matter of grammar


def _sentence(name: str, terminals: Iterable[str], before: Sequence[Token | None] | None) -> str:
    words = _words(name)
    wanted = list(dict.fromkeys(text for terminal, text in words.items() if terminal in terminals))
    if not wanted:
        return "expected something else"
    sentence = "expected " + (f"{', '.join(wanted[:-1])} or {wanted[-1]}" if wanted[1:] else wanted[0])
    last = words.get(before[-1].type) if before and before[-1] else None
    return f"{sentence} after {re.sub('^an? ', 'the ', last)}" if last else sentence


def event_of(name: str, at: int, line: str) -> Event | None:
    """The event of a line, decoded from its parse tree; a line that cannot be read is Malformed."""
    if not line or line.isspace():
        return None
    try:
        tree = parse(name, line)
    except lark.UnexpectedInput:
        return _malformed(at, line, *expected(name, line))
    try:
        return trees.DECODERS[name](at, tree)
    except trees.FieldErrorAt as error:
        return _malformed(at, line, str(error), error.column)


def _malformed(at: int, line: str, problem: str, column: int) -> Malformed:
    return Malformed(at, None, -1, NO_PID, "", column, problem, line[:_EXCERPT])
