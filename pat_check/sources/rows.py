"""Rows of the compiled scanner made into events: what sources/catalogue.py makes of the same lines.

Compiled itself, this is the quickest way from a line to an event; the classes that recordings are full of have code of
their own, all others go the catalogue's way. A row is of 64-bit words, in the order of scan.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check import events
from pat_check.events import Event, Return
from pat_check.events.runs import Shape
from pat_check.sources.catalogue import signed
from pat_check.sources.programs import (
    ARGUMENTS,
    COPY_PAGE_RANGE,
    FREE_PFN_RANGE,
    GENERIC,
    GET_PAT_INFO,
    HEAD,
    MEMTYPE_CHECK_INSERT,
    MEMTYPE_ERASE,
    MEMTYPE_FREE,
    MEMTYPE_KERNEL_MAP_SYNC,
    MEMTYPE_RESERVE,
    MODE,
    MPROTECT_FIXUP,
    PFNMAP_TRACK,
    RESERVE_PFN_RANGE,
    RESULT,
    SPLIT_VMA,
    STARTS,
    TELLTALE,
    UNMAP_VMAS,
    VM_AREA_DUP,
    VM_AREA_FREE,
    WORD,
    ZAP_VMA,
    Block,
    Program,
)
from pat_check.sources.runs import Worths, run_of
from pat_check.sources.shapes import shape_of
from pat_check.sources.specs import PAGE_SHIFT, PFN_MASK

if TYPE_CHECKING:
    from mypy_extensions import i64

_SLOW_ROW: Final = 4 * WORD
_WHICH: Final = 2 * WORD
_COUNT: Final = 3 * WORD
_ORDER: Final = 4 * WORD
_FOUND: Final = 5 * WORD
"""Words of a run that was found, and behind which the next is; the first say where it begins and ends."""


class Unpacker:
    """Makes the events of one recording."""

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.comms: list[str] = []
        self.worths = Worths()
        self._shapes: list[Shape] = []  # of orders of calls, by their numbers

    def block(self, rows: bytes, found: bytes, large: list[int]) -> RowBlock:
        """The rows of a block, the runs in them that come as one event, and the large values by number."""
        return RowBlock(self, rows, found, large)

    def decoded(self, block: RowBlock, out: list[Event | None], most: int) -> list[int]:
        """Append the next events of a block to `out`, so many at most.

        For a line that the reference must read it appends None; it returns for each of them its index in `out`, its
        number, its offset and its length, one after the other.
        """
        slow: list[int] = []
        found, place, run, worths = block.found, block.place, block.run, self.worths.of
        while len(out) < most:
            begin = read_i64_le(found, run) if run < block.runs else block.size
            place = self.unpack(block, place, begin, out, slow, most)
            if place < begin or run == block.runs or len(out) >= most:
                break
            which, order = read_i64_le(found, run + _WHICH), read_i64_le(found, run + _ORDER)
            end = read_i64_le(found, run + WORD)
            shape: Shape | None = None
            if order >= 0:
                if order >= len(self._shapes):
                    self._shapes.append(shape_of(block, begin, end))
                shape = self._shapes[order]
            run += _FOUND
            if worths[which].is_given():
                out.append(run_of(block, which, begin, end, read_i64_le(found, run + _COUNT - _FOUND), shape))
                place = end
        block.place, block.run = place, run
        return slow

    def unpack(self, block: Block, place: i64, end: i64, out: list[Event | None], slow: list[int], most: int) -> i64:
        """The same of rows in [place, end), bytes, in which no run begins; returns where it stops."""
        programs, comms, rows = block.programs, block.comms, block.rows
        while place < end and len(out) < most:
            number = read_i64_le(rows, place + WORD)
            if number < 0:
                slow.append(len(out))
                slow.append(int(read_i64_le(rows, place)))
                out.append(None)
                slow.append(int(read_i64_le(rows, place + 2 * WORD)))
                slow.append(int(read_i64_le(rows, place + 3 * WORD)))
                place += _SLOW_ROW
                continue
            program = programs[number]
            at = int(read_i64_le(rows, place))
            pid = int(read_i64_le(rows, place + 2 * WORD))
            cpu = int(read_i64_le(rows, place + 3 * WORD))
            time = read_f64_le(rows, place + 4 * WORD)
            comm = comms[read_i64_le(rows, place + 5 * WORD)]
            if program.is_return:
                out.append(_return(block, program, place, at, time, cpu, pid, comm))
            else:
                out.append(_call(block, program, place, 0, at, time, cpu, pid, comm))
            place += program.length
        return place


class RowBlock(Block):
    """The rows of one block, and how far they are decoded."""

    def __init__(self, unpacker: Unpacker, rows: bytes, found: bytes, large: list[int]) -> None:
        super().__init__(unpacker.programs, unpacker.comms, rows, large)
        self.unpacker, self.found = unpacker, found
        self.runs: i64 = len(found)
        self.place: i64 = 0
        self.run: i64 = 0

    def is_over(self) -> bool:
        """Whether all of it is decoded."""
        return self.place == self.size

    def refused(self, kind: type[Event]) -> None:
        self.unpacker.worths.refuse(kind)

    def between(self, place: int, end: int) -> list[Event]:
        out: list[Event | None] = []
        self.unpacker.unpack(self, place, end, out, [], int(self.size))
        return [event for event in out if event is not None]


def _call(
    block: Block, program: Program, place: i64, first: i64, at: int, time: float, cpu: int, pid: int, comm: str
) -> events.Call:
    """The call of the row at `place`, whose values begin with the slot `first`."""
    kind = program.kind
    if kind == GENERIC:
        return _generic(block, program, place, first, at, time, cpu, pid, comm)
    v0 = block.value(place, first)
    if kind == TELLTALE:
        return events.Telltale(at, time, cpu, pid, comm, v0, program.api)
    if kind == VM_AREA_FREE:
        return events.VmAreaFree(at, time, cpu, pid, comm, v0, block.value(place, first + 1))
    if kind == MEMTYPE_KERNEL_MAP_SYNC:
        v1 = block.value(place, first + 1)
        return events.MemtypeKernelMapSync(at, time, cpu, pid, comm, v0, v1, block.value(place, first + 2))
    if kind == GET_PAT_INFO:
        return events.GetPatInfo(at, time, cpu, pid, comm, v0)
    v1 = block.value(place, first + 1)
    if kind == UNMAP_VMAS:
        return events.UnmapVmas(
            at, time, cpu, pid, comm, v0, v1, block.value(place, first + 2), block.value(place, first + 3)
        )
    if kind == MEMTYPE_FREE:
        return events.MemtypeFree(at, time, cpu, pid, comm, v0, v1)
    if kind == MEMTYPE_ERASE:
        return events.MemtypeErase(at, time, cpu, pid, comm, v0, v1)
    v2 = block.value(place, first + 2)
    if kind == PFNMAP_TRACK:
        return events.ReservePfnRange(at, time, cpu, pid, comm, (v0 & PFN_MASK) << PAGE_SHIFT, v1, v2, program.api)
    if kind == MEMTYPE_CHECK_INSERT:
        return events.MemtypeCheckInsert(at, time, cpu, pid, comm, v0, v1, v2)
    v3 = block.value(place, first + 3)
    if kind == MEMTYPE_RESERVE:
        return events.MemtypeReserve(at, time, cpu, pid, comm, v0, v1, v2, v3)
    api = program.api
    if kind == RESERVE_PFN_RANGE:
        return events.ReservePfnRange(at, time, cpu, pid, comm, v0, v1, v2, api, v3)
    v4, v5 = block.value(place, first + 4), block.value(place, first + 5)
    if kind == VM_AREA_DUP:
        return events.VmAreaDup(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5)
    if kind == COPY_PAGE_RANGE:
        return events.CopyPageRange(at, time, cpu, pid, comm, v0, v1, v2, api, v3, v4, v5)
    v6 = block.value(place, first + 6)
    if kind == ZAP_VMA:
        return events.ZapVma(at, time, cpu, pid, comm, v0, v1, v2, v3, api, v4, v5, v6)
    if kind == SPLIT_VMA:
        return events.SplitVma(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5, v6)
    v7 = block.value(place, first + 7)
    if kind == MPROTECT_FIXUP:
        return events.MprotectFixup(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5, v6, v7)
    if kind == FREE_PFN_RANGE:
        return events.FreePfnRange(at, time, cpu, pid, comm, v0, v1, api, v2, v3, v4, v5, v6, v7)
    v8, v9 = block.value(place, first + 8), block.value(place, first + 9)
    return events.RemapPfnRange(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5, v6, api, v7, v8, v9)


def _return(block: Block, program: Program, place: i64, at: int, time: float, cpu: int, pid: int, comm: str) -> Return:
    present = read_i64_le(block.rows, place + 6 * WORD) >> 32
    ret: int | None = None
    if present & 1 << RESULT:
        bits = read_i64_le(block.rows, place + HEAD + RESULT * WORD)
        if bits >= 0 and bits < 0x8000_0000:
            ret = int(bits)
        else:
            ret = block.value(place, RESULT)
            if not program.pointer:
                ret = signed(ret)
    mode = -1
    if present & 1 << MODE:
        mode = block.value(place, MODE)
        if not 0 <= mode <= 5:
            mode = -1
    entry: events.Call | None = None
    if present & 1 << STARTS and present >> ARGUMENTS & program.needed == program.needed:
        entry = _call(block, program, place, ARGUMENTS, at, time, cpu, pid, comm)
    return Return(at, time, cpu, pid, comm, program.call, program.function, ret, mode, program.caller, entry)


def _generic(
    block: Block, program: Program, place: i64, first: i64, at: int, time: float, cpu: int, pid: int, comm: str
) -> events.Call:
    """A call event of any class, as catalogue.entry_of() makes it."""
    spec = program.spec
    found = [block.value(place, first + index) for index in range(program.slots)]
    values = found[: program.fields]
    if spec.convert is not None:
        values = spec.convert(values)
    return spec.call(at, time, cpu, pid, comm, *values, *spec.extra, *found[program.fields :])
