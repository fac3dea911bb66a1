"""Rows of the compiled scanner made into events: what sources/catalogue.py makes of the same lines.

Compiled itself, this is the quickest way from a line to an event; the classes that recordings are full of have code of
their own, all others go the catalogue's way. A row is of 64-bit words, in the order of scan.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check import events
from pat_check.events import Event, Return
from pat_check.sources.catalogue import signed
from pat_check.sources.specs import Spec

if TYPE_CHECKING:
    from mypy_extensions import i64

WORD: Final = 8
_HEAD: Final = 7 * WORD
_SLOW_ROW: Final = 4 * WORD
_MAX: Final = 1 << 64

_VM_AREA_FREE: Final = 0
_VM_AREA_DUP: Final = 1
_ZAP_VMA: Final = 2
_COPY_PAGE_RANGE: Final = 3
_UNMAP_VMAS: Final = 4
_MEMTYPE_RESERVE: Final = 5
_MEMTYPE_FREE: Final = 6
_MEMTYPE_CHECK_INSERT: Final = 7
_MEMTYPE_ERASE: Final = 8
_REMAP_PFN_RANGE: Final = 9
_FREE_PFN_RANGE: Final = 10
_MEMTYPE_KERNEL_MAP_SYNC: Final = 11
_SPLIT_VMA: Final = 12
_GENERIC: Final = 13
"""Kinds of calls: those with code of their own, and all others."""

_KINDS: Final[dict[type[events.Call], int]] = {
    events.VmAreaFree: _VM_AREA_FREE,
    events.VmAreaDup: _VM_AREA_DUP,
    events.ZapVma: _ZAP_VMA,
    events.CopyPageRange: _COPY_PAGE_RANGE,
    events.UnmapVmas: _UNMAP_VMAS,
    events.MemtypeReserve: _MEMTYPE_RESERVE,
    events.MemtypeFree: _MEMTYPE_FREE,
    events.MemtypeCheckInsert: _MEMTYPE_CHECK_INSERT,
    events.MemtypeErase: _MEMTYPE_ERASE,
    events.RemapPfnRange: _REMAP_PFN_RANGE,
    events.FreePfnRange: _FREE_PFN_RANGE,
    events.MemtypeKernelMapSync: _MEMTYPE_KERNEL_MAP_SYNC,
    events.SplitVma: _SPLIT_VMA,
}


class Program:
    """How the rows of one probed place become events.

    Values stand in the order of the function's fields; those of a return have its result first, then the granted
    mode, whether ``start=`` is there, and the fields of the call.
    """

    def __init__(self, spec: Spec, is_return: bool, caller: str) -> None:
        self.spec, self.is_return, self.caller = spec, is_return, caller
        self.api = str(spec.extra[-1]) if spec.extra else ""
        self.fields = len(spec.fields)
        self.slots = self.fields + len(spec.trailing)
        self.needed = 0
        for index, field in enumerate((*spec.fields, *spec.trailing)):
            if field.default is None:
                self.needed |= 1 << index
        self.kind: int = _GENERIC if spec.convert is not None else _KINDS.get(spec.call, _GENERIC)


RESULT, MODE, STARTS, ARGUMENTS = 0, 1, 2, 3
"""Slots of a return."""


class Unpacker:
    """Makes the events of one recording."""

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self.comms: list[str] = []

    def decoded(self, rows: bytes, out: list[Event | None]) -> list[int]:
        """Append the events of `rows` to `out`, and None for each line that the reference must read.

        Returns for each such line its index in `out`, its number, its offset and its length, one after the other.
        """
        slow: list[int] = []
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
            pid = int(read_i64_le(rows, place + 2 * WORD))
            cpu = int(read_i64_le(rows, place + 3 * WORD))
            time = read_f64_le(rows, place + 4 * WORD)
            comm = comms[read_i64_le(rows, place + 5 * WORD)]
            mask = read_i64_le(rows, place + 6 * WORD)
            place += _HEAD
            if program.is_return:
                out.append(_return(program, rows, place, mask, at, time, cpu, pid, comm))
                place += ARGUMENTS * WORD
            else:
                out.append(_call(program, rows, place, mask, at, time, cpu, pid, comm))
            slots: i64 = program.slots
            place += slots * WORD
        return slow


def _call(
    program: Program, rows: bytes, place: i64, mask: i64, at: int, time: float, cpu: int, pid: int, comm: str
) -> events.Call:
    kind: i64 = program.kind
    v0 = _value(rows, place, mask, 0)
    if kind == _VM_AREA_FREE:
        return events.VmAreaFree(at, time, cpu, pid, comm, v0, _value(rows, place, mask, 1))
    if kind == _MEMTYPE_KERNEL_MAP_SYNC:
        v1 = _value(rows, place, mask, 1)
        return events.MemtypeKernelMapSync(at, time, cpu, pid, comm, v0, v1, _value(rows, place, mask, 2))
    if kind == _GENERIC:
        return _generic(program, rows, place, mask, at, time, cpu, pid, comm)
    v1 = _value(rows, place, mask, 1)
    if kind == _UNMAP_VMAS:
        return events.UnmapVmas(
            at, time, cpu, pid, comm, v0, v1, _value(rows, place, mask, 2), _value(rows, place, mask, 3)
        )
    if kind == _MEMTYPE_FREE:
        return events.MemtypeFree(at, time, cpu, pid, comm, v0, v1)
    if kind == _MEMTYPE_ERASE:
        return events.MemtypeErase(at, time, cpu, pid, comm, v0, v1)
    v2 = _value(rows, place, mask, 2)
    if kind == _MEMTYPE_CHECK_INSERT:
        return events.MemtypeCheckInsert(at, time, cpu, pid, comm, v0, v1, v2)
    v3 = _value(rows, place, mask, 3)
    if kind == _MEMTYPE_RESERVE:
        return events.MemtypeReserve(at, time, cpu, pid, comm, v0, v1, v2, v3)
    v4, v5 = _value(rows, place, mask, 4), _value(rows, place, mask, 5)
    api = program.api
    if kind == _VM_AREA_DUP:
        return events.VmAreaDup(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5)
    if kind == _COPY_PAGE_RANGE:
        return events.CopyPageRange(at, time, cpu, pid, comm, v0, v1, v2, api, v3, v4, v5)
    v6 = _value(rows, place, mask, 6)
    if kind == _ZAP_VMA:
        return events.ZapVma(at, time, cpu, pid, comm, v0, v1, v2, v3, api, v4, v5, v6)
    if kind == _SPLIT_VMA:
        return events.SplitVma(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5, v6)
    v7 = _value(rows, place, mask, 7)
    if kind == _FREE_PFN_RANGE:
        return events.FreePfnRange(at, time, cpu, pid, comm, v0, v1, api, v2, v3, v4, v5, v6, v7)
    v8, v9 = _value(rows, place, mask, 8), _value(rows, place, mask, 9)
    return events.RemapPfnRange(at, time, cpu, pid, comm, v0, v1, v2, v3, v4, v5, v6, api, v7, v8, v9)


def _value(rows: bytes, place: i64, mask: i64, slot: i64) -> int:
    """The value of a slot: unsigned, unless it was printed with a minus."""
    bits = read_i64_le(rows, place + slot * WORD)
    if bits < 0 and not mask >> slot & 1:
        return int(bits) + _MAX
    return int(bits)


def _return(
    program: Program, rows: bytes, place: i64, mask: i64, at: int, time: float, cpu: int, pid: int, comm: str
) -> Return:
    spec = program.spec
    present = mask >> 32
    ret: int | None = None
    if present & 1:
        bits = read_i64_le(rows, place)
        if bits >= 0 and bits < 0x8000_0000:
            ret = int(bits)
        else:
            ret = _value(rows, place, mask, RESULT)
            if not spec.pointer:
                ret = signed(ret)
    mode = -1
    if present & 2:
        mode = _value(rows, place, mask, MODE)
        if not 0 <= mode <= 5:
            mode = -1
    entry: events.Call | None = None
    if present & 4:
        needed = program.needed
        if int(present) >> ARGUMENTS & needed == needed:
            entry = _call(program, rows, place + ARGUMENTS * WORD, mask >> ARGUMENTS, at, time, cpu, pid, comm)
    return Return(at, time, cpu, pid, comm, spec.call, spec.function, ret, mode, program.caller, entry)


def _generic(
    program: Program, rows: bytes, place: i64, mask: i64, at: int, time: float, cpu: int, pid: int, comm: str
) -> events.Call:
    """A call event of any class, as catalogue.entry_of() makes it."""
    spec = program.spec
    found = [_value(rows, place, mask, index) for index in range(program.slots)]
    values = found[: program.fields]
    if spec.convert is not None:
        values = spec.convert(values)
    return spec.call(at, time, cpu, pid, comm, *values, *spec.extra, *found[program.fields :])
