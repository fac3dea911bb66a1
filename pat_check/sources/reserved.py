"""Rows of one reservation, one free, or one mapping that is untracked, when nothing comes between and nothing is odd.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check.events import FreePfnRange, MemtypeCheckInsert, MemtypeFree, MemtypeReserve, Moment, ZapVma
from pat_check.events.runs import TRACKED, Freeing, Reserving, Rows, UntrackedVma
from pat_check.sources.programs import (
    ARGUMENTS,
    FREE_PFN_RANGE,
    HEAD,
    MEMTYPE_CHECK_INSERT,
    MEMTYPE_ERASE,
    MEMTYPE_FREE,
    MODE,
    RESULT,
    WORD,
    ZAP_VMA,
    Program,
    unsigned,
    value,
)
from pat_check.sources.shapes import where

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


def reserving(programs: list[Program], comms: list[str], rows: bytes, place: i64, source: Rows) -> Reserving | None:
    """The memtype_reserve() that begins at `place`."""
    call = programs[read_i64_le(rows, place + WORD)]
    start = read_i64_le(rows, place + HEAD)
    end = read_i64_le(rows, place + HEAD + WORD)
    insert_at: i64 = place + HEAD + call.slots * WORD
    insert = _next(programs, rows, insert_at, place)
    if insert is None or insert.kind != MEMTYPE_CHECK_INSERT or not _is_plain(rows, start, end, insert_at):
        return None
    type_ = value(rows, insert_at + HEAD, read_i64_le(rows, insert_at + 6 * WORD), 2)
    inserted_at: i64 = insert_at + HEAD + insert.slots * WORD
    inserted = _return(programs, rows, inserted_at, place, insert)
    if inserted is None or inserted.outer != call.function or type_ < 0 or _result(rows, inserted_at):
        return None
    done_at: i64 = inserted_at + HEAD + (ARGUMENTS + inserted.slots) * WORD
    done = _return(programs, rows, done_at, place, call)
    if done is None or done.outer == call.function or _result(rows, done_at):
        return None
    pid, comm = int(read_i64_le(rows, place + 2 * WORD)), comms[read_i64_le(rows, place + 5 * WORD)]
    behind: i64 = done_at + HEAD + (ARGUMENTS + done.slots) * WORD
    found = Reserving(
        _at(rows, done_at), _time(rows, done_at), _cpu(rows, done_at), pid, comm, source, int(place), int(behind), 4
    )
    mask = read_i64_le(rows, place + 6 * WORD)
    found.reserve = MemtypeReserve(
        _at(rows, place),
        _time(rows, place),
        _cpu(rows, place),
        pid,
        comm,
        int(start),
        int(end),
        value(rows, place + HEAD, mask, 2),
        value(rows, place + HEAD, mask, 3),
    )
    found.insert = MemtypeCheckInsert(
        _at(rows, insert_at), _time(rows, insert_at), _cpu(rows, insert_at), pid, comm, int(start), int(end), type_
    )
    found.inserted = Moment(_at(rows, inserted_at), _time(rows, inserted_at), _cpu(rows, inserted_at), pid, comm)
    found.got, found.granted, found.caller = _mode(rows, inserted_at), _mode(rows, done_at), done.caller
    return found


def freeing(programs: list[Program], comms: list[str], rows: bytes, place: i64, source: Rows) -> Freeing | None:
    """The memtype_free() that begins at `place`."""
    call = programs[read_i64_le(rows, place + WORD)]
    start = read_i64_le(rows, place + HEAD)
    end = read_i64_le(rows, place + HEAD + WORD)
    erase_at: i64 = place + HEAD + call.slots * WORD
    erase = _next(programs, rows, erase_at, place)
    if erase is None or erase.kind != MEMTYPE_ERASE or not _is_plain(rows, start, end, erase_at):
        return None
    erased_at: i64 = erase_at + HEAD + erase.slots * WORD
    erased = _return(programs, rows, erased_at, place, erase)
    if erased is None or erased.outer != call.function:
        return None
    result = _result(rows, erased_at)
    misses = _ERRORS <= result < 0
    done_at: i64 = erased_at + HEAD + (ARGUMENTS + erased.slots) * WORD
    done = _return(programs, rows, done_at, place, call)
    if done is None or done.outer == call.function:
        return None
    ret = _result(rows, done_at)
    if ret != 0 if not misses else ret not in (_EINVAL, _EINVAL + _INT):
        return None
    pid, comm = int(read_i64_le(rows, place + 2 * WORD)), comms[read_i64_le(rows, place + 5 * WORD)]
    behind: i64 = done_at + HEAD + (ARGUMENTS + done.slots) * WORD
    found = Freeing(
        _at(rows, done_at), _time(rows, done_at), _cpu(rows, done_at), pid, comm, source, int(place), int(behind), 4
    )
    found.call = MemtypeFree(_at(rows, place), _time(rows, place), _cpu(rows, place), pid, comm, int(start), int(end))
    found.erased = Moment(_at(rows, erased_at), _time(rows, erased_at), _cpu(rows, erased_at), pid, comm)
    found.how = "missed" if misses else "removed" if result else "shrunk"
    found.caller = done.caller
    return found


def untracked(programs: list[Program], comms: list[str], rows: bytes, place: i64, source: Rows) -> UntrackedVma | None:
    """The unmap_single_vma() of a mapping with VM_PAT that begins at `place`."""
    zap = programs[read_i64_le(rows, place + WORD)]
    values: i64 = place + HEAD
    vma, mm = read_i64_le(rows, values), read_i64_le(rows, values + WORD)
    vm_start, vm_end = read_i64_le(rows, values + 4 * WORD), read_i64_le(rows, values + 5 * WORD)
    flags = read_i64_le(rows, values + 6 * WORD)
    if zap.api != _ZAPS or vma == 0 or mm == 0 or not 0 <= vm_start < vm_end:
        return None
    mask = read_i64_le(rows, place + 6 * WORD)
    start, end = value(rows, values, mask, 2), value(rows, values, mask, 3)
    if not 0 <= start <= int(vm_start) or not int(vm_end) <= end:
        return None
    untracking: i64 = values + zap.slots * WORD
    untrack = _next(programs, rows, untracking, place)
    if untrack is None or untrack.is_return or untrack.kind != FREE_PFN_RANGE or untrack.function != "untrack_pfn":
        return None
    same = _shows(rows, untracking + HEAD, values, flags)
    if not same or read_i64_le(rows, untracking + HEAD + 2 * WORD) or read_i64_le(rows, untracking + HEAD + 3 * WORD):
        return None
    freed: i64 = untracking + HEAD + untrack.slots * WORD
    call = _next(programs, rows, freed, place)
    count: i64 = 7
    looked_up = ""
    if call is not None and call.function == "get_pat_info" and not call.is_return:
        returned: i64 = freed + HEAD + call.slots * WORD
        over = _return(programs, rows, returned, place, call)
        if read_i64_le(rows, freed + HEAD) != vma or over is None or _result(rows, returned):
            return None
        freed = returned + HEAD + (ARGUMENTS + over.slots) * WORD
        call = _next(programs, rows, freed, place)
        count, looked_up = 9, over.caller
    if call is None or call.kind != MEMTYPE_FREE or call.is_return:
        return None
    free = freeing(programs, comms, rows, freed, source)
    if free is None or free.call.end - free.call.start != vm_end - vm_start:
        return None
    clearing: i64 = free.end
    clear = _next(programs, rows, clearing, place)
    if clear is None or clear.is_return or clear.kind != ZAP_VMA or clear.api != _CLEARS:
        return None
    if not _shows(rows, clearing + HEAD, values, flags & ~TRACKED):
        return None
    if (
        read_i64_le(rows, clearing + HEAD + 2 * WORD) != vm_start
        or read_i64_le(rows, clearing + HEAD + 3 * WORD) != vm_end
    ):
        return None
    behind: i64 = clearing + HEAD + clear.slots * WORD
    found = UntrackedVma(*where(rows, comms, clearing), source, int(place), int(behind), int(count))
    area, space, first, last, bits = unsigned(vma), unsigned(mm), int(vm_start), int(vm_end), int(flags)
    found.zap = ZapVma(
        _at(rows, place),
        _time(rows, place),
        _cpu(rows, place),
        found.pid,
        found.comm,
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
        _at(rows, untracking),
        _time(rows, untracking),
        _cpu(rows, untracking),
        found.pid,
        found.comm,
        area,
        space,
        untrack.api,
        0,
        0,
        first,
        last,
        bits,
        value(rows, untracking + HEAD, read_i64_le(rows, untracking + 6 * WORD), 7),
    )
    found.looked_up, found.free = looked_up, free
    found.clear = ZapVma(
        found.at,
        found.time,
        found.cpu,
        found.pid,
        found.comm,
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
    for slot in (0, 1, 4, 5):
        if read_i64_le(rows, values + slot * WORD) != read_i64_le(rows, zap + slot * WORD):
            return False
    return read_i64_le(rows, values + 6 * WORD) == flags


def _is_plain(rows: bytes, start: i64, end: i64, below: i64) -> bool:
    """Whether these are pages above the first megabyte, and the call at `below` has the same."""
    if not _ISA_END <= start < end < _HIGHEST or (start | end) & (_PAGE - 1):
        return False
    return read_i64_le(rows, below + HEAD) == start and read_i64_le(rows, below + HEAD + WORD) == end


def _next(programs: list[Program], rows: bytes, place: i64, first: i64) -> Program | None:
    """What the row at `place` is of, if it is of the same task as that at `first`, and was seen before."""
    if place >= len(rows):
        return None
    number = read_i64_le(rows, place + WORD)
    pid = read_i64_le(rows, first + 2 * WORD)
    if number < 0 or pid <= 0 or read_i64_le(rows, place + 2 * WORD) != pid:
        return None
    program = programs[number]
    if not program.met or read_i64_le(rows, place + 5 * WORD) != read_i64_le(rows, first + 5 * WORD):
        return None
    return program


def _return(programs: list[Program], rows: bytes, place: i64, first: i64, call: Program) -> Program | None:
    """The same for the return of a call, with its result."""
    program = _next(programs, rows, place, first)
    if program is None or not program.is_return or program.spec is not call.spec:
        return None
    return program if read_i64_le(rows, place + 6 * WORD) >> 32 & 1 else None


def _result(rows: bytes, place: i64) -> i64:
    return read_i64_le(rows, place + HEAD + RESULT * WORD)


def _mode(rows: bytes, place: i64) -> int:
    """The granted cache mode of a return; -1 not recorded."""
    if not read_i64_le(rows, place + 6 * WORD) >> 32 & 2:
        return -1
    found = read_i64_le(rows, place + HEAD + MODE * WORD)
    return int(found) if 0 <= found <= 5 else -1


def _at(rows: bytes, place: i64) -> int:
    return int(read_i64_le(rows, place))


def _time(rows: bytes, place: i64) -> float:
    return read_f64_le(rows, place + 4 * WORD)


def _cpu(rows: bytes, place: i64) -> int:
    return int(read_i64_le(rows, place + 3 * WORD))
