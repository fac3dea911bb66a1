"""Calls on VMAs that nobody follows: most of what a busy machine records, and next to nothing to the model."""

from __future__ import annotations

from pat_check.events import Call, DupMmap, UnmapVmas
from pat_check.events.runs import OrdinaryVmas
from pat_check.replay.context import Context
from pat_check.replay.mapped import is_whole
from pat_check.replay.mappings import Mappings
from pat_check.replay.processes import Processes
from pat_check.replay.taken import DEPTH, Taken
from pat_check.replay.tasks import Task
from pat_check.replay.vmas import Vmas


class Ordinary:
    """Takes them as one where that makes no difference."""

    def __init__(self, context: Context, taken: Taken, vmas: Vmas, processes: Processes, mappings: Mappings) -> None:
        self.context, self.taken, self.vmas = context, taken, vmas
        self.processes, self.mappings = processes, mappings

    def take(self, run: OrdinaryVmas) -> bool:
        """Apply what is left of these calls; False, and nothing done, where each of them has to be looked at."""
        tasks = self.context.tasks
        task = tasks.of(run)
        if tasks.endless or len(task.frames) > DEPTH or not self.taken.are_idle(run):
            return False
        if not self.taken.are_open(task, run.callers):
            return False
        if run.zap and not self.mappings.has_none(run.mm):
            return False
        if not self._may_be_one(run, task.scope):
            return False
        book = self.vmas.book
        for vma in run.vmas:
            if vma in book.of:
                return False
        if not self._fits(task, run):
            return False
        for vma in run.freed:
            book.drop(vma)
            self.taken.layers.contexts.ends(vma)
        if not self.context.lossy:
            self.taken.layers.copies.taken(run)
            self.taken.layers.teardowns.taken(run)
            if run.zap:
                self.taken.layers.unwanted.zaps(run.comm)
            self.taken.layers.agreeing.taken(run)
        scope, task.scope = task.scope, None
        if run.scope >= 0:
            last = run.rows.between(run.scope, run.end)[0]
            assert isinstance(last, Call)
            task.scope = last
        if run.zap:
            self.vmas.unmaps_own(scope, run.vmas[0], run.pid, run.mm)
            self.processes.works_on(task, run.pid, run.mm)
        if not run.is_zap:
            self.processes.cleared(run.pid)
        return True

    def _fits(self, task: Task, run: OrdinaryVmas) -> bool:
        """Whether no open call is compared with any of these."""
        for frame in task.frames:
            if run.freed and frame.inside is not None:
                return False
            if run.copied and frame.kind is not DupMmap:
                return False
            if run.copied and isinstance(frame.call, DupMmap) and run.own not in (0, frame.call.oldmm):
                return False
        return True

    def _may_be_one(self, run: OrdinaryVmas, scope: Call | None) -> bool:
        """Whether the order of its zaps and frees makes no difference to an unmap or an exit that they belong to."""
        if run.is_zap:
            return True
        if run.zap and isinstance(scope, UnmapVmas) and not is_whole(scope):
            return False
        ending = self.processes.clearing(run.pid)
        return ending is None or not (run.copied or (run.zap and not ending.mm))
