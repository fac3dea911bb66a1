"""Rows that map a whole VMA, or give a mapping back, when nothing comes between them and nothing is odd about them.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_i64_le

from pat_check.events import FreePfnRange, RemapPfnRange
from pat_check.events.runs import Mapping, Untracking
from pat_check.sources.programs import (
    FREE_PFN_RANGE,
    MEMTYPE_CHECK_INSERT,
    MEMTYPE_ERASE,
    MEMTYPE_FREE,
    MEMTYPE_KERNEL_MAP_SYNC,
    MEMTYPE_RESERVE,
    PFNMAP_TRACK,
    REMAP_PFN_RANGE,
    RESERVE_PFN_RANGE,
    RESULT,
    WORD,
    Block,
    Program,
)
from pat_check.sources.shapes import Reader, Step, mode_at

if TYPE_CHECKING:
    from mypy_extensions import i64

_PAGE: Final = 4096
_ISA_END: Final = 0x100000
_HIGHEST: Final = 1 << 52
_ERRORS: Final = -4095
_INT: Final = 1 << 32

_TRACKS: Final = "track_pfn_remap"
_HANDS_ON: Final = "remap_pfn_range_track"
"""Functions that remap_pfn_range() calls to map a whole VMA; what the second returns it returns, too."""

_VMA: Final = 0
_MM: Final = 1
_VM_START: Final = 2
_VM_END: Final = 3
_ADDR: Final = 4
_PFN: Final = 5
_SIZE: Final = 6
_CTX: Final = 7
_FLAGS: Final = 8
_PROT: Final = 9
"""Slots of remap_pfn_range()."""


def mapping(block: Block, place: i64, begin: Step) -> Mapping | None:
    """The remap_pfn_range() of a whole VMA that begins at `place`."""
    row = Reader(block, place, begin)
    if row.pid <= 0 or not row.enter(REMAP_PFN_RANGE):
        return None
    rows = block.rows
    addr, size, pfn = row.at(_ADDR), row.at(_SIZE), row.at(_PFN)
    start = pfn * _PAGE
    length = (size + _PAGE - 1) & -_PAGE
    end = start + length
    if not (0 < pfn < _HIGHEST // _PAGE and 0 < size < _HIGHEST and start >= _ISA_END and end < _HIGHEST):
        return None
    if row.at(_VMA) == 0 or addr < 0 or addr != row.at(_VM_START):
        return None
    if not addr < row.at(_VM_END) or length != row.at(_VM_END) - addr:
        return None
    first, outside, inside = row.values, row.program, row.program
    if not row.calls():
        return None
    inner: i64 = 0  # where its row is
    if row.program.kind == REMAP_PFN_RANGE:
        if row.program.function not in (_TRACKS, _HANDS_ON):
            return None
        slot: i64 = 0
        while slot <= _SIZE:
            if row.at(slot) != read_i64_le(rows, first + slot * WORD):
                return None
            slot += 1
        inside, inner = row.program, row.last
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
    tracking = row.last
    if not (row.enter(MEMTYPE_RESERVE) and row.at(0) == start and row.at(1) == end and row.at(3) != 0):
        return None
    request, requested = row.program, row.last
    if not (row.enter(MEMTYPE_CHECK_INSERT) and row.at(0) == start and row.at(1) == end):
        return None
    inserting, inserted = row.program, row.last
    if not row.leave(inserting):
        return None
    ret = row.at(RESULT)
    if ret != 0:
        if ret > 0:
            ret -= _INT
        if not -4096 < ret < 0:
            return None
    got = mode_at(rows, row.last)
    if not row.leave(request) or not _is(row.at(RESULT), ret):
        return None
    returned, caller, granted = row.last, row.program.caller, mode_at(rows, row.last)
    synced: i64 = 0  # where its row is
    if ret == 0:
        if not (row.enter(MEMTYPE_KERNEL_MAP_SYNC) and row.at(0) == start and row.at(1) == length):
            return None
        synced = row.last
        if not row.leave_with_none(row.program):
            return None
    if not (row.leave(reserving) and _ends(row.at(RESULT), ret)):
        return None
    handed: i64 = row.at(RESULT)
    if inner > 0:
        if not (row.leave(inside) and _ends(row.at(RESULT), ret)):
            return None
        if reserving.kind == RESERVE_PFN_RANGE and row.at(RESULT) != handed:
            return None
        handed = row.at(RESULT)
    if not (row.leave(outside) and _ends(row.at(RESULT), ret)):
        return None
    if inner > 0 and inside.function == _HANDS_ON and row.at(RESULT) != handed:
        return None
    pid, comm, last = block.pid(place), block.comm(place), row.last
    found = Mapping(
        block.line(last),
        block.time(last),
        block.cpu(last),
        pid,
        comm,
        block,
        int(place),
        int(row.place),
        int(row.count),
    )
    found.shape = row.step.ended()
    found.outer = RemapPfnRange(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        block.value(place, _VMA),
        block.value(place, _MM),
        int(addr),
        int(addr + length),
        int(addr),
        int(pfn),
        int(size),
        outside.api,
        block.value(place, _CTX),
        block.value(place, _FLAGS),
        block.value(place, _PROT),
    )
    found.inner_api, found.inner_flags, found.inner_ctx, found.inner_prot = "", -1, -1, -1
    if inner > 0:
        found.inner_api = inside.api
        found.inner_flags = block.value(inner, _FLAGS)
        found.inner_ctx = block.value(inner, _CTX)
        found.inner_prot = block.value(inner, _PROT)
    found.prot, found.req = block.value(tracking, 2), block.value(requested, 2)
    found.reserved_at, found.inserted_at, found.returned_at = (
        block.line(requested),
        block.line(inserted),
        block.line(returned),
    )
    found.type, found.ret, found.got, found.granted = block.value(inserted, 2), int(ret), got, granted
    found.returned_time, found.caller = block.time(returned), caller
    found.pcm = block.value(synced, 2) if synced > 0 else -1
    return found


def untracking(block: Block, place: i64, begin: Step) -> Untracking | None:
    """The pfnmap_track_ctx_release() that begins at `place`."""
    row = Reader(block, place, begin)
    if row.pid <= 0 or not row.enter(FREE_PFN_RANGE):
        return None
    pfn, size, release = row.at(2), row.at(3), row.program
    start = pfn * _PAGE
    end = start + size
    if not (0 < pfn < _HIGHEST // _PAGE and 0 < size < _HIGHEST and start >= _ISA_END and end < _HIGHEST):
        return None
    if size % _PAGE:
        return None
    if not row.enter(FREE_PFN_RANGE) or row.program.function != "pfnmap_untrack":
        return None
    if row.at(2) != pfn or row.at(3) != size:
        return None
    untracked = row.last
    untrack = row.program
    if not (row.enter(MEMTYPE_FREE) and row.at(0) == start and row.at(1) == end):
        return None
    freeing, freed = row.program, row.last
    if not (row.enter(MEMTYPE_ERASE) and row.at(0) == start and row.at(1) == end):
        return None
    if not row.leave(row.program) or _ERRORS <= row.at(RESULT) <= 0:
        return None
    erased = row.last
    if not row.leave_with_none(freeing):
        return None
    pid, comm, last = block.pid(place), block.comm(place), row.last
    found = Untracking(
        block.line(last),
        block.time(last),
        block.cpu(last),
        pid,
        comm,
        block,
        int(place),
        int(row.place),
        int(row.count),
    )
    found.shape = row.step.ended()
    found.release = _free(block, place, release, pid, comm)
    found.untrack = _free(block, untracked, untrack, pid, comm)
    found.free_at, found.erased_at, found.erased_time = block.line(freed), block.line(erased), block.time(erased)
    return found


def _is(bits: i64, ret: i64) -> bool:
    """Whether a result, of 32 or of 64 bits, is this one."""
    return bits == ret or (ret < 0 and bits == ret + _INT)


def _ends(bits: i64, ret: i64) -> bool:
    """Whether a caller returns 0 with this result, and an error with an error."""
    if ret == 0:
        return bits == 0
    return -4096 < bits < 0 or _INT - 4096 < bits < _INT


def _free(block: Block, place: i64, program: Program, pid: int, comm: str) -> FreePfnRange:
    return FreePfnRange(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        block.value(place, 0),
        block.value(place, 1),
        program.api,
        block.value(place, 2),
        block.value(place, 3),
        block.value(place, 4),
        block.value(place, 5),
        block.value(place, 6),
        block.value(place, 7),
    )
