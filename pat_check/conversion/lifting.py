"""From calls of the kernel to operations of a scenario: one handler for each event that says what is done.

Where the layers above the reservations are recorded, what mmap handlers, users and drivers did is written instead of
the reserves and frees that it led to. Only mappings that are made in the recording are followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pat_check import events
from pat_check.conversion.areas import Shown
from pat_check.conversion.current import Current
from pat_check.conversion.drivers import Drivers
from pat_check.conversion.ends import Ends
from pat_check.conversion.forks import Forks
from pat_check.conversion.makes import Makes
from pat_check.conversion.sightings import Sightings
from pat_check.conversion.tape import Tape
from pat_check.events import NO_PID, Event, Return
from pat_check.replay.context import Context
from pat_check.replay.maps import SavedArea
from pat_check.replay.vmas import Vmas

_OnVma = events.SplitVma | events.MprotectFixup

_BEGINS = frozenset((events.RemapPfnRange, events.IoremapCaller, events.Iounmap, events.CopyVma, events.SetMemory))
"""Calls that are not part of an unmap."""


class Lifter:
    """Hears every event of a recording before the replay does."""

    def __init__(self, context: Context, tape: Tape, *, placed: bool = False) -> None:
        self.by_nobody = False  # there are calls that would tell what is done, if it were known by whom
        self.current = Current(context, tape)
        self.makes = Makes(self.current, placed=placed)
        self.forks = Forks(self.current)
        self.sightings = Sightings(self.current, self.makes, self.forks, self.current.before)
        self.ends = Ends(self.current, self.makes, self.forks, self.sightings)
        self.drivers = Drivers(self.current)
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            events.RemapPfnRange: self.makes.remap,
            events.InsertPfn: self.makes.insert,
            events.Telltale: self.makes.replacing.entered,
            events.SplitVma: lambda call: self._on(call, self.makes.split),
            events.MprotectFixup: lambda call: self._on(call, self.makes.protect),
            events.CopyVma: self.makes.move,
            events.ReservePfnRange: lambda call: self.makes.reserve(call.prot, call),
            events.DupMmap: self.forks.begin,
            events.CopyPageRange: self._copy,
            events.VmAreaDup: self._dup,
            events.UnmapVmas: self.ends.unmap,
            events.ZapVma: self.ends.zap,
            events.FreePfnRange: self.ends.untrack,
            events.VmAreaFree: self.ends.freed,
            events.ExitMmap: self.ends.exit_mmap,
            events.SchedProcessExec: self.ends.exec,
            events.SchedProcessFork: self._fork,
            events.IoremapCaller: self.drivers.ioremap,
            events.Iounmap: self.drivers.iounmap,
            events.ArchIoReserveMemtypeWc: self.drivers.explicit,
            events.ArchIoFreeMemtypeWc: self.drivers.explicit,
            events.SetMemory: self.drivers.set_memory,
            events.LostEvents: self._lost,
            events.Malformed: self._lost,
        }
        self._returns: dict[type[events.Call], Callable[[Return], None]] = {
            events.RemapPfnRange: self.makes.remapped,
            events.InsertPfn: self.makes.inserted,
            events.Telltale: self.makes.replacing.left,
            events.MprotectFixup: self.makes.protected,
            events.DupMmap: self._dup_mmap,
            events.IoremapCaller: self.drivers.ioremapped,
            events.ArchIoReserveMemtypeWc: self.drivers.returned,
            events.SetMemory: self.drivers.returned,
        }

    def hear(self, event: Event) -> None:
        """An event, while the calls around it are open. Without a task nothing is known of what is around it."""
        self.sightings.comms[event.pid] = event.comm
        if event.pid == NO_PID and isinstance(event, events.Call | Return):
            self.by_nobody = self.by_nobody or type(event) in self._handlers
            return
        if isinstance(event, Return):
            handle = self._returns.get(event.call)
            if handle is not None:
                handle(event)
            return
        handler = self._handlers.get(type(event))
        if handler is not None:
            if type(event) in _BEGINS:
                self.ends.leave(event)
            mm: int = getattr(event, "mm", 0)
            if mm and self.forks.waiting and not isinstance(event, events.DupMmap):
                bounds = getattr(event, "vm_start", -1), getattr(event, "vm_end", -1)
                vma: int = getattr(event, "vma", 0)
                self.forks.shows(event, mm, vma, bounds)
            handler(event)

    def forget(self) -> None:
        """Events are missing, or what was seen is in a list: mappings that are there already are not followed."""
        for part in (self.current, self.makes, self.forks, self.ends, self.drivers):
            part.forget()

    def saved(self, event: events.Marker, of: Mapping[int, Sequence[SavedArea]]) -> dict[str, list[Shown]]:
        """What the kernel showed of every process at a checkpoint, by its name."""
        return self.sightings.saved(event, of)

    def followed(self, vmas: Vmas) -> dict[str, list[Shown]] | None:
        """The mappings that the replay follows, by the name of each process; None where it may miss some."""
        return self.sightings.followed(vmas.spaces.of, vmas.book) if vmas.complete and vmas.are_sure() else None

    def finish(self) -> None:
        """The recording is over."""
        self.current.before.finish()

    def _lost(self, event: events.LostEvents | events.Malformed) -> None:
        """What is mapped and who is alive may have changed: what is seen from now on tells."""
        self.makes.forget()
        for part in (self.forks, self.ends, self.drivers):
            part.forget()
        self.current.lost()
        self.current.tape.remark(event.at, f"{missing(event)}: what was mapped then or went is not known")

    def _on(self, call: _OnVma, handle: Callable[[Any], None]) -> None:
        """A call on a VMA of the task's own shows it."""
        if self._is_own(call):
            self.sightings.own(call, call.mm, (call.vm_start, call.vm_end), call.flags)
        handle(call)

    def _is_own(self, call: Event) -> bool:
        """Whether a call is not part of a split or a move, in the middle of which VMAs change."""
        task = self.current.context.tasks.of(call)
        inside = (events.SplitVma, events.CopyVma, events.MprotectFixup)
        return all(task.innermost(kind) is None for kind in inside)

    def _copy(self, call: events.CopyPageRange) -> None:
        bounds = call.vm_start, call.vm_end
        self.sightings.own(call, call.mm, bounds, call.flags, self.forks.of(call.pid, call.api, call.vm_start))
        self.forks.copy(call, call.mm, *bounds, call.api, call.dst)

    def _dup(self, call: events.VmAreaDup) -> None:
        """vm_area_dup(): outside of a split and a move it is fork's."""
        task = self.current.context.tasks.of(call)
        if task.innermost(events.SplitVma) is None and task.innermost(events.CopyVma) is None:
            bounds = call.vm_start, call.vm_end
            if self._is_own(call):
                fork = self.forks.of(call.pid, "vm_area_dup", call.vm_start)
                self.sightings.own(call, call.mm, bounds, call.flags, fork)
            self.forks.copy(call, call.mm, *bounds, "vm_area_dup")

    def _dup_mmap(self, event: Return) -> None:
        if (event.ret or 0) < 0:
            self.forks.fail(event)

    def _fork(self, event: events.SchedProcessFork) -> None:
        self.ends.new_task(event.child_pid)
        self.forks.done(event)


def missing(event: events.LostEvents | events.Malformed) -> str:
    """What a recording lacks."""
    return "events are missing" if isinstance(event, events.LostEvents) else "a line cannot be read"
