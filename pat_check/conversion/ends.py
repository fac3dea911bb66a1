"""What ends mappings and their entries: munmap(), zaps, exit and exec."""

from __future__ import annotations

from dataclasses import dataclass, field

from pat_check import events
from pat_check.conversion.areas import Area, Space
from pat_check.conversion.current import Current
from pat_check.conversion.forks import Forks
from pat_check.conversion.makes import Makes
from pat_check.conversion.tape import Op
from pat_check.events import Event

_WHOLE = 1 << 46
"""An unmap_vmas() from 0 to at least here is of a whole address space."""


@dataclass(slots=True)
class _Unmap:
    """An unmap_vmas() of [start, end), and what it takes away from an address space."""

    start: int
    end: int
    space: Space | None = None
    parts: list[Area] = field(default_factory=list)

    def take(self, space: Space) -> None:
        self.space, self.parts = space, space.within(self.start, self.end)
        space.remove(self.start, self.end)


class Ends:
    """Hears the calls that unmap."""

    def __init__(self, current: Current, makes: Makes, forks: Forks) -> None:
        self.current, self.spaces, self.makes, self.forks = current, current.spaces, makes, forks
        self._unmapping: dict[int, _Unmap] = {}  # by pid
        self._zapped: dict[int, tuple[int, str]] = {}  # by pid: the VMA and function of the last zap
        self._last_exit: dict[int, Op] = {}  # by pid
        self._gone: dict[int, dict[int, list[Op]]] = {}  # by pid: VMAs that were unmapped and not freed, and by what

    def forget(self) -> None:
        """Events are missing."""
        self._unmapping.clear()
        self._zapped.clear()
        self._last_exit.clear()
        self._gone.clear()

    def leave(self, event: Event) -> None:
        """The task does something else: no unmap is open any more."""
        self._unmapping.pop(event.pid, None)
        self._zapped.pop(event.pid, None)

    # --- parts -------------------------------------------------------------------------------------------

    def unmap(self, call: events.UnmapVmas) -> None:
        """Entry of unmap_vmas(): the zaps that follow are of mappings that go."""
        unmap = self._unmapping[call.pid] = _Unmap(call.start, call.end)
        space = self.spaces.by_pid.get(call.pid)
        if space is not None and not _is_whole(call.start, call.end):
            unmap.take(space)  # another thread may map something there before it is cleared
        self._zapped.pop(call.pid, None)
        op = self.current.of(call)
        if _is_whole(call.start, call.end) and self.forks.fail(call):
            return
        if op is None or op.word not in ("exit", "exec"):
            self.current.enter(call)

    def zap(self, call: events.ZapVma) -> None:
        """Entry of unmap_single_vma() and the like."""
        space = self.spaces.get(call.mm, call.pid)
        if space is None:
            return
        if call.pid in self._unmapping:
            self._unmapped(call, space, call.vm_start, call.vm_end)
            self._gone.setdefault(call.pid, {})[call.vma] = self.current.open.get(call.pid, [])
            return
        before = self._zapped.get(call.pid)
        self._zapped[call.pid] = (call.vma, call.api)
        if before is not None and before[0] == call.vma and before[1] != call.api:
            return  # unmap_single_vma() calls unmap_page_range()
        if call.vm_start >= 0:
            self.makes.bounds(call, space, space.areas, call.vm_start, call.vm_end)
        self.current.cuts.pop(call.pid, None)  # what is zapped in the middle of a split is split already
        parts = space.within(call.start, call.end) if call.start >= 0 else []
        self._each(call, space, "zap_vma_ptes", parts)

    def _each(self, event: Event, space: Space, word: str, parts: list[Area]) -> None:
        """One operation for each part."""
        ops = []
        for area in parts:
            actor = space.name
            if self.spaces.by_pid.get(event.pid) is None and not self.spaces.shared(space, area):
                actor = self.current.actor(event)  # a driver
            op = self.current.start(event, actor if word != "munmap" else space.name, word, *area.span())
            if area.offset is not None:
                op.physical = area.start + area.offset, area.end + area.offset
            ops.append(op)
        self.current.unmapped(event, ops)

    def untrack(self, call: events.FreePfnRange) -> None:
        """Entry of untrack_pfn(): names the address space that is unmapped, where nothing above does."""
        if call.api == "untrack_pfn" and call.pid in self._unmapping:
            space = self.spaces.get(call.mm, call.pid)
            if space is not None:
                self._unmapped(call, space, call.vm_start, call.vm_end)

    def freed(self, call: events.VmAreaFree) -> None:
        """Entry of vm_area_free(): a task goes on with what it unmapped."""
        ops = self._gone.get(call.pid, {}).pop(call.vma, None)
        if ops:
            self.current.enter(call, *ops)

    def _unmapped(self, event: Event, space: Space, vm_start: int, vm_end: int) -> None:
        """The address space of an unmap_vmas() is known: what it unmaps there goes, at once."""
        unmap = self._unmapping[event.pid]
        start, end = unmap.start, unmap.end
        if _is_whole(start, end):
            if space.ending is None:
                self._exit(event, space)
            return
        if unmap.space is not space:
            unmap.take(space)
        if vm_start >= 0:
            self.makes.bounds(event, space, unmap.parts, vm_start, vm_end, (start, end))
        self.makes.explained(event.pid, start, end)
        parts, unmap.parts = unmap.parts, []
        if not parts:
            return
        op = self.makes.moved(event, space, parts[0])
        if op is not None:
            self.current.enter(event, op)
        else:
            self._each(event, space, "munmap", parts)

    # --- address spaces ----------------------------------------------------------------------------------

    def exit_mmap(self, call: events.ExitMmap) -> None:
        """Entry of exit_mmap(): the last user of an address space is gone, by exit, exec or a failed fork."""
        self.leave(call)
        if self.forks.fail(call):
            return
        space = self.spaces.get(call.mm, call.pid)
        if space is not None:
            self._exit(call, space)
        else:
            self.current.enter(call)

    def _exit(self, event: Event, space: Space) -> None:
        op = self.current.start(event, space.name, "exit")
        self.spaces.end(space, op)
        self._last_exit[event.pid] = op

    def exec(self, event: events.SchedProcessExec) -> None:
        """sched_process_exec: the task goes on in a new address space."""
        self.leave(event)
        self.current.enter(event)
        self._gone.pop(event.pid, None)
        space = self.spaces.by_pid.pop(event.pid, None)
        op = self._last_exit.pop(event.pid, None)
        if op is not None and space is not None and space.ending is op:
            op.word = "exec"
            self.spaces.by_pid[event.pid] = Space(space.name)

    def new_task(self, pid: int) -> None:
        """The number of a task is used for another one."""
        for of in (self._unmapping, self._zapped, self._last_exit, self._gone, self.current.open, self.current.unmaps):
            of.pop(pid, None)


def _is_whole(start: int, end: int) -> bool:
    return start == 0 and end >= _WHOLE
