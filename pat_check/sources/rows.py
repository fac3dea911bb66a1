"""Rows of the compiled scanner made into events: what sources/catalogue.py makes of the same lines.

Compiled itself, this is the quickest way from a line to an event; the classes that recordings are full of have code of
their own, all others go the catalogue's way. A row is of 64-bit words, in the order of scan.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check import events
from pat_check.events import Event, Return
from pat_check.events.runs import Rows
from pat_check.sources.catalogue import signed
from pat_check.sources.programs import (
    ARGUMENTS,
    COPY_PAGE_RANGE,
    FREE_PFN_RANGE,
    GENERIC,
    HEAD,
    MEMTYPE_CHECK_INSERT,
    MEMTYPE_ERASE,
    MEMTYPE_FREE,
    MEMTYPE_KERNEL_MAP_SYNC,
    MEMTYPE_RESERVE,
    MODE,
    NOTHING,
    PFNMAP_TRACK,
    RESERVE_PFN_RANGE,
    RESULT,
    SPLIT_VMA,
    UNMAP_VMAS,
    VM_AREA_DUP,
    VM_AREA_FREE,
    WORD,
    ZAP_VMA,
    Program,
    value,
)
from pat_check.sources.runs import run_at
from pat_check.sources.shapes import Step
from pat_check.sources.specs import PAGE_SHIFT, PFN_MASK

if TYPE_CHECKING:
    from mypy_extensions import i64

_SLOW_ROW: Final = 4 * WORD


class Unpacker:
    """Makes the events of one recording."""

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.comms: list[str] = []
        self._begin = Step(None, -1, None)

    def decoded(self, rows: bytes, out: list[Event | None], *, runs: bool = False) -> list[int]:
        """Append the events of `rows` to `out`, and None for each line that the reference must read.

        With `runs` events that events/runs.py knows come as one. Returns for each line of the reference its index in
        `out`, its number, its offset and its length, one after the other.
        """
        slow: list[int] = []
        block = _Block(self, rows) if runs else None
        programs, comms = self.programs, self.comms
        place: i64 = 0
        size: i64 = len(rows)
        while place < size:
            at = int(read_i64_le(rows, place))
            number = read_i64_le(rows, place + WORD)
            if number < 0:
                slow.append(len(out))
                slow.append(at)
                out.append(None)
                slow.append(int(read_i64_le(rows, place + 2 * WORD)))
                slow.append(int(read_i64_le(rows, place + 3 * WORD)))
                place += _SLOW_ROW
                continue
            program = programs[number]
            if not program.met:
                program.met = True  # the first is always told by itself
            elif block is not None and program.begins != NOTHING:
                run = run_at(programs, comms, rows, place, block, self._begin)
                if run is not None:
                    out.append(run)
                    place = run.end
                    continue
            pid = int(read_i64_le(rows, place + 2 * WORD))
            cpu = int(read_i64_le(rows, place + 3 * WORD))
            time = read_f64_le(rows, place + 4 * WORD)
            comm = comms[read_i64_le(rows, place + 5 * WORD)]
            mask = read_i64_le(rows, place + 6 * WORD)
            place += HEAD
            if program.is_return:
                out.append(_return(program, rows, place, mask, at, time, cpu, pid, comm))
                place += ARGUMENTS * WORD
            else:
                out.append(_call(program, rows, place, mask, at, time, cpu, pid, comm))
            place += program.slots * WORD
        return slow


class _Block(Rows):
    """The rows of one block."""

    def __init__(self, unpacker: Unpacker, rows: bytes) -> None:
        self.unpacker, self.rows = unpacker, rows

    def between(self, place: int, end: int) -> list[Event]:
        out: list[Event | None] = []
        self.unpacker.decoded(self.rows[place:end], out)
        return [event for event in out if event is not None]


def _call(
    program: Program, rows: bytes, place: i64, mask: i64, at: int, time: float, cpu: int, pid: int, comm: str
) -> events.Call:
    kind = program.kind
    v0 = value(rows, place, mask, 0)
    if kind == VM_AREA_FREE:
        return events.VmAreaFree(at, time, cpu, pid, comm, v0, value(rows, place, mask, 1))
    if kind == MEMTYPE_KERNEL_MAP_SYNC:
        v1 = value(rows, place, mask, 1)
        return events.MemtypeKernelMapSync(at, time, cpu, pid, comm, v0, v1, value(rows, place, mask, 2))
    if kind == GENERIC:
        return _generic(program, rows, place, mask, at, time, cpu, pid, comm)
    v1 = value(rows, place, mask, 1)
    if kind == UNMAP_VMAS:
        return events.UnmapVmas(
            at, time, cpu, pid, comm, v0, v1, value(rows, place, mask, 2), value(rows, place, mask, 3)
        )
    if kind == MEMTYPE_FREE:
        return events.MemtypeFree(at, time, cpu, pid, comm, v0, v1)
    if kind == MEMTYPE_ERASE:
        return events.MemtypeErase(at, time, cpu, pid, comm, v0, v1)
    v2 = value(rows, place, mask, 2)
    if kind == PFNMAP_TRACK:
        return events.ReservePfnRange(at, time, cpu, pid, comm, (v0 & PFN_MASK) << PAGE_SHIFT, v1, v2, program.api)
    if kind == MEMTYPE_CHECK_INSERT:
        return events.MemtypeCheckInsert(at, time, cpu, pid, comm, v0, v1, v2)
    v3 = value(rows, place, mask, 3)
    if kind == MEMTYPE_RESERVE:
        return events.MemtypeReserve(at, time, cpu, pid, comm, v0, v1, v2, v3)
    api = program.api
    if kind == RESERVE_PFN_RANGE:
        return events.ReservePfnRange(at, time, cpu, pid, comm, v0, v1, v2, api, v3)
    v4, v5 = value(rows, place, mask, 4), value(rows, place, mask, 5)
    if kind == VM_AREA_DUP:
        return events.VmAreaDup(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5)
    if kind == COPY_PAGE_RANGE:
        return events.CopyPageRange(at, time, cpu, pid, comm, v0, v1, v2, api, v3, v4, v5)
    v6 = value(rows, place, mask, 6)
    if kind == ZAP_VMA:
        return events.ZapVma(at, time, cpu, pid, comm, v0, v1, v2, v3, api, v4, v5, v6)
    if kind == SPLIT_VMA:
        return events.SplitVma(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5, v6)
    v7 = value(rows, place, mask, 7)
    if kind == FREE_PFN_RANGE:
        return events.FreePfnRange(at, time, cpu, pid, comm, v0, v1, api, v2, v3, v4, v5, v6, v7)
    v8, v9 = value(rows, place, mask, 8), value(rows, place, mask, 9)
    return events.RemapPfnRange(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5, v6, api, v7, v8, v9)


def _return(
    program: Program, rows: bytes, place: i64, mask: i64, at: int, time: float, cpu: int, pid: int, comm: str
) -> Return:
    present = mask >> 32
    ret: int | None = None
    if present & 1:
        bits = read_i64_le(rows, place)
        if bits >= 0 and bits < 0x8000_0000:
            ret = int(bits)
        else:
            ret = value(rows, place, mask, RESULT)
            if not program.pointer:
                ret = signed(ret)
    mode = -1
    if present & 2:
        mode = value(rows, place, mask, MODE)
        if not 0 <= mode <= 5:
            mode = -1
    entry: events.Call | None = None
    if present & 4:
        needed = program.needed
        if int(present) >> ARGUMENTS & needed == needed:
            entry = _call(program, rows, place + ARGUMENTS * WORD, mask >> ARGUMENTS, at, time, cpu, pid, comm)
    return Return(at, time, cpu, pid, comm, program.call, program.function, ret, mode, program.caller, entry)


def _generic(
    program: Program, rows: bytes, place: i64, mask: i64, at: int, time: float, cpu: int, pid: int, comm: str
) -> events.Call:
    """A call event of any class, as catalogue.entry_of() makes it."""
    spec = program.spec
    found = [value(rows, place, mask, index) for index in range(program.slots)]
    values = found[: program.fields]
    if spec.convert is not None:
        values = spec.convert(values)
    return spec.call(at, time, cpu, pid, comm, *values, *spec.extra, *found[program.fields :])
