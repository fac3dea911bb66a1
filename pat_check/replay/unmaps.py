"""What unmap_vmas() does to each mapping that it takes away, where the mappings in its range are known.

It goes through them in ascending order. Of each it makes, of the functions below it, the first that is recorded: the
zap of the mapping, untrack_pfn() of its VMA, memtype_free() of its range. Where shared contexts own the reservations
nothing is untracked here: they go with their last VMA.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pat_check import events
from pat_check.events import Call, Event, Return
from pat_check.model.vma import VM_PAT, VM_PFNMAP
from pat_check.replay.context import Context
from pat_check.replay.remarks import Surprise
from pat_check.replay.vmas import Vmas

_WHOLE = 1 << 47
_INSIDE: frozenset[type[Call]] = frozenset(
    (events.FreePfnRange, events.GetPatInfo, events.MemtypeErase, events.MemtypeFree, events.ZapVma)
)
"""Calls that may stand among those of an unmap_vmas() without ending it."""


UNMAPPING: frozenset[type[Call]] = frozenset((events.MemtypeFree, events.UnmapVmas, events.ZapVma))
"""Calls that are heard even where nothing is due."""


class _Due(NamedTuple):
    """One mapping, and the function that must come for it."""

    call: events.UnmapVmas
    must: str
    vma: int
    start: int  # physical bytes; -1 unknown
    size: int


class Unmaps:
    """Predicts what each unmap_vmas() makes, and compares."""

    def __init__(self, context: Context, vmas: Vmas, is_tracked: Callable[[int, int], bool]) -> None:
        self.context, self.vmas, self.is_tracked = context, vmas, is_tracked
        self.due: dict[int, list[_Due]] = {}  # by pid, in the order in which they must come
        self._zaps: set[str] = set()  # functions that unmap_vmas() was seen to call: the compiler may inline them

    def enter(self, call: Call) -> None:
        """A call begins, below an unmap_vmas() or after it."""
        due = self.due.get(call.pid)
        if due:
            self._hear(call, due)
        kind = type(call)
        if kind is events.ZapVma:
            assert isinstance(call, events.ZapVma)
            if call.api not in self._zaps and isinstance(self.context.tasks.of(call).scope, events.UnmapVmas):
                self._zaps.add(call.api)
        elif kind is events.UnmapVmas:
            assert isinstance(call, events.UnmapVmas)
            self._begin(call)
        elif kind is events.MemtypeFree and not self._sees_untracking:
            assert isinstance(call, events.MemtypeFree)
            self.vmas.freed(call.start, call.end)

    def looked_up(self, event: Return) -> None:
        """get_pat_info() has failed: the mapping has nothing to free."""
        frame = self.context.tasks.of(event).innermost(events.GetPatInfo)
        due = self.due.get(event.pid)
        if due and frame is not None and isinstance(frame.call, events.GetPatInfo):
            due[:] = [one for one in due if one.vma != frame.call.vma or one.must != "memtype_free"]

    def over(self, event: Event) -> None:
        """The task does something else: its unmap_vmas() is over."""
        if event.pid in self.due:
            self._missing(self.due.pop(event.pid), event)

    def lost(self) -> None:
        """Events are missing: expect nothing any more."""
        self.due.clear()

    @property
    def _sees_untracking(self) -> bool:
        """Whether the recording shows when a zap, of whatever task, untracks a mapping."""
        return bool(self.context.recorded & {"unmap_single_vma", "untrack_pfn"})

    # --- what must come ----------------------------------------------------------------------------------

    def _begin(self, call: events.UnmapVmas) -> None:
        whole = call.start == 0 and call.end >= _WHOLE
        mm = call.mm or self._space_of(call, whole=whole)
        if not mm:
            return
        if whole:
            self.vmas.ending(call.pid, mm)
        if self.vmas.are_sure() and not (self.context.lossy or self.context.entry_only):
            due = list(self._predict(call, mm))
            if due:
                self.due[call.pid] = due
        if whole:
            self.vmas.exit(mm)

    def _space_of(self, call: events.UnmapVmas, *, whole: bool) -> int:
        """The address space: of the exit_mmap() that it is in, or of its first mapping; 0 unknown."""
        scope = self.context.tasks.of(call).scope
        if whole:
            return scope.mm if isinstance(scope, events.ExitMmap) else 0
        area, own = self.vmas.of.get(call.vma), self.vmas.mm_of.get(call.pid, 0)
        if area is None or area.is_over or (area.mm != own and (own or area.mm < 0)):
            return 0  # not known, or the address of a VMA that was used again
        return area.mm

    def _predict(self, call: events.UnmapVmas, mm: int) -> Iterator[_Due]:
        for vma, area in self.vmas.inside(mm, call.vma, call.start, call.end):
            if area.flags & VM_PFNMAP:
                start, size = self.vmas.physical(vma, area.start), area.end - area.start
                is_freed = area.flags & VM_PAT and self.is_tracked(start, size)
                must = self._zap or self._untracking or (self._free if is_freed else "")
                if must:
                    yield _Due(call, must, vma, start, size)

    @property
    def _zap(self) -> str:
        """The recorded function that clears the entries of one mapping, unless untracking must come before it."""
        era = self.context.era
        after = ("unmap_page_range", "__zap_vma_range") if era.fork_shares else ()
        zaps = () if era.unmap_untracks else ("unmap_single_vma", *after)
        return next((zap for zap in zaps if zap in self._zaps), "")

    @property
    def _untracking(self) -> str:
        return "untrack_pfn" if self._untracks and "untrack_pfn" in self.context.recorded else ""

    @property
    def _free(self) -> str:
        """The free of a tracked mapping, where a move that takes the tracking away would be seen."""
        moves_seen = self.context.recorded & {"untrack_pfn_clear", "copy_vma"}
        return "memtype_free" if self._untracks and moves_seen and "memtype_free" in self.context.recorded else ""

    @property
    def _untracks(self) -> bool:
        return self.context.era.zap_untracks or self.context.era.unmap_untracks

    # --- what comes ----------------------------------------------------------------------------------------

    def _hear(self, call: Call, due: list[_Due]) -> None:
        if type(call) not in _INSIDE:
            self.over(call)
            return
        place = next((at for at, one in enumerate(due) if _is(one, call)), -1)
        if place >= 0:
            gone, due[: place + 1] = due[:place], []
            self._missing(gone, call)
        elif isinstance(call, events.ZapVma) and call.api == "unmap_page_range":
            late = [one for one in due if one.vma == call.vma]  # its entries are cleared already
            due[:] = [one for one in due if one.vma != call.vma]
            self._missing(late, call)

    def _missing(self, due: list[_Due], event: Event) -> None:
        if self.context.lossy:
            return
        for one in due:
            start, end = (one.start, one.start + one.size) if one.start >= 0 else (0, 0)
            surprise = Surprise(self.context, event, "unmap_vmas", start, end)
            surprise.tell("made", f"a call of {one.must}()", "none", [(one.call.at, "called here")])


def _is(due: _Due, call: Call) -> bool:
    if isinstance(call, events.MemtypeFree):
        return due.must == "memtype_free" and (call.start, call.end) == (due.start, due.start + due.size)
    if isinstance(call, events.ZapVma | events.FreePfnRange):
        return call.api == due.must and call.vma == due.vma
    return False
