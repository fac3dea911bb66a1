"""Rows of followed VMAs that come as one event: a fork copies them, an unmap clears them, and they are freed.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pat_check.events import UnmapVmas, VmAreaFree, ZapVma
from pat_check.events.runs import CopiedVmas, FreedVmas, SplitOff, UnmappedVma, ZappedVmas
from pat_check.sources.programs import RESULT, Block

if TYPE_CHECKING:
    from mypy_extensions import i64


def copied(block: Block, place: i64, end: i64, count: i64) -> CopiedVmas:
    """Followed VMAs that a fork copies."""
    pid, comm = block.pid(place), block.comm(place)
    run = CopiedVmas(0, 0.0, 0, pid, comm, block, int(place), int(end), int(count))
    run.mm = block.value(place, 1)
    last = place
    while place < end:
        made = block.behind(place)
        copy = block.behind(made)
        last = block.behind(copy)
        run.of.append(
            (
                block.line(place),
                block.value(place, 0),
                block.value(place, 2),
                block.value(place, 3),
                block.value(place, 4),
                block.value(place, 5),
                block.unsigned(block.word(made, RESULT)),
            )
        )
        note(run.callers, block.program(made).caller)
        note(run.callers, block.program(last).caller)
        place = block.behind(last)
    run.at, run.time, run.cpu = block.line(last), block.time(last), block.cpu(last)
    return run


def note(callers: list[str], caller: str) -> None:
    """Add a caller that is not there."""
    for known in callers:
        if known is caller or known == caller:
            return
    callers.append(caller)


def zapped(block: Block, place: i64, end: i64, count: i64) -> ZappedVmas:
    """Followed VMAs whose entries are cleared from end to end."""
    pid, comm = block.pid(place), block.comm(place)
    run = ZappedVmas(0, 0.0, 0, pid, comm, block, int(place), int(end), int(count))
    run.mm, run.zap = block.value(place, 1), block.program(place).api
    last = place
    while place < end:
        begin, stop = block.value(place, 2), block.value(place, 3)
        run.of.append(
            ZapVma(
                block.line(place),
                block.time(place),
                block.cpu(place),
                pid,
                comm,
                block.value(place, 0),
                run.mm,
                begin,
                stop,
                run.zap,
                begin,
                stop,
                block.value(place, 6),
            )
        )
        last = place
        place = block.behind(place)
    run.at, run.time, run.cpu = block.line(last), block.time(last), block.cpu(last)
    return run


def freed(block: Block, place: i64, end: i64, count: i64) -> FreedVmas:
    """VMAs that are freed."""
    run = FreedVmas(0, 0.0, 0, block.pid(place), block.comm(place), block, int(place), int(end), int(count))
    last = place
    while place < end:
        run.of.append((block.value(place, 0), block.value(place, 1)))
        last = place
        place = block.behind(place)
    run.at, run.time, run.cpu, run.last = block.line(last), block.time(last), block.cpu(last), int(last)
    return run


def split(block: Block, place: i64) -> SplitOff:
    """__split_vma() of a followed VMA."""
    dup = block.behind(place)
    made = block.behind(dup)
    over = block.behind(made)
    at, time, cpu = block.line(over), block.time(over), block.cpu(over)
    pid, comm = block.pid(place), block.comm(place)
    run = SplitOff(at, time, cpu, pid, comm, block, int(place), int(block.behind(over)), 4)
    run.vma, run.mm = block.value(place, 0), block.value(place, 1)
    run.vm_start, run.vm_end, run.addr = block.value(place, 2), block.value(place, 3), block.value(place, 5)
    run.flags, run.ctx = block.value(place, 4), block.value(dup, 5)
    run.new_below, run.new = block.value(place, 6), block.unsigned(block.word(made, RESULT))
    run.callers = [block.program(made).caller, block.program(over).caller]
    run.dup, run.made = int(dup), int(made)
    return run


def unmapped(block: Block, place: i64) -> UnmappedVma:
    """unmap_vmas() of one followed VMA, its zap, and its vm_area_free()."""
    zapping = block.behind(place)
    freeing = block.behind(zapping)
    pid, comm, vma = block.pid(place), block.comm(place), block.value(place, 2)
    at, time, cpu = block.line(freeing), block.time(freeing), block.cpu(freeing)
    run = UnmappedVma(at, time, cpu, pid, comm, block, int(place), int(block.behind(freeing)), 3)
    run.unmap = UnmapVmas(
        block.line(place),
        block.time(place),
        block.cpu(place),
        pid,
        comm,
        block.value(place, 0),
        block.value(place, 1),
        vma,
        block.value(place, 3),
    )
    run.free = VmAreaFree(at, time, cpu, pid, comm, vma, block.value(freeing, 1))
    run.mm, run.zap, run.flags = block.value(zapping, 1), block.program(zapping).api, block.value(zapping, 6)
    return run
