"""Rows that map a whole VMA, or give a mapping back, when nothing comes between them and nothing is odd about them.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check.events import FreePfnRange, RemapPfnRange
from pat_check.events.runs import Mapping, Rows, Run, Untracking
from pat_check.sources.programs import (
    ARGUMENTS,
    FREE_PFN_RANGE,
    HEAD,
    MEMTYPE_CHECK_INSERT,
    MEMTYPE_ERASE,
    MEMTYPE_FREE,
    MEMTYPE_KERNEL_MAP_SYNC,
    MEMTYPE_RESERVE,
    MODE,
    PFNMAP_TRACK,
    REMAP_PFN_RANGE,
    RESERVE_PFN_RANGE,
    RESULT,
    WORD,
    Program,
    value,
)

if TYPE_CHECKING:
    from mypy_extensions import i64

_PAGE: Final = 4096
_ISA_END: Final = 0x100000
_HIGHEST: Final = 1 << 52
_ERRORS: Final = -4095

_TRACKING: Final = ("remap_pfn_range_track", "track_pfn_remap")
"""Functions that remap_pfn_range() calls to map a whole VMA."""

_VMA, _VM_START, _VM_END, _ADDR, _PFN, _SIZE = 0, 2, 3, 4, 5, 6
"""Slots of remap_pfn_range()."""


class _Reader:
    """Goes along the rows of one task, as long as they are what is expected."""

    def __init__(self, programs: list[Program], rows: bytes, place: i64) -> None:
        self.programs, self.rows = programs, rows
        self.size: i64 = len(rows)
        self.pid: i64 = read_i64_le(rows, place + 2 * WORD)
        self.comm: i64 = read_i64_le(rows, place + 5 * WORD)
        self.place: i64 = place  # of the row that comes next
        self.last: i64 = place  # of the row before it
        self.values: i64 = place  # where the values of that one begin
        self.count: i64 = 0
        self.program = programs[0]
        self.functions: list[str] = []  # that were called
        self.open: list[str] = []  # those of them that have not returned
        self.callers: list[str] = []  # where returns go that go to none of these

    def calls(self) -> bool:
        """Whether a call comes next."""
        return self._next() and not self.program.is_return

    def enter(self, kind: i64) -> bool:
        """Whether a call of this kind comes next."""
        return self.calls() and self.program.kind == kind

    def leave(self, call: Program) -> bool:
        """Whether this call returns next, and its result is recorded."""
        if not self._next() or not self.program.is_return or self.program.spec is not call.spec:
            return False
        self.open.remove(call.function)
        if self.program.outer not in self.open and self.program.caller not in self.callers:
            self.callers.append(self.program.caller)
        return bool(self._mask() >> 32 & 1)

    def leave_with_none(self, call: Program) -> bool:
        """Whether this call returns 0 next."""
        return self.leave(call) and self.at(RESULT) == 0

    def at(self, slot: i64) -> i64:
        """A value of the row that came last."""
        return read_i64_le(self.rows, self.values + slot * WORD)

    def number(self, slot: i64) -> int:
        """The same as the events have it."""
        return value(self.rows, self.values, self._mask(), slot)

    def mode(self) -> int:
        """The granted cache mode of a return; -1 not recorded."""
        found = self.number(MODE) if self._mask() >> 32 & 2 else -1
        return found if 0 <= found <= 5 else -1

    def _mask(self) -> i64:
        return read_i64_le(self.rows, self.last + 6 * WORD)

    def _next(self) -> bool:
        place = self.place
        if place >= self.size:
            return False
        number = read_i64_le(self.rows, place + WORD)
        if number < 0 or read_i64_le(self.rows, place + 2 * WORD) != self.pid:
            return False
        program = self.program = self.programs[number]
        if not program.met or read_i64_le(self.rows, place + 5 * WORD) != self.comm:
            return False
        self.last = place
        self.values = place + HEAD
        self.place = self.values + program.slots * WORD
        if program.is_return:
            self.place += ARGUMENTS * WORD
        else:
            self.functions.append(program.function)
            self.open.append(program.function)
        self.count += 1
        return True


def mapping(programs: list[Program], comms: list[str], rows: bytes, place: i64, source: Rows) -> Mapping | None:
    """The remap_pfn_range() of a whole VMA that begins at `place`."""
    row = _Reader(programs, rows, place)
    if row.pid <= 0 or not row.enter(REMAP_PFN_RANGE):
        return None
    addr, size, pfn = row.at(_ADDR), row.at(_SIZE), row.at(_PFN)
    start = pfn * _PAGE
    length = (size + _PAGE - 1) & -_PAGE
    end = start + length
    if not (0 < pfn < _HIGHEST // _PAGE and 0 < size < _HIGHEST and start >= _ISA_END and end < _HIGHEST):
        return None
    if row.at(_VMA) == 0 or addr < 0 or addr != row.at(_VM_START) or length != row.at(_VM_END) - addr:
        return None
    first, outside, inside = row.values, row.program, row.program
    outer = _remap(row, comms)
    inner: RemapPfnRange | None = None
    if not row.calls():
        return None
    if row.program.kind == REMAP_PFN_RANGE:
        if row.program.function not in _TRACKING:
            return None
        for slot in range(_SIZE + 1):
            if row.at(slot) != read_i64_le(rows, first + slot * WORD):
                return None
        inside, inner = row.program, _remap(row, comms)
        if not row.calls():
            return None
    reserving = row.program
    if reserving.kind == PFNMAP_TRACK:
        if row.at(0) != pfn:
            return None
    elif reserving.kind != RESERVE_PFN_RANGE or row.at(0) != start or row.at(3) > 0:
        return None
    if row.at(1) != length:
        return None
    found = Mapping(*_where(rows, comms, place), source, int(place), 0, 0)
    found.outer, found.inner, found.prot = outer, inner, row.number(2)
    if not (row.enter(MEMTYPE_RESERVE) and row.at(0) == start and row.at(1) == end and row.at(3) != 0):
        return None
    request, found.req = row.program, row.number(2)
    if not (row.enter(MEMTYPE_CHECK_INSERT) and row.at(0) == start and row.at(1) == end):
        return None
    found.type, found.inserted_at = row.number(2), int(read_i64_le(rows, row.last))
    if not row.leave_with_none(row.program):
        return None
    found.got = row.mode()
    if not row.leave_with_none(request):
        return None
    found.returned_at, found.returned_time = int(read_i64_le(rows, row.last)), read_f64_le(rows, row.last + 4 * WORD)
    found.caller, found.granted = row.program.caller, row.mode()
    if not (row.enter(MEMTYPE_KERNEL_MAP_SYNC) and row.at(0) == start and row.at(1) == length):
        return None
    found.pcm = row.number(2)
    if not row.leave_with_none(row.program) or not row.leave_with_none(reserving):
        return None
    if (inner is not None and not row.leave_with_none(inside)) or not row.leave_with_none(outside):
        return None
    found.functions, found.callers = row.functions, row.callers
    _close(found, row)
    return found


def untracking(programs: list[Program], comms: list[str], rows: bytes, place: i64, source: Rows) -> Untracking | None:
    """The pfnmap_track_ctx_release() that begins at `place`."""
    row = _Reader(programs, rows, place)
    if row.pid <= 0 or not row.enter(FREE_PFN_RANGE):
        return None
    pfn, size = row.at(2), row.at(3)
    start = pfn * _PAGE
    end = start + size
    if not (0 < pfn < _HIGHEST // _PAGE and 0 < size < _HIGHEST and start >= _ISA_END and end < _HIGHEST):
        return None
    if size % _PAGE:
        return None
    release = _free(row, comms)
    if not row.enter(FREE_PFN_RANGE) or row.program.function != "pfnmap_untrack":
        return None
    if row.at(2) != pfn or row.at(3) != size:
        return None
    found = Untracking(*_where(rows, comms, place), source, int(place), 0, 0)
    found.release, found.untrack = release, _free(row, comms)
    if not (row.enter(MEMTYPE_FREE) and row.at(0) == start and row.at(1) == end):
        return None
    freeing, found.free_at = row.program, int(read_i64_le(rows, row.last))
    if not (row.enter(MEMTYPE_ERASE) and row.at(0) == start and row.at(1) == end):
        return None
    if not row.leave(row.program) or _ERRORS <= row.at(RESULT) <= 0:
        return None
    found.erased_at, found.erased_time = int(read_i64_le(rows, row.last)), read_f64_le(rows, row.last + 4 * WORD)
    if not row.leave_with_none(freeing):
        return None
    found.functions, found.callers = row.functions, row.callers
    _close(found, row)
    return found


def _where(rows: bytes, comms: list[str], place: i64) -> tuple[int, float, int, int, str]:
    """What every event begins with."""
    return (
        int(read_i64_le(rows, place)),
        read_f64_le(rows, place + 4 * WORD),
        int(read_i64_le(rows, place + 3 * WORD)),
        int(read_i64_le(rows, place + 2 * WORD)),
        comms[read_i64_le(rows, place + 5 * WORD)],
    )


def _close(run: Run, row: _Reader) -> None:
    """A run ends with the row that came last."""
    run.at, run.time = int(read_i64_le(row.rows, row.last)), read_f64_le(row.rows, row.last + 4 * WORD)
    run.cpu = int(read_i64_le(row.rows, row.last + 3 * WORD))
    run.end, run.count = int(row.place), int(row.count)


def _remap(row: _Reader, comms: list[str]) -> RemapPfnRange:
    at, time, cpu, pid, comm = _where(row.rows, comms, row.last)
    return RemapPfnRange(
        at,
        time,
        cpu,
        pid,
        comm,
        row.number(0),
        row.number(1),
        row.number(2),
        row.number(3),
        row.number(4),
        row.number(5),
        row.number(6),
        row.program.api,
        row.number(7),
        row.number(8),
        row.number(9),
    )


def _free(row: _Reader, comms: list[str]) -> FreePfnRange:
    at, time, cpu, pid, comm = _where(row.rows, comms, row.last)
    return FreePfnRange(
        at,
        time,
        cpu,
        pid,
        comm,
        row.number(0),
        row.number(1),
        row.program.api,
        row.number(2),
        row.number(3),
        row.number(4),
        row.number(5),
        row.number(6),
        row.number(7),
    )


def returns(programs: list[Program], rows: bytes, place: i64, pid: i64, call: Program) -> bool:
    """Whether the row at `place` is the return of this call, with its result and without arguments."""
    number = read_i64_le(rows, place + WORD)
    if number < 0 or read_i64_le(rows, place + 2 * WORD) != pid:
        return False
    program = programs[number]
    present = read_i64_le(rows, place + 6 * WORD) >> 32
    return program.is_return and program.met and program.spec is call.spec and present & 5 == 1
