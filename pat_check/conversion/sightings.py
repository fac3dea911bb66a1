"""Mappings whose beginning is not recorded: an event or a saved file shows that they are there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pat_check.conversion.areas import Area, Shown, Space
from pat_check.conversion.before import Before
from pat_check.conversion.current import Current
from pat_check.conversion.forks import Forks
from pat_check.conversion.makes import Makes, is_special
from pat_check.conversion.tape import Op
from pat_check.events import NO_PID, Event, Marker
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_MAYEXEC, VM_MAYSHARE, VM_MAYWRITE, VM_PAT, VM_WRITE
from pat_check.replay.book import Book
from pat_check.replay.maps import LETTERS, SavedArea

_VIRTUAL = 1 << 46
"""The most bytes that a mapping can have."""


class Sightings:
    """Compares what is seen of VMAs with what is known, and writes what must have been done in between."""

    def __init__(self, current: Current, makes: Makes, forks: Forks, before: Before) -> None:
        self.current, self.spaces, self.makes, self.forks, self.before = current, current.spaces, makes, forks, before
        self.comms: dict[int, str] = {}  # by pid, as they were seen last

    def own(
        self, event: Event, mm: int, bounds: tuple[int, int], flags: int, fork: Op | None = None, *, mine: bool = True
    ) -> None:
        """An event shows a VMA of an address space: that of its task with `mine`, else one that must be known."""
        if not _is_sane(bounds) or not is_special(flags):
            return
        space = self.spaces.get(mm, event.pid) if mine else self.spaces.by_mm.get(mm)
        if space is None and mine:
            space = self.makes.space(event, mm)
        if space is not None:
            self.see(event, space, bounds, flags, fork)

    def see(
        self, event: Event, space: Space, bounds: tuple[int, int], flags: int, before: Op | None = None
    ) -> Area | None:
        """A VMA is there; gives what is new of it. What must have been done for it is done before that operation."""
        start, end = bounds
        parts = space.within(start, end)
        if sum(part.end - part.start for part in parts) < end - start:
            for part in parts:  # it went unseen: a VMA is of one mapping
                self._put(before, Op(event.at, space.name, "munmap", list(part.span())))
            return self._new(event, space, bounds, flags, before)
        for area in [area for area in space.areas if area.start < end and start < area.end]:
            self._changed(event, space, area, bounds, flags, before)
        return None

    def _new(self, event: Event, space: Space, bounds: tuple[int, int], flags: int, before: Op | None) -> Area:
        mapping = self.makes.name(bounds[0], bounds[1] - bounds[0])
        op = mapping.made = self.makes.mapped(event.at, space, mapping, flags)
        self._put(before, op)
        if not flags & VM_WRITE and "ro" not in op.args:
            self._put(before, Op(event.at, space.name, "mprotect", [mapping.name, "ro"]))
        area = Area(mapping, *bounds, flags=flags)
        is_first = not any(start < bounds[1] and bounds[0] < end for start, end in space.ever)
        space.add(area)
        if flags & VM_PAT or self.before.is_by_context:
            self._put(before, self.before.waits(space, area, op, may_be_first=is_first))
        return area

    def _changed(
        self, event: Event, space: Space, area: Area, bounds: tuple[int, int], flags: int, before: Op | None
    ) -> None:
        """What is known of a VMA that is seen as [start, end): where it was split, and whether it may be written."""
        start, end = max(bounds[0], area.start), min(bounds[1], area.end)
        if area.flags >= 0 and (area.flags ^ flags) & VM_WRITE:
            if before is None:
                self.current.cuts.pop(event.pid, None)
            word = "rw" if flags & VM_WRITE else "ro"
            self._put(before, Op(event.at, space.name, "mprotect", [*area.mapping.span(start, end), word]))
            space.cuts.update((start, end))
            space.flagged(start, end, flags)
            return
        for addr in bounds:
            if area.start < addr < area.end and addr not in space.cuts:
                space.cuts.add(addr)
                self._put(before, self.makes.cut(event.at, space, area, addr))

    def _put(self, before: Op | None, op: Op) -> None:
        if before is not None:
            before.ahead.append(op)
        else:
            self.current.tape.add(op)

    # --- saved files -------------------------------------------------------------------------------------

    def saved(self, event: Marker, of: Mapping[int, Sequence[SavedArea]]) -> dict[str, list[Shown]]:
        """What the kernel itself showed of every process at a checkpoint, by the names that these have."""
        listings: dict[str, list[Shown]] = {}
        for pid, saved in of.items():
            areas = [(one.start, one.end, _flags(one.flags)) for one in saved]
            areas = [one for one in areas if is_special(one[2]) and _is_sane(one[:2])]
            space = self.spaces.by_pid.get(pid)
            if space is None or space.ending is not None:
                space = self._unknown(event, pid, areas, of)
            if space is None:
                continue
            for start, end, flags in areas:
                self.see(event, space, (start, end), flags)
            for gone in _without(space, areas):
                if not self._is_going(gone):
                    self.current.tape.add(Op(event.at, space.name, "munmap", list(gone.span())))
                    self.current.tape.remark(event.at, f"{space.name} has it no more; the recording does not show why")
                    space.remove(gone.start, gone.end)
            known = frozenset(LETTERS.values())
            shown = [one for one in saved if is_special(_flags(one.flags)) and _is_sane((one.start, one.end))]
            listings[space.name] = [space.shown(one.start, one.end, one.flags & known) for one in shown]
        return listings

    def followed(self, of: Mapping[int, int], book: Book) -> dict[str, list[Shown]]:
        """What the replay follows, by the names of the processes; `of` has the address space of each task."""
        listings: dict[str, list[Shown]] = {}
        tasks = {mm: pid for pid, mm in of.items()}
        for mm in book.spaces():
            within = (one for one in book.within(mm) if not one.going and is_special(one.flags))
            areas = [one for one in within if _is_sane((one.start, one.end))]
            pid = tasks.get(mm, NO_PID)
            space = self.spaces.by_mm.get(mm) or self.spaces.by_pid.get(pid)
            if not areas:
                continue
            if space is None or space.ending is not None or space.name in listings:
                space = self.spaces.add(Space(self.current.tape.fresh(self.comms.get(pid, ""), pid)), max(mm, 0), pid)
            listings[space.name] = [space.shown(one.start, one.end, letters_of(one.flags)) for one in areas]
        return listings

    def _is_going(self, area: Area) -> bool:
        """Whether it is just being unmapped by what is recorded."""
        open_now = [op for ops in self.current.open.values() for op in ops if op.word in ("munmap", "exit")]
        return any(one.mapping is area.mapping for op in open_now for one in op.areas)

    def _unknown(
        self, event: Marker, pid: int, areas: list[tuple[int, int, int]], of: Mapping[int, Sequence[SavedArea]]
    ) -> Space | None:
        """A process that no event has shown: one whose threads were seen, or a child, or one that was there before."""
        if not areas:
            return None
        comm = self.comms.get(pid, "")
        child = self.forks.shown(event, comm, pid, areas)
        if child is not None:
            return child
        for other, space in list(self.spaces.by_pid.items()):
            if space.ending is not None or not all(space.is_mapped(start, end) for start, end, _ in areas):
                continue
            if other not in of:
                self.spaces.by_pid[pid] = space
                return space
            child = Space(self.current.tape.fresh(comm or self.comms.get(other, ""), pid), forked=True)
            self.current.tape.add(Op(event.at, space.name, "fork", [child.name]))
            for area in space.areas:
                child.add(area.part(area.start, area.end))
            child.cuts = set(space.cuts)
            for gone in _without(child, areas):
                self.current.tape.add(Op(event.at, child.name, "munmap", list(gone.span())))
                child.remove(gone.start, gone.end)
            self.current.tape.remark(event.at, f"{child.name} was forked before this; the recording does not show when")
            self.spaces.by_pid[pid] = child
            return child
        return self.spaces.add(Space(self.current.tape.named(comm, pid)), 0, pid)


def _without(space: Space, areas: Iterable[tuple[int, int, int]]) -> list[Area]:
    """What an address space has outside of these."""
    left = Space("", areas=list(space.areas))
    for start, end, _ in areas:
        left.remove(start, end)
    return left.areas


def letters_of(flags: int) -> frozenset[str]:
    """The compared VmFlags of vm_flags."""
    return frozenset(letter for bit, letter in LETTERS.items() if flags & bit)


def _flags(letters: Iterable[str]) -> int:
    """VmFlags of smaps as the kernel's bits, as far as they matter."""
    bits = {letter: bit for bit, letter in LETTERS.items()} | {"mw": VM_MAYWRITE, "me": VM_MAYEXEC, "ms": VM_MAYSHARE}
    return sum(bits.get(letter, 0) for letter in letters)


def _is_sane(bounds: tuple[int, int]) -> bool:
    start, end = bounds
    return 0 <= start < end <= start + _VIRTUAL and not (start | end) % PAGE
