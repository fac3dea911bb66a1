"""How mappings are torn down: exit_mmap() and munmap() make unmap_vmas(), and that a zap of each mapping.

Where both are recorded, a zap of a whole mapping that goes next is inside an unmap_vmas(), and clears what that covers.
What a task is in the midst of is not known any more once events were lost, even where a snapshot gives the state again.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import Call, Event, ExitMmap, UnmapVmas, VmAreaFree, ZapVma
from pat_check.events.runs import OrdinaryVmas, ZappedVmas
from pat_check.model.vma import VM_HUGETLB, VM_IO, VM_MIXEDMAP, VM_PFNMAP
from pat_check.replay.agreeing import Agreeing
from pat_check.replay.context import Context
from pat_check.replay.goings import Goings
from pat_check.replay.remarks import Surprise

_SPECIAL: Final = VM_PFNMAP | VM_IO | VM_MIXEDMAP
_LIMIT: Final = 100_000
_EVERYTHING: Final = (1 << 64) - 1

TEARING: Final[frozenset[type[Call]]] = frozenset((UnmapVmas, VmAreaFree, ZapVma))
"""Calls that are heard here."""


class Within:
    """An unmap_vmas() that may still go on: of user virtual bytes [start, end), -1 not known."""

    __slots__ = ("end", "mm", "start")

    def __init__(self, start: int, end: int, mm: int) -> None:
        self.start, self.end = start, end
        self.mm = mm  # 0 not known before its first zap

    def covers(self, call: ZapVma) -> bool:
        """Whether a zap may be part of it."""
        if self.mm and call.mm and self.mm != call.mm:
            return False
        return self.end < 0 or (self.start <= call.vm_start and call.vm_end <= self.end)

    def is_exceeded_by(self, call: ZapVma) -> bool:
        """Whether what is cleared is in its range, but the VMA is not, which would have been split before."""
        inside = 0 <= self.start <= call.start and call.end <= self.end
        return inside and (not self.mm or not call.mm or self.mm == call.mm)


class Teardowns:
    """Tells of each call that is missing, and of each range that does not fit."""

    def __init__(self, context: Context, agreeing: Agreeing) -> None:
        self.context, self.agreeing = context, agreeing
        self.goings = Goings(context)
        self._within: dict[int, Within] = {}  # by pid: the unmap_vmas() that it may be in
        self._alone: dict[int, ZapVma] = {}  # by VMA: a zap outside of any, of all that a special mapping has
        self._begun: dict[int, ZapVma] = {}  # by pid: an unmap_single_vma() whose unmap_page_range() must come

    def enter(self, call: Call) -> None:
        """A call of one of the kinds of `TEARING` begins."""
        if self._begun and (begun := self._begun.get(call.pid)) is not None:
            del self._begun[call.pid]
            clears = isinstance(call, ZapVma) and call.api == "unmap_page_range" and call.vma == begun.vma
            if not clears:
                self._never_cleared(begun)
            elif isinstance(call, ZapVma):
                self.agreeing.clears(begun, call)
        if isinstance(call, ZapVma):
            self._zap(call)
        elif isinstance(call, UnmapVmas):
            if len(self._within) > _LIMIT:
                self._within.clear()
            scope = self.context.tasks.of(call).scope
            mm = call.mm or (scope.mm if isinstance(scope, ExitMmap) else 0)
            self._within[call.pid] = Within(call.start, call.end, mm)
            self.goings.begins(call)
        elif isinstance(call, VmAreaFree):
            self._is_over(call.pid)
            self.goings.frees(call)
            if self._alone:
                self._free(call)

    def lets_pass(self, run: OrdinaryVmas) -> bool:
        """Whether calls that come as one would lead to nothing."""
        if not self.lets_go(run.pid) or not self.goings.lets_pass(run):
            return False
        return not (run.zap and isinstance(self.context.tasks.of(run).scope, ExitMmap))

    def taken(self, run: OrdinaryVmas) -> None:
        """Calls have come as one."""
        if run.freed:
            self._is_over(run.pid)
            self.goings.taken(run)

    def covers(self, run: ZappedVmas) -> bool:
        """Whether zaps that come as one are inside an unmap_vmas() that covers each of them."""
        within = self._within.get(run.pid)
        if within is None or not self.lets_go(run.pid) or (within.mm and within.mm != run.mm):
            return False
        if 0 <= within.end < _EVERYTHING or within.start > 0:
            for zap in run.of:
                if zap.vm_start < within.start or within.end < zap.vm_end:
                    return False
        within.mm = run.mm
        return True

    def clears(self, run: ZappedVmas) -> None:
        """Zaps that it covers have come as one."""
        self.goings.clears_each(run.pid, run.of)

    def covers_one(self, call: ZapVma) -> bool:
        """Whether a zap of all of a special mapping is inside an unmap_vmas(), and of the range that it must have."""
        within = self._within.get(call.pid)
        if within is None or (self._begun and call.pid in self._begun) or not within.covers(call):
            return False
        if self._alone and call.vma in self._alone:
            return False
        if within.end < 0 or not self._is_recorded("vm_area_free"):
            return True
        return call.start == within.start and call.end == within.end

    def clears_one(self, call: ZapVma) -> None:
        """Such a zap, of a PFN mapping, has come with all that it makes."""
        within = self._within[call.pid]
        within.mm = within.mm or call.mm
        self.goings.clears(call)

    def lets_go(self, pid: int) -> bool:
        """Whether nothing but what is known is torn down by a task."""
        return not self._alone and not (self._begun and pid in self._begun)

    def frees(self, pid: int, of: list[tuple[int, int]]) -> bool:
        """Whether VMAs, each with its context, that a task frees next go as they must."""
        if not self.lets_go(pid) or not self.goings.let_go(pid, of):
            return False
        self._is_over(pid)
        return True

    def unmapped(self, call: UnmapVmas, ctx: int, *, is_pfn: bool) -> None:
        """unmap_vmas() has taken away one VMA, which was freed."""
        self.goings.unmapped(call, ctx, is_pfn=is_pfn)
        self._is_over(call.pid)

    def over(self, event: Event) -> None:
        """A task does something else."""
        self.goings.over(event.pid)
        begun = self._begun.get(event.pid)
        if begun is not None:
            del self._begun[event.pid]
            self._never_cleared(begun)

    def lost(self) -> None:
        """Events are missing."""
        self.goings.lost()
        self._within.clear()
        self._alone.clear()
        self._begun.clear()

    def _is_over(self, pid: int) -> None:
        """The last unmap_vmas() of a task is over."""
        if pid in self._within:
            del self._within[pid]

    def _zap(self, call: ZapVma) -> None:
        scope = self.context.tasks.of(call).scope
        if isinstance(scope, ExitMmap) and (call.api != "unmap_page_range" or call.flags & VM_PFNMAP):
            self._within[call.pid] = Within(-1, -1, scope.mm)
            if self._is_recorded("unmap_vmas"):
                surprise = Surprise(self.context, scope, "exit_mmap", 0, 0)
                surprise.tell("made", "a call of unmap_vmas()", "none", [(call.at, f"{call.api}() comes here")])
        if call.vma and call.vm_start >= 0 and call.flags >= 0 and call.flags & _SPECIAL:
            self._zap_special(call)

    def _zap_special(self, call: ZapVma) -> None:
        """Entries of a mapping that may be tracked."""
        within = self._within.get(call.pid)
        if within is not None and not within.covers(call):
            if within.is_exceeded_by(call) and self._is_recorded("vm_area_free"):
                self._exceeds(call, within)
            within = None
        if within is not None:
            within.mm = within.mm or call.mm
            if self._alone:
                self._alone.pop(call.vma, None)
            if call.flags & VM_PFNMAP:
                self.goings.clears(call)
        elif call.start <= call.vm_start and call.vm_end <= call.end:
            if len(self._alone) > _LIMIT:
                self._alone.clear()
            self._alone[call.vma] = call
        if call.api == "unmap_single_vma":
            self._begins(call, within)
        else:
            outside = call.start < call.vm_start or call.end > call.vm_end
            part = call.start != call.vm_start or call.end != call.vm_end
            if outside or (part and within is not None and self._is_recorded("vm_area_free")):
                self._differs(call, call.vm_start, call.vm_end)

    def _exceeds(self, call: ZapVma, within: Within) -> None:
        if not self.context.lossy:
            surprise = Surprise(self.context, call, "unmap_vmas", call.start, call.end)
            part, have = f"[{within.start:#x}-{within.end:#x})", f"[{call.vm_start:#x}-{call.vm_end:#x})"
            surprise.tell(f"called {call.api}() of a VMA of", f"one in {part}", have, [])

    def _free(self, call: VmAreaFree) -> None:
        """A mapping goes: unmap_vmas() has cleared it last."""
        alone = self._alone.pop(call.vma, None)
        if alone is not None and alone.pid == call.pid and self._is_recorded("unmap_vmas"):
            surprise = Surprise(self.context, alone, alone.api, alone.vm_start, alone.vm_end)
            story = [(call.at, "the mapping goes here")]
            surprise.tell("came", "a call of unmap_vmas() around it", "without one", story)

    def _begins(self, call: ZapVma, within: Within | None) -> None:
        """unmap_single_vma() gets the range of its caller, and makes unmap_page_range() of its part."""
        sure = within is not None and within.end >= 0 and self._is_recorded("vm_area_free")
        if sure and within is not None and (call.start, call.end) != (within.start, within.end):
            self._differs(call, within.start, within.end)
        has_part = call.start < call.vm_end and call.vm_start < call.end and not call.flags & VM_HUGETLB
        if has_part and "unmap_single_vma unmap_page_range" in self.context.nested:
            self._begun[call.pid] = call

    def _never_cleared(self, call: ZapVma) -> None:
        if self._is_recorded("unmap_page_range"):
            surprise = Surprise(self.context, call, call.api, call.vm_start, call.vm_end)
            surprise.tell("made", "a call of unmap_page_range()", "none", [])

    def _differs(self, call: ZapVma, start: int, end: int) -> None:
        if not self.context.lossy:
            surprise = Surprise(self.context, call, call.api, call.vm_start, call.vm_end)
            surprise.tell("came with", f"[{start:#x}-{end:#x})", f"[{call.start:#x}-{call.end:#x})", [])

    def _is_recorded(self, function: str) -> bool:
        context = self.context
        return function in context.recorded and function not in context.halves and not context.lost_any
