"""Whole mappings made and given back without anything between and anything odd: applied at once.

What is decided here is decided by the same parts of the replay that decide it call by call.
"""

from __future__ import annotations

from typing import Final

from pat_check import incidents
from pat_check.cachemode import cachemode_name
from pat_check.events import Event
from pat_check.events.runs import Mapping, Run, Untracking
from pat_check.model import operations
from pat_check.model.memtype import Memtype
from pat_check.model.operations import is_new_memtype_allowed
from pat_check.model.owner import Owner
from pat_check.replay.agreeing import is_released_by, nested
from pat_check.replay.context import Context
from pat_check.replay.drivers import Drivers
from pat_check.replay.frees import Frees
from pat_check.replay.mappings import Mappings
from pat_check.replay.processes import Processes
from pat_check.replay.taken import Taken
from pat_check.replay.tasks import Task
from pat_check.replay.vmas import Vmas
from pat_check.replay.wanted import mode_of

_RELEASE: Final = "pfnmap_track_ctx_release"
_TRACKING: Final[frozenset[str]] = frozenset(("remap_pfn_range_track", "track_pfn_remap"))
"""Functions that must come inside, where they are recorded."""


class Whole:
    """Takes them as one where that makes no difference."""

    def __init__(
        self,
        context: Context,
        taken: Taken,
        vmas: Vmas,
        frees: Frees,
        drivers: Drivers,
        processes: Processes,
        mappings: Mappings,
    ) -> None:
        self.context, self.taken, self.vmas, self.frees = context, taken, vmas, frees
        self.drivers, self.processes, self.mappings = drivers, processes, mappings

    def map(self, run: Mapping) -> bool:
        """Apply a mapping; False, and nothing done, where each of its calls has to be looked at."""
        context, outer, inner = self.context, run.outer, run.inner
        machine, task = context.machine, context.tasks.of(run)
        modes = (mode_of(outer.prot), mode_of(inner.prot) if inner is not None else -1, mode_of(run.prot), run.req)
        if not self._is_plain(run, task) or self.taken.waits(run.pid) or not _agree(modes):
            return False
        if not self.taken.may_take(run.pid, run.functions, run.callers):
            return False
        if inner is None and not _TRACKING.isdisjoint(context.recorded):
            return False
        if inner is not None and nested(outer, inner):
            return False
        start = outer.pfn << 12
        end = start + outer.vm_end - outer.vm_start
        outcome = operations.memtype_reserve(machine, start, end, run.req, strict=False)
        type_, overlap = outcome.new, outcome.overlap
        if outcome.path != "tree" or outcome.ret or outcome.actual != run.type:
            return False
        if run.got not in (-1, type_) or run.granted not in (-1, type_) or run.pcm != type_:
            return False
        adopts = type_ not in (run.type, run.req)
        if adopts and (overlap is None or overlap.assumed or not is_new_memtype_allowed(start, end, run.req, type_)):
            return False
        self.taken.remaps(task)
        self.vmas.seen(outer)
        self.processes.remaps(task, outer)
        if inner is not None:
            self.vmas.seen(inner)
        task.scope = None
        context.insert_seen = True
        self.drivers.expected.mapped()
        node = Memtype(start, end, type_, Owner("remap_pfn_range", run.comm, run.pid, outer.mm), run.inserted_at)
        node.assumed = run.got < 0 and overlap is not None and overlap.assumed
        node.tell(run.inserted_at, f"reserved as {cachemode_name(type_)} by {node.owner}")
        machine.memtypes.insert(node)
        if adopts and overlap is not None:
            event = Event(run.returned_at, run.returned_time, run.cpu, run.pid, run.comm)
            context.emit(
                incidents.MemtypeAdopted(
                    *context.stamp(event),
                    start,
                    end,
                    run.req,
                    type_,
                    node.owner.api,
                    run.caller,
                    False,
                    overlap.seen(),
                )
            )
        if inner is not None:
            self.vmas.mapped(inner)
            self.taken.layers.contexts.mapped_whole(inner)
        self.vmas.mapped(outer)
        self.taken.layers.contexts.mapped_whole(outer)
        return True

    def untrack(self, run: Untracking) -> bool:
        """Apply the end of a context, as `map`."""
        context, release = self.context, run.release
        machine, task = context.machine, context.tasks.of(run)
        start = release.pfn << 12
        end = start + release.size
        if not self._is_plain(run, task) or not self.taken.waits_for(run.pid, _RELEASE):
            return False
        if not is_released_by(task.scope, release):
            return False
        if machine.ram.test(start, end) or not self.taken.may_take(run.pid, run.functions, run.callers):
            return False
        outcome = operations.erase(machine, start, end, context.era.find_victim)
        if outcome.victim is None or outcome.shrinks:
            return False
        self.taken.release(release, run.untrack, run.free_at)
        self.processes.frees(task, release)
        self.processes.frees(task, run.untrack)
        self.drivers.freed(run.pid)
        task.scope = run.untrack
        context.erase_seen = True
        event = Event(run.erased_at, run.erased_time, run.cpu, run.pid, run.comm)
        self.frees.remove(task, event, outcome, run.untrack.api)
        task.scope = None
        return True

    def _is_plain(self, run: Run, task: Task) -> bool:
        """Whether nothing else is going on in this task, and all of it is recorded."""
        context = self.context
        if context.lost_any or context.lossy or context.entry_only or context.halves or context.log is not None:
            return False
        if task.frames or context.tasks.endless or not context.machine.pat_enabled:
            return False
        return self.mappings.is_empty()


def _agree(modes: tuple[int, int, int, int]) -> bool:
    """Whether each function asked for what its caller wanted, as far as that is recorded."""
    last = -1
    for mode in modes:
        if mode >= 0:
            if last >= 0 and mode != last:
                return False
            last = mode
    return True
