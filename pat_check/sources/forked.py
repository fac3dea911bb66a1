"""Rows in which a fork copies a mapping with VM_PAT, when nothing comes between them and nothing is odd about them.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_check.events import CopyPageRange
from pat_check.events.runs import TrackedCopy
from pat_check.sources.programs import (
    COPY_PAGE_RANGE,
    FREE_PFN_RANGE,
    MEMTYPE_CHECK_INSERT,
    MEMTYPE_KERNEL_MAP_SYNC,
    MEMTYPE_RESERVE,
    RESERVE_PFN_RANGE,
    RESULT,
    VM_AREA_DUP,
    Block,
)
from pat_check.sources.reserved import reserving
from pat_check.sources.shapes import Reader, Step, are_alike

if TYPE_CHECKING:
    from mypy_extensions import i64

_ERRORS: Final = -4095


def forked(block: Block, place: i64, begin: Step) -> TrackedCopy | None:
    """The copy of a mapping with VM_PAT whose vm_area_dup() is at `place`."""
    row = Reader(block, place, begin)
    if row.pid <= 0 or not row.enter(VM_AREA_DUP) or row.number(5) > 0:
        return None
    shown = row.values
    vma, mm, vm_start, vm_end, flags = row.at(0), row.at(1), row.at(2), row.at(3), row.at(4)
    if vma == 0 or mm == 0 or not 0 <= vm_start < vm_end or not row.leave(row.program):
        return None
    new = row.at(RESULT)
    if _ERRORS <= new <= 0 or new == vma:
        return None
    if not row.enter(FREE_PFN_RANGE) or row.program.function != "untrack_pfn_clear":
        return None
    if row.at(0) != new or row.at(1) != mm or row.at(4) != vm_start or row.at(5) != vm_end or row.at(6) != flags:
        return None
    if not _copies(row, "copy_page_range", shown, new):
        return None
    copying, copied = row.program, row.last
    if not _copies(row, "track_pfn_copy", shown, new):
        return None
    tracking = row.program
    if not row.calls():
        return None
    looks_up = row.program.function == "get_pat_info"
    if looks_up and not (row.at(0) == vma and row.leave_with_none(row.program) and row.calls()):
        return None
    range_ = row.program
    length = vm_end - vm_start
    if range_.kind != RESERVE_PFN_RANGE or row.at(1) != length or row.at(3) != 1:
        return None
    start, prot = row.at(0), row.number(2)
    if not (row.enter(MEMTYPE_RESERVE) and row.at(0) == start and row.at(1) == start + length):
        return None
    request, requested = row.program, row.last
    if not row.enter(MEMTYPE_CHECK_INSERT) or not row.leave(row.program) or not row.leave(request):
        return None
    inner = reserving(block, requested)
    if inner is None or inner.end != row.place:
        return None
    if not (row.enter(MEMTYPE_KERNEL_MAP_SYNC) and row.at(0) == start and row.at(1) == length):
        return None
    pcm, syncing = row.number(2), row.program
    if not (row.leave_with_none(syncing) and row.leave_with_none(range_)):
        return None
    if not (row.leave_with_none(tracking) and row.leave_with_none(copying)):
        return None
    pid, comm, last = block.pid(place), block.comm(place), row.last
    found = TrackedCopy(
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
    found.copy = CopyPageRange(
        block.line(copied),
        block.time(copied),
        block.cpu(copied),
        pid,
        comm,
        block.unsigned(new),
        block.unsigned(vma),
        block.unsigned(mm),
        copying.api,
        int(vm_start),
        int(vm_end),
        int(flags),
    )
    found.looked_up, found.prot, found.reserving, found.pcm = looks_up, prot, inner, pcm
    return found


def _copies(row: Reader, function: str, shown: i64, new: i64) -> bool:
    """Whether this function comes next, of the VMA that vm_area_dup() shows whose values begin there, and its copy."""
    if not row.enter(COPY_PAGE_RANGE) or row.program.function != function:
        return False
    return row.at(0) == new and are_alike(row.rows, shown, row.values)
