"""PFN mappings of every process, as the recorded calls on VMAs leave them.

Only VMAs that are seen with VM_PFNMAP, VM_IO or VM_MIXEDMAP are followed; every event that shows a VMA corrects what
is known of it. A copy that fork makes belongs to the child's address space, which may not have a number yet.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    Call,
    CopyPageRange,
    DupMmap,
    FreePfnRange,
    InsertPfn,
    MprotectFixup,
    RemapPfnRange,
    Return,
    SchedProcessFork,
    SplitVma,
    UnmapVmas,
    VmAreaDup,
    VmAreaFree,
    ZapVma,
)
from pat_check.events.runs import FOLLOWED
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_DONTDUMP, VM_DONTEXPAND, VM_IO, VM_PAT, VM_PFNMAP, VM_SHARED
from pat_check.replay.book import Book
from pat_check.replay.context import Context
from pat_check.replay.duplicates import Duplicates
from pat_check.replay.frames import Frame
from pat_check.replay.mapped import OVER, UNSURE, Mapped, is_whole
from pat_check.replay.torn_down import TornDown
from pat_check.replay.wanted import page_align

_REMAPPED: Final = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP


class Vmas:
    """Follows VMAs through the calls that make, change and end them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.book, self.spaces = Book(), context.spaces
        self.duplicates = Duplicates(context, self.book, self.spaces)
        self.torn_down = TornDown(self.book)
        self.gaps = False  # events are missing
        self.complete = False  # the lives of VMAs are recorded, so that none goes unseen
        self._zap_untracks = context.era.zap_untracks
        self._known_of = -1  # what follows was told when so many functions were recorded
        self._lives = False  # the lives of VMAs are recorded, but for splits
        self._splits = False
        self._ends = False  # a VMA does not end unseen

    def enter(self, call: Call) -> None:
        """A call begins."""
        if isinstance(call, ZapVma):
            self.zap(call)
        elif isinstance(call, VmAreaFree):
            self._free(call)
        elif isinstance(call, VmAreaDup):
            self._dup(call)
        elif isinstance(call, RemapPfnRange):
            self._seen(call.pid, call.vma, call.mm, call.vm_start, call.vm_end, call.flags)
        elif isinstance(call, FreePfnRange):
            self.untrack(call)
        elif isinstance(call, (SplitVma, MprotectFixup)):
            self._seen(call.pid, call.vma, call.mm, call.vm_start, call.vm_end, call.flags)
        elif isinstance(call, InsertPfn):
            self._fault(call)
        elif isinstance(call, DupMmap):
            self._fork(call)

    def leave(self, event: Return, frame: Frame | None) -> None:
        """A call is over; it is still open in its task, in `frame` where its entry was seen."""
        call = frame.call if frame is not None else event.entry
        if isinstance(call, VmAreaDup):
            self.duplicates.copied(call, event)
        elif isinstance(call, CopyPageRange):
            self.duplicates.tracked(call, event)
        elif isinstance(call, RemapPfnRange):
            self._remapped(call, event)
        elif isinstance(call, DupMmap):
            self._forked(call, event)
        elif isinstance(call, MprotectFixup):
            self._protected(call, event)

    def fork(self, event: SchedProcessFork) -> None:
        """The child has a pid; without a copied address space it is a thread."""
        self.spaces.fork(event.pid, event.child_pid)

    def gone(self, pid: int) -> None:
        """A task is gone: the address space that it was the last to have ends, whoever tears it down."""
        mm = self.spaces.drop(pid)
        if mm:
            self.torn_down.end(mm)

    def exec(self, pid: int) -> None:
        """The task has another address space."""
        self.spaces.drop(pid)

    def lost(self) -> None:
        """Events are missing: nothing is known for sure any more."""
        self.book.clear()
        self.spaces.clear()
        self.complete = False
        self.gaps = True

    def ending(self, pid: int, mm: int) -> None:
        """A task tears this address space down, which may have had no number yet."""
        nameless = self.spaces.ending(pid, mm)
        if nameless and not self.book.within(mm):
            self._name(nameless, mm)

    def unmapping(self, mm: int, call: UnmapVmas) -> list[Mapped]:
        """An unmap_vmas() begins: the followed VMAs that it takes away, ascending. Processes have them no more."""
        area = self.book.of.get(call.vma)
        if area is not None and area.start == call.start and area.end == call.end and area.mm == mm:
            area.going = True
            return [area]
        going = self.book.inside(mm, call.start, call.end)
        for area in going:
            area.going = True
        return going

    def are_sure(self) -> bool:
        """Whether the mappings of every process must be those that are known."""
        self._learn()
        return self._lives and not self.gaps and (self._splits or self.duplicates.callers_seen)

    def physical(self, vma: int, vm_start: int) -> int:
        """The physical address that the first entry of a mapping must have; -1 where that is not sure.

        A private mapping may have a copied page there.
        """
        area = self.book.of.get(vma)
        return self.first_of(area, vm_start) if area is not None else -1

    def first_of(self, area: Mapped, vm_start: int) -> int:
        """The same of a VMA that is followed."""
        if area.offset == UNSURE or area.edited or not area.flags & VM_SHARED or vm_start < 0:
            return -1
        return vm_start + area.offset if self._ends_seen() else -1

    def _ends_seen(self) -> bool:
        """Whether a VMA does not end unseen, so that its address in the kernel cannot stand for another one."""
        self._learn()
        return self._ends

    def _learn(self) -> None:
        """What is recorded tells what can be known."""
        recorded = self.context.recorded
        if len(recorded) == self._known_of:
            return
        self._known_of = len(recorded)
        ends = "vm_area_free" in recorded and "exit_mmap" in recorded
        self._lives = ends and "vm_area_dup" in recorded
        self._splits = "__split_vma" in recorded
        self._ends = ends or "untrack_pfn" in recorded or "unmap_single_vma" in recorded

    def areas(self, pid: int) -> list[Mapped] | None:
        """The followed VMAs of a process, ascending; None when its address space is not known."""
        mm = self.spaces.of.get(pid, 0)
        return self.book.within(mm) if mm else None

    # --- whose a VMA is -----------------------------------------------------------------------------------------

    def owns(self, pid: int, mm: int) -> None:
        """A call on a task's own address space names it."""
        if not mm:
            return
        known = self.spaces.of.get(pid, 0)
        if known == mm:
            return
        if known < 0:
            self._name(known, mm)
        else:
            self.spaces.put(pid, mm)

    def _name(self, nameless: int, mm: int) -> None:
        """The address space of a forked child has got its number."""
        memtypes = self.context.machine.memtypes
        for owner in self.spaces.rename(nameless, mm):
            memtypes.name(owner, owner.pid, mm)
        self.book.rename(nameless, mm)

    def may_have(self, pid: int, area: Mapped) -> bool:
        """Whether a task may have this VMA: another one may have its address now."""
        if area.is_over:
            return False
        own = self.spaces.of.get(pid, 0)
        return area.mm == own or (own == 0 and area.mm > 0)

    def _own_zap(self, call: ZapVma | FreePfnRange) -> None:
        """Entries go: only under its own munmap() or the like is that a task's own address space.

        Drivers, process_madvise() and whoever drops the last reference of an address space zap that of others.
        """
        self.unmaps_own(self.context.tasks.of(call).scope, call.vma, call.pid, call.mm)

    def unmaps_own(self, scope: Call | None, vma: int, pid: int, mm: int) -> None:
        """A task clears entries of a VMA in this scope: the first of its own munmap() shows whose that is."""
        if isinstance(scope, UnmapVmas) and scope.vma == vma and not is_whole(scope):
            self.owns(pid, mm)

    # --- calls -----------------------------------------------------------------------------------------------

    def _seen(self, pid: int, vma: int, mm: int, vm_start: int, vm_end: int, flags: int) -> None:
        """A call on a VMA of the task's own begins."""
        self.torn_down.lives(mm)
        self.owns(pid, mm)
        self.observe(vma, mm, vm_start, vm_end, flags)

    def lives(self, pid: int, mm: int) -> None:
        """A task duplicates followed VMAs of its own address space."""
        self.complete = not self.gaps
        self.torn_down.lives(mm)
        self.owns(pid, mm)

    def _fault(self, call: InsertPfn) -> None:
        """A fault is in the task's own address space, unless it is known to have another: it may fetch pages there."""
        self.torn_down.lives(call.mm)
        known = self.spaces.of.get(call.pid, 0)
        if not known or (known < 0 and not self.spaces.is_used(call.mm)):
            self.owns(call.pid, call.mm)
        self.observe(call.vma, call.mm, call.vm_start, call.vm_end, call.flags)

    def _going(self, call: FreePfnRange) -> Mapped | None:
        """A call on a VMA that may be part of its end, or of the end of its address space."""
        known = self.book.of.get(call.vma)
        over = known.is_over if known is not None else self.torn_down.has(call.mm)
        going = known is not None and known.going
        self._own_zap(call)
        area = self._shown(known, call.vma, call.mm, call.vm_start, call.vm_end, call.flags)
        if area is not None:
            area.going = going
            if over:
                self.torn_down.take(call.vma, area)
        return area

    def observe(self, vma: int, mm: int, vm_start: int, vm_end: int, flags: int) -> Mapped | None:
        """Every event that shows a VMA is the truth about it: what is known of it now, if it is followed."""
        return self._shown(self.book.of.get(vma), vma, mm, vm_start, vm_end, flags)

    def _shown(self, known: Mapped | None, vma: int, mm: int, vm_start: int, vm_end: int, flags: int) -> Mapped | None:
        if vm_start < 0 or flags < 0:
            return known
        if not flags & FOLLOWED:
            if known is not None:
                self.book.drop(vma)
            return None
        if known is None:
            self.book.put(vma, Mapped(mm, vm_start, vm_end, flags))
            return self.book.of.get(vma)
        if mm and known.mm != mm:
            self._belongs(known, mm)
        if known.start != vm_start or known.end != vm_end:
            known.edited = True
            self.book.resize(known, vm_start, vm_end)
        known.flags, known.going = flags, False
        return known

    def _belongs(self, area: Mapped, mm: int) -> None:
        """A followed VMA is in this address space: all of a child's are, whose number was not known."""
        if OVER < area.mm < 0 and self._ends_seen():
            self._name(area.mm, mm)
        else:
            self.book.give(area, mm)

    def untrack(self, call: FreePfnRange) -> None:
        """The tracking of a VMA goes."""
        if call.api == "untrack_pfn":
            area = self._going(call)
            if area is not None:
                area.flags &= ~VM_PAT
                self.book.untracked = call.vma, area.offset
                self.book.map(area, UNSURE)  # its entries go next
        elif call.api == "untrack_pfn_clear":  # of a fresh copy, which still shows the original's address space
            area = self.book.of.get(call.vma)
            if area is not None:
                area.flags &= ~VM_PAT

    def _fork(self, call: DupMmap) -> None:
        self.torn_down.lives(call.mm)
        self.owns(call.pid, call.oldmm)
        self.spaces.copies(call.pid, call.mm)

    def _forked(self, call: DupMmap, event: Return) -> None:
        if (event.ret or 0) < 0:
            self.spaces.forked(event.pid)

    def _dup(self, call: VmAreaDup) -> None:
        self.complete = not self.gaps
        if call.flags >= 0 and call.flags & FOLLOWED:
            self.torn_down.lives(call.mm)
            self.owns(call.pid, call.mm)
        self.observe(call.vma, call.mm, call.vm_start, call.vm_end, call.flags)

    def _free(self, call: VmAreaFree) -> None:
        self.complete = not self.gaps
        self.book.drop(call.vma)

    def _remapped(self, call: RemapPfnRange, event: Return) -> None:
        if event.ret == 0 and call.vm_start >= 0:
            self.mapped(call)

    def mapped(self, call: RemapPfnRange) -> None:
        """A remap has succeeded."""
        flags = call.flags if call.flags >= 0 else 0
        known = self.book.of.get(call.vma)
        if known is not None:
            flags |= known.flags
        if call.api == "track_pfn_remap":
            full = call.addr == call.vm_start and call.size == call.vm_end - call.vm_start
            flags |= VM_PAT if full else 0
        else:
            flags |= _REMAPPED
        offset = known.offset if known is not None else UNSURE
        if call.api != "track_pfn_remap" and call.pfn >= 0:  # which comes before the entries
            full = call.addr == call.vm_start and page_align(call.size) == call.vm_end - call.vm_start
            offset = call.pfn * PAGE - call.addr if full else UNSURE
        edited = known is not None and known.edited
        self.book.put(call.vma, Mapped(call.mm, call.vm_start, call.vm_end, flags, offset, edited))

    def remaps_whole(self, call: RemapPfnRange) -> None:
        """A remap of a whole VMA begins, of which `mapped_whole` or `refused_whole` tells what comes of it."""
        self.torn_down.lives(call.mm)
        self.owns(call.pid, call.mm)
        known = self.book.of.get(call.vma)
        if known is not None:
            self._shown(known, call.vma, call.mm, call.vm_start, call.vm_end, call.flags)

    def refused_whole(self, call: RemapPfnRange, inner_flags: int) -> None:
        """It has failed, after the function inside that tracks it was called."""
        self.observe(call.vma, call.mm, call.vm_start, call.vm_end, call.flags)
        self.observe(call.vma, call.mm, call.vm_start, call.vm_end, inner_flags)

    def mapped_whole(self, call: RemapPfnRange, inner: str, inner_flags: int) -> None:
        """A remap of a whole VMA, which was seen, has succeeded, and the function inside that tracks it.

        The same as `observe` and `mapped` for both.
        """
        flags = _REMAPPED | max(call.flags, 0) | max(inner_flags, 0)
        if inner == "track_pfn_remap" and call.size == call.vm_end - call.vm_start:
            flags |= VM_PAT
        known = self.book.of.get(call.vma)
        edited = False
        if known is not None:
            if inner_flags < 0 or inner_flags & FOLLOWED:
                edited = known.edited
            flags |= known.flags if inner_flags < 0 else 0
        offset = call.pfn * PAGE - call.addr
        self.book.put(call.vma, Mapped(call.mm, call.vm_start, call.vm_end, flags, offset, edited))

    def zap(self, call: ZapVma) -> None:
        """Entries go; with VM_PAT set none was gone before where a zap clears that flag, too."""
        self._own_zap(call)
        area = self.book.of.get(call.vma)
        if area is None:
            return
        if not (area.flags & VM_PAT and self._zap_untracks):
            self.cleared(area, call.mm)
            return
        if OVER < area.mm < 0 < call.mm:
            self._belongs(area, call.mm)
        if call.api == "unmap_single_vma" and "untrack_pfn" not in self.context.recorded:
            area.flags &= ~VM_PAT
            self.book.map(area, UNSURE)

    def cleared(self, area: Mapped, mm: int) -> None:
        """Entries of a VMA of this address space go, and nothing else."""
        if area.mm < 0 < mm and area.mm > OVER:
            self._belongs(area, mm)
        self.book.map(area, UNSURE)

    def _protected(self, call: MprotectFixup, event: Return) -> None:
        """mprotect_fixup() has cut its VMA to the range before it changed it."""
        area = self.book.of.get(call.vma)
        if event.ret != 0 or call.newflags < 0 or area is None or area.mm != call.mm:
            return
        if call.start <= area.start and area.end <= call.end:
            area.flags = call.newflags & ~VM_PAT | area.flags & VM_PAT
