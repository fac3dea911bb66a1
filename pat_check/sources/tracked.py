"""Rows that map a whole VMA, or give a mapping back, when nothing comes between them and nothing is odd about them.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check.events import FreePfnRange, RemapPfnRange
from pat_check.events.runs import Mapping, Rows, Untracking
from pat_check.sources.programs import (
    FREE_PFN_RANGE,
    HEAD,
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
    Program,
    value,
)
from pat_check.sources.shapes import Reader, Step, where

if TYPE_CHECKING:
    from mypy_extensions import i64

_PAGE: Final = 4096
_ISA_END: Final = 0x100000
_HIGHEST: Final = 1 << 52
_ERRORS: Final = -4095
_INT: Final = 1 << 32

_TRACKING: Final = ("remap_pfn_range_track", "track_pfn_remap")
"""Functions that remap_pfn_range() calls to map a whole VMA."""

_HANDS_ON: Final = "remap_pfn_range_track"
"""What that returns remap_pfn_range() returns, too."""

_VMA, _VM_START, _VM_END, _ADDR, _PFN, _SIZE, _CTX, _FLAGS, _PROT = 0, 2, 3, 4, 5, 6, 7, 8, 9
"""Slots of remap_pfn_range()."""


def mapping(
    programs: list[Program], comms: list[str], rows: bytes, place: i64, source: Rows, begin: Step
) -> Mapping | None:
    """The remap_pfn_range() of a whole VMA that begins at `place`."""
    row = Reader(programs, rows, place, begin)
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
    if not row.calls():
        return None
    inner: i64 = 0  # where its row is
    if row.program.kind == REMAP_PFN_RANGE:
        if row.program.function not in _TRACKING:
            return None
        for slot in range(_SIZE + 1):
            if row.at(slot) != read_i64_le(rows, first + slot * WORD):
                return None
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
    got = row.mode()
    if not row.leave(request) or not _is(row.at(RESULT), ret):
        return None
    returned, caller, granted = row.last, row.program.caller, row.mode()
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
    found = Mapping(*where(rows, comms, row.last), source, int(place), int(row.place), int(row.count))
    found.shape = row.step.ended()
    found.outer = _remap(programs, rows, comms, place)
    found.inner_api, found.inner_flags, found.inner_ctx, found.inner_prot = "", -1, -1, -1
    if inner > 0:
        found.inner_api = inside.api
        found.inner_flags = _value(rows, inner, _FLAGS)
        found.inner_ctx = _value(rows, inner, _CTX)
        found.inner_prot = _value(rows, inner, _PROT)
    found.prot, found.req = _value(rows, tracking, 2), _value(rows, requested, 2)
    found.reserved_at = int(read_i64_le(rows, requested))
    found.type, found.inserted_at = _value(rows, inserted, 2), int(read_i64_le(rows, inserted))
    found.ret, found.got, found.granted, found.caller = int(ret), got, granted, caller
    found.returned_at, found.returned_time = int(read_i64_le(rows, returned)), read_f64_le(rows, returned + 4 * WORD)
    found.pcm = _value(rows, synced, 2) if synced > 0 else -1
    return found


def untracking(
    programs: list[Program], comms: list[str], rows: bytes, place: i64, source: Rows, begin: Step
) -> Untracking | None:
    """The pfnmap_track_ctx_release() that begins at `place`."""
    row = Reader(programs, rows, place, begin)
    if row.pid <= 0 or not row.enter(FREE_PFN_RANGE):
        return None
    pfn, size = row.at(2), row.at(3)
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
    found = Untracking(*where(rows, comms, row.last), source, int(place), int(row.place), int(row.count))
    found.shape = row.step.ended()
    found.release, found.untrack = _free(programs, rows, comms, place), _free(programs, rows, comms, untracked)
    found.free_at = int(read_i64_le(rows, freed))
    found.erased_at, found.erased_time = int(read_i64_le(rows, erased)), read_f64_le(rows, erased + 4 * WORD)
    return found


def _is(bits: i64, ret: i64) -> bool:
    """Whether a result, of 32 or of 64 bits, is this one."""
    return bits == ret or (ret < 0 and bits == ret + _INT)


def _ends(bits: i64, ret: i64) -> bool:
    """Whether a caller returns 0 with this result, and an error with an error."""
    if ret == 0:
        return bits == 0
    return -4096 < bits < 0 or _INT - 4096 < bits < _INT


def _value(rows: bytes, place: i64, slot: i64) -> int:
    return value(rows, place + HEAD, read_i64_le(rows, place + 6 * WORD), slot)


def _remap(programs: list[Program], rows: bytes, comms: list[str], place: i64) -> RemapPfnRange:
    at, time, cpu, pid, comm = where(rows, comms, place)
    return RemapPfnRange(
        at,
        time,
        cpu,
        pid,
        comm,
        _value(rows, place, 0),
        _value(rows, place, 1),
        _value(rows, place, 2),
        _value(rows, place, 3),
        _value(rows, place, 4),
        _value(rows, place, 5),
        _value(rows, place, 6),
        programs[read_i64_le(rows, place + WORD)].api,
        _value(rows, place, _CTX),
        _value(rows, place, _FLAGS),
        _value(rows, place, _PROT),
    )


def _free(programs: list[Program], rows: bytes, comms: list[str], place: i64) -> FreePfnRange:
    at, time, cpu, pid, comm = where(rows, comms, place)
    return FreePfnRange(
        at,
        time,
        cpu,
        pid,
        comm,
        _value(rows, place, 0),
        _value(rows, place, 1),
        programs[read_i64_le(rows, place + WORD)].api,
        _value(rows, place, 2),
        _value(rows, place, 3),
        _value(rows, place, 4),
        _value(rows, place, 5),
        _value(rows, place, 6),
        _value(rows, place, 7),
    )
