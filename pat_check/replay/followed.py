"""Calls on followed VMAs that come as one: what a fork copies, what an unmap clears and what is freed then.

Taken as one where contexts own the reservations, so that such calls reserve and free nothing themselves.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import (
    Call,
    CopyPageRange,
    CopyVma,
    DupMmap,
    ExitMmap,
    MprotectFixup,
    SplitVma,
    VmAreaDup,
    VmAreaFree,
)
from pat_check.events.runs import CopiedVmas, FreedVmas, Run, SplitOff, UnmappedVma, ZappedVmas
from pat_check.model.vma import VM_PAT, VM_PFNMAP
from pat_check.replay.context import Context
from pat_check.replay.mapped import UNSURE, Mapped, is_whole
from pat_check.replay.mappings import Mappings
from pat_check.replay.processes import Processes
from pat_check.replay.taken import Taken
from pat_check.replay.tasks import Task
from pat_check.replay.vmas import Vmas

_DEPTH: Final = 32
_SPLITTING: Final[frozenset[str]] = frozenset(("__split_vma", "vm_area_dup"))
_BESIDE: Final[frozenset[type[Call]]] = frozenset((CopyPageRange, CopyVma, DupMmap, MprotectFixup, SplitVma, VmAreaDup))
"""Calls in which a split is none of a VMA by itself."""


class Followed:
    """Takes them as one where that makes no difference."""

    def __init__(self, context: Context, taken: Taken, vmas: Vmas, processes: Processes, mappings: Mappings) -> None:
        self.context, self.taken, self.vmas = context, taken, vmas
        self.processes, self.mappings = processes, mappings
        self._shares = context.era.fork_shares
        self._may_split = taken.layers.unlike.isdisjoint(_SPLITTING)

    def copy(self, run: CopiedVmas) -> bool:
        """Apply the copies of a fork; False, and nothing done, where each call has to be looked at."""
        task = self.context.tasks.of(run)
        if not self._is_plain(run, task) or not self.taken.copies(run, task):
            return False
        vmas, layers = self.vmas, self.taken.layers
        vmas.lives(run.pid, run.mm)
        if run.callers[0]:
            vmas.duplicates.callers_seen = True
        contexts, mm, reached = layers.contexts, 0, -1
        for at, vma, vm_start, vm_end, flags, ctx, new in run.of:
            contexts.shared_by(vma, ctx)
            contexts.shows(at, vma, new, ctx)
            area = vmas.observe(vma, run.mm, vm_start, vm_end, flags)
            if area is not None:
                if mm == 0 or area.start <= reached:
                    mm = vmas.spaces.copied(run.pid, area.start)
                reached = area.start
                vmas.book.put(new, Mapped(mm, reached, area.end, area.flags & ~VM_PAT, area.offset))
        if mm:
            vmas.spaces.reaches(run.pid, reached)
        layers.copies.done(run.pid)
        task.scope = None
        return True

    def zap(self, run: ZappedVmas) -> bool:
        """Apply what clears entries of several VMAs, as `copy`."""
        task, layers = self.context.tasks.of(run), self.taken.layers
        scope = task.scope
        if not self._is_plain(run, task) or isinstance(scope, ExitMmap) or not self.mappings.has_none(run.mm):
            return False
        if run.zap in layers.unlike or run.zap not in layers.unmaps.zaps or not layers.copies.is_done(run.pid):
            return False
        if not layers.agreeing.lets_zap(run.of[0], scope) or not layers.teardowns.covers(run) or not self._are_due(run):
            return False
        vmas = self.vmas
        vmas.unmaps_own(scope, run.of[0].vma, run.pid, run.mm)
        for zap in run.of:
            area = vmas.book.of.get(zap.vma)
            if area is not None:
                vmas.cleared(area, run.mm)
        layers.teardowns.clears(run)
        layers.unwanted.zaps(run.comm)
        task.scope = run.of[-1]
        self.processes.works_on(task, run.pid, run.mm)
        self.mappings.zaps_seen = True
        return True

    def free(self, run: FreedVmas) -> bool:
        """Apply the ends of several VMAs, as `copy`."""
        task, layers = self.context.tasks.of(run), self.taken.layers
        if not self._is_plain(run, task) or run.pid in layers.unmaps.due:
            return False
        contexts, book = layers.contexts, self.vmas.book
        if not layers.copies.is_done(run.pid):
            return False
        if not layers.agreeing.lets_free(run.pid) or not self._nothing_made(task):
            return False
        left = contexts.leave(run.of)
        if left is None:
            return False
        if not layers.teardowns.frees(run.pid, run.of):
            contexts.stay(left)
            return False
        layers.copies.gone(run.pid, run.of)
        last = run.rows.between(run.last, run.end)[0]
        assert isinstance(last, VmAreaFree)
        for place in range(len(run.of) - 1):
            vma = run.of[place][0]
            contexts.ends(vma)
            book.drop(vma)
        layers.vma_free(last)
        book.drop(last.vma)
        self.vmas.complete = not self.vmas.gaps
        task.scope = last
        return True

    def split(self, run: SplitOff) -> bool:
        """Apply a split, as `copy`."""
        task, layers, vmas = self.context.tasks.of(run), self.taken.layers, self.vmas
        if not self._is_plain(run, task) or run.pid in layers.unmaps.due or not layers.copies.is_done(run.pid):
            return False
        if not self._may_split or not self.taken.are_open(task, run.callers, 1):
            return False
        if run.new == run.vma:  # a damaged line
            return False
        if layers.callers.get(run.callers[0]) != "__split_vma" or not layers.contexts.has(run.vma, run.ctx):
            return False
        paired = self.context.tasks.paired
        if "__split_vma" not in paired or "vm_area_dup" not in paired:
            return False
        for frame in task.frames:
            if frame.kind in _BESIDE:
                return False
        vmas.lives(run.pid, run.mm)
        area = vmas.observe(run.vma, run.mm, run.vm_start, run.vm_end, run.flags)
        vmas.duplicates.callers_seen = True
        layers.contexts.shared_by(run.vma, run.ctx)
        dup = run.rows.between(run.dup, run.made)[0]
        assert isinstance(dup, VmAreaDup)
        layers.contexts.shows(dup.at, run.vma, run.new, run.ctx)
        layers.copies.split(dup, run.new)
        if area is not None:
            vmas.duplicates.split(area, run.new, run.addr, new_below=run.new_below != 0)
        task.scope = None
        return True

    def unmap(self, run: UnmappedVma) -> bool:
        """Apply the end of one VMA, as `copy`."""
        task, layers, unmap = self.context.tasks.of(run), self.taken.layers, run.unmap
        if not self._is_plain(run, task) or run.pid in layers.unmaps.due or not layers.copies.is_done(run.pid):
            return False
        if run.zap in layers.unlike or not layers.unmaps.wants(run.zap) or not self.mappings.has_none(run.mm):
            return False
        area = self.vmas.book.of.get(unmap.vma)
        if area is None or area.start != unmap.start or area.end != unmap.end or area.mm != run.mm:
            return False
        if is_whole(unmap) or (unmap.mm != run.mm and (unmap.mm or not self.vmas.may_have(run.pid, area))):
            return False
        if not (layers.teardowns.lets_go(run.pid) and self._nothing_made(task)) or isinstance(task.scope, ExitMmap):
            return False
        if not layers.contexts.has(unmap.vma, run.free.ctx):
            return False
        layers.absent.enter(unmap)
        layers.unmaps.passes(run.pid)
        layers.agreeing.enter(unmap)
        layers.teardowns.unmapped(unmap, run.free.ctx, is_pfn=run.flags & VM_PFNMAP != 0)
        self.vmas.owns(run.pid, run.mm)
        layers.unwanted.zaps(run.comm)
        self.processes.works_on(task, run.pid, run.mm)
        self.mappings.zaps_seen = True
        area.going = True
        self.vmas.book.map(area, UNSURE)
        layers.copies.goes(run.pid, unmap.vma)
        layers.vma_free(run.free)
        self.vmas.book.drop(unmap.vma)
        self.vmas.complete = not self.vmas.gaps
        task.scope = run.free
        return True

    def _is_plain(self, run: Run, task: Task) -> bool:
        """Whether nothing else is going on in this task, and all of it is recorded."""
        context, layers = self.context, self.taken.layers
        if not self._shares or context.lossy or context.entry_only or context.halves:
            return False
        if context.tasks.endless or layers.strangers or layers.torn.is_busy or len(task.frames) > _DEPTH:
            return False
        return not (layers.waiting and run.pid in layers.waiting)

    def _nothing_made(self, task: Task) -> bool:
        """Whether no open call has made a VMA, which it would have to free when it fails."""
        return all(frame.inside is None for frame in task.frames)

    def _are_due(self, run: ZappedVmas) -> bool:
        """Whether an unmap_vmas() wants just these, in this order; then they have come."""
        due = self.taken.layers.unmaps.due.get(run.pid)
        if due is None:
            return True
        place = 0
        for zap in run.of:
            if place < len(due) and due[place].vma == zap.vma and due[place].must == run.zap:
                place += 1
            else:
                for one in due:
                    if one.vma == zap.vma:
                        return False
        del due[:place]
        if not due:
            del self.taken.layers.unmaps.due[run.pid]
        return True
