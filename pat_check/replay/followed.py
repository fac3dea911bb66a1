"""Calls on followed VMAs that come as one: what a fork copies, what an unmap clears and what is freed then.

Taken as one where contexts own the reservations, so that such calls reserve and free nothing themselves.
"""

from __future__ import annotations

from typing import Final

from pat_check.events import CopyVma, DupMmap, ExitMmap, SplitVma, VmAreaDup, VmAreaFree, ZapVma
from pat_check.events.runs import CopiedVmas, FreedVmas, Run, SplitOff, UnmappedVma, ZappedVmas
from pat_check.model.vma import VM_PAT
from pat_check.replay.context import Context
from pat_check.replay.mapped import Mapped, is_whole
from pat_check.replay.mappings import Mappings
from pat_check.replay.processes import Processes
from pat_check.replay.taken import Taken
from pat_check.replay.tasks import Task
from pat_check.replay.vmas import Vmas

_SPLITTING: Final[frozenset[str]] = frozenset(("__split_vma", "vm_area_dup"))


class Followed:
    """Takes them as one where that makes no difference."""

    def __init__(self, context: Context, taken: Taken, vmas: Vmas, processes: Processes, mappings: Mappings) -> None:
        self.context, self.taken, self.vmas = context, taken, vmas
        self.processes, self.mappings = processes, mappings

    def copy(self, run: CopiedVmas) -> bool:
        """Apply the copies of a fork; False, and nothing done, where each call has to be looked at."""
        task = self.context.tasks.of(run)
        if not self._is_plain(run, task) or not self.taken.copies(run, task):
            return False
        for frame in task.frames:
            if frame.kind is SplitVma or frame.kind is CopyVma:
                return False
        vmas, layers = self.vmas, self.taken.layers
        vmas.lives(run.pid, run.mm)
        if run.callers[0]:
            vmas.duplicates.callers_seen = True
        for vma, vm_start, vm_end, flags, ctx, new in run.of:
            layers.contexts.shared_by(vma, ctx)
            vmas.observe(vma, run.mm, vm_start, vm_end, flags)
            area = vmas.book.of.get(vma)
            if area is not None:
                mm = vmas.spaces.copied(run.pid, area.start)
                vmas.book.put(new, Mapped(mm, area.start, area.end, area.flags & ~VM_PAT, area.offset))
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
        if not layers.teardowns.covers(run) or not self._are_due(run):
            return False
        vmas = self.vmas
        vmas.unmaps_own(scope, run.of[0][0], run.pid, run.mm)
        for vma, _, _, _ in run.of:
            area = vmas.book.of.get(vma)
            if area is not None:
                vmas.cleared(vma, area, run.mm)
        layers.unwanted.zaps(run.comm)
        last = run.rows.between(run.last, run.end)[0]
        assert isinstance(last, ZapVma)
        task.scope = last
        self.processes.works_on(task, run.pid, run.mm)
        self.mappings.zaps_seen = True
        return True

    def free(self, run: FreedVmas) -> bool:
        """Apply the ends of several VMAs, as `copy`."""
        task, layers = self.context.tasks.of(run), self.taken.layers
        if not self._is_plain(run, task) or run.pid in layers.unmaps.due:
            return False
        if not (layers.copies.is_done(run.pid) and layers.contexts.outlive(run.of)):
            return False
        if not layers.teardowns.frees(run.pid):
            return False
        layers.copies.gone(run.pid, run.of)
        last = run.rows.between(run.last, run.end)[0]
        assert isinstance(last, VmAreaFree)
        for vma, ctx in run.of:
            if vma != last.vma:
                layers.contexts.left_by(vma, ctx)
                self.vmas.book.drop(vma)
        layers.vma_free(last)
        self.vmas.book.drop(last.vma)
        self.vmas.complete = not self.vmas.gaps
        task.scope = last
        return True

    def split(self, run: SplitOff) -> bool:
        """Apply a split, as `copy`."""
        task, layers, vmas = self.context.tasks.of(run), self.taken.layers, self.vmas
        if not self._is_plain(run, task) or run.pid in layers.unmaps.due or not layers.copies.is_done(run.pid):
            return False
        if not layers.unlike.isdisjoint(_SPLITTING) or not self.taken.are_open(task, run.callers[1:]):
            return False
        if layers.callers.get(run.callers[0]) != "__split_vma" or task.innermost(DupMmap) is not None:
            return False
        vmas.lives(run.pid, run.mm)
        vmas.observe(run.vma, run.mm, run.vm_start, run.vm_end, run.flags)
        vmas.duplicates.callers_seen = True
        layers.contexts.shared_by(run.vma, run.ctx)
        dup = run.rows.between(run.dup, run.made)[0]
        assert isinstance(dup, VmAreaDup)
        layers.copies.split(dup, run.new)
        area = vmas.book.of.get(run.vma)
        if area is not None:
            vmas.duplicates.split(run.vma, area, run.new, run.addr, new_below=run.new_below != 0)
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
        if area is None or (area.start, area.end, area.mm) != (unmap.start, unmap.end, run.mm):
            return False
        if (unmap.mm or layers.unmaps.space_of(unmap, whole=False)) != run.mm or is_whole(unmap):
            return False
        if not layers.teardowns.frees(run.pid):
            return False
        layers.absent.enter(unmap)
        layers.unmaps.enter(unmap)
        layers.unmaps.due.pop(run.pid, None)  # the zap has come
        self.vmas.unmaps_own(unmap, unmap.vma, run.pid, run.mm)
        layers.unwanted.zaps(run.comm)
        self.processes.works_on(task, run.pid, run.mm)
        self.mappings.zaps_seen = True
        self.vmas.cleared(unmap.vma, area, run.mm)
        layers.copies.gone(run.pid, [(unmap.vma, 0)])
        layers.vma_free(run.free)
        self.vmas.book.drop(unmap.vma)
        self.vmas.complete = not self.vmas.gaps
        task.scope = run.free
        return True

    def _is_plain(self, run: Run, task: Task) -> bool:
        """Whether nothing else is going on in this task, and all of it is recorded."""
        context, layers = self.context, self.taken.layers
        if not context.era.fork_shares or context.lossy or context.entry_only or context.halves:
            return False
        return not (context.tasks.endless or layers.strangers or run.pid in layers.waiting or len(task.frames) > 32)

    def _are_due(self, run: ZappedVmas) -> bool:
        """Whether an unmap_vmas() wants just these, in this order; then they have come."""
        due = self.taken.layers.unmaps.due.get(run.pid)
        if due is None:
            return True
        place = 0
        for vma, _, _, _ in run.of:
            if place < len(due) and due[place].vma == vma and due[place].must == run.zap:
                place += 1
            else:
                for one in due:
                    if one.vma == vma:
                        return False
        del due[:place]
        if not due:
            del self.taken.layers.unmaps.due[run.pid]
        return True
