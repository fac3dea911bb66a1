"""Verbs: what each operation takes, as a table says it, and the check of a scenario against that table."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping
from typing import TYPE_CHECKING

from pat_check.cachemode import UC, UC_MINUS, WB, WC, WP, WT
from pat_check.scenario.statements import UNWRITTEN, Declare, Expression, Name, Operation, Statement, flattened
from pat_check.scenario.words import ScenarioError, near

if TYPE_CHECKING:
    from pat_check.scenario.operations.scene import Scene

TYPES: dict[str, int] = {"wb": WB, "wc": WC, "uc-": UC_MINUS, "uc": UC, "wt": WT, "wp": WP}
"""The words for cache modes."""

ANNOUNCING: tuple[str, ...] = ("at", "offset")
"""Words that stand before a value."""

_KINDS = {"bar": "BAR", "ram": "range of RAM"}

_PLACE = re.compile(r"[A-Z]+")


class Verb:
    """What an operation does and takes.

    `usage` is as in ``MAPPING[, SIZE]``: what stands at its places, in brackets what may be left out. `words` are
    those that it knows, ``ro/rw`` where one excludes the other, ``TYPE`` for the types; ``at`` and ``offset`` stand
    before a value. `gives` is whether the result can be named.
    """

    __slots__ = ("_groups", "gives", "least", "most", "play", "usage", "words")

    def __init__(self, play: Callable[[Scene], int], usage: str = "", words: str = "", *, gives: bool = False) -> None:
        self.play, self.usage, self.gives = play, usage, gives
        self.least = len(_PLACE.findall(usage.partition("[")[0]))
        self.most = len(_PLACE.findall(usage))
        groups = [tuple(TYPES) if group == "TYPE" else tuple(group.split("/")) for group in words.split()]
        self._groups: dict[str, tuple[str, ...]] = {word: group for group in groups for word in group}
        self.words: frozenset[str] = frozenset(self._groups)

    def excludes(self, word: str) -> tuple[str, ...]:
        """The words of which one at most can be given: this one, and what contradicts it."""
        return self._groups[word]

    def takes(self) -> str:
        """What a message says of it."""
        words = [word for word in self._groups if word not in TYPES]
        words += ["a type"] if any(word in TYPES for word in self._groups) else []
        if not self.usage and not words:
            return "it takes nothing"
        listed = f" and the word{'s' if len(words) > 1 else ''} {', '.join(words)}" if words else ""
        return f"it takes {self.usage or 'no name'}{listed}"


def check(
    statements: Iterable[Statement], verbs: Mapping[str, Verb], blocks: Iterable[str], block: Verb, path: str
) -> None:
    """Raise ScenarioError for the first operation that is given what it does not take, wherever it stands.

    Before that, for a name that is given to two things.

    `blocks` are what only holds something while others work, and `block` is what each of them takes.
    """
    statements = list(flattened(statements))
    _named_once(statements, path)
    known = set(_named(statements))
    words = frozenset(TYPES).union(*(verb.words for verb in verbs.values()))
    holds = frozenset(blocks)
    for statement in statements:
        if isinstance(statement, Operation):
            is_block = is_block_of(statement, holds)
            verb = block if is_block else verbs.get(statement.op)
            if verb is None:
                kind, names = ("block", holds) if statement.body is not None else ("operation", verbs)
                message = f"no {kind} is called {str(statement.op)!r}{near(statement.op, names)}"
                raise ScenarioError(message, path, statement.at, statement.op.column, statement.text)
            wrong = _Checked(statement, verb, known, words).wrong()
            if wrong is not None:
                raise ScenarioError(wrong[0], path, statement.at, wrong[1], statement.text)


def is_block_of(operation: Operation, blocks: Container[str]) -> bool:
    """Whether it only holds something while others work: an mmap that gives a name has a handler in its braces."""
    return operation.body is not None and operation.op in blocks and not operation.result


def _named_once(statements: Iterable[Statement], path: str) -> None:
    """Raise ScenarioError for a name of two things; a file, a task and what is mapped may share one.

    A mapping may be made again under its name, and so may what an ioremap returns.
    """
    given: dict[tuple[str, str], tuple[str, int]] = {}  # (namespace, name): what it is, in which line
    for statement in statements:
        kind, name = "", UNWRITTEN
        if isinstance(statement, Declare) and statement.name:
            kind, name = statement.kind, statement.name
        elif isinstance(statement, Operation) and statement.result:
            kind, name = _kind_of(statement.op), statement.result
        space = {"file": "file", "process": "task", "driver": "task"}.get(kind, "memory")
        before, at = given.setdefault((space, name), (kind, statement.at))
        if name and (before != kind or (isinstance(statement, Declare) and at != statement.at)):
            message = f"{str(name)!r} is {'an' if before == 'ioremap' else 'a'} {_KINDS.get(before, before)} already"
            raise ScenarioError(f"{message}, since line {at}", path, statement.at, name.column, statement.text)


def _kind_of(op: str) -> str:
    """What an operation makes that has a name."""
    if op == "pfnmap_track_ctx_alloc":
        return "context"
    return "ioremap" if op.startswith("ioremap") else "mapping"


def _named(statements: Iterable[Statement]) -> Iterable[str]:
    """Every name that something in a scenario has."""
    for statement in statements:
        if isinstance(statement, Declare):
            yield statement.name
        elif isinstance(statement, Operation):
            yield statement.result
            if statement.op in ("fork", "thread", "vfork"):
                yield from (argument.text for argument in statement.args[:1] if isinstance(argument, Name))


class _Checked:
    """One operation beside its verb."""

    __slots__ = ("known", "operation", "verb", "words")

    def __init__(self, operation: Operation, verb: Verb, known: set[str], words: frozenset[str]) -> None:
        self.operation, self.verb = operation, verb
        self.known, self.words = known, words  # names of the scenario, words of all operations

    def wrong(self) -> tuple[str, int] | None:
        """The first thing that is not as it should be, and its column."""
        operation, verb = self.operation, self.verb
        if operation.result and not verb.gives:
            return f"{operation.op} makes nothing that could be called {operation.result!r}", operation.column
        given: list[str] = []
        places = 0
        announced = False
        for argument in operation.args:
            word = argument.text if isinstance(argument, Name) else ""
            if announced:
                announced = False
            elif word in verb.words or word in ANNOUNCING:
                if found := self._misplaced(word, given):
                    return found, argument.column
                given.append(word)
                announced = word in ANNOUNCING
            else:
                places += 1
                if found := self._superfluous(argument, word, places):
                    return found, argument.column
        if places < verb.least:
            missing = _PLACE.findall(verb.usage)[places]
            return f"{operation.op} needs more: {verb.takes()}, and {missing} is missing", operation.op.column
        return None

    def _misplaced(self, word: str, given: list[str]) -> str:
        """What is wrong with a word of the verb, or with one that announces."""
        if word not in self.verb.words:
            return f"{self.operation.op} does not take {word!r}: {self.verb.takes()}"
        if word in self.known:
            return f"{word!r} is a name here, and a word of {self.operation.op}: give it another name"
        before = next((other for other in self.verb.excludes(word) if other in given), "")
        if before == word:
            return f"{word!r} is said already"
        return f"{word!r} contradicts {before!r}" if before else ""

    def _is_taken_for_word(self, word: str, places: int) -> bool:
        """Whether a name of nothing, where nothing must stand, is rather a word that the verb does not have."""
        head = word.partition("-")[0]
        return places > self.verb.least and head not in self.known and not near(word, self.known)

    def _superfluous(self, argument: Expression, word: str, places: int) -> str:
        """What is wrong with an argument that is no word of the verb."""
        op, verb = self.operation.op, self.verb
        is_foreign = bool(word) and word not in self.known
        is_foreign = is_foreign and (word in self.words or self._is_taken_for_word(word, places))
        if places <= verb.most and not is_foreign:
            return ""
        if word and word not in self.known:
            return f"{op} does not take {word!r}: {verb.takes()}" + near(word, verb.words)
        many = f"{verb.most} argument{'s' if verb.most > 1 else ''} at most" if verb.most else "no argument"
        return f"{op} has {many}: {verb.takes()}"
