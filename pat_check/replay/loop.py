"""Replay: one look-up per event, from its class to its handler."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pat_check import events
from pat_check.eras.base import Era
from pat_check.events import NO_PID, Event, Return
from pat_check.incidents import Incident
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE
from pat_check.replay.context import Context
from pat_check.replay.doubts import Doubts
from pat_check.replay.drivers import Drivers
from pat_check.replay.expected import Expected
from pat_check.replay.frees import Frees
from pat_check.replay.layered import LAYERED
from pat_check.replay.layers import Layers
from pat_check.replay.mappings import Mappings
from pat_check.replay.maps import Maps, SavedMaps
from pat_check.replay.messages import Messages, Span
from pat_check.replay.processes import Processes
from pat_check.replay.recording import Recording
from pat_check.replay.reserves import Reserves
from pat_check.replay.snapshots import Snapshot, Snapshots
from pat_check.replay.tasks import scope_api
from pat_check.replay.vmas import Vmas
from pat_check.replay.wanted import page_align


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
        doubts = Doubts(self.context)
        self.frees = Frees(self.context, expected, doubts)
        self.drivers = Drivers(self.context, expected)
        self.processes = Processes(self.context)
        self.messages = Messages(self.context, self.reserves, self.frees, self.drivers, expected)
        self.snapshots = Snapshots(self.context, saved or {})
        self.mappings = Mappings(self.context)
        self.vmas = Vmas(self.context)
        self.layers = Layers(self.context, self.vmas, doubts)
        self.maps = Maps(self.context, self.vmas, maps or {})
        self.recording = Recording()
        self.events = 0
        self.pids: set[int] = set()
        self.span = Span()
        self._last: Event | None = None
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            Return: self._return,
            events.MemtypeReserve: self.reserves.reserve,
            events.MemtypeCheckInsert: self.reserves.check_insert,
            events.MemtypeFree: self._free,
            events.MemtypeErase: self.frees.erase,
            events.Iounmap: self.drivers.iounmap,
            events.RemapPfnRange: self.processes.remap,
            events.DupMmap: self.processes.dup_mmap,
            events.FreePfnRange: self.processes.free,
            events.ZapVma: self._zap,
            events.UnmapVmas: self.processes.unmap_vmas,
            events.ExitMmap: self._exit_mmap,
            events.InsertPfn: self._insert_pfn,
            events.SchedProcessFork: self._fork,
            events.SchedProcessExec: self._exec,
            events.SchedProcessExit: self._exit,
            events.ModuleLoad: self.drivers.module_load,
            events.ModuleFree: self.drivers.module_free,
            events.Marker: self._marker,
            events.Message: self.messages.message,
            events.LostEvents: self._lost,
            events.Malformed: self._malformed,
        }
        self._returns: dict[type[events.Call], Callable[[Return], None]] = {
            events.MemtypeReserve: self._reserve_return,
            events.MemtypeCheckInsert: self.reserves.check_insert_return,
            events.MemtypeFree: self._free_return,
            events.MemtypeErase: self.frees.erase_return,
            events.IoremapCaller: self.drivers.ioremap_return,
            events.ReservePfnRange: self.drivers.reserve_pfn_range_return,
            events.MemtypeReserveIo: self.drivers.reserve_io_return,
            events.ArchIoReserveMemtypeWc: self.drivers.explicit_return,
            events.SetMemory: self.drivers.explicit_return,
            events.MemremapPages: self.drivers.explicit_return,
            events.RemapPfnRange: self._remap_return,
            events.DupMmap: self.processes.dup_mmap_return,
            events.ExitMmap: self.processes.exit_mmap_return,
        }

    def run(self, stream: Iterable[Event]) -> None:
        """Apply every event; `finish` must follow."""
        handlers, enter = self._handlers, self._enter
        event: Event | None = None
        first: float | None = None
        count = 0
        for event in stream:
            count += 1
            kind = type(event)
            if kind in LAYERED:
                self.layers.enter(event)  # type: ignore[arg-type]
                self.vmas.enter(event)  # type: ignore[arg-type]
            handlers.get(kind, enter)(event)
            if event.pid > 0:
                self.pids.add(event.pid)
            if first is None:
                first = event.time
        self.events += count
        self._last = event or self._last
        self.span.widen(first)
        self.span.widen(self._last.time if self._last is not None else None)

    def finish(self) -> None:
        """The recording is over: judge what is left and what the recording says of itself."""
        end = self._last or Event(0, None, -1, NO_PID, "")
        last = Event(end.at, end.time, -1, NO_PID, "")
        self.processes.finish_all(end)
        self.snapshots.without_markers(last)
        self.messages.finish(last)
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

    def _enter(self, call: Event) -> None:
        if isinstance(call, events.Call):
            self.context.tasks.enter(call, getattr(call, "api", "") or _api(call))

    def _return(self, event: Return) -> None:
        if event.call in LAYERED:
            self.layers.leave(event)
            self.vmas.leave(event)
        handler = self._returns.get(event.call)
        if handler is not None:
            handler(event)
        else:
            self.context.tasks.leave(event)

    def _reserve_return(self, event: Return) -> None:
        self.reserves.reserve_return(event)
        entry = event.entry
        if isinstance(entry, events.MemtypeReserve):
            self.mappings.changed(event, entry.start, entry.end, "memtype_reserve")

    def _free(self, call: events.MemtypeFree) -> None:
        self.drivers.free_starts(call)
        self.frees.free(call)

    def _free_return(self, event: Return) -> None:
        task = self.context.tasks.of(event)
        frame, scope = task.innermost(events.MemtypeFree), task.scope
        self.frees.free_return(event)
        call = frame.call if frame is not None else event.entry
        explicit = isinstance(scope, events.Iounmap | events.ArchIoFreeMemtypeWc | events.MemtypeFreeIo)
        if isinstance(call, events.MemtypeFree) and scope is not None and explicit:
            self.mappings.changed(event, call.start, call.end, scope_api(scope))

    def _remap_return(self, event: Return) -> None:
        _, frame = self.context.tasks.leave(event)
        if frame is None or not isinstance(frame.call, events.RemapPfnRange):
            return
        call = frame.call
        partial = call.vm_start >= 0 and page_align(call.size) != call.vm_end - call.vm_start
        if event.ret == 0 and call.vm_start >= 0 and not partial and call.ctx == 0:
            self.layers.contexts.mapped(call)
        if (event.ret or 0) < 0 and call.api == "remap_pfn_range":
            self.processes.remap_failed(call, event)
        if event.ret == 0 and partial and call.api == "remap_pfn_range":
            self.mappings.insert(event, call.mm, call.addr, call.pfn, call.size)

    def _zap(self, call: events.ZapVma) -> None:
        self.processes.zap(call)
        self.mappings.zap(call.mm, call.start, call.end)

    def _exit_mmap(self, call: events.ExitMmap) -> None:
        self.processes.exit_mmap(call)
        self.mappings.exit(call.mm)

    def _insert_pfn(self, call: events.InsertPfn) -> None:
        task, _ = self.context.tasks.enter(call, call.api)
        below = ~(call.size - 1)  # a huge leaf is aligned down, its pfn too
        pages = call.size // PAGE
        self.mappings.insert(call, call.mm or task.mm, call.addr & below, call.pfn & ~(pages - 1), call.size)

    def _fork(self, event: events.SchedProcessFork) -> None:
        self.processes.fork(event)
        self.vmas.fork(event)

    def _exec(self, event: events.SchedProcessExec) -> None:
        self.processes.exec(event)
        self.vmas.exec(event.pid)

    def _exit(self, event: events.SchedProcessExit) -> None:
        self.layers.over(event)
        self.vmas.gone(event.exit_pid)
        self.processes.exit(event)

    def _marker(self, event: events.Marker) -> None:
        self.layers.over(event)
        self.snapshots.marker(event)
        self.maps.marker(event)

    def _malformed(self, event: events.Malformed) -> None:
        """A line that cannot be read may have been any event."""
        self.context.lossy = self.context.lost_any = True
        self.recording.malformed(event)

    def _lost(self, event: events.LostEvents) -> None:
        self.recording.lost(event)
        if event.rows and not self.messages.drives(event.rows):
            return  # some complaints are missing, but no event
        self.context.lossy = self.context.lost_any = True
        self.context.tasks.interrupt()
        self.layers.lost()
        self.vmas.lost()


def _api(call: events.Call) -> str:
    return _APIS.get(type(call), type(call).__name__)


_APIS: dict[type[events.Call], str] = {
    events.MemtypeReserveIo: "memtype_reserve_io",
    events.MemtypeFreeIo: "memtype_free_io",
    events.ArchIoReserveMemtypeWc: "arch_io_reserve_memtype_wc",
    events.ArchIoFreeMemtypeWc: "arch_io_free_memtype_wc",
    events.MemtypeKernelMapSync: "memtype_kernel_map_sync",
    events.IoremapCaller: "__ioremap_caller",
    events.GetPatInfo: "get_pat_info",
    events.VmAreaDup: "vm_area_dup",
    events.VmAreaFree: "vm_area_free",
    events.SplitVma: "__split_vma",
    events.CopyVma: "copy_vma",
    events.MprotectFixup: "mprotect_fixup",
    events.MemremapPages: "memremap_pages",
    events.MemunmapPages: "memunmap_pages",
}
