"""Rows of the compiled scanner in a row that come as one event: which they are is decided without any model.

Nothing begins a run before an event of the same place was told by itself, so that whatever is learned from the first of
a kind was learned. Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check.events import runs
from pat_check.events.runs import OrdinaryVmas, Run
from pat_check.sources.followed import followed
from pat_check.sources.forked import forked
from pat_check.sources.programs import (
    COPY_PAGE_RANGE,
    FOLLOWED,
    FREEING,
    HEAD,
    MAPPING,
    ORDINARY,
    RESERVING,
    VM_AREA_DUP,
    VM_AREA_FREE,
    WORD,
    ZAP_VMA,
    Block,
)
from pat_check.sources.reserved import freeing, is_tracked, reserving, untracked
from pat_check.sources.shapes import Step, are_alike, ends_at, returns
from pat_check.sources.tracked import mapping, untracking

if TYPE_CHECKING:
    from mypy_extensions import i64

_ERRORS: Final = -4095
_SHORTEST: Final = 2
_OUTER: Final = "unmap_single_vma"
_INNER: Final = "unmap_page_range"
"""What one calls for the same VMA, if that has any entries."""


def run_at(block: Block, place: i64, begin: Step) -> Run | None:
    """The run that begins with the row at `place`, if one does; `begin` leads to the orders of calls that are known."""
    rows = block.rows
    program = block.programs[read_i64_le(rows, place + WORD)]
    begins = program.begins
    if begins == ORDINARY:
        kind = program.kind
        if kind == ZAP_VMA and is_tracked(read_i64_le(rows, place + HEAD + 6 * WORD)):
            return untracked(block, place)
        if kind == VM_AREA_DUP and is_tracked(read_i64_le(rows, place + HEAD + 4 * WORD)):
            return forked(block, place, begin)
        return ordinary(block, place) or followed(block, place)
    if begins == FOLLOWED:
        return followed(block, place)
    if begins == MAPPING:
        return mapping(block, place, begin)
    if begins == RESERVING:
        return reserving(block, place)
    if begins == FREEING:
        return freeing(block, place)
    return untracking(block, place, begin)


def ordinary(block: Block, place: i64) -> OrdinaryVmas | None:
    """The calls on ordinary VMAs that begin at `place`; None if there are not several in a row.

    A result that is not as ever (a copy that fails), a context, a VMA that is copied without having been duplicated, or
    one that is duplicated and not copied next, ends a run before it. So does another name of the task.
    """
    programs, rows, size = block.programs, block.rows, block.size
    pid = read_i64_le(rows, place + 2 * WORD)
    comm = read_i64_le(rows, place + 5 * WORD)
    first = place
    last = place
    count: i64 = 0
    zaps: i64 = 0
    scope: i64 = -1
    mm: i64 = 0
    dup: i64 = 0
    own: i64 = 0
    new: i64 = 0
    freed: list[int] = []
    inner = ""
    outer: i64 = 0
    callers: list[str] = []
    api = ""
    vmas: list[int] = []
    while place < size and pid > 0:
        number = read_i64_le(rows, place + WORD)
        if number < 0 or read_i64_le(rows, place + 2 * WORD) != pid:
            break
        program = programs[number]
        if program.is_return or not program.met or read_i64_le(rows, place + 5 * WORD) != comm:
            break
        kind = program.kind
        mask = read_i64_le(rows, place + 6 * WORD)
        values = place + HEAD
        behind = place + program.length
        vma = read_i64_le(rows, values)
        if kind == VM_AREA_FREE:
            if vma == 0 or not _is_none(rows, values, mask, 1):
                break
            freed.append(block.unsigned(vma))
            outer = 0
            scope = last = place
            count += 1
            place = behind
            continue
        elif kind == ZAP_VMA:
            own = read_i64_le(rows, values + WORD)
            if not _is_ordinary(rows, values, mask, 6) or (zaps and own != mm):
                break
            if outer and vma == outer and program.api == _INNER:
                inner = _INNER
                outer = 0
            elif zaps and program.api != api:
                break
            else:
                mm, api = own, program.api
                outer = vma if api == _OUTER else 0
            zaps += 1
            scope = last = place
        elif kind == VM_AREA_DUP:
            if behind >= size or not returns(block, behind, pid, program):
                break
            made = read_i64_le(rows, behind + HEAD)
            if _ERRORS <= made <= 0 or not (_is_ordinary(rows, values, mask, 4) and _is_none(rows, values, mask, 5)):
                break
            copy = ends_at(block, behind)
            copied = _copied(block, copy, pid, comm)
            if copied < 0 or read_i64_le(rows, copy + HEAD) != made or not are_alike(rows, values, copy + HEAD):
                break
            whose = read_i64_le(rows, values + WORD)
            if dup != 0 and whose != own:
                break
            own = whose
            dup, new, scope, outer = vma, made, -1, 0
            _note(callers, programs[read_i64_le(rows, behind + WORD)].caller)
            _note(callers, programs[read_i64_le(rows, copied + WORD)].caller)
            vmas.append(block.unsigned(vma))
            vma = made
            last, behind = copied, ends_at(block, copied)
            count += 3
        else:
            break
        count += 1
        vmas.append(block.unsigned(vma))
        place = behind
    if count < _SHORTEST:
        return None
    run = OrdinaryVmas(
        int(read_i64_le(rows, last)),
        read_f64_le(rows, last + 4 * WORD),
        int(read_i64_le(rows, last + 3 * WORD)),
        int(pid),
        block.comms[comm],
        block,
        int(first),
        int(place),
        int(count),
    )
    run.vmas, run.zap, run.is_zap, run.mm = vmas, api, zaps == count, block.unsigned(mm)
    run.freed, run.callers, run.inner = freed, callers, inner
    run.own = block.unsigned(own)
    run.copied, run.copy, run.scope = block.unsigned(dup), block.unsigned(new), int(scope)
    return run


def _copied(block: Block, place: i64, pid: i64, comm: i64) -> i64:
    """Where the return is of the copy_page_range() of an ordinary VMA at `place`; -1 there is none, or it fails."""
    rows = block.rows
    if place >= block.size:
        return -1
    number = read_i64_le(rows, place + WORD)
    if number < 0 or read_i64_le(rows, place + 2 * WORD) != pid or read_i64_le(rows, place + 5 * WORD) != comm:
        return -1
    program = block.programs[number]
    if program.is_return or not program.met or program.kind != COPY_PAGE_RANGE or program.api != "copy_page_range":
        return -1
    values = place + HEAD
    if not _is_ordinary(rows, values, read_i64_le(rows, place + 6 * WORD), 5):
        return -1
    behind = place + program.length
    if behind >= block.size or not returns(block, behind, pid, program):
        return -1
    return -1 if read_i64_le(rows, behind + HEAD) else behind


def _note(callers: list[str], caller: str) -> None:
    if caller not in callers:
        callers.append(caller)


def _is_ordinary(rows: bytes, values: i64, mask: i64, slot: i64) -> bool:
    """Whether these flags, where they are recorded, are those of a VMA that nobody follows."""
    flags = read_i64_le(rows, values + slot * WORD)
    return flags & runs.FOLLOWED == 0 if flags >= 0 else bool(mask >> slot & 1)


def _is_none(rows: bytes, values: i64, mask: i64, slot: i64) -> bool:
    """Whether a pointer is NULL or not recorded."""
    pointer = read_i64_le(rows, values + slot * WORD)
    return pointer == 0 or bool(pointer < 0 and mask >> slot & 1)
