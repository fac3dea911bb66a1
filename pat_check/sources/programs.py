"""How the rows of the compiled scanner become events: one program for each probed place of a recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check import events
from pat_check.events.runs import Rows
from pat_check.sources.specs import Spec

if TYPE_CHECKING:
    from mypy_extensions import i64

WORD: Final = 8
"""Bytes of a word; a row is of 64-bit words, in the order of scan.h."""
HEAD: Final = 7 * WORD
"""Bytes of a row before its values."""

RESULT: Final = 0
MODE: Final = 1
STARTS: Final = 2
ARGUMENTS: Final = 3
"""Slots of a return; the arguments are behind the others."""

VM_AREA_FREE: Final = 0
VM_AREA_DUP: Final = 1
ZAP_VMA: Final = 2
COPY_PAGE_RANGE: Final = 3
UNMAP_VMAS: Final = 4
MEMTYPE_RESERVE: Final = 5
MEMTYPE_FREE: Final = 6
MEMTYPE_CHECK_INSERT: Final = 7
MEMTYPE_ERASE: Final = 8
REMAP_PFN_RANGE: Final = 9
FREE_PFN_RANGE: Final = 10
MEMTYPE_KERNEL_MAP_SYNC: Final = 11
SPLIT_VMA: Final = 12
RESERVE_PFN_RANGE: Final = 13
PFNMAP_TRACK: Final = 14
TELLTALE: Final = 15
GET_PAT_INFO: Final = 16
MPROTECT_FIXUP: Final = 17
GENERIC: Final = 18
"""Kinds of calls: those with code of their own, and all others."""

NOTHING: Final = 0
ORDINARY: Final = 1
MAPPING: Final = 2
UNTRACKING: Final = 3
FOLLOWED: Final = 4
RESERVING: Final = 5
FREEING: Final = 6
"""Which run of events/runs.py a call may begin."""

_KINDS: Final[dict[type[events.Call], int]] = {
    events.VmAreaFree: VM_AREA_FREE,
    events.VmAreaDup: VM_AREA_DUP,
    events.ZapVma: ZAP_VMA,
    events.CopyPageRange: COPY_PAGE_RANGE,
    events.UnmapVmas: UNMAP_VMAS,
    events.MemtypeReserve: MEMTYPE_RESERVE,
    events.MemtypeFree: MEMTYPE_FREE,
    events.MemtypeCheckInsert: MEMTYPE_CHECK_INSERT,
    events.MemtypeErase: MEMTYPE_ERASE,
    events.RemapPfnRange: REMAP_PFN_RANGE,
    events.FreePfnRange: FREE_PFN_RANGE,
    events.MemtypeKernelMapSync: MEMTYPE_KERNEL_MAP_SYNC,
    events.SplitVma: SPLIT_VMA,
    events.ReservePfnRange: RESERVE_PFN_RANGE,
    events.Telltale: TELLTALE,
    events.GetPatInfo: GET_PAT_INFO,
    events.MprotectFixup: MPROTECT_FIXUP,
}


class Program:
    """How the rows of one probed place become events.

    Values stand in the order of the function's fields; those of a return have its result first, then the granted
    mode, whether ``start=`` is there, and the fields of the call.
    """

    def __init__(self, spec: Spec, is_return: bool, caller: str) -> None:
        self.spec, self.is_return, self.caller = spec, is_return, caller
        self.call, self.function, self.pointer = spec.call, spec.function, spec.pointer
        self.outer = caller.partition("+")[0]  # the function that a return goes to
        self.api = str(spec.extra[-1]) if spec.extra else ""
        self.fields = len(spec.fields)
        self.slots: i64 = self.fields + len(spec.trailing)
        self.length: i64 = HEAD + (self.slots + (ARGUMENTS if is_return else 0)) * WORD  # of a row, in bytes
        self.needed: i64 = 0
        for index, field in enumerate((*spec.fields, *spec.trailing)):
            if field.default is None:
                self.needed |= 1 << index
        self.kind: i64 = _KINDS.get(spec.call, GENERIC)
        if spec.convert is not None:
            self.kind = PFNMAP_TRACK if spec.function == "pfnmap_track" else GENERIC
        self.met = False  # an event of it was told
        self.begins: i64 = NOTHING
        if not is_return:
            if self.kind in (VM_AREA_FREE, VM_AREA_DUP, ZAP_VMA):
                self.begins = ORDINARY
            elif self.kind in (SPLIT_VMA, UNMAP_VMAS):
                self.begins = FOLLOWED
            elif self.kind == MEMTYPE_RESERVE:
                self.begins = RESERVING
            elif self.kind == MEMTYPE_FREE:
                self.begins = FREEING
            elif spec.function == "remap_pfn_range":
                self.begins = MAPPING
            elif spec.function == "pfnmap_track_ctx_release":
                self.begins = UNTRACKING


_MAX: Final = 1 << 64
_LOWEST: Final = -(1 << 32)
_NUMBER: Final = (1 << 63) - 1


class Block(Rows):
    """The rows of one block of lines, and what they are read with."""

    def __init__(self, programs: list[Program], comms: list[str], rows: bytes, large: list[int]) -> None:
        self.programs, self.comms, self.rows, self.large = programs, comms, rows, large
        self.size: i64 = len(rows)

    def value(self, place: i64, slot: i64) -> int:
        """A value of the row at `place`: unsigned, unless it was printed with a minus."""
        bits = read_i64_le(self.rows, place + HEAD + slot * WORD)
        if bits >= 0:
            return int(bits)
        return self.negative(bits, read_i64_le(self.rows, place + 6 * WORD) >> slot)

    def negative(self, bits: i64, signs: i64) -> int:
        """The value that a word below 0 stands for; bit 0 of `signs` says whether it was printed with a minus."""
        if signs & 1:
            return int(bits)
        return self.large[bits & _NUMBER] if bits < _LOWEST else int(bits) + _MAX

    def unsigned(self, bits: i64) -> int:
        """A word as the number that a pointer is."""
        return int(bits) if bits >= 0 else self.negative(bits, 0)

    def pid(self, place: i64) -> int:
        """The task of the row at `place`."""
        return int(read_i64_le(self.rows, place + 2 * WORD))

    def comm(self, place: i64) -> str:
        """Its name."""
        return self.comms[read_i64_le(self.rows, place + 5 * WORD)]

    def line(self, place: i64) -> int:
        """The line that the row at `place` is of."""
        return int(read_i64_le(self.rows, place))

    def cpu(self, place: i64) -> int:
        """On which CPU it was written."""
        return int(read_i64_le(self.rows, place + 3 * WORD))

    def time(self, place: i64) -> float:
        """And when."""
        return read_f64_le(self.rows, place + 4 * WORD)
