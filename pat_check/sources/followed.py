"""Rows of followed VMAs that come as one event: a fork copies them, an unmap clears them, and they are freed.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from librt.strings import read_f64_le, read_i64_le

from pat_check.events import UnmapVmas, VmAreaFree, ZapVma
from pat_check.events.runs import FOLLOWED, TRACKED, CopiedVmas, FreedVmas, Run, SplitOff, UnmappedVma, ZappedVmas
from pat_check.sources.programs import (
    COPY_PAGE_RANGE,
    HEAD,
    SPLIT_VMA,
    UNMAP_VMAS,
    VM_AREA_DUP,
    VM_AREA_FREE,
    WORD,
    ZAP_VMA,
    Block,
    Program,
)
from pat_check.sources.shapes import are_alike, ends_at, returns

if TYPE_CHECKING:
    from mypy_extensions import i64

_ERRORS: Final = -4095
_UNKNOWN: Final = -1
"""A context that is not recorded."""
_CLEARS: Final = "__zap_vma_range"
"""The one function of a kernel that clears entries: where there are two, one follows the other."""


def followed(block: Block, place: i64) -> Run | None:
    """The run of calls on followed VMAs that begins at `place`, if one does."""
    kind = block.programs[read_i64_le(block.rows, place + WORD)].kind
    if read_i64_le(block.rows, place + 2 * WORD) <= 0:
        return None
    if kind == VM_AREA_DUP:
        return _copied(block, place)
    if kind == ZAP_VMA:
        return _zapped(block, place)
    if kind == SPLIT_VMA:
        return _split(block, place)
    if kind == UNMAP_VMAS:
        return _unmapped(block, place)
    return _freed(block, place)


def _copied(block: Block, place: i64) -> CopiedVmas | None:
    programs, rows, size = block.programs, block.rows, block.size
    pid = read_i64_le(rows, place + 2 * WORD)
    mm = read_i64_le(rows, place + HEAD + WORD)
    first = place
    last: i64 = -1  # the row of the last return
    count: i64 = 0
    run: CopiedVmas | None = None
    while mm != 0:
        dup = _call(block, place, first, VM_AREA_DUP)
        if dup is None:
            break
        values = place + HEAD
        vma, vm_start, vm_end = (
            read_i64_le(rows, values),
            read_i64_le(rows, values + 2 * WORD),
            read_i64_le(rows, values + 3 * WORD),
        )
        flags, ctx = read_i64_le(rows, values + 4 * WORD), read_i64_le(rows, values + 5 * WORD)
        if vma == 0 or read_i64_le(rows, values + WORD) != mm or not 0 <= vm_start < vm_end:
            break
        if ctx == _UNKNOWN or not _is_followed(flags):
            break
        made = values + dup.slots * WORD
        if made >= size or not returns(block, made, pid, dup):
            break
        new = read_i64_le(rows, made + HEAD)
        place = ends_at(block, made)
        copying = _call(block, place, first, COPY_PAGE_RANGE)
        if _ERRORS <= new <= 0 or copying is None or copying.api != "copy_page_range":
            break
        values = place + HEAD
        same = read_i64_le(rows, values) == new and are_alike(rows, made - dup.slots * WORD, values)
        if not same:
            break
        copied = values + copying.slots * WORD
        if copied >= size or not returns(block, copied, pid, copying):
            break
        if read_i64_le(rows, copied + HEAD):
            break
        place = ends_at(block, copied)
        last = copied
        count += 4
        if run is None:
            run = CopiedVmas(0, 0.0, 0, int(pid), block.comm(first), block, int(first), 0, 0)
            run.mm = block.unsigned(mm)
        run.of.append(
            (
                int(read_i64_le(rows, made - dup.slots * WORD - HEAD)),
                block.unsigned(vma),
                int(vm_start),
                int(vm_end),
                int(flags),
                block.unsigned(ctx),
                block.unsigned(new),
            )
        )
        _note(run.callers, programs[read_i64_le(rows, made + WORD)].caller)
        _note(run.callers, programs[read_i64_le(rows, copied + WORD)].caller)
    if run is not None:
        _close(run, rows, last, ends_at(block, last), count)
    return run


def _note(callers: list[str], caller: str) -> None:
    for known in callers:
        if known is caller or known == caller:
            return
    callers.append(caller)


def _zapped(block: Block, place: i64) -> ZappedVmas | None:
    rows = block.rows
    mm = read_i64_le(rows, place + HEAD + WORD)
    first = place
    last = place
    count: i64 = 0
    run: ZappedVmas | None = None
    while mm != 0:
        zap = _call(block, place, first, ZAP_VMA)
        if zap is None or zap.api != _CLEARS:
            break
        values = place + HEAD
        vma, start, end = (
            read_i64_le(rows, values),
            read_i64_le(rows, values + 2 * WORD),
            read_i64_le(rows, values + 3 * WORD),
        )
        vm_start, vm_end = read_i64_le(rows, values + 4 * WORD), read_i64_le(rows, values + 5 * WORD)
        flags = read_i64_le(rows, values + 6 * WORD)
        if vma == 0 or read_i64_le(rows, values + WORD) != mm or not _is_followed(flags):
            break
        if not (0 <= vm_start == start and start < end == vm_end):
            break
        if run is None:
            run = ZappedVmas(0, 0.0, 0, block.pid(first), block.comm(first), block, int(first), 0, 0)
            run.mm, run.zap = block.unsigned(mm), zap.api
        begin, stop = int(start), int(end)
        run.of.append(
            ZapVma(
                block.line(place),
                block.time(place),
                block.cpu(place),
                run.pid,
                run.comm,
                block.unsigned(vma),
                run.mm,
                begin,
                stop,
                zap.api,
                begin,
                stop,
                int(flags),
            )
        )
        last, place = place, values + zap.slots * WORD
        count += 1
    if run is None or count < 2:
        return None
    _close(run, rows, last, place, count)
    return run


def _freed(block: Block, place: i64) -> FreedVmas | None:
    rows = block.rows
    first = place
    last = place
    count: i64 = 0
    run: FreedVmas | None = None
    while True:
        free = _call(block, place, first, VM_AREA_FREE)
        if free is None:
            break
        vma, ctx = read_i64_le(rows, place + HEAD), read_i64_le(rows, place + HEAD + WORD)
        if vma == 0 or ctx == _UNKNOWN:
            break
        if run is None:
            run = FreedVmas(0, 0.0, 0, block.pid(first), block.comm(first), block, int(first), 0, 0)
        run.of.append((block.unsigned(vma), block.unsigned(ctx)))
        last, place = place, place + HEAD + free.slots * WORD
        count += 1
    if run is None or count < 2:
        return None
    _close(run, rows, last, place, count)
    run.last = int(last)
    return run


def _split(block: Block, place: i64) -> SplitOff | None:
    programs, rows = block.programs, block.rows
    split = _call(block, place, place, SPLIT_VMA)
    if split is None:
        return None
    values = place + HEAD
    vma, mm = read_i64_le(rows, values), read_i64_le(rows, values + WORD)
    vm_start, vm_end = read_i64_le(rows, values + 2 * WORD), read_i64_le(rows, values + 3 * WORD)
    flags, addr = read_i64_le(rows, values + 4 * WORD), read_i64_le(rows, values + 5 * WORD)
    if vma == 0 or mm == 0 or not 0 <= vm_start < addr or not addr < vm_end or not _is_followed(flags):
        return None
    copying = values + split.slots * WORD
    dup = _call(block, copying, place, VM_AREA_DUP)
    if dup is None:
        return None
    slot: i64 = 0
    while slot < 5:
        if read_i64_le(rows, copying + HEAD + slot * WORD) != read_i64_le(rows, values + slot * WORD):
            return None
        slot += 1
    ctx = read_i64_le(rows, copying + HEAD + 5 * WORD)
    made = copying + HEAD + dup.slots * WORD
    if ctx == _UNKNOWN or made >= block.size or not _leaves(block, made, place, dup):
        return None
    new = read_i64_le(rows, made + HEAD)
    over = ends_at(block, made)
    if _ERRORS <= new <= 0 or over >= block.size or not _leaves(block, over, place, split):
        return None
    if read_i64_le(rows, over + HEAD):
        return None
    run = SplitOff(0, 0.0, 0, block.pid(place), block.comm(place), block, int(place), 0, 0)
    _close(run, rows, over, ends_at(block, over), 4)
    run.vma, run.mm = block.unsigned(vma), block.unsigned(mm)
    run.flags, run.ctx = int(flags), block.unsigned(ctx)
    run.vm_start, run.vm_end, run.addr = int(vm_start), int(vm_end), int(addr)
    run.new_below, run.new = block.value(place, 6), block.unsigned(new)
    run.callers = [programs[read_i64_le(rows, made + WORD)].caller, programs[read_i64_le(rows, over + WORD)].caller]
    run.dup, run.made = int(copying), int(made)
    return run


def _unmapped(block: Block, place: i64) -> UnmappedVma | None:
    rows = block.rows
    unmap = _call(block, place, place, UNMAP_VMAS)
    if unmap is None:
        return None
    values = place + HEAD
    start, end, vma = (
        read_i64_le(rows, values),
        read_i64_le(rows, values + WORD),
        read_i64_le(rows, values + 2 * WORD),
    )
    zapping = values + unmap.slots * WORD
    zap = _call(block, zapping, place, ZAP_VMA)
    if zap is None or zap.api != _CLEARS or vma == 0 or not 0 <= start < end:
        return None
    values = zapping + HEAD
    mm, flags = read_i64_le(rows, values + WORD), read_i64_le(rows, values + 6 * WORD)
    if mm == 0 or read_i64_le(rows, values) != vma or not _is_followed(flags):
        return None
    if read_i64_le(rows, values + 2 * WORD) != start or read_i64_le(rows, values + 3 * WORD) != end:
        return None
    if read_i64_le(rows, values + 4 * WORD) != start or read_i64_le(rows, values + 5 * WORD) != end:
        return None
    freeing = values + zap.slots * WORD
    free = _call(block, freeing, place, VM_AREA_FREE)
    if free is None or read_i64_le(rows, freeing + HEAD) != vma:
        return None
    ctx = read_i64_le(rows, freeing + HEAD + WORD)
    if ctx == _UNKNOWN:
        return None
    pid, comm, area, last = block.pid(place), block.comm(place), block.unsigned(vma), int(end)
    at, time, cpu = block.line(freeing), block.time(freeing), block.cpu(freeing)
    run = UnmappedVma(at, time, cpu, pid, comm, block, int(place), int(freeing + free.length), 3)
    run.unmap = UnmapVmas(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        int(start),
        last,
        area,
        block.value(place, 3),
    )
    run.free = VmAreaFree(at, time, cpu, pid, comm, area, block.unsigned(ctx))
    run.mm, run.zap, run.flags = block.unsigned(mm), zap.api, int(flags)
    return run


def _leaves(block: Block, place: i64, first: i64, call: Program) -> bool:
    """Whether the row at `place` is the return of this call in the task of the row at `first`, of the same name."""
    rows = block.rows
    if not returns(block, place, read_i64_le(rows, first + 2 * WORD), call):
        return False
    return read_i64_le(rows, place + 5 * WORD) == read_i64_le(rows, first + 5 * WORD)


def _call(block: Block, place: i64, first: i64, kind: i64) -> Program | None:
    """The call at `place`, if it is of this kind and of the task of the row at `first`."""
    rows = block.rows
    if place >= block.size:
        return None
    number = read_i64_le(rows, place + WORD)
    if number < 0 or read_i64_le(rows, place + 2 * WORD) != read_i64_le(rows, first + 2 * WORD):
        return None
    program = block.programs[number]
    if program.is_return or program.kind != kind or not program.met:
        return None
    return program if read_i64_le(rows, place + 5 * WORD) == read_i64_le(rows, first + 5 * WORD) else None


def _is_followed(flags: i64) -> bool:
    """Whether these flags are recorded, and those of a VMA that is followed; VM_PAT has calls of its own."""
    return flags >= 0 and flags & FOLLOWED != 0 and flags & TRACKED == 0


def _close(run: Run, rows: bytes, last: i64, end: i64, count: i64) -> None:
    """A run ends with the row at `last`, behind which is `end`."""
    run.at, run.time = int(read_i64_le(rows, last)), read_f64_le(rows, last + 4 * WORD)
    run.cpu = int(read_i64_le(rows, last + 3 * WORD))
    run.end, run.count = int(end), int(count)
