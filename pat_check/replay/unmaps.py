"""What unmap_vmas() does to each mapping that it takes away, where the mappings in its range are known.

It goes through them in ascending order. Of each it makes, of the functions below it, the first that is recorded: the
zap of the mapping, untrack_pfn() of its VMA, memtype_free() of its range. Where shared contexts own the reservations
nothing is untracked here: they go with their last VMA.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pat_check.events import (
    Call,
    Event,
    ExitMmap,
    FreePfnRange,
    GetPatInfo,
    MemtypeErase,
    MemtypeFree,
    Return,
    UnmapVmas,
    ZapVma,
)
from pat_check.events.runs import OrdinaryVmas
from pat_check.model.vma import VM_PAT, VM_PFNMAP
from pat_check.replay.context import Context
from pat_check.replay.mapped import Mapped, is_whole
from pat_check.replay.remarks import Surprise
from pat_check.replay.vmas import Vmas

_ENDING: Final = 1_000  # address spaces that end after their tasks
_INSIDE: Final[frozenset[type[Call]]] = frozenset((FreePfnRange, GetPatInfo, MemtypeErase, MemtypeFree, ZapVma))
"""Calls that may stand among those of an unmap_vmas() without ending it."""


_UNTRACKS: Final[frozenset[str]] = frozenset(("unmap_single_vma", "untrack_pfn"))
"""Functions that show when a zap, of whatever task, untracks a mapping."""

_CLEARS: Final[frozenset[str]] = frozenset(("unmap_single_vma", "unmap_page_range", "__zap_vma_range"))
"""Functions that show when the entries of a mapping are cleared."""

_MOVES: Final[frozenset[str]] = frozenset(("untrack_pfn_clear", "copy_vma"))
"""Functions that show a move, which takes the tracking away."""

UNMAPPING: Final[frozenset[type[Call]]] = frozenset((MemtypeFree, UnmapVmas, ZapVma))
"""Calls that are heard even where nothing is due."""


class Due:
    """One mapping, and the function that must come for it."""

    __slots__ = ("call", "must", "size", "start", "vma")

    def __init__(self, call: UnmapVmas, must: str, vma: int, start: int, size: int) -> None:
        self.call, self.must, self.vma = call, must, vma
        self.start, self.size = start, size  # physical bytes; a start of -1 is unknown


class Unmaps:
    """Predicts what each unmap_vmas() makes, and compares."""

    def __init__(self, context: Context, vmas: Vmas, is_tracked: Callable[[int, int], bool]) -> None:
        self.context, self.vmas, self.is_tracked = context, vmas, is_tracked
        self.due: dict[int, list[Due]] = {}  # by pid, in the order in which they must come
        self._left: dict[int, list[Mapped]] = {}  # by pid: what the address space of a task has that ends
        self.zaps: set[str] = set()  # functions that unmap_vmas() was seen to call: the compiler may inline them
        self._known_of = -1  # what follows was told when so many functions were recorded, and so many zaps seen
        self._must = ""  # what every mapping must get
        self._frees = False  # whether a tracked one must get a free
        self._sees_untracking = False
        self._shares = context.era.fork_shares

    def enter(self, call: Call) -> None:
        """A call begins, below an unmap_vmas() or after it."""
        if self.due:
            due = self.due.get(call.pid)
            if due is not None:
                self._hear(call, due)
        self._learn()
        if isinstance(call, ZapVma):
            if call.api not in self.zaps and isinstance(self.context.tasks.of(call).scope, UnmapVmas):
                self.zaps.add(call.api)
        elif isinstance(call, UnmapVmas):
            self._begin(call)
        elif isinstance(call, MemtypeFree):
            self.frees(call.start, call.end)

    def passes(self, pid: int) -> None:
        """An unmap_vmas() of one VMA has come with the zap that it must make."""
        self._learn()
        if self._left and self.vmas.are_sure() and not self.context.one_comm:
            self._left.pop(pid, None)

    def frees(self, start: int, end: int) -> None:
        """memtype_free() of [start, end), for whichever mapping."""
        self._learn()
        if not self._sees_untracking:
            self.vmas.book.freed(start, end)

    def lets_pass(self, run: OrdinaryVmas) -> bool:
        """Whether nothing is due for these zaps, of which unmap_vmas() makes none for the first time.

        That none is of a VMA that is followed is asked elsewhere.
        """
        if run.zap not in self.zaps and isinstance(self.context.tasks.of(run).scope, UnmapVmas):
            return False
        if self.due:
            due = self.due.get(run.pid)
            if due is not None:
                followed = self.vmas.book.of
                for one in due:
                    if one.vma not in followed and one.vma in run.vmas:
                        return False
        return True

    def lets_zap(self, call: ZapVma) -> bool:
        """Whether of the mappings that are due none comes before this one."""
        due = self.due.get(call.pid)
        if due is None:
            return True
        for one in due:
            if one.vma == call.vma:
                return one is due[0] and one.must == call.api
        return True

    def wants(self, zap: str) -> bool:
        """Whether unmap_vmas() was seen to make this zap, and must make it of each mapping."""
        self._learn()
        return zap in self.zaps and self._must == zap

    def looked_up(self, event: Return) -> None:
        """get_pat_info() has failed: the mapping has nothing to free."""
        frame = self.context.tasks.of(event).innermost(GetPatInfo)
        due = self.due.get(event.pid)
        if due and frame is not None and isinstance(frame.call, GetPatInfo):
            due[:] = [one for one in due if one.vma != frame.call.vma or one.must != "memtype_free"]

    def ends(self, pid: int) -> None:
        """A task ends, before its address space does."""
        mm = self.vmas.spaces.of.get(pid, 0)
        if self._shares and mm > 0:
            if len(self._left) > _ENDING:
                self._left.clear()
            self._left[pid] = self.vmas.book.inside(mm, 0, 1 << 64)

    def over(self, event: Event) -> None:
        """The task does something else: its unmap_vmas() is over."""
        if self.due and event.pid in self.due:
            self._missing(self.due.pop(event.pid), event)

    def lost(self) -> None:
        """Events are missing: expect nothing any more."""
        self.due.clear()
        self._left.clear()

    def _learn(self) -> None:
        """What the recording shows tells what must come."""
        known_of = len(self.context.recorded) + len(self.zaps)
        if known_of == self._known_of:
            return
        self._known_of = known_of
        recorded, era = self.context.recorded, self.context.era
        self._must = self._zap or self._untracking
        self._frees = self._untracks and bool(recorded & _MOVES) and "memtype_free" in recorded
        clears = era.fork_shares and bool(recorded & _CLEARS)  # a context goes after the entries of its mappings
        self._sees_untracking = clears or bool(recorded & _UNTRACKS)
        if self._sees_untracking:
            self.vmas.book.frees_unheard()

    # --- what must come ----------------------------------------------------------------------------------

    def _begin(self, call: UnmapVmas) -> None:
        whole = is_whole(call)
        mm = call.mm or self.space_of(call, whole=whole)
        if not mm:
            return
        if whole:
            self.vmas.ending(call.pid, mm)
        going = self.vmas.unmapping(mm, call)
        if self.vmas.are_sure() and not (self.context.lossy or self.context.entry_only or self.context.one_comm):
            if self._left:
                kept = self._kept(call, whole=whole)
                going = going or kept
            if going:
                due = self._predict(call, going)
                if due:
                    self.due[call.pid] = due
        if whole:
            self.vmas.torn_down.end(mm)

    def space_of(self, call: UnmapVmas, *, whole: bool) -> int:
        """The address space: of the exit_mmap() that it is in, or of its first mapping; 0 unknown."""
        scope = self.context.tasks.of(call).scope
        if whole:
            return scope.mm if isinstance(scope, ExitMmap) else 0
        area = self.vmas.book.of.get(call.vma)
        return area.mm if area is not None and self.vmas.may_have(call.pid, area) else 0

    def _predict(self, call: UnmapVmas, going: list[Mapped]) -> list[Due]:
        due: list[Due] = []
        if not (self._must or self._frees):
            return due
        for area in going:
            if area.flags & VM_PFNMAP:
                start, size = self.vmas.first_of(area, area.start), area.end - area.start
                must = self._must
                if not must and area.flags & VM_PAT and self.is_tracked(start, size):
                    must = "memtype_free"
                if must:
                    due.append(Due(call, must, area.vma, start, size))
        return due

    def _kept(self, call: UnmapVmas, *, whole: bool) -> list[Mapped]:
        """The followed VMAs that a task had when it ended, ascending, if it now takes all of them away."""
        left = self._left.get(call.pid)
        if left is None:
            return []
        del self._left[call.pid]
        return [area for area in left if area.is_over and self.vmas.book.of.get(area.vma) is area] if whole else []

    @property
    def _zap(self) -> str:
        """The recorded function that clears the entries of one mapping, unless untracking must come before it."""
        era = self.context.era
        after = ("unmap_page_range", "__zap_vma_range") if era.fork_shares else ()
        zaps = () if era.unmap_untracks else ("unmap_single_vma", *after)
        return next((zap for zap in zaps if zap in self.zaps), "")

    @property
    def _untracking(self) -> str:
        return "untrack_pfn" if self._untracks and "untrack_pfn" in self.context.recorded else ""

    @property
    def _untracks(self) -> bool:
        return self.context.era.zap_untracks or self.context.era.unmap_untracks

    # --- what comes ----------------------------------------------------------------------------------------

    def _hear(self, call: Call, due: list[Due]) -> None:
        if type(call) not in _INSIDE:
            self.over(call)
            return
        place = 0 if due and call.function() == due[0].must else len(due)  # the same must come for every one
        while place < len(due) and not _is(due[place], call):
            place += 1
        if place == 0 and due:
            due.pop(0)
        elif place < len(due):
            gone = due[:place]
            del due[: place + 1]
            self._missing(gone, call)
        elif isinstance(call, ZapVma) and call.api == "unmap_page_range":
            late = [one for one in due if one.vma == call.vma]  # its entries are cleared already
            if late:
                due[:] = [one for one in due if one.vma != call.vma]
                self._missing(late, call)
        if not due:
            del self.due[call.pid]

    def _missing(self, due: list[Due], event: Event) -> None:
        if self.context.lossy:
            return
        for one in due:
            start, end = (one.start, one.start + one.size) if one.start >= 0 else (0, 0)
            surprise = Surprise(self.context, event, "unmap_vmas", start, end)
            surprise.tell("made", f"a call of {one.must}()", "none", [(one.call.at, "called here")])


def _is(due: Due, call: Call) -> bool:
    if isinstance(call, MemtypeFree):
        return due.must == "memtype_free" and call.start == due.start and call.end == due.start + due.size
    if isinstance(call, (ZapVma, FreePfnRange)):
        return call.api == due.must and call.vma == due.vma
    return False
