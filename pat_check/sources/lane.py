"""The fast lane: a recording in blocks through the compiled scanner, a block ahead of the replay.

What the scanner does not surely read like the reference decoder, that decoder reads, line by line and in order; so both
give the same events. Reading, decompressing and scanning go on in a thread while events are replayed.
"""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from pat_check.events import Event
from pat_check.sources.counting import Counts
from pat_check.sources.native import IGNORED, SLOW, Scanner, ScannerType
from pat_check.sources.opening import Block
from pat_check.sources.programs import ARGUMENTS, MODE, RESULT, STARTS, Program
from pat_check.sources.rows import Unpacker
from pat_check.sources.specs import Field, Spec

T = TypeVar("T")

_AHEAD = 4
"""Blocks that are scanned and wait: so much of a recording is in memory. Every other is one line between two chunks."""

_PIECE = 256
"""Events that are given at once: between two pieces the scanner may have the interpreter's lock."""

_TURN = 0.0002
"""Seconds after which the replay lets the scanner's thread have the interpreter's lock, which it needs for moments.

With the usual 5 ms it would wait longer for that than it takes to scan a block.
"""

Other = tuple[int, int, bytes]
"""A line for the reference decoder: where its event belongs among those of the block, its number, its text."""

Ignored = list[tuple[str, int]]
"""Names and how many lines of each."""


class Read(NamedTuple):
    """What was read of one block, or of a part of it."""

    events: list[Event | None]  # None for a line that the reference decoder reads
    others: list[Other]  # those lines
    cut: bool  # the block is a last line without a newline
    lines: int  # number of its last line; 0 more of it follows
    ignored: Ignored


Probed = tuple[Spec | None, bool, str]
"""A probed place: its function, whether it is a return, and to where; with no function, the name to ignore."""


class Lane:
    """The scanner of one recording and what its rows mean.

    `place` and `name` are the reference decoder's: what a probed place is, and which name of an event or function
    counts as ignored; None sends the line to it. With `count_only` there are no events but those of the reference,
    with `runs` some that follow each other are one.
    """

    def __init__(
        self,
        scanner: ScannerType,
        layout: int,
        place: Callable[[str], Probed | None],
        name: Callable[[str], str | None],
        *,
        count_only: bool = False,
        runs: bool = False,
    ) -> None:
        self._place, self._name, self._runs = place, name, runs
        self._unpacker = Unpacker()
        self._ignored: list[str] = []
        self._told: list[int] = []
        self._numbers: dict[str, int] = {}  # of functions
        self._scanner: Scanner = scanner(self._resolve, layout=layout, count_only=count_only)

    def blocks(self, blocks: Iterable[Block], before: int) -> Iterator[Read]:
        """What was read of each block, in parts; so many lines were read before."""
        unpacker = self._unpacker
        for block, rows, found, large, lines, comms, ignored in ahead(self._scanned(blocks, before)):
            unpacker.comms.extend(comms)
            decoding = unpacker.block(rows, found if self._runs else b"", large)
            while True:
                out: list[Event | None] = []
                others: list[Other] = []
                slow = unpacker.decoded(decoding, out, _PIECE)
                for place in range(0, len(slow), 4):
                    index, at, start, length = slow[place : place + 4]
                    others.append((index, at, bytes(block.text[start : start + length])))
                if decoding.is_over():
                    break
                yield Read(out, others, block.cut, 0, [])
            yield Read(out, others, block.cut, lines, ignored)

    def count(self, counts: Counts) -> None:
        """Add what was only counted, once everything is read."""
        for program, times in zip(self._unpacker.programs, self._scanner.seen(), strict=False):
            kind = counts.returns if program.is_return else counts.entries
            if times:
                kind[program.spec.function] += times

    def _scanned(
        self, blocks: Iterable[Block], lines: int
    ) -> Iterator[tuple[Block, bytes, bytes, list[int], int, list[str], Ignored]]:
        """In the thread of the scanner, which no other may touch."""
        comms = 0
        for block in blocks:
            rows, found, count, large = self._scanner.scan(block.text, lines + 1, block.cut)
            new = self._scanner.comms(comms)
            comms += len(new)
            lines += count
            yield block, rows, found, large, lines, new, self._counted()

    def _counted(self) -> Ignored:
        counted: Ignored = []
        counts = self._scanner.counts()
        for index, name in enumerate(self._ignored):
            if counts[index] > self._told[index]:
                counted.append((name, counts[index] - self._told[index]))
                self._told[index] = counts[index]
        return counted

    # --- what the scanner asks ----------------------------------------------------------------------------

    def _resolve(self, name: int, key: bytes) -> int:
        if not key.isascii():
            return SLOW
        text = key.decode("ascii")
        if name:
            ignored = self._name(text)
            return SLOW if ignored is None else self._ignore(ignored)
        found = self._place(text)
        if found is None:
            return SLOW
        spec, is_return, caller = found
        return self._define(Program(spec, is_return, caller)) if spec is not None else self._ignore(caller)

    def _ignore(self, name: str) -> int:
        self._ignored.append(name)
        self._told.append(0)
        return IGNORED - (len(self._ignored) - 1)

    def _define(self, program: Program) -> int:
        spec = program.spec
        fields = (*spec.fields, *spec.trailing)
        if program.is_return:
            slots: list[Field] = [Field(("ret", "retval"), 0), Field(spec.got[::-1], 0), Field(("start",), 0)]
            assert (0, 1, 2, len(slots)) == (RESULT, MODE, STARTS, ARGUMENTS)
            needed, slots = 0, [*slots, *fields]
        else:
            needed, slots = program.needed, list(fields)
        names = [
            (name.encode(), slot, rank) for slot, field in enumerate(slots) for rank, name in enumerate(field.names)
        ]
        first = {name: index for index, (name, _, _) in reversed(list(enumerate(names)))}
        names.sort(key=lambda alias: (first[alias[0]], alias[1]))
        self._unpacker.programs.append(program)
        defaults = tuple(field.default for field in slots)
        function, outer = self._number(program.function), self._number(program.outer)
        said = (program.is_return, int(program.kind), program.role, function, outer)
        return self._scanner.define(needed, defaults, tuple(names), *said)

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))


class _End(Generic[T]):
    """The last thing in the queue, with the error that ended it."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, made in a thread that is a few of them ahead; an error comes at its place."""
    ready: queue.Queue[T | _End[T]] = queue.Queue(_AHEAD)
    over = threading.Event()

    def put(item: T | _End[T]) -> bool:
        while not over.is_set():
            try:
                ready.put(item, timeout=0.5)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:
            put(_End(error))
        else:
            put(_End(None))

    thread = threading.Thread(target=work, name="scanner", daemon=True)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(_TURN, usual))
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(usual)
