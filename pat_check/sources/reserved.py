"""Rows of one reservation, of one free, or of the end of one mapping with VM_PAT.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_check.events import FreePfnRange, MemtypeCheckInsert, MemtypeFree, MemtypeReserve, Moment, ZapVma
from pat_check.events.runs import TRACKED, Freeing, Reserving, UntrackedVma
from pat_check.sources.programs import GET_PAT_INFO, RESULT, Block

if TYPE_CHECKING:
    from mypy_extensions import i64

_ERRORS: Final = -4095


def reserving(block: Block, place: i64) -> Reserving:
    """memtype_reserve() of a range that goes into the tree."""
    insert = block.behind(place)
    inserted = block.behind(insert)
    done = block.behind(inserted)
    pid, comm = block.pid(place), block.comm(place)
    at, time, cpu, end = block.line(done), block.time(done), block.cpu(done), block.behind(done)
    found = Reserving(at, time, cpu, pid, comm, block, int(place), int(end), 4)
    start, stop = block.value(place, 0), block.value(place, 1)
    found.reserve = MemtypeReserve(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        start,
        stop,
        block.value(place, 2),
        block.value(place, 3),
    )
    found.insert = MemtypeCheckInsert(
        block.line(insert), block.time(insert), block.cpu(insert), pid, comm, start, stop, block.value(insert, 2)
    )
    found.inserted = Moment(block.line(inserted), block.time(inserted), block.cpu(inserted), pid, comm)
    found.got, found.granted, found.caller = block.mode(inserted), block.mode(done), block.program(done).caller
    return found


def freeing(block: Block, place: i64) -> Freeing:
    """memtype_free() of a range that is looked for in the tree."""
    erased = block.behind(block.behind(place))  # where memtype_erase() returns
    done = block.behind(erased)
    pid, comm = block.pid(place), block.comm(place)
    at, time, cpu, end = block.line(done), block.time(done), block.cpu(done), block.behind(done)
    found = Freeing(at, time, cpu, pid, comm, block, int(place), int(end), 4)
    found.call = MemtypeFree(
        block.line(place), block.time(place), block.cpu(place), pid, comm, block.value(place, 0), block.value(place, 1)
    )
    found.erased = Moment(block.line(erased), block.time(erased), block.cpu(erased), pid, comm)
    result = block.word(erased, RESULT)
    found.how = "missed" if _ERRORS <= result < 0 else "removed" if result else "shrunk"
    found.caller = block.program(done).caller
    return found


def untracked(block: Block, place: i64, end: i64, count: i64) -> UntrackedVma:
    """unmap_single_vma() of a whole mapping with VM_PAT."""
    untracking = block.behind(place)
    freed = block.behind(untracking)
    looked_up = ""
    if block.program(freed).kind == GET_PAT_INFO:
        over = block.behind(freed)
        looked_up = block.program(over).caller
        freed = block.behind(over)
    free = freeing(block, freed)
    clearing: i64 = free.end
    pid, comm = block.pid(place), block.comm(place)
    at, time, cpu = block.line(clearing), block.time(clearing), block.cpu(clearing)
    found = UntrackedVma(at, time, cpu, pid, comm, block, int(place), int(end), int(count))
    vma, mm, flags = block.value(place, 0), block.value(place, 1), block.value(place, 6)
    vm_start, vm_end = block.value(place, 4), block.value(place, 5)
    found.zap = ZapVma(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        vma,
        mm,
        block.value(place, 2),
        block.value(place, 3),
        block.program(place).api,
        vm_start,
        vm_end,
        flags,
    )
    found.untrack = FreePfnRange(
        block.line(untracking),
        block.time(untracking),
        block.cpu(untracking),
        pid,
        comm,
        vma,
        mm,
        block.program(untracking).api,
        0,
        0,
        vm_start,
        vm_end,
        flags,
        block.value(untracking, 7),
    )
    found.looked_up, found.free = looked_up, free
    api = block.program(clearing).api
    found.clear = ZapVma(at, time, cpu, pid, comm, vma, mm, vm_start, vm_end, api, vm_start, vm_end, flags & ~TRACKED)
    return found
