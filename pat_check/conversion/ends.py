"""What ends mappings and their entries: munmap(), zaps, exit and exec."""

from __future__ import annotations

from dataclasses import dataclass, field

from pat_check import events
from pat_check.conversion.areas import Area, Space
from pat_check.conversion.current import Current
from pat_check.conversion.forks import Forks
from pat_check.conversion.makes import Makes, is_special
from pat_check.conversion.sightings import Sightings
from pat_check.conversion.tape import Op
from pat_check.events import Event

_ZAPS = frozenset(("unmap_single_vma", "unmap_page_range", "__zap_vma_range", "untrack_pfn"))
_WHOLE = 1 << 46
"""An unmap_vmas() from 0 to at least here is of a whole address space."""


@dataclass(slots=True)
class _Unmap:
    """An unmap_vmas() of [start, end), and what it takes away from an address space."""

    start: int
    end: int
    space: Space | None = None
    parts: list[Area] = field(default_factory=list)
    is_known: bool = True  # the range is that of the unmap_vmas(); else of its last zap
    taken: list[Area] = field(default_factory=list)  # also what is unmapped already

    def take(self, space: Space) -> None:
        self.space, self.parts = space, space.within(self.start, self.end)
        self.taken += self.parts
        space.remove(self.start, self.end)

    def covers(self, start: int, end: int) -> bool:
        """Whether a VMA can be one of those that it takes away."""
        return _is_whole(self.start, self.end) or (start < self.end and self.start < end)

    def has(self, addr: int) -> bool:
        """Whether what was mapped at an address is known."""
        return any(area.start <= addr < area.end for area in self.taken)


class Ends:
    """Hears the calls that unmap."""

    def __init__(self, current: Current, makes: Makes, forks: Forks, sightings: Sightings) -> None:
        self.current, self.spaces, self.makes, self.forks = current, current.spaces, makes, forks
        self.sightings = sightings
        self._unmapping: dict[int, _Unmap] = {}  # by pid
        self._zapped: dict[int, tuple[int, str]] = {}  # by pid: the VMA and function of the last zap
        self._last_exit: dict[int, Op] = {}  # by pid
        self._ending: dict[int, tuple[int, Space]] = {}  # by pid: the address space that is being torn down
        self._cleared: dict[int, tuple[int, Space, list[Area], list[Op]]] = {}  # by pid: the VMA of the last zap
        self.are_seen = False  # the ends of mappings are recorded
        self._gone: dict[int, dict[int, list[Op]]] = {}  # by pid: VMAs that were unmapped and not freed, and by what

    def forget(self) -> None:
        """Events are missing."""
        self._unmapping.clear()
        self._zapped.clear()
        self._last_exit.clear()
        self._ending.clear()
        self._cleared.clear()
        self._gone.clear()

    def leave(self, event: Event) -> None:
        """The task does something else: no unmap is open any more."""
        if not isinstance(event, events.RemapPfnRange):
            self.makes.replacing.leave(event.pid)
        self._unmapping.pop(event.pid, None)
        self._zapped.pop(event.pid, None)

    # --- parts -------------------------------------------------------------------------------------------

    def unmap(self, call: events.UnmapVmas) -> None:
        """Entry of unmap_vmas(): the zaps that follow are of mappings that go."""
        self.are_seen = True
        unmap = self._unmapping[call.pid] = _Unmap(call.start, call.end, is_known=call.start >= 0)
        self._cleared.pop(call.pid, None)
        if not _is_whole(call.start, call.end):
            self._ending.pop(call.pid, None)
        space = self.spaces.by_pid.get(call.pid)
        if space is not None and unmap.is_known and not _is_whole(call.start, call.end):
            unmap.take(space)  # another thread may map something there before it is cleared
        self._zapped.pop(call.pid, None)
        op = self.current.of(call)
        if _is_whole(call.start, call.end) and self.forks.fail(call):
            return
        if op is None or op.word not in ("exit", "exec"):
            self.current.enter(call)
        if space is not None and unmap.is_known and not self._shows_zaps():
            self._unmapped(call, space, -1, -1)  # nothing else tells whose it is

    def _shows_zaps(self) -> bool:
        """Whether what an unmap_vmas() calls is recorded: it names the address space."""
        return not self.current.context.recorded.isdisjoint(_ZAPS)

    def zap(self, call: events.ZapVma) -> None:
        """Entry of unmap_single_vma() and the like."""
        if _is_whole(call.start, call.end) and call.pid not in self._unmapping:  # whose beginning is lost
            self._unmapping[call.pid] = _Unmap(call.start, call.end)
        unmap = self._unmapping.get(call.pid)
        if unmap is not None and unmap.is_known and call.vm_start >= 0 and not unmap.covers(call.vm_start, call.vm_end):
            self.leave(call)
        space = self._space(call)
        if space is None:
            return
        if call.pid in self._unmapping:
            if not self._unmapping[call.pid].is_known:
                self._unmapping[call.pid] = _Unmap(call.start, call.end, is_known=False)
            self._unmapped(call, space, call.vm_start, call.vm_end)
            self._gone.setdefault(call.pid, {})[call.vma] = self.current.open.get(call.pid, [])
            return
        before = self._zapped.get(call.pid)
        self._zapped[call.pid] = (call.vma, call.api)
        if (before is not None and before[0] == call.vma and before[1] != call.api) or self.forks.copies(space):
            return  # unmap_single_vma() calls unmap_page_range(); what a fork copies has no entries yet
        self.sightings.own(call, call.mm, (call.vm_start, call.vm_end), call.flags, mine=False)
        self.current.cuts.pop(call.pid, None)  # what is zapped in the middle of a split is split already
        start, end = max(call.start, call.vm_start), min(call.end, call.vm_end) if call.vm_end > 0 else call.end
        parts = space.within(start, end) if call.start >= 0 else []
        ops = self._each(call, space, "zap_vma_ptes", parts)
        if parts:
            self._cleared[call.pid] = (call.vma, space, parts, ops)

    def _each(self, event: Event, space: Space, word: str, parts: list[Area]) -> list[Op]:
        """One operation for each part."""
        ops = []
        for area in parts:
            actor = space.name
            if self.spaces.by_pid.get(event.pid) is None and not self.spaces.shared(space, area):
                actor = self.current.actor(event)  # a driver
            op = self.current.start(event, actor if word != "munmap" else space.name, word, *area.span())
            op.areas = [area]
            if area.offset is not None:
                op.physical = area.start + area.offset, area.end + area.offset
            ops.append(op)
        self.current.unmapped(event, ops)
        return ops

    def untrack(self, call: events.FreePfnRange) -> None:
        """Entry of untrack_pfn(): names the address space that is unmapped, where nothing above does."""
        if call.api == "untrack_pfn" and call.pid in self._unmapping:
            space = self._space(call)
            if space is not None:
                self._unmapped(call, space, call.vm_start, call.vm_end)

    def _space(self, call: events.ZapVma | events.FreePfnRange) -> Space | None:
        """The address space of a zap. One that nothing has shown is that of the task, if it unmaps its own."""
        space = self.spaces.get(call.mm, call.pid)
        unmap = self._unmapping.get(call.pid)
        if unmap is None or not is_special(call.flags) or call.vm_start < 0:
            return space
        if _is_whole(unmap.start, unmap.end):
            mm, ended = self._ending.get(call.pid, (0, None))
            if space is None and ended is not None and mm == call.mm:
                self._ended(call, ended)
                return None
        space = space or self.makes.space(call, call.mm)
        if not space.is_mapped(call.vm_start, call.vm_end) and not unmap.has(call.vm_start):
            self.sightings.see(call, space, (call.vm_start, call.vm_end), call.flags)
            if not _is_whole(unmap.start, unmap.end):
                unmap.take(space)
        return space

    def _ended(self, call: events.ZapVma | events.FreePfnRange, space: Space) -> None:
        """A further VMA of an address space that is being torn down."""
        op = space.ending
        if op is None or any(area.start <= call.vm_start < area.end for area in space.past):
            return
        area = self.sightings.see(call, space, (call.vm_start, call.vm_end), call.flags, op)
        op.areas += [area] if area is not None else []
        space.past, space.areas = space.past + space.areas, []

    def freed(self, call: events.VmAreaFree) -> None:
        """Entry of vm_area_free(): a task goes on with what it unmapped."""
        self._unmaps_unseen(call)
        ops = self._gone.get(call.pid, {}).pop(call.vma, None)
        self.makes.replacing.freed(call.pid)
        if ops:
            self.current.enter(call, *(ops[0].body if ops[0].body and ops[0].dropped else ops))

    def _unmaps_unseen(self, call: events.VmAreaFree) -> None:
        """A VMA goes that was zapped just before: that was an unmap whose range is not recorded."""
        vma, space, parts, zaps = self._cleared.pop(call.pid, (0, None, [], []))
        if space is None or vma != call.vma or space.ending is not None:
            return
        moved = self.makes.moved(call, space, parts[0])
        for op in zaps:
            op.word, op.actor, op.dropped = "munmap", space.name, moved is not None
        for area in parts:
            space.remove(area.start, area.end)
        self.makes.explained(call.pid, parts[0].start, parts[-1].end)
        self.current.enter(call, *([moved] if moved is not None else zaps))
        self.are_seen = True

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
            return
        ops = self._each(event, space, "munmap", parts)
        space.vanished += [(op, area) for op, area in zip(ops, parts, strict=True) if area.offset is not None]
        self.makes.replacing.unmaps(event.pid, start, end, ops, parts)

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
        op.areas = list(space.areas)
        self._ending[event.pid] = space.mm, space
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
        parts = (self._unmapping, self._zapped, self._last_exit, self._ending, self._cleared, self._gone)
        for of in (*parts, self.current.open, self.current.unmaps):
            of.pop(pid, None)


def _is_whole(start: int, end: int) -> bool:
    return start == 0 and end >= _WHOLE
