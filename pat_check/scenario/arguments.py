"""Arguments of operations: names looked up, numbers computed, words told apart."""

from __future__ import annotations

from pat_check.cachemode import UC, UC_MINUS, WB, WC, WP, WT
from pat_check.errors import TraceError
from pat_check.model.memory import PAGE
from pat_check.model.vma import Vma
from pat_check.scenario.statements import Binary, Expression, Name, Number, Operation, Statement, Text
from pat_check.scenario.words import near
from pat_check.scenario.world import Actor, Place

TYPES: dict[str, int] = {"wb": WB, "wc": WC, "uc-": UC_MINUS, "uc": UC, "wt": WT, "wp": WP}
"""The words for cache modes."""


class Names:
    """What a scenario has named so far."""

    __slots__ = ("actors", "cookies", "files", "mappings", "physical")

    def __init__(self) -> None:
        self.physical: dict[str, tuple[int, int]] = {}  # BARs and RAM: start, end
        self.actors: dict[str, Actor] = {}
        self.mappings: dict[str, Place] = {}
        self.cookies: dict[str, int] = {}  # ioremap addresses
        self.files: set[str] = set()

    def value(self, expression: Expression, path: str, statement: Statement) -> int:
        """The number that an expression stands for: bytes of an address or of a size."""
        match expression:
            case Number():
                return expression.value
            case Binary():
                left = self.value(expression.left, path, statement)
                right = self.value(expression.right, path, statement)
                return {"+": left + right, "-": left - right, "*": left * right}[expression.op]
            case Name():
                for table in (self.physical, self.mappings, self.cookies):
                    if expression.text in table:
                        found = table[expression.text]
                        return (
                            found if isinstance(found, int) else found.start if isinstance(found, Place) else found[0]
                        )
                known = [*self.physical, *self.mappings, *self.cookies]
                raise wrong(path, statement, f"{expression.text!r} names nothing here" + near(expression.text, known))
            case Text():
                raise wrong(path, statement, f"{expression.text!r} is no number")

    def base(self, expression: Expression) -> str:
        """The first name in an expression; empty when there is none."""
        if isinstance(expression, Name):
            return expression.text
        if isinstance(expression, Binary):
            return self.base(expression.left) or self.base(expression.right)
        return ""


def wrong(path: str, statement: Statement, message: str) -> TraceError:
    """The error for a statement that makes no sense, with its line."""
    return TraceError(message, path, statement.at, f"    {statement.text.strip()}")


class Arguments:
    """The arguments of one operation: positions first, words wherever they stand."""

    __slots__ = ("_announced", "_names", "_path", "_places", "_statement", "words")

    def __init__(self, operation: Operation, names: Names, path: str, words: frozenset[str]) -> None:
        self._names, self._path, self._statement = names, path, operation
        self.words: list[str] = []
        self._places: list[Expression] = []
        self._announced: dict[str, Expression] = {}
        announcing = ""
        for argument in operation.args:
            if announcing:
                self._announced[announcing], announcing = argument, ""
            elif isinstance(argument, Name) and argument.text in ("at", "offset"):
                announcing = argument.text
            elif isinstance(argument, Name) and (argument.text in words or argument.text in TYPES):
                self.words.append(argument.text)
            else:
                self._places.append(argument)

    def __len__(self) -> int:
        return len(self._places)

    def wrong(self, message: str) -> TraceError:
        """An error about this operation."""
        return wrong(self._path, self._statement, message)

    def type(self, default: int) -> int:
        """The cache mode among the words."""
        return next((TYPES[word] for word in self.words if word in TYPES), default)

    def has(self, word: str) -> bool:
        """Whether a word was given."""
        return word in self.words

    def announced(self, word: str, default: int) -> int:
        """The number behind ``at`` or ``offset``."""
        found = self._announced.get(word)
        return default if found is None else self._names.value(found, self._path, self._statement)

    def name(self, place: int) -> str:
        """The name that an argument begins with."""
        return self._names.base(self._places[place]) if place < len(self._places) else ""

    def number(self, place: int, what: str) -> int:
        """A number that must be there."""
        if place >= len(self._places):
            raise self.wrong(f"{self._statement.op} needs {what}" if isinstance(self._statement, Operation) else what)
        return self._names.value(self._places[place], self._path, self._statement)

    def count(self, place: int, default: int) -> int:
        """A number that may be left out: bytes; a plain small number counts pages no more than the user wrote bytes."""
        return self.number(place, "") if place < len(self._places) else default

    def mapping(self, place: int, actor: Actor) -> tuple[Vma, int]:
        """The mapping and the address that an argument names, in the address space of a task."""
        addr = self.number(place, "a mapping")
        name = self.name(place)
        if name not in self._names.mappings:
            raise self.wrong(f"{name or 'the argument'} is no mapping" + near(name, self._names.mappings))
        if actor.mm is None:
            raise self.wrong(f"{actor.name} is a driver: it has no address space of its own")
        vma = actor.mm.find(addr)
        if vma is None:
            raise self.wrong(f"{actor.name} has nothing mapped at {name}")
        return vma, addr

    def span(self, place: int, size_at: int) -> tuple[int, int]:
        """A virtual range: from an argument, to the end of its mapping when no size is given."""
        start = self.number(place, "a mapping")
        name = self.name(place)
        known = self._names.mappings.get(name)
        if known is None:
            raise self.wrong(f"{name or 'the argument'} is no mapping" + near(name, self._names.mappings))
        return start, start + self.count(size_at, known.start + known.size - start)

    def physical(self, place: int, size_at: int) -> tuple[int, int]:
        """A physical range: from an argument, to the end of what it names when no size is given."""
        start = self.number(place, "a physical address")
        _, end = self._names.physical.get(self.name(place), (start, start + PAGE))
        return start, start + self.count(size_at, end - start)
