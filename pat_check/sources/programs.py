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
"""Kinds of calls: those with code of their own, in the order of native/runs.h, and all others."""

_ROLES: Final[dict[str, int]] = {
    "remap_pfn_range": 1,
    "remap_pfn_range_track": 2,
    "track_pfn_remap": 3,
    "pfnmap_track_ctx_release": 4,
    "pfnmap_untrack": 5,
    "untrack_pfn": 6,
    "untrack_pfn_clear": 7,
    "get_pat_info": 8,
    "copy_page_range": 9,
    "track_pfn_copy": 10,
    "unmap_single_vma": 11,
    "unmap_page_range": 12,
    "__zap_vma_range": 13,
}
"""Functions that runs tell from others of their kind, in the order of native/runs.h."""

ORDINARY: Final = 1
COPIED: Final = 2
ZAPPED: Final = 3
FREED: Final = 4
SPLIT: Final = 5
UNMAPPED: Final = 6
MAPPING: Final = 7
UNTRACKING: Final = 8
RESERVING: Final = 9
FREEING: Final = 10
UNTRACKED: Final = 11
FORKED: Final = 12
"""Runs of events/runs.py, in the order of native/runs.h."""

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
        self.role = _ROLES.get(spec.function, 0)


_MAX: Final = 1 << 64
_LOWEST: Final = -(1 << 32)
_NUMBER: Final = (1 << 63) - 1


class Block(Rows):
    """The rows of one block of lines, and what they are read with."""

    def __init__(self, programs: list[Program], comms: list[str], rows: bytes, large: list[int]) -> None:
        self.programs, self.comms, self.rows, self.large = programs, comms, rows, large
        self.size: i64 = len(rows)

    def program(self, place: i64) -> Program:
        """What the row at `place` is of."""
        return self.programs[read_i64_le(self.rows, place + WORD)]

    def behind(self, place: i64) -> i64:
        """Where that row ends."""
        return place + self.programs[read_i64_le(self.rows, place + WORD)].length

    def word(self, place: i64, slot: i64) -> i64:
        """The word that stands for a value of it."""
        return read_i64_le(self.rows, place + HEAD + slot * WORD)

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

    def mode(self, place: i64) -> int:
        """The granted cache mode of the return at `place`; -1 not recorded."""
        if not read_i64_le(self.rows, place + 6 * WORD) >> 32 & 1 << MODE:
            return -1
        found = read_i64_le(self.rows, place + HEAD + MODE * WORD)
        return int(found) if 0 <= found <= 5 else -1
