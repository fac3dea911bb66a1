"""Whole mappings made and given back without anything between and anything odd: applied at once.

What is decided here is decided by the same parts of the replay that decide it call by call.
"""

from __future__ import annotations

from typing import Final

from pat_check import incidents
from pat_check.events import FreePfnRange, MemtypeReserve, Moment, ReservePfnRange
from pat_check.events.runs import Freeing, Mapping, Reserving, TrackedCopy, UntrackedVma, Untracking
from pat_check.model import operations
from pat_check.model.memtype import Memtype
from pat_check.model.operations import Reserve, is_new_memtype_allowed
from pat_check.model.owner import Owner
from pat_check.model.vma import VM_SHARED
from pat_check.replay.agreeing import is_released_by, may_track
from pat_check.replay.callers import is_strict
from pat_check.replay.context import Context
from pat_check.replay.drivers import Drivers
from pat_check.replay.frames import Frame
from pat_check.replay.frees import Frees
from pat_check.replay.mapped import Mapped
from pat_check.replay.mappings import Mappings
from pat_check.replay.processes import Processes
from pat_check.replay.reserves import Reserves
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
        reserves: Reserves,
    ) -> None:
        self.context, self.taken, self.vmas, self.frees = context, taken, vmas, frees
        self.drivers, self.processes, self.mappings = drivers, processes, mappings
        self.reserves = reserves

    def map(self, run: Mapping) -> bool:
        """Apply a mapping; False, and nothing done, where each of its calls has to be looked at."""
        context, outer = self.context, run.outer
        machine, task = context.machine, context.tasks.of(run)
        if not self._is_plain(task) or self.taken.waits(run.pid) or not _agree(run):
            return False
        if not self.taken.may_take(run.pid, run.shape):
            return False
        if not run.inner_api and not _TRACKING.isdisjoint(context.recorded):
            return False
        if run.inner_api and not may_track(outer, run.inner_api, run.inner_flags, run.inner_ctx):
            return False
        start = outer.pfn << 12
        end = start + outer.vm_end - outer.vm_start
        if not self.mappings.are_far(start, end):
            return False
        outcome = operations.memtype_reserve(machine, start, end, run.req, strict=False)
        if outcome.path != "tree" or outcome.ret != run.ret or outcome.actual != run.type:
            return False
        if run.ret:
            self._refuse(run, task, outcome)
            return True
        type_, overlap = outcome.new, outcome.overlap
        if run.got not in (-1, type_) or run.granted not in (-1, type_) or run.pcm != type_:
            return False
        adopts = type_ not in (run.type, run.req)
        if adopts and (overlap is None or overlap.assumed or not is_new_memtype_allowed(start, end, run.req, type_)):
            return False
        self._begin(run, task)
        node = Memtype(start, end, type_, Owner("remap_pfn_range", run.comm, run.pid, outer.mm), run.inserted_at)
        node.assumed = run.got < 0 and overlap is not None and overlap.assumed
        node.is_reserved(run.inserted_at)
        machine.memtypes.insert(node)
        if adopts and overlap is not None:
            context.emit(
                incidents.MemtypeAdopted(
                    run.returned_at,
                    run.returned_time,
                    run.comm,
                    run.pid,
                    context.reliable,
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
        self.vmas.mapped_whole(outer, run.inner_api, run.inner_flags)
        if outer.ctx == 0 or run.inner_ctx == 0:
            self.taken.layers.contexts.mapped(outer)
        return True

    def _refuse(self, run: Mapping, task: Task, outcome: Reserve) -> None:
        """Apply a mapping that the tree has refused, for another type is there; nothing was made that could be left."""
        outer = run.outer
        self._begin(run, task)
        self.vmas.refused_whole(outer, run.inner_flags)
        owner = Owner("remap_pfn_range", run.comm, run.pid, outer.mm)
        call = MemtypeReserve(run.reserved_at, None, run.cpu, run.pid, run.comm, outcome.start, outcome.end, run.req)
        event = Moment(run.returned_at, run.returned_time, run.cpu, run.pid, run.comm)
        self.reserves.refusals.tell(call, event, outcome, run.ret, owner, run.caller)

    def _begin(self, run: Mapping, task: Task) -> None:
        """What each mapping begins with, whatever comes of it."""
        self.taken.remaps(task)
        self.vmas.remaps_whole(run.outer)
        self.processes.remaps(task, run.outer)
        task.scope = None
        self.context.insert_seen = True
        self.drivers.expected.mapped()

    def untrack(self, run: Untracking) -> bool:
        """Apply the end of a context, as `map`."""
        context, release = self.context, run.release
        machine, task = context.machine, context.tasks.of(run)
        start = release.pfn << 12
        end = start + release.size
        if not self._is_plain(task) or not self.taken.waits_for(run.pid, _RELEASE):
            return False
        if not is_released_by(task.scope, release) or self.taken.layers.results.forbids(run.pid):
            return False
        if machine.ram.test(start, end) or not self.taken.may_take(run.pid, run.shape):
            return False
        outcome = operations.erase(machine, start, end, context.find_victim)
        if outcome.victim is None or outcome.shrinks:
            return False
        self.taken.release(release, run.untrack, run.free_at)
        self.processes.frees(task, release)
        self.processes.frees(task, run.untrack)
        self.drivers.freed(run.pid)
        task.scope = run.untrack
        context.erase_seen = True
        event = Moment(run.erased_at, run.erased_time, run.cpu, run.pid, run.comm)
        self.frees.remove(task, event, outcome, run.untrack.api)
        task.scope = None
        return True

    def reserve(self, run: Reserving) -> bool:
        """Apply a memtype_reserve() that a tracked mapping makes, as `map`."""
        context, call, insert = self.context, run.reserve, run.insert
        machine, task, start, end = context.machine, context.tasks.of(run), call.start, call.end
        if not self._is_recorded() or not task.frames or task.frames[-1].kind is not ReservePfnRange:
            return False
        if not self.taken.may_go_on(run.pid, task, "memtype_reserve", "memtype_check_insert", run.caller):
            return False
        if not self.mappings.are_far(start, end):
            return False
        outcome = operations.memtype_reserve(machine, start, end, call.req, strict=is_strict(task, call))
        type_ = outcome.new
        if outcome.path != "tree" or outcome.ret or outcome.actual != insert.type:
            return False
        if run.got not in (-1, type_) or run.granted not in (-1, type_):
            return False
        self.taken.begins(call)
        task.scope = None
        context.insert_seen = True
        self.reserves.whole(task, call, insert, outcome, run)
        return True

    def free(self, run: Freeing) -> bool:
        """Apply a memtype_free() that the end of a mapping makes, as `map`."""
        context, call = self.context, run.call
        machine, task = context.machine, context.tasks.of(run)
        if (
            not self._is_recorded()
            or not isinstance(task.scope, FreePfnRange)
            or machine.ram.test(call.start, call.end)
        ):
            return False
        if not self.taken.may_go_on(run.pid, task, "memtype_free", "memtype_erase", run.caller):
            return False
        if not self.taken.waits_for(run.pid, "memtype_free"):
            return False
        self.taken.begins(call)
        self.drivers.freed(run.pid)
        context.erase_seen = True
        self.frees.erased(task, None, run.erased, call.start, call.end, run.how)
        task.scope = None
        return True

    def zap(self, run: UntrackedVma) -> bool:
        """Apply the end of a mapping whose flags hold its tracking, as `map`."""
        context, zap, call, layers = self.context, run.zap, run.free.call, self.taken.layers
        machine, task = context.machine, context.tasks.of(run)
        if not self._is_plain(task) or not self.taken.untracks(run, task):
            return False
        if machine.ram.test(call.start, call.end) or not self.mappings.has_none(zap.mm):
            return False
        if self.vmas.physical(zap.vma, zap.vm_start) not in (-1, call.start):
            return False
        layers.unmaps.enter(zap)
        layers.teardowns.clears_one(zap)
        layers.unwanted.zaps(run.comm)
        self.vmas.zap(zap)
        task.scope = zap
        self.processes.works_on(task, run.pid, zap.mm)
        self.mappings.zaps_seen = True
        layers.unwanted.enter(run.untrack)
        self.vmas.untrack(run.untrack)
        task.scope = run.untrack
        self.taken.begins(call)
        self.drivers.freed(run.pid)
        context.erase_seen = True
        self.frees.erased(task, None, run.free.erased, call.start, call.end, run.free.how)
        task.scope = run.clear
        return True

    def copy(self, run: TrackedCopy) -> bool:
        """Apply what a fork does with a mapping whose flags hold its tracking, as `map`."""
        context, copy, call, vmas = self.context, run.copy, run.reserving.reserve, self.vmas
        machine, task = context.machine, context.tasks.of(run)
        if not self._is_recorded() or not self.taken.copies_tracked(run, task):
            return False
        area = vmas.book.of.get(copy.vma)
        if area is None or (area.flags ^ copy.flags) & VM_SHARED or not self.mappings.are_far(call.start, call.end):
            return False
        start, mode = vmas.physical(copy.vma, copy.vm_start), mode_of(run.prot)
        type_ = self.taken.layers.nesting.type_of(start, call.end - call.start)
        if start not in (-1, call.start) or mode not in (-1, call.req) or (type_ >= 0 <= mode and type_ != mode):
            return False
        outcome = operations.memtype_reserve(machine, call.start, call.end, call.req, strict=is_strict(task, call))
        if outcome.path != "tree" or outcome.ret or outcome.actual != run.reserving.insert.type:
            return False
        granted = outcome.new
        if run.reserving.got not in (-1, granted) or run.reserving.granted not in (-1, granted) or run.pcm != granted:
            return False
        if granted not in (call.req, outcome.actual):
            return False
        vmas.lives(run.pid, copy.mm)
        vmas.observe(copy.vma, copy.mm, copy.vm_start, copy.vm_end, copy.flags)
        vmas.duplicates.callers_seen = True
        mm = vmas.spaces.copied(run.pid, area.start)
        vmas.book.put(copy.dst, Mapped(mm, area.start, area.end, area.flags, area.offset))
        self.taken.layers.copies.done(run.pid)
        self.processes.shows(task, run.pid, copy.mm)
        task.frames.append(Frame(copy, copy.api))
        self.taken.begins(call)
        context.insert_seen = True
        self.reserves.whole(task, call, run.reserving.insert, outcome, run.reserving)
        task.frames.pop()
        task.scope = None
        self.drivers.expected.mapped()
        return True

    def _is_plain(self, task: Task) -> bool:
        """Whether nothing else is going on in this task, and all of it is recorded."""
        return self._is_recorded() and not task.frames

    def _is_recorded(self) -> bool:
        """Whether all of what tasks do is recorded, and nobody asks for more than the events themselves."""
        context = self.context
        if context.lost_any or context.lossy or context.entry_only or context.halves or context.log is not None:
            return False
        return not context.tasks.endless and context.machine.pat_enabled


def _agree(run: Mapping) -> bool:
    """Whether each function asked for what its caller wanted, as far as that is recorded."""
    mode, prot = run.req, run.outer.prot
    return (
        mode_of(prot) in (-1, mode)
        and (run.inner_prot == prot or mode_of(run.inner_prot) in (-1, mode))
        and (run.prot == prot or mode_of(run.prot) in (-1, mode))
    )
