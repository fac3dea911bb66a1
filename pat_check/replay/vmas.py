"""PFN mappings of every process, as the recorded calls on VMAs leave them.

Only VMAs that are seen with VM_PFNMAP, VM_IO or VM_MIXEDMAP are followed; every event that shows a VMA corrects what
is known of it. A copy that fork makes belongs to the child's address space, which may not have a number yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pat_check.events import (
    Call,
    CopyPageRange,
    CopyVma,
    DupMmap,
    Event,
    FreePfnRange,
    InsertPfn,
    MprotectFixup,
    RemapPfnRange,
    Return,
    SchedProcessFork,
    SplitVma,
    VmAreaDup,
    VmAreaFree,
    ZapVma,
)
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_DONTDUMP, VM_DONTEXPAND, VM_IO, VM_MIXEDMAP, VM_PAT, VM_PFNMAP, VM_SHARED
from pat_check.replay.context import Context
from pat_check.replay.mapped import OVER, Mapped
from pat_check.replay.tasks import Frame
from pat_check.replay.wanted import page_align

_SPECIAL: Final = VM_PFNMAP | VM_IO | VM_MIXEDMAP
_REMAPPED: Final = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP
_LIMIT: Final = 200_000
_ENDING: Final = 64  # address spaces that may be torn down at the same time


class Vmas:
    """Followed VMAs by their address in the kernel."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.of: dict[int, Mapped] = {}
        self.mm_of: dict[int, int] = {}  # by pid
        self._forking: dict[int, int] = {}  # by parent: the address space that is being copied into
        self._nameless = 0
        self._gaps = False
        self._callers_seen = False  # of vm_area_dup(): a split or a move does not go unseen
        self._over: set[int] = set()  # address spaces that were torn down, while nothing lives in them again
        self._ended: list[list[int]] = []  # VMAs of address spaces that were torn down, of which some may stay
        self.complete = False  # the lives of VMAs are recorded, so that none goes unseen
        self._enter: dict[type[Call], Callable[[Any], None]] = {
            RemapPfnRange: self._seen,
            SplitVma: self._seen,
            MprotectFixup: self._seen,
            InsertPfn: self._seen,
            FreePfnRange: self._untrack,
            VmAreaDup: self._dup,
            VmAreaFree: self._free,
            ZapVma: self._zap,
        }
        self._leave: dict[type[Call], Callable[[Any, Return], None]] = {
            RemapPfnRange: self._remapped,
            VmAreaDup: self._copied,
            MprotectFixup: self._protected,
            CopyPageRange: self._tracked,
        }

    def entering(self, kind: type[Call]) -> Callable[[Any], None] | None:
        """What to do with a call of this kind when it begins."""
        return self._enter.get(kind)

    def leave(self, event: Return, frame: Frame | None) -> None:
        """A call is over; it is still open in its task, in `frame` where its entry was seen."""
        handler = self._leave.get(event.call)
        if handler is not None:
            call = frame.call if frame is not None and frame.api == event.api else event.entry
            if call is not None:
                handler(call, event)

    def fork(self, event: SchedProcessFork) -> None:
        """The child has a pid; without a copied address space it is a thread."""
        self.mm_of[event.child_pid] = self._forking.pop(event.pid, self.mm_of.get(event.pid, 0))

    def gone(self, pid: int) -> None:
        """A task is gone: the address space that it was the last to have ends, whoever tears it down."""
        mm = self.mm_of.pop(pid, 0)
        if mm > 0 and mm not in self.mm_of.values():
            self.exit(mm)

    def exec(self, pid: int) -> None:
        """The task has another address space."""
        self.mm_of.pop(pid, None)

    def lost(self) -> None:
        """Events are missing: nothing is known for sure any more."""
        self.of.clear()
        self.mm_of.clear()
        self._forking.clear()
        self.complete = False
        self._gaps = True

    def exit(self, mm: int) -> None:
        """An address space is torn down: its VMAs end, with or without a recorded call, and its number is free."""
        self._over.add(mm)
        ended = [vma for vma, area in self.of.items() if area.mm == mm]
        for vma in ended:
            self.of[vma].mm = OVER
        self._ended.append(ended)
        if len(self._ended) > _ENDING:
            for vma in self._ended.pop(0):
                if vma in self.of and self.of[vma].mm == OVER:
                    del self.of[vma]

    def ending(self, pid: int, mm: int) -> None:
        """A task tears an address space down: its own, where that has no number yet."""
        nameless = self.mm_of.get(pid, 0)
        if nameless < 0 and all(area.mm != mm for area in self.of.values()):
            for area in self.of.values():
                if area.mm == nameless:
                    area.mm = mm

    def freed(self, start: int, end: int) -> None:
        """A physical range is freed, for whichever mapping: none is surely there any more."""
        for area in self.of.values():
            if area.offset is not None and (area.start + area.offset, area.end + area.offset) == (start, end):
                area.offset = None

    def are_sure(self) -> bool:
        """Whether the mappings of every process must be those that are known."""
        recorded = self.context.recorded
        lives = {"vm_area_dup", "vm_area_free", "exit_mmap"} <= recorded
        return lives and not self._gaps and (self._callers_seen or "__split_vma" in recorded)

    def inside(self, mm: int, first: int, start: int, end: int) -> list[tuple[int, Mapped]]:
        """The followed VMAs of an address space in [start, end), ascending; `first` may be known to be the first."""
        area = self.of.get(first)
        if area is not None and area.mm == mm and (area.start, area.end) == (start, end):
            return [(first, area)]
        found: list[tuple[int, Mapped]] = []
        for vma, area in self.of.items():
            if area.mm == mm and start <= area.start < area.end <= end:
                found.append((vma, area))
        if len(found) > 1:
            found.sort(key=lambda one: one[1].start)
        return found

    def physical(self, vma: int, vm_start: int) -> int:
        """The physical address that the first entry of a mapping must have; -1 where that is not sure.

        A private mapping may have a copied page there.
        """
        area = self.of.get(vma)
        if area is None or area.offset is None or area.edited or not area.flags & VM_SHARED or vm_start < 0:
            return -1
        return vm_start + area.offset if self._ends_seen() else -1

    def _ends_seen(self) -> bool:
        """Whether a VMA does not end unseen, so that its address in the kernel cannot stand for another one."""
        recorded = self.context.recorded
        if "vm_area_free" in recorded and "exit_mmap" in recorded:
            return True
        return "untrack_pfn" in recorded or "unmap_single_vma" in recorded

    def areas(self, pid: int) -> list[Mapped] | None:
        """The followed VMAs of a process, ascending; None when its address space is not known."""
        mm = self.mm_of.get(pid, 0)
        if not mm:
            return None
        return sorted((area for area in self.of.values() if area.mm == mm), key=lambda area: area.start)

    # --- calls -----------------------------------------------------------------------------------------------

    def owns(self, pid: int, mm: int) -> None:
        """A call on a task's own address space names it."""
        if not mm:
            return
        known = self.mm_of.get(pid, 0)
        if known == mm:
            return
        if known < 0:
            for area in self.of.values():
                if area.mm == known:
                    area.mm = mm
        self.mm_of[pid] = mm

    def _seen(self, call: Any) -> None:
        self._over.discard(call.mm)
        self.owns(call.pid, call.mm)
        self._observe(call.vma, call.mm, call.vm_start, call.vm_end, call.flags)

    def _going(self, call: Any) -> None:
        """A call on a VMA that may be part of the end of its address space."""
        known = self.of.get(call.vma)
        over = known.is_over if known is not None else call.mm in self._over
        self.owns(call.pid, call.mm)
        self._observe(call.vma, call.mm, call.vm_start, call.vm_end, call.flags)
        if over and call.vma in self.of:
            self.of[call.vma].mm = OVER
            self._ended[-1].append(call.vma)

    def _observe(self, vma: int, mm: int, vm_start: int, vm_end: int, flags: int) -> None:
        """Every event that shows a VMA is the truth about it."""
        if vm_start < 0 or flags < 0:
            return
        known = self.of.get(vma)
        if flags & _SPECIAL:
            if known is not None or len(self.of) < _LIMIT:
                seen = Mapped(mm, vm_start, vm_end, flags)
                if known is not None:
                    seen.mm, seen.offset = mm or known.mm, known.offset
                    seen.edited = known.edited or (known.start, known.end) != (vm_start, vm_end)
                self.of[vma] = seen
        elif known is not None:
            del self.of[vma]

    def _untrack(self, call: FreePfnRange) -> None:
        if call.api == "untrack_pfn":
            self._going(call)
        elif call.api != "untrack_pfn_clear":  # of a fresh copy, which still shows the original's address space
            return
        area = self.of.get(call.vma)
        if area is not None:
            area.flags &= ~VM_PAT
            if call.api == "untrack_pfn":
                area.offset = None  # its entries go next

    def _dup(self, call: VmAreaDup) -> None:
        self.complete = not self._gaps
        self._observe(call.vma, call.mm, call.vm_start, call.vm_end, call.flags)

    def _free(self, call: VmAreaFree) -> None:
        self.complete = not self._gaps
        self.of.pop(call.vma, None)

    def _remapped(self, call: RemapPfnRange, event: Return) -> None:
        if event.ret != 0 or call.vm_start < 0:
            return
        flags = call.flags if call.flags >= 0 else 0
        known = self.of.get(call.vma)
        if known is not None:
            flags |= known.flags
        if call.api == "track_pfn_remap":
            full = call.addr == call.vm_start and call.size == call.vm_end - call.vm_start
            flags |= VM_PAT if full else 0
        else:
            flags |= _REMAPPED
        offset = known.offset if known is not None else None
        if call.api != "track_pfn_remap" and call.pfn >= 0:  # which comes before the entries
            full = call.addr == call.vm_start and page_align(call.size) == call.vm_end - call.vm_start
            offset = call.pfn * PAGE - call.addr if full else None
        edited = known is not None and known.edited
        self.of[call.vma] = Mapped(call.mm, call.vm_start, call.vm_end, flags, offset, edited)

    def _zap(self, call: ZapVma) -> None:
        """Entries go; with VM_PAT set none was gone before where a zap clears that flag, too."""
        self.owns(call.pid, call.mm)
        area = self.of.get(call.vma)
        if area is not None and not (self.context.era.zap_untracks and area.flags & VM_PAT):
            area.offset = None
        elif area is not None and call.api == "unmap_single_vma" and "untrack_pfn" not in self.context.recorded:
            area.flags &= ~VM_PAT
            area.offset = None

    def _copied(self, call: VmAreaDup, event: Return) -> None:
        """vm_area_dup() gave a new VMA: the other half of a split, the target of a move, or a child's copy."""
        area = self.of.get(call.vma)
        self._callers_seen = self._callers_seen or bool(event.caller)
        if not event.ret or area is None:
            return
        new = event.ret & ((1 << 64) - 1)
        task = self.context.tasks.of(event)
        split, move = task.innermost(SplitVma), task.innermost(CopyVma)
        if split is not None and isinstance(split.call, SplitVma) and split.call.vma == call.vma:
            addr = split.call.addr
            if split.call.new_below:
                self.of[new] = Mapped(area.mm, area.start, addr, area.flags, area.offset)
                area.start = addr
            else:
                self.of[new] = Mapped(area.mm, addr, area.end, area.flags, area.offset)
                area.end = addr
        elif move is not None and isinstance(move.call, CopyVma) and move.call.vma == call.vma:
            addr, end = move.call.addr, move.call.addr + move.call.len
            whole = area.offset is not None and end - addr == area.end - area.start
            offset = area.offset + area.start - addr if whole and area.offset is not None else None
            self.of[new] = Mapped(area.mm, addr, end, area.flags, offset)
            area.offset = None  # its entries move
        elif event.caller.startswith(("__split_vma", "copy_vma")):  # which is not recorded
            del self.of[call.vma]
        else:
            self.of[new] = Mapped(self._child(event), area.start, area.end, area.flags & ~VM_PAT, area.offset)

    def _child(self, event: Event) -> int:
        """The address space that this task's fork copies into."""
        dup = self.context.tasks.of(event).innermost(DupMmap)
        if dup is not None and isinstance(dup.call, DupMmap):
            self._over.discard(dup.call.mm)
            self._forking[event.pid] = dup.call.mm
        elif event.pid not in self._forking:
            self._nameless -= 1
            self._forking[event.pid] = self._nameless
        return self._forking[event.pid]

    def _protected(self, call: MprotectFixup, event: Return) -> None:
        if event.ret != 0 or call.newflags < 0:
            return
        for area in self.of.values():
            if area.mm == call.mm and call.start <= area.start and area.end <= call.end:
                area.flags = call.newflags & ~VM_PAT | area.flags & VM_PAT

    def _tracked(self, call: CopyPageRange, event: Return) -> None:
        """The child's copy is tracked if the parent's VMA is, and has the entries that the parent has."""
        area, parent = self.of.get(call.dst), self.of.get(call.vma)
        if call.api == "copy_page_range" and event.ret == 0 and area is not None and parent is not None:
            area.offset = parent.offset
        if call.api == "track_pfn_copy" and event.ret == 0 and area is not None and call.flags > 0:
            area.flags |= call.flags & VM_PAT
