"""Rows that map a whole VMA, give a mapping back, or copy one with VM_PAT, each with all that it calls.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_check.events import CopyPageRange, FreePfnRange, RemapPfnRange
from pat_check.events.runs import Mapping, Shape, TrackedCopy, Untracking
from pat_check.sources.programs import GET_PAT_INFO, REMAP_PFN_RANGE, RESULT, Block
from pat_check.sources.reserved import reserving

if TYPE_CHECKING:
    from mypy_extensions import i64

_INT: Final = 1 << 32


def mapping(block: Block, place: i64, end: i64, count: i64, shape: Shape) -> Mapping:
    """The remap_pfn_range() of a whole VMA."""
    within = block.behind(place)  # the call inside, if it is of remap_pfn_range() itself
    has_inner = block.program(within).kind == REMAP_PFN_RANGE
    tracking = block.behind(within) if has_inner else within
    requested = block.behind(tracking)
    inserted = block.behind(requested)
    done = block.behind(inserted)  # the return of memtype_check_insert()
    returned = block.behind(done)  # and of memtype_reserve()
    ret = block.word(done, RESULT)
    if ret > 0:
        ret -= _INT
    last = block.behind(returned)
    synced: i64 = 0
    if ret == 0:
        synced = last
        last = block.behind(block.behind(last))
    last = block.behind(last)
    if has_inner:
        last = block.behind(last)
    pid, comm = block.pid(place), block.comm(place)
    at, time, cpu = block.line(last), block.time(last), block.cpu(last)
    found = Mapping(at, time, cpu, pid, comm, block, int(place), int(end), int(count))
    found.shape = shape
    found.outer = RemapPfnRange(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        block.value(place, 0),
        block.value(place, 1),
        block.value(place, 2),
        block.value(place, 3),
        block.value(place, 4),
        block.value(place, 5),
        block.value(place, 6),
        block.program(place).api,
        block.value(place, 7),
        block.value(place, 8),
        block.value(place, 9),
    )
    if has_inner:
        found.inner_api, found.inner_ctx = block.program(within).api, block.value(within, 7)
        found.inner_flags, found.inner_prot = block.value(within, 8), block.value(within, 9)
    else:
        found.inner_api, found.inner_ctx, found.inner_flags, found.inner_prot = "", -1, -1, -1
    found.prot, found.req, found.type = block.value(tracking, 2), block.value(requested, 2), block.value(inserted, 2)
    found.reserved_at, found.inserted_at = block.line(requested), block.line(inserted)
    found.returned_at, found.returned_time = block.line(returned), block.time(returned)
    found.ret, found.got, found.granted = int(ret), block.mode(done), block.mode(returned)
    found.caller, found.pcm = block.program(returned).caller, block.value(synced, 2) if synced else -1
    return found


def untracking(block: Block, place: i64, end: i64, count: i64, shape: Shape) -> Untracking:
    """The release of a context, with all that it calls."""
    within = block.behind(place)
    freed = block.behind(within)
    erased = block.behind(block.behind(freed))  # where memtype_erase() returns
    last = block.behind(erased)
    pid, comm = block.pid(place), block.comm(place)
    at, time, cpu = block.line(last), block.time(last), block.cpu(last)
    found = Untracking(at, time, cpu, pid, comm, block, int(place), int(end), int(count))
    found.shape = shape
    found.release, found.untrack = _free(block, place, pid, comm), _free(block, within, pid, comm)
    found.free_at, found.erased_at, found.erased_time = block.line(freed), block.line(erased), block.time(erased)
    return found


def _free(block: Block, place: i64, pid: int, comm: str) -> FreePfnRange:
    return FreePfnRange(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        block.value(place, 0),
        block.value(place, 1),
        block.program(place).api,
        block.value(place, 2),
        block.value(place, 3),
        block.value(place, 4),
        block.value(place, 5),
        block.value(place, 6),
        block.value(place, 7),
    )


def forked(block: Block, place: i64, end: i64, count: i64, shape: Shape) -> TrackedCopy:
    """What a fork does with a mapping with VM_PAT."""
    made = block.behind(place)
    copied = block.behind(block.behind(made))  # behind untrack_pfn_clear()
    range_ = block.behind(block.behind(copied))  # behind track_pfn_copy()
    looks_up = block.program(range_).kind == GET_PAT_INFO
    if looks_up:
        range_ = block.behind(block.behind(range_))
    inner = reserving(block, block.behind(range_))
    synced: i64 = inner.end
    last = block.behind(synced)
    for _ in range(3):  # returns: of memtype_kernel_map_sync() and of those around it
        last = block.behind(last)
    pid, comm = block.pid(place), block.comm(place)
    at, time, cpu = block.line(last), block.time(last), block.cpu(last)
    found = TrackedCopy(at, time, cpu, pid, comm, block, int(place), int(end), int(count))
    found.shape = shape
    found.copy = CopyPageRange(
        block.line(copied),
        block.time(copied),
        block.cpu(copied),
        pid,
        comm,
        block.unsigned(block.word(made, RESULT)),
        block.value(place, 0),
        block.value(place, 1),
        block.program(copied).api,
        block.value(place, 2),
        block.value(place, 3),
        block.value(place, 4),
    )
    found.looked_up, found.prot, found.reserving = looks_up, block.value(range_, 2), inner
    found.pcm = block.value(synced, 2)
    return found
