"""fork and exit: which address space holds a reservation, and what it leaves behind when it ends.

Two events end an address space: exit_mmap(), and unmap_vmas() over everything where that is all that is
recorded. What it still holds is judged once its teardown is over, for the frees come in between.
"""

from __future__ import annotations

from pat_check import incidents
from pat_check.events import (
    NO_PID,
    CopyPageRange,
    DupMmap,
    Event,
    ExitMmap,
    FreePfnRange,
    RemapPfnRange,
    Return,
    SchedProcessExec,
    SchedProcessExit,
    SchedProcessFork,
    UnmapVmas,
    VmAreaFree,
    ZapVma,
)
from pat_check.model.memory import PAGE
from pat_check.model.memtype import Memtype
from pat_check.model.owner import Owner
from pat_check.replay.context import Context
from pat_check.replay.mapped import is_whole
from pat_check.replay.tasks import Task


class Ending:
    """The end of an address space that is going on."""

    __slots__ = ("by_exit", "event", "judged", "mm", "one_thread")

    def __init__(self, event: Event, mm: int, by_exit: bool = False, one_thread: bool = False) -> None:
        self.event, self.mm = event, mm
        self.by_exit = by_exit  # only sched_process_exit was seen
        self.one_thread = one_thread  # the task may have been one thread of several: nothing is judged
        self.judged = False  # all its entries are gone


class Processes:
    """The handlers of task events."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._ending: dict[int, Ending] = {}  # by pid
        self._nameless: dict[int, list[Owner]] = {}  # by pid: copies of a child whose address space has no number yet
        self._exits_seen = False  # exit_mmap or the like is recorded
        self._shares = context.era.fork_shares

    # --- fork -----------------------------------------------------------------------------------------------

    def dup_mmap(self, call: DupMmap) -> None:
        """Entry of dup_mmap(): the child's address space has a number."""
        self.context.tasks.enter(call, "dup_mmap")
        self.context.forks_seen = True
        if self._shares:
            memtypes = self.context.machine.memtypes
            for node in memtypes.holdings.under(call.oldmm):
                if node.owner.is_mapping:
                    memtypes.share(node, call.mm)

    def fork(self, event: SchedProcessFork) -> None:
        """sched_process_fork: the child has a pid."""
        self.context.forks_seen = True
        self.context.tasks.over(event, DupMmap)
        self.finish(event.child_pid)
        self.context.tasks.forget(event.child_pid)
        memtypes = self.context.machine.memtypes
        owners = self.context.forked.pop(event.pid, [])
        for owner in owners:
            memtypes.name(owner, event.child_pid, owner.mm)
            owner.comm, owner.parent = event.child_comm, NO_PID
        if owners and not owners[0].mm:
            self._nameless[event.child_pid] = owners
        if self._shares:
            for node in memtypes.holdings.under(-event.pid):
                if node.owner.is_mapping and not node.owner.mm:
                    memtypes.share(node, -event.child_pid)

    def dup_mmap_return(self, event: Return) -> None:
        """Return of dup_mmap(): a fork that failed has no child."""
        _, frame = self.context.tasks.leave(event)
        if (event.ret or 0) < 0:
            self.context.forked.pop(event.pid, None)
            if frame is not None and isinstance(frame.call, DupMmap):
                memtypes, mm = self.context.machine.memtypes, frame.call.mm
                for node in memtypes.holdings.under(mm):
                    if node.owner.is_mapping:
                        memtypes.unshare(node.owner, mm)

    # --- exit -----------------------------------------------------------------------------------------------

    def exit_mmap(self, call: ExitMmap) -> None:
        """Entry of exit_mmap()."""
        self.context.tasks.inside(call)
        self._begin(call, call.mm)

    def exit_mmap_return(self, event: Return) -> None:
        """Return of exit_mmap(): the teardown is over."""
        self.context.tasks.leave(event)
        self.finish(event.pid)

    def unmap_vmas(self, call: UnmapVmas) -> None:
        """Entry of unmap_vmas(): of a whole address space at exit and exec."""
        self.context.tasks.inside(call)
        if is_whole(call) and call.pid not in self._ending:
            self._begin(call, 0)

    def zap(self, call: ZapVma) -> None:
        """Entry of unmap_single_vma() and the like: names the address space that is being torn down."""
        self.works_on(self.context.tasks.inside(call), call.pid, call.mm)

    def works_on(self, task: Task, pid: int, mm: int) -> None:
        """A task clears entries of this address space, which may be one that ends."""
        if mm:
            task.mm = mm
            if self._nameless:
                self._name(pid, mm)
            ending = self._ending.get(pid)
            if ending is not None and not ending.mm:
                ending.mm = mm

    def remap(self, call: RemapPfnRange) -> None:
        """Entry of remap_pfn_range(): names the address space that maps."""
        self.context.tasks.of(call).close(CopyPageRange)
        task, _ = self.context.tasks.enter(call, call.api)
        self.remaps(task, call)

    def remaps(self, task: Task, call: RemapPfnRange) -> None:
        """A task maps: it does not end an address space any more."""
        self.finish(call.pid)
        self.shows(task, call.pid, call.mm)

    def remap_failed(self, call: RemapPfnRange, event: Return) -> None:
        """Return of a remap_pfn_range() that failed: what it reserved must be gone, or an equal entry in its place."""
        freed = self.context.machine.freed
        start, end = call.pfn * PAGE, call.pfn * PAGE + call.size
        left = [
            node.seen()
            for node in self.context.machine.memtypes.held_within(call.pid, call.mm, start, end)
            if node.born > call.at and freed.get((node.start, node.end), (0, 0))[1] < call.at and node.owner.is_mapping
        ]
        if left and call.pfn >= 0:
            stamp = self.context.stamp(event)
            self.context.emit(
                incidents.MemtypeLeaked(*stamp, left[0], "remap", f"{event.comm}:{event.pid}", False, left[1:])
            )

    def free(self, call: FreePfnRange) -> None:
        """Entry of untrack_pfn() and the like: names the address space that unmaps."""
        self.frees(self.context.tasks.inside(call), call)

    def frees(self, task: Task, call: FreePfnRange) -> None:
        """A task unmaps."""
        self.shows(task, call.pid, call.mm)

    def shows(self, task: Task, pid: int, mm: int) -> None:
        """A task works on this address space of its own; 0 is not recorded."""
        if mm:
            task.mm = mm
            if self._nameless:
                self._name(pid, mm)

    def _name(self, pid: int, mm: int) -> None:
        """The address space that a child got at its fork."""
        for owner in self._nameless.pop(pid, ()):
            self.context.machine.memtypes.name(owner, owner.pid, mm)

    def exec(self, event: SchedProcessExec) -> None:
        """The task goes on with a new address space."""
        self.finish(event.pid)

    def exit(self, event: SchedProcessExit) -> None:
        """The task is gone; its address space with it where nothing tells us more.

        Since v6.16 this comes before exit_mmap(), earlier kernels have it after.
        """
        if event.exit_pid in self._ending:
            self.finish(event.exit_pid)
            self.context.tasks.forget(event.exit_pid)
        else:
            self._ending[event.exit_pid] = Ending(event, 0, by_exit=True, one_thread=not event.group_dead)

    def _begin(self, call: Event, mm: int) -> None:
        before = self._ending.get(call.pid)
        if before is not None and not before.by_exit:
            self.finish(call.pid)
        self._exits_seen = True
        if mm:
            self._name(call.pid, mm)
        self._ending[call.pid] = Ending(call, mm)

    def finish(self, pid: int) -> None:
        """The teardown of the address space that this task was ending is over: judge what is left."""
        ending = self._ending.get(pid)
        if ending is None:
            return
        del self._ending[pid]
        if ending.one_thread or ending.judged or (ending.by_exit and self._exits_seen):
            return
        self._judge(pid, ending)

    def vma_free(self, call: VmAreaFree) -> None:
        """Entry of vm_area_free(): at an exit the first one comes when the entries of every mapping are gone."""
        self.context.tasks.inside(call)
        self.cleared(call.pid)

    def clearing(self, pid: int) -> Ending | None:
        """The exit of a task, of which a vm_area_free() will say that all entries are gone."""
        ending = self._ending.get(pid)
        if ending is None or ending.by_exit or ending.judged or self._shares:
            return None
        return ending

    def cleared(self, pid: int) -> None:
        """A task frees a VMA: where it is about to end its address space, all entries are gone."""
        ending = self.clearing(pid) if self._ending else None
        if ending is not None:
            self._judge(pid, ending)
            ending.judged = True

    def _judge(self, pid: int, ending: Ending) -> None:
        memtypes, shares = self.context.machine.memtypes, self._shares
        if shares:
            self._unshare(ending.mm, -pid)
        left: list[Memtype] = []
        for node in memtypes.holdings.of(pid, ending.mm):
            owner = node.owner
            if not owner.is_mapping:
                continue
            if owner.sharers:
                heir = max(owner.sharers)  # the same one, however the set came about
                memtypes.unshare(owner, heir)
                memtypes.name(owner, *((NO_PID, heir) if heir > 0 else (-heir, 0)))
            elif not shares or self.context.forks_seen:
                memtypes.leave(owner)
                left.append(node)
        if left:
            stamp = (*self.context.stamp(ending.event)[:4], self.context.shows_all)
            seen = [node.seen() for node in left]
            self.context.leaked(
                incidents.MemtypeLeaked(*stamp, seen[0], "process", str(left[0].owner), False, seen[1:])
            )

    def _unshare(self, mm: int, task: int) -> None:
        """An address space shares nothing any more, nor does its task, which is told by the negative of its pid."""
        memtypes = self.context.machine.memtypes
        for key in (mm, task):
            for node in memtypes.holdings.under(key):
                if node.owner.is_mapping:
                    memtypes.unshare(node.owner, key)

    def finish_all(self, last: Event) -> None:
        """The recording is over: so is every teardown, but for one that its last event is part of."""
        if last.pid != NO_PID and last.pid in self._ending and not isinstance(last, SchedProcessExit):
            del self._ending[last.pid]
        for pid in list(self._ending):
            self.finish(pid)

    def still_held(self, event: Event) -> None:
        """What was reserved in this trace and is still there at its end, by owner."""
        held: dict[str, list[Memtype]] = {}
        for node in self.context.machine.memtypes:
            if node.born > 0 and not node.owner.gone:
                held.setdefault(str(node.owner), []).append(node)
        for name, nodes in held.items():
            seen = [node.seen() for node in nodes]
            self.context.emit(incidents.MemtypeLeaked(*self.context.stamp(event), seen[0], "", name, False, seen[1:]))
