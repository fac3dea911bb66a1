"""Events that are taken as one, as the layers see them: whether they may be, and what is left to do."""

from __future__ import annotations

from typing import Final

from pat_check.events import FreePfnRange
from pat_check.events.runs import OrdinaryVmas
from pat_check.model.memory import PAGE
from pat_check.replay.context import Context
from pat_check.replay.layers import Layers
from pat_check.replay.tasks import Task

_ORDINARY: Final[frozenset[str]] = frozenset(("vm_area_dup", "vm_area_free", "copy_page_range"))
"""What such events consist of, beside zaps."""


class Taken:
    """Stands between such events and the layers."""

    def __init__(self, context: Context, layers: Layers) -> None:
        self.context, self.layers = context, layers

    def are_idle(self, run: OrdinaryVmas) -> bool:
        """Whether such calls, of which each kind was seen before, would come and go without a trace."""
        layers = self.layers
        if layers.torn.is_busy:
            return False
        if self.context.halves or self.context.entry_only or run.pid in layers.waiting or layers.strangers:
            return False
        if run.zap and (run.zap in layers.unlike or not layers.unmaps.lets_pass(run)):
            return False
        if run.pid in layers.unmaps.due and not run.is_zap:
            return False
        if not (layers.copies.lets_pass(run) and layers.teardowns.lets_pass(run)):
            return False
        if not layers.agreeing.lets_pass(run, self.context.tasks.of(run).scope):
            return False
        return layers.unlike.isdisjoint(_ORDINARY)

    def may_take(self, pid: int, functions: list[str], callers: list[str]) -> bool:
        """Whether an era may have made these calls, nothing is due in this task, and the returns go outside."""
        if pid in self.layers.unmaps.due or self.layers.strangers or self.layers.torn.is_busy:
            return False
        for function in functions:
            if function in self.layers.unlike:
                return False
        return all(not self.layers.callers.get(place, "?") for place in callers)

    def waits(self, pid: int) -> bool:
        """Whether a call is wanted of this task."""
        return pid in self.layers.waiting

    def waits_for(self, pid: int, function: str) -> bool:
        """Whether no call is wanted of this task, or only one that begins with this function."""
        waiting = self.layers.waiting.get(pid)
        return waiting is None or (len(waiting) == 1 and function in waiting[0].chain)

    def remaps(self, task: Task) -> None:
        """remap_pfn_range() is called, of nothing else that is recorded."""
        task.outside, task.absent = True, ""

    def release(self, call: FreePfnRange, below: FreePfnRange, free_at: int) -> None:
        """A context is released, and makes what it must make: `below`, and its memtype_free() at `free_at`."""
        if call.pid in self.layers.waiting:
            self.layers.settle(call, call.api)
        if not self.context.lossy:
            self.layers.copies.enter(call)
            self.layers.unwanted.enter(call)
            self.layers.copies.enter(below)
        start = call.pfn * PAGE
        self.layers.freed[call.pid] = free_at, start, start + call.size
        self.layers.unmaps.frees(start, start + call.size)
