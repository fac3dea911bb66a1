"""What a scenario says, line by line: the tree that the parser makes and the stage plays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


class Word(str):
    """A word as it stands in a scenario: `column` is its 1-based place; 0 where nobody has written it."""

    column: int = 0

    @classmethod
    def at(cls, text: str, column: int) -> Word:
        """A word that stands in a column."""
        word = cls(text)
        word.column = column
        return word


UNWRITTEN: Word = Word()
"""The word that stands nowhere."""


@dataclass(slots=True)
class Number:
    """A number with its unit applied: bytes, or a plain count where `plain`."""

    value: int
    column: int = 0
    plain: bool = False  # written without a unit and not hexadecimal


@dataclass(slots=True)
class Name:
    """A name: of a BAR, a mapping, a process, or a word of the operation (``wc``, ``private``)."""

    text: str
    column: int = 0


@dataclass(slots=True)
class Binary:
    """``left op right`` with op one of ``+ - *``."""

    op: str
    left: Expression
    right: Expression
    column: int = 0


@dataclass(slots=True)
class Text:
    """A quoted string."""

    text: str
    column: int = 0


Expression = Number | Name | Binary | Text


@dataclass(slots=True)
class Claim:
    """``#! rule@eras``: a finding that this line must have.

    `eras` is a glob, ``!`` before it negates; "" is every era.
    """

    rule: Word
    eras: Word = UNWRITTEN


@dataclass(slots=True)
class Statement:
    """A line of a scenario: `at` is its 1-based number, `text` the line as it stands."""

    at: int
    column: int
    text: str
    claims: list[Claim] = field(default_factory=list)


@dataclass(slots=True)
class Operation(Statement):
    """``task: result = op arg, arg, word``, or a block ``task: op arg { ... }``."""

    task: str = ""
    result: Word = UNWRITTEN  # the name that is given to what the operation makes
    op: Word = UNWRITTEN
    args: list[Expression] = field(default_factory=list)
    body: list[Statement] | None = None


@dataclass(slots=True)
class Declare(Statement):
    """``bar NAME = BASE size SIZE``, ``ram``, ``mtrr``, ``paging WORD``, ``process NAME``, ``driver``, ``file``."""

    kind: str = ""
    name: Word = UNWRITTEN
    base: Expression | None = None
    size: Expression | None = None
    word: Word = UNWRITTEN


@dataclass(slots=True)
class Checkpoint(Statement):
    """``checkpoint NAME``."""

    name: str = ""


@dataclass(slots=True)
class Range:
    """``[start, end) type`` in an expectation."""

    start: Expression
    end: Expression
    type: Word


@dataclass(slots=True)
class Bit:
    """``special`` or ``not special`` in an expectation."""

    word: Word
    off: bool = False


@dataclass(slots=True)
class Expect(Statement):
    """``expect WHAT ... [@eras]``.

    `what` is ``memtypes`` (`subject`, `ranges`: empty is none), ``pte`` (`subject`, `value`: what it maps, in frames
    where `pfn`, then `bits`), ``vm_flags`` (`subject`, `bits`), ``ret`` (`value`, or `word` such as -EINVAL), ``dmesg``
    (`word`: the text; "" with `none`), ``refs`` (`subject`, `value`).
    """

    what: str = ""
    subject: Expression | None = None
    ranges: list[Range] = field(default_factory=list)
    value: Expression | None = None
    word: Word = UNWRITTEN
    none: bool = False
    eras: Word = UNWRITTEN
    pfn: bool = False
    bits: list[Bit] = field(default_factory=list)


@dataclass(slots=True)
class Ignore(Statement):
    """``# pat-check: ignore[rule, rule] reason`` for the next line, or for its own."""

    rules: list[Word] = field(default_factory=list)
    reason: str = ""


@dataclass(slots=True)
class Scenario:
    """A parsed scenario: `path` stands in messages, `title` is the first comment line, `lines` counts all."""

    path: str
    statements: list[Statement]
    title: str = ""
    lines: int = 0


def flattened(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Every statement in the order of lines, those in blocks as well."""
    for statement in statements:
        yield statement
        if isinstance(statement, Operation) and statement.body:
            yield from flattened(statement.body)
