"""Replay: from each event to its handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pat_check.eras.base import Era
from pat_check.events import (
    NO_PID,
    ArchIoFreeMemtypeWc,
    ArchIoReserveMemtypeWc,
    Call,
    DupMmap,
    Event,
    ExitMmap,
    FreePfnRange,
    InsertPfn,
    IoremapCaller,
    Iounmap,
    LostEvents,
    Malformed,
    Marker,
    MemremapPages,
    MemtypeCheckInsert,
    MemtypeErase,
    MemtypeFree,
    MemtypeFreeIo,
    MemtypeReserve,
    MemtypeReserveIo,
    Message,
    ModuleFree,
    ModuleLoad,
    RemapPfnRange,
    ReservePfnRange,
    Return,
    SchedProcessExec,
    SchedProcessExit,
    SchedProcessFork,
    SetMemory,
    Telltale,
    UnmapVmas,
    VmAreaFree,
    ZapVma,
)
from pat_check.events.runs import (
    CopiedVmas,
    FreedVmas,
    Freeing,
    Mapping,
    OrdinaryVmas,
    Reserving,
    Run,
    SplitOff,
    TrackedCopy,
    UnmappedVma,
    UntrackedVma,
    Untracking,
    ZappedVmas,
)
from pat_check.incidents import Incident
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE
from pat_check.replay.context import Context
from pat_check.replay.doubts import Doubts
from pat_check.replay.drivers import Drivers
from pat_check.replay.expected import Expected
from pat_check.replay.followed import Followed
from pat_check.replay.frees import Frees
from pat_check.replay.layers import Layers
from pat_check.replay.mappings import Mappings
from pat_check.replay.maps import Maps, SavedMaps
from pat_check.replay.messages import Messages, Span
from pat_check.replay.ordinary import Ordinary
from pat_check.replay.processes import Processes
from pat_check.replay.recording import Recording
from pat_check.replay.reserves import Reserves
from pat_check.replay.snapshots import Snapshot, Snapshots
from pat_check.replay.taken import Taken
from pat_check.replay.tasks import scope_api
from pat_check.replay.vmas import Vmas
from pat_check.replay.wanted import page_align
from pat_check.replay.whole import Whole


class Replay:
    """One recording on one machine, as one era behaves. Incidents go to `emit` as they happen."""

    def __init__(
        self,
        machine: Machine,
        era: Era,
        emit: Callable[[Incident], None],
        saved: dict[int, Snapshot] | None = None,
        maps: dict[int, SavedMaps] | None = None,
    ) -> None:
        self.context = Context(machine, era, emit)
        self.expected = expected = Expected()
        self.reserves = Reserves(self.context, expected)
        self.doubts = doubts = Doubts(self.context)
        self.frees = Frees(self.context, expected, doubts)
        self.drivers = Drivers(self.context, expected)
        self.processes = Processes(self.context)
        self.messages = Messages(self.context, self.reserves, self.frees, self.drivers, expected)
        self.snapshots = Snapshots(self.context, saved or {})
        self.mappings = Mappings(self.context)
        self.vmas = Vmas(self.context)
        self.frees.thefts.tracked = self.vmas.book.tracked
        self.layers = Layers(self.context, self.vmas, doubts)
        self.maps = Maps(self.context, self.vmas, maps or {})
        self.taken = Taken(self.context, self.layers)
        self.ordinary = Ordinary(self.context, self.taken, self.vmas, self.processes, self.mappings)
        self.followed = Followed(self.context, self.taken, self.vmas, self.processes, self.mappings)
        self.whole = Whole(
            self.context,
            self.taken,
            self.vmas,
            self.frees,
            self.drivers,
            self.processes,
            self.mappings,
            self.reserves,
        )
        self.recording = Recording()
        self.events = 0
        self.pids: set[int] = set()
        self._began: float | None = None
        self._last: Event | None = None

    def run(self, stream: Iterable[Event]) -> None:
        """Apply every event; `finish` must follow."""
        for event in stream:
            self.play([[event]])

    def play(self, batches: Iterable[list[Event]]) -> None:
        """Apply every event of every batch; `finish` must follow."""
        pid = 0
        for batch in batches:
            for event in batch:
                self._apply(event)
                if event.pid != pid:
                    pid = event.pid
                    if pid > 0:
                        self.pids.add(pid)
            if batch:
                if self._last is None:
                    self._began = batch[0].time
                self.events += len(batch)
                self._last = batch[-1]

    def _apply(self, event: Event) -> None:
        if isinstance(event, Return):
            self._return(event)
        elif isinstance(event, Run):
            self.events += event.count - 1
            if not self._take(event):
                for one in event.events():
                    self._apply(one)
        elif isinstance(event, Call):
            self._call(event)
        else:
            self._happens(event)

    def _take(self, run: Run) -> bool:
        """Take several events as one; False where they have to be looked at one by one."""
        if isinstance(run, OrdinaryVmas):
            return self.ordinary.take(run)
        if isinstance(run, Mapping):
            return self.whole.map(run)
        if isinstance(run, Untracking):
            return self.whole.untrack(run)
        if isinstance(run, UntrackedVma):
            return self.whole.zap(run)
        if isinstance(run, TrackedCopy):
            return self.whole.copy(run)
        if isinstance(run, UnmappedVma):
            return self.followed.unmap(run)
        if isinstance(run, FreedVmas):
            return self.followed.free(run)
        if isinstance(run, CopiedVmas):
            return self.followed.copy(run)
        if isinstance(run, SplitOff):
            return self.followed.split(run)
        if isinstance(run, ZappedVmas):
            return self.followed.zap(run)
        if isinstance(run, Reserving):
            return self.whole.reserve(run)
        return isinstance(run, Freeing) and self.whole.free(run)

    def _call(self, call: Call) -> None:
        if not isinstance(call, (MemtypeCheckInsert, Telltale)):  # one is below the layers, the other in none
            self.layers.enter(call)
            self.vmas.enter(call)
        if isinstance(call, VmAreaFree):
            self.processes.vma_free(call)
        elif isinstance(call, ZapVma):
            self._zap(call)
        elif isinstance(call, UnmapVmas):
            self.processes.unmap_vmas(call)
        elif isinstance(call, FreePfnRange):
            self.processes.free(call)
        elif isinstance(call, RemapPfnRange):
            self.processes.remap(call)
        elif isinstance(call, MemtypeReserve):
            self.reserves.reserve(call)
        elif isinstance(call, MemtypeCheckInsert):
            self._check_insert(call)
        elif isinstance(call, MemtypeFree):
            self._free(call)
        elif isinstance(call, MemtypeErase):
            self.frees.erase(call)
        elif isinstance(call, DupMmap):
            self.processes.dup_mmap(call)
        elif isinstance(call, ExitMmap):
            self._exit_mmap(call)
        elif isinstance(call, InsertPfn):
            self._insert_pfn(call)
        elif isinstance(call, Iounmap):
            self.drivers.iounmap(call)
        elif isinstance(call, Telltale):
            self.layers.telltale(call)
        else:
            self.context.tasks.enter(call, call.function())

    def _happens(self, event: Event) -> None:
        """What is no call of a function."""
        if isinstance(event, SchedProcessFork):
            self._fork(event)
        elif isinstance(event, SchedProcessExec):
            self._exec(event)
        elif isinstance(event, SchedProcessExit):
            self._exit(event)
        elif isinstance(event, Message):
            self.messages.message(event)
        elif isinstance(event, Marker):
            self._marker(event)
        elif isinstance(event, ModuleLoad):
            self.drivers.module_load(event)
        elif isinstance(event, ModuleFree):
            self.drivers.module_free(event)
        elif isinstance(event, LostEvents):
            self._lost(event)
        elif isinstance(event, Malformed):
            self._malformed(event)

    @property
    def span(self) -> Span:
        """The time from the first event to the last."""
        span = Span()
        span.widen(self._began)
        span.widen(self._last.time if self._last is not None else None)
        return span

    def finish(self) -> None:
        """The recording is over: judge what is left and what the recording says of itself."""
        end = self._last or Event(0, None, -1, NO_PID, "")
        last = Event(end.at, end.time, -1, NO_PID, "")
        self.processes.finish_all(end)
        self.snapshots.without_markers(last)
        self.messages.finish(last)
        self.doubts.finish()
        self.layers.torn.finish()
        self.processes.still_held(last)
        tasks = self.context.tasks
        tasks.close()
        self.context.emit(
            self.recording.ended(
                self.context.stamp(last),
                [] if self.context.entry_only else tasks.lost_returns_at,
                0 if self.context.entry_only else tasks.lost_returns,
                tasks.lost_entries,
            )
        )

    # --- events that several parts hear -------------------------------------------------------------------------

    def _return(self, event: Return) -> None:
        call = event.call
        if call is not MemtypeCheckInsert and call is not Telltale:
            frame = self.context.tasks.of(event).returning(event)
            self.layers.leave(event, frame)
            self.vmas.leave(event, frame)
        if call is MemtypeReserve:
            self._reserve_return(event)
        elif call is MemtypeCheckInsert:
            self._check_insert_return(event)
        elif call is MemtypeFree:
            self._free_return(event)
        elif call is MemtypeErase:
            self.frees.erase_return(event)
        elif call is ReservePfnRange:
            self.drivers.reserve_pfn_range_return(event)
        elif call is RemapPfnRange:
            self._remap_return(event)
        elif call is DupMmap:
            self.processes.dup_mmap_return(event)
        elif call is ExitMmap:
            self.processes.exit_mmap_return(event)
        elif call is IoremapCaller:
            self.drivers.ioremap_return(event)
        elif call is MemtypeReserveIo:
            self.drivers.reserve_io_return(event)
        elif call is ArchIoReserveMemtypeWc or call is SetMemory or call is MemremapPages:
            self.drivers.explicit_return(event)
        else:
            self.context.tasks.leave(event)

    def _check_insert(self, call: MemtypeCheckInsert) -> None:
        self.layers.torn.hear("memtype_check_insert", "entries")
        self.reserves.check_insert(call)

    def _check_insert_return(self, event: Return) -> None:
        torn, task = self.layers.torn, self.context.tasks.of(event)
        torn.hear("memtype_check_insert", "returns")
        frame = task.returning(event)
        if event.entry is None and frame is None:
            torn.without_entry(event)
        self.layers.leave_below(event, frame)
        self.reserves.check_insert_return(event)

    def _reserve_return(self, event: Return) -> None:
        self.reserves.reserve_return(event)
        entry = event.entry
        if isinstance(entry, MemtypeReserve):
            self.mappings.changed(event, entry.start, entry.end, "memtype_reserve")

    def _free(self, call: MemtypeFree) -> None:
        self.drivers.free_starts(call)
        self.frees.free(call)

    def _free_return(self, event: Return) -> None:
        task = self.context.tasks.of(event)
        frame, scope = task.innermost(MemtypeFree), task.scope
        self.frees.free_return(event)
        call = frame.call if frame is not None else event.entry
        explicit = isinstance(scope, (Iounmap, ArchIoFreeMemtypeWc, MemtypeFreeIo))
        if isinstance(call, MemtypeFree) and scope is not None and explicit:
            self.mappings.changed(event, call.start, call.end, scope_api(scope))

    def _remap_return(self, event: Return) -> None:
        _, frame = self.context.tasks.leave(event)
        if frame is None or not isinstance(frame.call, RemapPfnRange):
            return
        call = frame.call
        partial = call.vm_start >= 0 and page_align(call.size) != call.vm_end - call.vm_start
        if event.ret == 0 and call.vm_start >= 0 and not partial and call.ctx == 0:
            self.layers.contexts.mapped(call)
        if call.api != "remap_pfn_range":
            return
        if (event.ret or 0) < 0:
            self.processes.remap_failed(call, event)
        elif event.ret == 0:
            self.mappings.beyond(call, event)
        if event.ret == 0 and partial:
            self.mappings.insert(event, call.mm, call.addr, call.pfn, call.size)

    def _zap(self, call: ZapVma) -> None:
        self.processes.zap(call)
        self.mappings.zap(call.mm, call.start, call.end)

    def _exit_mmap(self, call: ExitMmap) -> None:
        self.processes.exit_mmap(call)
        self.mappings.exit(call.mm)

    def _insert_pfn(self, call: InsertPfn) -> None:
        task = self.context.tasks.inside(call)
        below = ~(call.size - 1)  # a huge leaf is aligned down, its pfn too
        pages = call.size // PAGE
        self.mappings.insert(call, call.mm or task.mm, call.addr & below, call.pfn & ~(pages - 1), call.size)

    def _fork(self, event: SchedProcessFork) -> None:
        self.processes.fork(event)
        self.vmas.fork(event)
        self.layers.fork(event)

    def _exec(self, event: SchedProcessExec) -> None:
        self.processes.exec(event)
        self.vmas.exec(event.pid)

    def _exit(self, event: SchedProcessExit) -> None:
        self.layers.over(event)
        self.layers.gone(event.exit_pid)
        self.context.tasks.died(event.exit_pid)
        self.vmas.gone(event.exit_pid)
        self.processes.exit(event)

    def _marker(self, event: Marker) -> None:
        self.layers.over(event)
        self.context.tasks.outside(event)
        self.snapshots.marker(event)
        self.maps.marker(event)

    def _malformed(self, event: Malformed) -> None:
        """A line that cannot be read may have been any event."""
        self.context.lossy = self.context.lost_any = True
        self.layers.lost()
        self.vmas.lost()
        self.recording.malformed(event)

    def _lost(self, event: LostEvents) -> None:
        self.recording.lost(event)
        if event.rows and not self.messages.drives(event.rows):
            return  # some complaints are missing, but no event
        self.context.lossy = self.context.lost_any = True
        self.context.tasks.interrupt()
        self.layers.lost()
        self.vmas.lost()
