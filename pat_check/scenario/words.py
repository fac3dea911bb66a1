"""Words for people: what was probably meant, what is wrong with a line, how large something is."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pat_check.errors import TraceError
from pat_check.sources import grammar

if TYPE_CHECKING:
    import lark

KEYWORDS: tuple[str, ...] = ("bar", "ram", "mtrr", "paging", "file", "process", "driver", "checkpoint", "expect")
"""What a statement begins with that is no operation."""

_MISTYPED = 64  # characters of the longest word that is compared with others
_FOUND = 40  # characters that a message shows of what was found
_SIZES = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"?|[^ \t,()\[\]{}=+*"#@:]+|#!|[^ \t]')
_FIRST = re.compile(r"[ \t]*([A-Za-z_][\w.-]*)[ \t]+[^\s:=]")
_BEHIND_A_TASK = re.compile(rf"[ \t]*[A-Za-z_][\w.-]*[ \t]*:[ \t]*({'|'.join(KEYWORDS)})\b")
_WITHOUT_COLON = re.compile(r"([ \t]*([A-Za-z_][\w.-]*)[ \t]+([A-Za-z_]\w+)[ \t]+)[A-Za-z_]")
_BRACE = re.compile(r'"(?:[^"\\]|\\.)*"|#.*|([{}])')


class ScenarioError(TraceError):
    """A scenario cannot be read or played: knows the 1-based column as well, and shows the line with a caret below."""

    def __init__(self, message: str, path: str, at: int, column: int, line: str) -> None:
        super().__init__(message, path, at, marked(line, column))
        self.column = column
        self.args = (f"{path}:{at}:{column}: {message}\n{self.excerpt}",)


def near(word: str, known: Iterable[str]) -> str:
    """The tail of a message, ``; did you mean 'x'?``, when `word` looks like one of the known ones; else empty."""
    meant = _nearest(word, known, cutoff=0.6)
    return f"; did you mean {meant!r}?" if meant else ""


def mistyped(word: str, known: Iterable[str]) -> str:
    """The known word of which `word` is a slip of the fingers (``exepct``); else empty. Stricter than `near`."""
    meant = _nearest(word, known, cutoff=0.75)
    return meant if abs(len(meant) - len(word)) <= 1 else ""


def _nearest(word: str, known: Iterable[str], cutoff: float) -> str:
    names = {name.lower(): name for name in known}
    if not 1 < len(word) <= _MISTYPED or word in names.values():  # one letter is like half of all words
        return ""
    found = difflib.get_close_matches(word.lower(), names, 1, cutoff)
    return names[found[0]] if found else ""


def size_text(n: int) -> str:
    """A number of bytes in the largest unit that leaves no remainder: ``16K``; without one, ``512`` or ``0x1001``."""
    for unit, letter in _SIZES:
        if n and n % unit == 0:
            return f"{n // unit}{letter}"
    return str(n) if abs(n) < 1 << 10 else f"{n:#x}"


def shown(text: str) -> str:
    """A text on one line of a terminal: a tab is a space, what cannot be printed is written ``\\x1b``."""
    return "".join(c if c.isprintable() else " " if c == "\t" else repr(c)[1:-1] for c in text)


def marked(line: str, column: int, around: int = 60) -> str:
    """A line with a caret below its 1-based column, both indented; of a long line what is `around` the column."""
    first, here = max(column - 1 - around, 0), column - 1
    head = ("..." if first else "") + shown(line[first:here])
    tail = shown(line[here : here + around]) + ("..." if len(line) > here + around else "")
    return f"    {head}{tail}".rstrip() + f"\n    {' ' * len(head)}^"


def no_statement(word: str, meant: str) -> str:
    """The message for a statement with a mistyped keyword."""
    return f"no statement begins with {word!r}; did you mean {meant!r}?"


# --- what the grammar says --------------------------------------------------------------------------------


def explained(error: lark.UnexpectedInput, lines: Sequence[str]) -> tuple[str, int, int]:
    """What is wrong where the parser of scenarios stopped, in a short sentence, and the 1-based line and column."""
    token = getattr(error, "token", None)
    if token is not None and token.type == "$END":
        return "the block that begins here is not closed by '}'", *_unclosed(lines)
    line = lines[error.line - 1]
    column = min(error.column, len(line.rstrip(" \t")) + 1)
    accepted: set[str] = error.interactive_parser.accepts()  # type: ignore[no-untyped-call]
    word = _WORD.match(line, column - 1)
    found = word[0] if word is not None else ""
    first = _FIRST.match(line)
    if "EXPECT" in accepted:
        message = "this '}' closes no block" if found == "}" else f"expected a statement, not {_quoted(found)}"
    elif first is not None and (meant := mistyped(first[1], KEYWORDS)):
        return no_statement(first[1], meant), error.line, first.start(1) + 1
    else:
        names = _names(accepted)
        literals = [name[1:-1] for name in names if name[0] == name[-1] == "'"]
        message = f"expected {_listed(names)}, not {_instead(found, accepted)}{near(found, literals)}"
    advice = _advice(line, column, found, accepted) or _without_colon(line, column, lines)
    return message + advice, error.line, column


def _names(accepted: set[str]) -> list[str]:
    """What people call these terminals, in the grammar's order."""
    if {"TEXT", "NUMBER"} <= accepted:  # what an operation works on, whatever it is
        accepted = accepted - {"NAME", "NUMBER", "TEXT", "AT", "OFFSET"} | {"an argument"}
    words = {"an argument": "an argument", **grammar.words("pat")}
    return list(dict.fromkeys(text for terminal, text in words.items() if terminal in accepted))


def _listed(choices: Sequence[str]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}" if choices[1:] else choices[0]


def _instead(found: str, accepted: set[str]) -> str:
    """What was found; a comment that interrupts a statement is its end."""
    if not found or (found.startswith("#") and "_NL" not in accepted):
        return "the end of the statement"
    return "a comment" if found == "#" else _quoted(found)


def _quoted(found: str) -> str:
    return repr(found if len(found) <= _FOUND else found[:_FOUND] + "...")


def _advice(line: str, column: int, found: str, accepted: set[str]) -> str:
    """A hint at slips that the list of what was expected does not explain."""
    before = line[: column - 1].rstrip(" \t")
    if found.startswith('"') and (found == '"' or not found.endswith('"')):
        return "; the quotation mark is not closed"
    if (found.startswith("-") or before.endswith("-")) and accepted & {"PLUS", "COMMA"}:
        return "; a minus has a space on each side"
    if found[:1].isdecimal() and "NUMBER" in accepted:
        return "; numbers look like 4096, 0x1000, 4K, 2M, 1G and 3 pages"
    if "COMMA" in accepted and (meant := mistyped(before.replace(",", " ").rpartition(" ")[2], ("offset",))):
        return f"; did you mean {meant!r}?"
    if before[-1:].isdecimal() and "COMMA" in accepted and mistyped(found, ("pages",)):
        return "; did you mean 'pages'?"
    if before.endswith("{"):
        return "; what is done inside of a block stands on lines of its own, and so does its '}'"
    if found == "#!" and (not before or before.endswith("}")):
        return "; claims stand behind the statement that they are about"
    if (task := _BEHIND_A_TASK.match(line)) is not None:
        return f"; a statement that begins with {task[1]!r} has no task"
    return ""


def _without_colon(line: str, column: int, lines: Sequence[str]) -> str:
    """A hint at ``app munmap v``: its first word is a task that is declared somewhere, the next an operation."""
    words = _WITHOUT_COLON.match(line)
    if words is None or words.end(1) != column - 1:
        return ""
    declared = (["process", words[2]], ["driver", words[2]])
    is_task = any(other.split()[:2] in declared for other in lines)
    return f"; a task has a colon behind it: {words[2]}: {words[3]}" if is_task else ""


def _unclosed(lines: Sequence[str]) -> tuple[int, int]:
    """Line and column of the `{` that lacks its `}`: one closed by a brace of less indentation, or the innermost."""
    opened: list[tuple[int, int, int]] = []  # line, column, indentation
    for at, line in enumerate(lines, 1):
        indentation = len(line) - len(line.lstrip(" \t"))
        for match in _BRACE.finditer(line):
            if match[1] == "{":
                opened.append((at, match.start(1) + 1, indentation))
            elif match[1] == "}":
                brace = opened.pop()
                if brace[2] > indentation:
                    return brace[:2]
    return opened[-1][:2]
