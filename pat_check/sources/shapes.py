"""Goes along rows of one task, and remembers in which order the calls of runs come: there are few such orders.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from librt.strings import read_i64_le

from pat_check.events.runs import Shape
from pat_check.sources.programs import HEAD, MODE, RESULT, WORD, Block, Program

if TYPE_CHECKING:
    from mypy_extensions import i64


class Step:
    """A row behind certain others, by the numbers of their programs."""

    __slots__ = ("before", "number", "program", "shape", "then")

    def __init__(self, before: Step | None, number: int, program: Program | None) -> None:
        self.before, self.program = before, program
        self.number: i64 = number
        self.then: list[Step] = []  # what came next
        self.shape: Shape | None = None  # of a run that ends here

    def follow(self, number: i64, program: Program) -> Step:
        """The step behind this one."""
        for step in self.then:
            if step.number == number:
                return step
        step = Step(self, int(number), program)
        self.then.append(step)
        return step

    def ended(self) -> Shape:
        """What a run that ends here consists of."""
        if self.shape is None:
            self.shape = _shape_of(self)
        return self.shape


def _shape_of(last: Step) -> Shape:
    programs: list[Program] = []
    step: Step | None = last
    while step is not None:
        if step.program is not None:
            programs.append(step.program)
        step = step.before
    shape = Shape([], [])
    opened: list[str] = []
    for program in reversed(programs):
        if not program.is_return:
            shape.functions.append(program.function)
            opened.append(program.function)
            continue
        opened.remove(program.function)
        if program.outer not in opened and program.caller not in shape.callers:
            shape.callers.append(program.caller)
    return shape


class Reader:
    """Goes along the rows of one task, as long as they are what is expected."""

    def __init__(self, block: Block, place: i64, begin: Step) -> None:
        self.block, self.programs, self.rows = block, block.programs, block.rows
        self.size: i64 = block.size
        self.pid: i64 = read_i64_le(block.rows, place + 2 * WORD)
        self.comm: i64 = read_i64_le(block.rows, place + 5 * WORD)
        self.place: i64 = place  # of the row that comes next
        self.last: i64 = place  # of the row before it
        self.values: i64 = place  # where the values of that one begin
        self.count: i64 = 0
        self.program = block.programs[0]
        self.step = begin

    def calls(self) -> bool:
        """Whether a call comes next."""
        return self._next() and not self.program.is_return

    def enter(self, kind: i64) -> bool:
        """Whether a call of this kind comes next."""
        return self._next() and not self.program.is_return and self.program.kind == kind

    def leave(self, call: Program) -> bool:
        """Whether this call returns next, and its result is recorded."""
        if not self._next() or not self.program.is_return or self.program.spec is not call.spec:
            return False
        return read_i64_le(self.rows, self.last + 6 * WORD) >> 32 & 1 != 0

    def leave_with_none(self, call: Program) -> bool:
        """Whether this call returns 0 next."""
        return self.leave(call) and read_i64_le(self.rows, self.values + RESULT * WORD) == 0

    def at(self, slot: i64) -> i64:
        """A value of the row that came last."""
        return read_i64_le(self.rows, self.values + slot * WORD)

    def number(self, slot: i64) -> int:
        """A value of the row that came last, as the events have it."""
        return self.block.value(self.last, slot)

    def _next(self) -> bool:
        place, rows = self.place, self.rows
        if place >= self.size:
            return False
        number = read_i64_le(rows, place + WORD)
        if number < 0 or read_i64_le(rows, place + 2 * WORD) != self.pid:
            return False
        program = self.program = self.programs[number]
        if not program.met or read_i64_le(rows, place + 5 * WORD) != self.comm:
            return False
        self.last = place
        self.values = place + HEAD
        self.place = place + program.length
        self.step = self.step.follow(number, program)
        self.count += 1
        return True


def returns(block: Block, place: i64, pid: i64, call: Program) -> bool:
    """Whether the row at `place` is the return of this call, with its result and without arguments."""
    rows = block.rows
    number = read_i64_le(rows, place + WORD)
    if number < 0 or read_i64_le(rows, place + 2 * WORD) != pid:
        return False
    program = block.programs[number]
    present = read_i64_le(rows, place + 6 * WORD) >> 32
    return program.is_return and program.met and program.spec is call.spec and present & 5 == 1


def are_alike(rows: bytes, dup: i64, copy: i64) -> bool:
    """Whether vm_area_dup() and copy_page_range(), whose values begin there, show the same VMA."""
    slot: i64 = 0
    while slot < 5:
        if read_i64_le(rows, dup + slot * WORD) != read_i64_le(rows, copy + (slot + 1) * WORD):
            return False
        slot += 1
    return True


def ends_at(block: Block, place: i64) -> i64:
    """Where the row ends that begins at `place`."""
    return place + block.programs[read_i64_le(block.rows, place + WORD)].length


def mode_at(rows: bytes, place: i64) -> int:
    """The granted cache mode of the return at `place`; -1 not recorded."""
    if not read_i64_le(rows, place + 6 * WORD) >> 32 & 1 << MODE:
        return -1
    found = read_i64_le(rows, place + HEAD + MODE * WORD)
    return int(found) if 0 <= found <= 5 else -1
