"""Rows that the compiled scanner has found to be one event, made into it; native/runs.c decides which they are.

Compiled, as rows.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pat_check.events import Event
from pat_check.events.runs import (
    CopiedVmas,
    FreedVmas,
    Freeing,
    Mapping,
    OrdinaryVmas,
    Reserving,
    Run,
    Shape,
    SplitOff,
    TrackedCopy,
    UnmappedVma,
    UntrackedVma,
    Untracking,
    ZappedVmas,
)
from pat_check.sources.followed import copied, freed, note, split, unmapped, zapped
from pat_check.sources.programs import (
    COPIED,
    FORKED,
    FREED,
    FREEING,
    MAPPING,
    ORDINARY,
    RESERVING,
    RESULT,
    SPLIT,
    UNMAPPED,
    UNTRACKED,
    UNTRACKING,
    VM_AREA_FREE,
    ZAP_VMA,
    ZAPPED,
    Block,
)
from pat_check.sources.reserved import freeing, reserving, untracked
from pat_check.sources.tracked import forked, mapping, untracking

if TYPE_CHECKING:
    from mypy_extensions import i64

_KINDS: Final[dict[type[Event], int]] = {
    OrdinaryVmas: ORDINARY,
    CopiedVmas: COPIED,
    ZappedVmas: ZAPPED,
    FreedVmas: FREED,
    SplitOff: SPLIT,
    UnmappedVma: UNMAPPED,
    Mapping: MAPPING,
    Untracking: UNTRACKING,
    Reserving: RESERVING,
    Freeing: FREEING,
    UntrackedVma: UNTRACKED,
    TrackedCopy: FORKED,
}
_ENOUGH: Final = 256
_AGAIN: Final = 4096

_OUTER: Final = "unmap_single_vma"
_INNER: Final = "unmap_page_range"
"""What one calls for the same VMA, if that has any entries."""


class Worth:
    """Whether runs of one kind are worth making: what a recording leaves out may forbid to apply any of them as one."""

    __slots__ = ("made", "refused", "skipped")

    def __init__(self) -> None:
        self.made: i64 = 0
        self.refused: i64 = 0
        self.skipped: i64 = 0  # since nine of ten were refused; after so many they are tried again

    def is_given(self) -> bool:
        """Whether the next one is to be made, which counts as made then."""
        if self.made < _ENOUGH or self.refused * 10 < self.made * 9:
            self.made += 1
            return True
        self.skipped += 1
        if self.skipped == _AGAIN:
            self.made = self.refused = self.skipped = 0
        return False


class Worths:
    """The same of every kind."""

    def __init__(self) -> None:
        self.of = [Worth() for _ in range(FORKED + 1)]  # by kind

    def refuse(self, kind: type[Event]) -> None:
        """A run of this kind was taken apart."""
        self.of[_KINDS[kind]].refused += 1


def run_of(block: Block, which: i64, place: i64, end: i64, count: i64, shape: Shape | None) -> Run:
    """The run of so many events in [place, end), bytes; `shape` is of those that have one."""
    if which == ORDINARY:
        return ordinary(block, place, end, count)
    if which == COPIED:
        return copied(block, place, end, count)
    if which == ZAPPED:
        return zapped(block, place, end, count)
    if which == FREED:
        return freed(block, place, end, count)
    if which == SPLIT:
        return split(block, place)
    if which == UNMAPPED:
        return unmapped(block, place)
    if which == RESERVING:
        return reserving(block, place)
    if which == FREEING:
        return freeing(block, place)
    if which == UNTRACKED:
        return untracked(block, place, end, count)
    assert shape is not None
    if which == MAPPING:
        return mapping(block, place, end, count, shape)
    if which == UNTRACKING:
        return untracking(block, place, end, count, shape)
    assert which == FORKED
    return forked(block, place, end, count, shape)


def ordinary(block: Block, place: i64, end: i64, count: i64) -> OrdinaryVmas:
    """Calls on ordinary VMAs."""
    first, last, zaps = place, place, 0
    scope: i64 = -1
    mm: i64 = 0
    dup: i64 = 0
    own: i64 = 0
    new: i64 = 0
    outer: i64 = 0
    freed_vmas: list[int] = []
    callers: list[str] = []
    vmas: list[int] = []
    api = inner = ""
    while place < end:
        program = block.program(place)
        behind = place + program.length
        vma = block.word(place, 0)
        if program.kind == VM_AREA_FREE:
            freed_vmas.append(block.unsigned(vma))
            outer = 0
            scope = last = place
        elif program.kind == ZAP_VMA:
            own = block.word(place, 1)
            if outer and vma == outer and program.api == _INNER:
                inner = _INNER
                outer = 0
            else:
                mm, api = own, program.api
                outer = vma if api == _OUTER else 0
            zaps += 1
            scope = last = place
            vmas.append(block.unsigned(vma))
        else:  # vm_area_dup(), its return, copy_page_range(), its return
            own = block.word(place, 1)
            made, copy = behind, block.behind(behind)
            last = block.behind(copy)
            dup, new, scope, outer = vma, block.word(made, RESULT), -1, 0
            note(callers, block.program(made).caller)
            note(callers, block.program(last).caller)
            vmas.append(block.unsigned(vma))
            vmas.append(block.unsigned(new))
            behind = block.behind(last)
        place = behind
    at, time, cpu, pid, comm = block.line(last), block.time(last), block.cpu(last), block.pid(first), block.comm(first)
    run = OrdinaryVmas(at, time, cpu, pid, comm, block, int(first), int(end), int(count))
    run.vmas, run.zap, run.is_zap, run.mm = vmas, api, zaps == count, block.unsigned(mm)
    run.freed, run.callers, run.inner = freed_vmas, callers, inner
    run.own = block.unsigned(own)
    run.copied, run.copy, run.scope = block.unsigned(dup), block.unsigned(new), int(scope)
    return run
