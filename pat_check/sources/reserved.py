"""Rows of one reservation, one free, or one mapping that is untracked, when nothing comes between and nothing is odd.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_i64_le

from pat_check.events import Event, FreePfnRange, MemtypeCheckInsert, MemtypeFree, MemtypeReserve, ZapVma
from pat_check.events.runs import TRACKED, Freeing, Reserving, UntrackedVma
from pat_check.sources.programs import (
    FREE_PFN_RANGE,
    HEAD,
    MEMTYPE_CHECK_INSERT,
    MEMTYPE_ERASE,
    MEMTYPE_FREE,
    RESULT,
    WORD,
    ZAP_VMA,
    Block,
    Program,
)
from pat_check.sources.shapes import mode_at

if TYPE_CHECKING:
    from mypy_extensions import i64

_PAGE: Final = 4096
_ISA_END: Final = 0x100000
_HIGHEST: Final = 1 << 52
_ERRORS: Final = -4095
_EINVAL: Final = -22
_INT: Final = 1 << 32
_PFNMAP: Final = 0x400
_ZAPS: Final = "unmap_single_vma"
_CLEARS: Final = "unmap_page_range"


def reserving(block: Block, place: i64) -> Reserving | None:
    """The memtype_reserve() that begins at `place`."""
    rows = block.rows
    call = block.programs[read_i64_le(rows, place + WORD)]
    start = read_i64_le(rows, place + HEAD)
    end = read_i64_le(rows, place + HEAD + WORD)
    insert_at: i64 = place + call.length
    insert = _next(block, insert_at, place)
    if insert is None or insert.kind != MEMTYPE_CHECK_INSERT or not _is_plain(rows, start, end, insert_at):
        return None
    type_ = block.value(insert_at, 2)
    inserted_at: i64 = insert_at + insert.length
    inserted = _return(block, inserted_at, place, insert)
    if inserted is None or inserted.outer != call.function or type_ < 0 or _result(rows, inserted_at):
        return None
    done_at: i64 = inserted_at + inserted.length
    done = _return(block, done_at, place, call)
    if done is None or done.outer == call.function or _result(rows, done_at):
        return None
    pid, comm = block.pid(place), block.comm(place)
    behind: i64 = done_at + done.length
    found = Reserving(
        block.line(done_at), block.time(done_at), block.cpu(done_at), pid, comm, block, int(place), int(behind), 4
    )
    found.reserve = MemtypeReserve(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        int(start),
        int(end),
        block.value(place, 2),
        block.value(place, 3),
    )
    found.insert = MemtypeCheckInsert(
        block.line(insert_at), block.time(insert_at), block.cpu(insert_at), pid, comm, int(start), int(end), type_
    )
    found.inserted = Event(block.line(inserted_at), block.time(inserted_at), block.cpu(inserted_at), pid, comm)
    found.got, found.granted, found.caller = mode_at(rows, inserted_at), mode_at(rows, done_at), done.caller
    return found


def freeing(block: Block, place: i64) -> Freeing | None:
    """The memtype_free() that begins at `place`."""
    rows = block.rows
    call = block.programs[read_i64_le(rows, place + WORD)]
    start = read_i64_le(rows, place + HEAD)
    end = read_i64_le(rows, place + HEAD + WORD)
    erase_at: i64 = place + call.length
    erase = _next(block, erase_at, place)
    if erase is None or erase.kind != MEMTYPE_ERASE or not _is_plain(rows, start, end, erase_at):
        return None
    erased_at: i64 = erase_at + erase.length
    erased = _return(block, erased_at, place, erase)
    if erased is None or erased.outer != call.function:
        return None
    result = _result(rows, erased_at)
    misses = _ERRORS <= result < 0
    done_at: i64 = erased_at + erased.length
    done = _return(block, done_at, place, call)
    if done is None or done.outer == call.function:
        return None
    ret = _result(rows, done_at)
    if ret != 0 if not misses else ret not in (_EINVAL, _EINVAL + _INT):
        return None
    pid, comm = block.pid(place), block.comm(place)
    behind: i64 = done_at + done.length
    found = Freeing(
        block.line(done_at), block.time(done_at), block.cpu(done_at), pid, comm, block, int(place), int(behind), 4
    )
    found.call = MemtypeFree(block.line(place), block.time(place), block.cpu(place), pid, comm, int(start), int(end))
    found.erased = Event(block.line(erased_at), block.time(erased_at), block.cpu(erased_at), pid, comm)
    found.how = "missed" if misses else "removed" if result else "shrunk"
    found.caller = done.caller
    return found


def untracked(block: Block, place: i64) -> UntrackedVma | None:
    """The unmap_single_vma() of a mapping with VM_PAT that begins at `place`."""
    rows = block.rows
    zap = block.programs[read_i64_le(rows, place + WORD)]
    values: i64 = place + HEAD
    vma, mm = read_i64_le(rows, values), read_i64_le(rows, values + WORD)
    vm_start, vm_end = read_i64_le(rows, values + 4 * WORD), read_i64_le(rows, values + 5 * WORD)
    flags = read_i64_le(rows, values + 6 * WORD)
    if zap.api != _ZAPS or vma == 0 or mm == 0 or not 0 <= vm_start < vm_end:
        return None
    start, end = block.value(place, 2), block.value(place, 3)
    if not 0 <= start <= int(vm_start) or not int(vm_end) <= end:
        return None
    untracking: i64 = place + zap.length
    untrack = _next(block, untracking, place)
    if untrack is None or untrack.is_return or untrack.kind != FREE_PFN_RANGE or untrack.function != "untrack_pfn":
        return None
    same = _shows(rows, untracking + HEAD, values, flags)
    if not same or read_i64_le(rows, untracking + HEAD + 2 * WORD) or read_i64_le(rows, untracking + HEAD + 3 * WORD):
        return None
    freed: i64 = untracking + untrack.length
    call = _next(block, freed, place)
    count: i64 = 7
    looked_up = ""
    if call is not None and call.function == "get_pat_info" and not call.is_return:
        returned: i64 = freed + call.length
        over = _return(block, returned, place, call)
        if read_i64_le(rows, freed + HEAD) != vma or over is None or _result(rows, returned):
            return None
        freed = returned + over.length
        call = _next(block, freed, place)
        count, looked_up = 9, over.caller
    if call is None or call.kind != MEMTYPE_FREE or call.is_return:
        return None
    free = freeing(block, freed)
    if free is None or free.call.end - free.call.start != vm_end - vm_start:
        return None
    clearing: i64 = free.end
    clear = _next(block, clearing, place)
    if clear is None or clear.is_return or clear.kind != ZAP_VMA or clear.api != _CLEARS:
        return None
    if not _shows(rows, clearing + HEAD, values, flags & ~TRACKED):
        return None
    if (
        read_i64_le(rows, clearing + HEAD + 2 * WORD) != vm_start
        or read_i64_le(rows, clearing + HEAD + 3 * WORD) != vm_end
    ):
        return None
    behind: i64 = clearing + clear.length
    pid, comm = block.pid(place), block.comm(place)
    at, time, cpu = block.line(clearing), block.time(clearing), block.cpu(clearing)
    found = UntrackedVma(at, time, cpu, pid, comm, block, int(place), int(behind), int(count))
    area, space, first, last = block.unsigned(vma), block.unsigned(mm), int(vm_start), int(vm_end)
    bits = int(flags)
    found.zap = ZapVma(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        area,
        space,
        start,
        end,
        zap.api,
        first,
        last,
        bits,
    )
    found.untrack = FreePfnRange(
        block.line(untracking),
        block.time(untracking),
        block.cpu(untracking),
        pid,
        comm,
        area,
        space,
        untrack.api,
        0,
        0,
        first,
        last,
        bits,
        block.value(untracking, 7),
    )
    found.looked_up, found.free = looked_up, free
    found.clear = ZapVma(
        at,
        time,
        cpu,
        pid,
        comm,
        area,
        space,
        first,
        last,
        clear.api,
        first,
        last,
        bits & ~TRACKED,
    )
    return found


def is_tracked(flags: i64) -> bool:
    """Whether these flags are recorded, and those of a mapping with VM_PAT."""
    return flags >= 0 and flags & TRACKED != 0 and flags & _PFNMAP != 0


def _shows(rows: bytes, values: i64, zap: i64, flags: i64) -> bool:
    """Whether a call shows the VMA that the zap shows whose values begin there, with these flags."""
    slot: i64 = 0
    while slot < 6:
        if read_i64_le(rows, values + slot * WORD) != read_i64_le(rows, zap + slot * WORD):
            return False
        slot += 1 if slot != 1 else 3
    return read_i64_le(rows, values + 6 * WORD) == flags


def _is_plain(rows: bytes, start: i64, end: i64, below: i64) -> bool:
    """Whether these are pages above the first megabyte, and the call at `below` has the same."""
    if not _ISA_END <= start < end < _HIGHEST or (start | end) & (_PAGE - 1):
        return False
    return read_i64_le(rows, below + HEAD) == start and read_i64_le(rows, below + HEAD + WORD) == end


def _next(block: Block, place: i64, first: i64) -> Program | None:
    """What the row at `place` is of, if it is of the same task as that at `first`, and was seen before."""
    rows = block.rows
    if place >= block.size:
        return None
    number = read_i64_le(rows, place + WORD)
    pid = read_i64_le(rows, first + 2 * WORD)
    if number < 0 or pid <= 0 or read_i64_le(rows, place + 2 * WORD) != pid:
        return None
    program = block.programs[number]
    if not program.met or read_i64_le(rows, place + 5 * WORD) != read_i64_le(rows, first + 5 * WORD):
        return None
    return program


def _return(block: Block, place: i64, first: i64, call: Program) -> Program | None:
    """The same for the return of a call, with its result."""
    program = _next(block, place, first)
    if program is None or not program.is_return or program.spec is not call.spec:
        return None
    return program if read_i64_le(block.rows, place + 6 * WORD) >> 32 & 1 << RESULT else None


def _result(rows: bytes, place: i64) -> i64:
    return read_i64_le(rows, place + HEAD + RESULT * WORD)
