"""Events that are taken as one, as the layers see them: whether they may be, and what is left to do."""

from __future__ import annotations

from typing import Final

from pat_check.events import Call, DupMmap, ExitMmap, FreePfnRange
from pat_check.events.runs import CopiedVmas, OrdinaryVmas, Shape, TrackedCopy, UntrackedVma
from pat_check.model.memory import PAGE
from pat_check.replay.context import Context
from pat_check.replay.copies import FORKS
from pat_check.replay.layers import Layers
from pat_check.replay.tasks import Task

DEPTH: Final = 48
"""Open calls of a task, from which on some may be given up."""
_ORDINARY: Final[frozenset[str]] = frozenset(("vm_area_dup", "vm_area_free", "copy_page_range"))
"""What such events consist of, beside zaps."""

_UNTRACKING: Final[frozenset[str]] = frozenset(
    ("memtype_erase", "memtype_free", "unmap_page_range", "unmap_single_vma", "untrack_pfn")
)
_BELOW: Final[frozenset[str]] = frozenset(("memtype_check_insert",))
"""Functions that the layers do not hear."""


class Taken:
    """Stands between such events and the layers."""

    def __init__(self, context: Context, layers: Layers) -> None:
        self.context, self.layers = context, layers
        self._fitting: set[Shape] = set()  # of runs that may be taken: what is known of functions does not change
        self._making: set[str] = set()  # functions that may be called, with the one below that they call
        self._untracking = False  # a zap may untrack, as far as that depends on functions
        self._zap_untracks = context.era.zap_untracks
        self._forking: tuple[set[Shape], set[Shape]] = set(), set()  # the same of forks: without and with a dup_mmap()
        self._ordinary = layers.unlike.isdisjoint(_ORDINARY)  # whether the era may make such calls

    def are_idle(self, run: OrdinaryVmas) -> bool:
        """Whether such calls, of which each kind was seen before, would come and go without a trace."""
        layers = self.layers
        if layers.torn.is_busy:
            return False
        if self.context.halves or self.context.entry_only or layers.strangers or not self._ordinary:
            return False
        if layers.waiting and run.pid in layers.waiting:
            return False
        if run.zap and (run.zap in layers.unlike or run.inner in layers.unlike or not layers.unmaps.lets_pass(run)):
            return False
        if layers.unmaps.due and not run.is_zap and run.pid in layers.unmaps.due:
            return False
        if not (layers.copies.lets_pass(run) and layers.teardowns.lets_pass(run)):
            return False
        return layers.agreeing.lets_pass(run, self.context.tasks.of(run).scope)

    def may_take(self, pid: int, shape: Shape) -> bool:
        """Whether an era may have made these calls, nothing is due in this task, and the returns go outside."""
        layers = self.layers
        if layers.strangers or layers.torn.is_busy or (layers.unmaps.due and pid in layers.unmaps.due):
            return False
        if shape in self._fitting:
            return True
        if not (self.layers.unlike.isdisjoint(shape.functions) and self._return(shape)):
            return False
        for place in shape.callers:
            if self.layers.callers.get(place, "?"):
                return False
        self._fitting.add(shape)
        return True

    def _return(self, shape: Shape) -> bool:
        """Whether each of these functions whose returns are recorded was seen to return."""
        paired, endless = self.context.tasks.paired, ("pfnmap_track_ctx_release", "pfnmap_untrack")
        return all(function in paired or function in endless for function in shape.functions)

    def are_open(self, task: Task, callers: list[str], begin: int = 0) -> bool:
        """Whether what returns go to, but for those before `begin`, is known, and open where it can be recorded."""
        for index in range(begin, len(callers)):
            function = self.layers.callers.get(callers[index])
            if function is None:
                return False
            if function:
                for frame in task.frames:
                    if frame.api == function:
                        break
                else:
                    return False
        return True

    def copies(self, run: CopiedVmas, task: Task) -> bool:
        """Whether a fork may copy these VMAs, and nothing is due before."""
        layers = self.layers
        if not self._ordinary or self._zap_untracks or not layers.copies.is_done(run.pid):
            return False
        if layers.unmaps.due and run.pid in layers.unmaps.due:
            return False
        paired = self.context.tasks.paired
        if "vm_area_dup" not in paired or "copy_page_range" not in paired:
            return False
        for frame in task.frames:  # a fork is in nothing else
            if not isinstance(frame.call, DupMmap) or frame.call.oldmm != run.mm:
                return False
        contexts = layers.contexts
        for one in run.of:
            if not contexts.has(one[1], one[5]):
                return False
        return self.are_open(task, run.callers)

    def may_go_on(self, pid: int, task: Task, function: str, below: str, caller: str) -> bool:
        """Whether an era may make these two calls, the first of which returns to `caller`, where a task is."""
        layers = self.layers
        if not self._may_make(pid, task, function, below):
            return False
        outer = layers.callers.get(caller)
        if outer is None or not (not outer or layers.absent.is_open(task, outer)):
            return False
        waiting = layers.waiting.get(pid) if layers.waiting else None
        return not waiting or function in waiting[-1].chain

    def untracks(self, run: UntrackedVma, task: Task) -> bool:
        """Whether a zap may untrack this VMA and clear it, and nothing is due before."""
        layers, zap = self.layers, run.zap
        if self.waits(run.pid) or not self._zap_untracks or not self._looks_up(run):
            return False
        if not self._untracking:
            self._untracking = layers.unlike.isdisjoint(_UNTRACKING) and layers.seen.issuperset(_UNTRACKING)
            if not self._untracking:
                return False
        if not self._may_make(run.pid, task, "memtype_free", "memtype_erase"):
            return False
        if layers.callers.get(run.free.caller) != "untrack_pfn" or isinstance(task.scope, ExitMmap):
            return False
        return (
            layers.copies.is_done(run.pid)
            and layers.unmaps.lets_zap(zap)
            and layers.agreeing.lets_zap(zap, task.scope)
            and layers.teardowns.covers_one(zap)
        )

    def copies_tracked(self, run: TrackedCopy, task: Task) -> bool:
        """Whether a fork may copy this VMA so, and nothing is due before."""
        context, layers = self.context, self.layers
        if self.waits(run.pid) or layers.strangers or layers.torn.is_busy:
            return False
        if layers.unmaps.due and run.pid in layers.unmaps.due:
            return False
        if not self._zap_untracks or not layers.copies.is_done(run.pid):
            return False
        if ("track_pfn_copy get_pat_info" in context.nested) is not run.looked_up:
            return False
        fork = task.frames[0].call if task.frames else None
        if fork is not None and not (len(task.frames) == 1 and isinstance(fork, DupMmap) and fork.oldmm == run.copy.mm):
            return False
        return run.shape in self._forking[fork is not None] or self._forks(run.shape, inlined=fork is None)

    def _forks(self, shape: Shape, *, inlined: bool) -> bool:
        """Whether an era may make these copies in dup_mmap(), which is open unless it was put into its callers."""
        layers, paired = self.layers, self.context.tasks.paired
        for function in shape.functions:
            returns = function == "untrack_pfn_clear" or function in paired
            if function in layers.unlike or not returns or function not in layers.seen | _BELOW:
                return False
        for place in shape.callers:
            known = layers.callers.get(place)
            if known != ("" if inlined else "dup_mmap") or place.partition("+")[0] not in FORKS:
                return False
        self._forking[not inlined].add(shape)
        return True

    def _looks_up(self, run: UntrackedVma) -> bool:
        """Whether the get_pat_info() that must be seen, if one must, was seen, and is one that may come."""
        layers, function = self.layers, "get_pat_info"
        if ("untrack_pfn get_pat_info" in self.context.nested) is not bool(run.looked_up):
            return False
        if not run.looked_up:
            return True
        if function in layers.unlike or function not in layers.seen or function not in self.context.tasks.paired:
            return False
        return layers.callers.get(run.looked_up) == "untrack_pfn"

    def _may_make(self, pid: int, task: Task, function: str, below: str) -> bool:
        """Whether an era may make these two calls, neither of which is open."""
        layers = self.layers
        if layers.strangers or len(task.frames) > DEPTH:
            return False
        if function not in self._making:
            if function in layers.unlike or below in layers.unlike:
                return False
            if not self.context.tasks.paired.issuperset((function, below)):
                return False
            self._making.add(function)
        for frame in task.frames:
            if frame.api == function or frame.api == below:  # noqa: PLR1714 - no tuple is made of them
                return False  # it never returned
        return not (layers.torn.is_busy or layers.results.forbids(pid))

    def begins(self, call: Call) -> None:
        """A call of a kind that comes as one with all that it makes."""
        self.layers.enter(call)

    def waits(self, pid: int) -> bool:
        """Whether a call is wanted of this task."""
        waiting = self.layers.waiting
        return bool(waiting) and pid in waiting

    def waits_for(self, pid: int, function: str) -> bool:
        """Whether no call is wanted of this task, or only one that begins with this function."""
        if not self.layers.waiting:
            return True
        waiting = self.layers.waiting.get(pid)
        return waiting is None or (len(waiting) == 1 and function in waiting[0].chain)

    def remaps(self, task: Task) -> None:
        """remap_pfn_range() is called, of nothing else that is recorded."""
        task.outside, task.absent = True, ""

    def release(self, call: FreePfnRange, below: FreePfnRange, free_at: int) -> None:
        """A context is released, and makes what it must make: `below`, and its memtype_free() at `free_at`."""
        if self.layers.waiting:
            self.layers.settle(call, call.api)
        if not self.context.lossy:
            self.layers.copies.enter(call)
            self.layers.unwanted.enter(call)
            self.layers.copies.enter(below)
        start = call.pfn * PAGE
        self.layers.freed[call.pid] = free_at, start, start + call.size
        self.layers.unmaps.frees(start, start + call.size)
