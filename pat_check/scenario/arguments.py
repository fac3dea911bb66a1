"""Arguments of operations: names looked up, numbers computed, words told apart."""

from __future__ import annotations

from collections.abc import Iterable

from pat_check.model.memory import PAGE
from pat_check.model.page_table import FIVE_LEVELS, FOUR_LEVELS
from pat_check.model.vma import PfnmapTrackCtx, Vma
from pat_check.scenario.statements import Binary, Expression, Name, Number, Operation, Statement, Text
from pat_check.scenario.verbs import ANNOUNCING, TYPES, Verb
from pat_check.scenario.words import ScenarioError, near
from pat_check.scenario.world import Actor, Place


class Absent(Exception):
    """A name stands for nothing, for the operation that would have made it failed in this era."""

    def __init__(self, name: str, at: int) -> None:
        super().__init__(f"there is no {name}, for line {at} failed")


class Names:
    """What a scenario has named so far."""

    __slots__ = ("absent", "actors", "contexts", "cookies", "files", "mappings", "physical", "user_end")

    def __init__(self) -> None:
        self.absent: dict[str, int] = {}  # what was not made, and in which line
        self.physical: dict[str, tuple[int, int]] = {}  # BARs and RAM: start, end
        self.actors: dict[str, Actor] = {}
        self.mappings: dict[str, Place] = {}
        self.cookies: dict[str, int] = {}  # ioremap addresses
        self.contexts: dict[str, PfnmapTrackCtx] = {}  # that no mapping shares; also those that are gone
        self.files: set[str] = set()
        self.user_end = FOUR_LEVELS.user_end  # where user space ends, exclusive

    def value(self, expression: Expression, path: str, statement: Statement, words: Iterable[str] = ()) -> int:
        """The number that an expression stands for: bytes of an address or of a size; `words` may be meant as well."""
        match expression:
            case Number():
                return expression.value
            case Binary():
                left = self.value(expression.left, path, statement, words)
                right = self.value(expression.right, path, statement, words)
                return {"+": left + right, "-": left - right, "*": left * right}[expression.op]
            case Name():
                for table in (self.physical, self.mappings, self.cookies):
                    if expression.text in table:
                        found = table[expression.text]
                        return (
                            found if isinstance(found, int) else found.start if isinstance(found, Place) else found[0]
                        )
                self.must_be(expression.text)
                if expression.text in self.contexts:
                    raise wrong(
                        path, statement, f"{expression.text} is a context: it has no address", expression.column
                    )
                known = [*self.physical, *self.mappings, *self.cookies, *words]
                message = f"{expression.text!r} names nothing here" + (
                    _difference(expression.text, known) or near(expression.text, known)
                )
                raise wrong(path, statement, message, expression.column)
            case Text():
                raise wrong(path, statement, f"{expression.text!r} is no number", expression.column)

    def must_be(self, name: str) -> None:
        """Raise Absent for what an operation should have made and has not."""
        made = (self.physical, self.actors, self.mappings, self.cookies, self.contexts)
        if name in self.absent and not any(name in table for table in made):
            raise Absent(name, self.absent[name])

    def has(self, name: str) -> bool:
        """Whether an operation has made what is called so."""
        return name in self.mappings or name in self.cookies or name in self.contexts

    def base(self, expression: Expression) -> str:
        """The first name in an expression; empty when there is none."""
        if isinstance(expression, Name):
            return expression.text
        if isinstance(expression, Binary):
            return self.base(expression.left) or self.base(expression.right)
        return ""


def _difference(text: str, known: Iterable[str]) -> str:
    """The tail of a message when a name like ``v-4K`` was meant as a difference; else empty."""
    for at in (at for at, letter in enumerate(text) if letter == "-"):
        if text[:at] in known and text[at + 1 :]:
            return f"; a minus has a space on each side: {text[:at]} - {text[at + 1 :]}"
    return ""


def wrong(path: str, statement: Statement, message: str, column: int = 0) -> ScenarioError:
    """The error for a statement that makes no sense; without a column that of its beginning."""
    return ScenarioError(message, path, statement.at, column or statement.column, statement.text)


class Arguments:
    """The arguments of one operation: positions first, words wherever they stand."""

    __slots__ = ("_announced", "_names", "_operation", "_path", "_places", "_verb", "words")

    def __init__(self, operation: Operation, names: Names, path: str, verb: Verb) -> None:
        self._names, self._path, self._operation, self._verb = names, path, operation, verb
        self.words: list[str] = []
        self._places: list[Expression] = []
        self._announced: dict[str, Expression] = {}
        announcing = ""
        for argument in operation.args:
            if announcing:
                self._announced[announcing], announcing = argument, ""
            elif isinstance(argument, Name) and argument.text in ANNOUNCING:
                announcing = argument.text
            elif isinstance(argument, Name) and argument.text in verb.words:
                self.words.append(argument.text)
            else:
                self._places.append(argument)

    def __len__(self) -> int:
        return len(self._places)

    def wrong(self, message: str, place: int = -1) -> ScenarioError:
        """An error about this operation, or about what stands at a place of it."""
        column = self._operation.op.column
        if 0 <= place < len(self._places):
            column = self._places[place].column
        return wrong(self._path, self._operation, message, column)

    def type(self, default: int) -> int:
        """The cache mode among the words."""
        return next((TYPES[word] for word in self.words if word in TYPES), default)

    def has(self, word: str) -> bool:
        """Whether a word was given."""
        return word in self.words

    def announced(self, word: str, default: int) -> int:
        """The number behind ``at`` or ``offset``."""
        found = self._announced.get(word)
        return default if found is None else self._names.value(found, self._path, self._operation)

    def address(self, word: str, size: int) -> int:
        """The virtual address behind ``at``, of `size` bytes of user space; -1 when there is none."""
        if word not in self._announced:
            return -1
        start, column = self.announced(word, -1), self._announced[word].column
        self.user(start, start + size, column)
        if start % PAGE:
            raise wrong(self._path, self._operation, f"{start:#x} is not the beginning of a page", column)
        return start

    def user(self, start: int, end: int, column: int) -> None:
        """Refuse virtual bytes [start, end) outside of user space."""
        if 0 <= start <= end <= self._names.user_end:
            return
        message = f"[{start:#x}-{end:#x}) is outside of user space, which ends at {self._names.user_end:#x}"
        if 0 <= start <= end <= FIVE_LEVELS.user_end:
            message += "; with `paging 5-level` it would reach further"
        raise wrong(self._path, self._operation, message, column)

    def column(self, place: int) -> int:
        """Where an argument stands."""
        return self._places[place].column

    def name(self, place: int) -> str:
        """The name that an argument begins with."""
        name = self.new_name(place)
        self._names.must_be(name)
        return name

    def is_name(self, place: int) -> bool:
        """Whether an argument is a name and nothing more."""
        return isinstance(self._places[place], Name)

    def new_name(self, place: int) -> str:
        """The same of what need not be there yet."""
        return self._names.base(self._places[place]) if place < len(self._places) else ""

    def number(self, place: int, what: str) -> int:
        """A number that must be there."""
        if place >= len(self._places):
            raise self.wrong(f"{self._operation.op} needs {what}")
        return self._names.value(self._places[place], self._path, self._operation, self._verb.words)

    def count(self, place: int, default: int) -> int:
        """A number that may be left out: bytes; a plain small number counts pages no more than the user wrote bytes."""
        return self.size(place, "") if place < len(self._places) else default

    def size(self, place: int, what: str) -> int:
        """A number of bytes or an offset, which is never below zero."""
        size = self.number(place, what)
        if size < 0:
            raise self.wrong(f"{size:#x} is no size", place)
        return size

    def mapping(self, place: int, actor: Actor) -> tuple[Vma, int]:
        """The mapping and the address that an argument names, in the address space of a task."""
        addr = self.number(place, "a mapping")
        name = self.name(place)
        if name not in self._names.mappings:
            raise self.wrong(f"{name or 'the argument'} is no mapping" + near(name, self._names.mappings), place)
        if actor.mm is None:
            raise self.wrong(f"{actor.name} is a driver: it has no address space of its own")
        self.user(addr, addr + 1, self.column(place))
        vma = actor.mm.find(addr)
        if vma is None:
            raise self.wrong(f"{actor.name} has nothing mapped at {name}", place)
        return vma, addr

    def span(self, place: int, size_at: int) -> tuple[int, int]:
        """A virtual range: from an argument, to the end of its mapping when no size is given."""
        start = self.number(place, "a mapping")
        name = self.name(place)
        known = self._names.mappings.get(name)
        if known is None:
            raise self.wrong(f"{name or 'the argument'} is no mapping" + near(name, self._names.mappings), place)
        end = start + self.count(size_at, known.start + known.size - start)
        self.user(start, end, self.column(place))
        return start, end

    def physical(self, place: int, size_at: int) -> tuple[int, int]:
        """A physical range: from an argument, to the end of what it names when no size is given."""
        start = self.number(place, "a physical address")
        _, end = self._names.physical.get(self.name(place), (start, start + PAGE))
        return start, start + self.count(size_at, end - start)
