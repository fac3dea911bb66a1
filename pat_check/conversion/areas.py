"""Mappings and address spaces that a recording shows, under the names that they get in the scenario."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pat_check.scenario.words import size_text

if TYPE_CHECKING:
    from pat_check.conversion.tape import Op


@dataclass(slots=True, eq=False)
class Mapping:
    """A name of the scenario for user virtual bytes: what mmap or mremap made."""

    name: str
    base: int
    size: int  # bytes
    made: Op | None = None  # its mmap, where the type was not known then
    reserved: tuple[int, int] | None = None  # physical start and end, where it was remapped whole

    def span(self, start: int, end: int) -> list[str]:
        """[start, end) as the arguments of an operation: without a size where that is all of it."""
        if start == self.base and end - start == self.size:
            return [self.name]
        return [self.at(start), size_text(end - start)]

    def at(self, addr: int) -> str:
        """An address in it."""
        return f"{self.name} + {size_text(addr - self.base)}" if addr != self.base else self.name


@dataclass(slots=True, eq=False)
class Area:
    """User virtual bytes [start, end) that are mapped: all or a part of what a name stands for."""

    mapping: Mapping
    start: int
    end: int
    offset: int | None = None  # physical minus virtual address; None where it is not one
    flags: int = -1  # vm_flags as they were seen last; -1 not seen

    def part(self, start: int, end: int) -> Area:
        """What [start, end) has of it."""
        return Area(self.mapping, max(start, self.start), min(end, self.end), self.offset, self.flags)

    def span(self) -> list[str]:
        """All of it, as arguments."""
        return self.mapping.span(self.start, self.end)


class Shown(NamedTuple):
    """A mapping that the kernel or the replay has at a checkpoint: what it is, and where it is in the scenario."""

    size: int  # bytes
    letters: frozenset[str]  # VmFlags of smaps
    mapping: str  # the name; empty where it is not known
    offset: int  # bytes from the start of what has that name

    @property
    def kind(self) -> tuple[int, frozenset[str]]:
        """What is compared."""
        return self.size, self.letters


@dataclass(slots=True, eq=False)
class Space:
    """An address space: the process of the scenario that it belongs to, and what is mapped, ascending."""

    name: str
    mm: int = 0  # 0 not seen yet
    areas: list[Area] = field(default_factory=list)
    cuts: set[int] = field(default_factory=set)  # where VMAs are known to end in the middle of an area
    ending: Op | None = None  # the exit or exec that ends it
    past: list[Area] = field(default_factory=list)  # what was mapped when it ended
    vanished: list[tuple[Op, Area]] = field(default_factory=list)  # unmaps that nothing was freed for, so far
    ever: list[tuple[int, int]] = field(default_factory=list)  # where anything was mapped
    forked: bool = False  # it is the child of a fork that the scenario has

    def find(self, addr: int) -> Area | None:
        """What is mapped at an address."""
        return next((area for area in self.areas if area.start <= addr < area.end), None)

    def within(self, start: int, end: int) -> list[Area]:
        """The parts in [start, end); neighbours of one mapping are one."""
        found: list[Area] = []
        for area in self.areas:
            if area.start >= end or start >= area.end:
                continue
            part = area.part(start, end)
            if found and found[-1].mapping is part.mapping and found[-1].end == part.start:
                found[-1].end = part.end
            else:
                found.append(part)
        return found

    def is_mapped(self, start: int, end: int) -> bool:
        """Whether all of [start, end) is mapped."""
        return sum(part.end - part.start for part in self.within(start, end)) == end - start

    def flagged(self, start: int, end: int, flags: int) -> None:
        """[start, end) of an area has these flags now."""
        areas = []
        for area in self.areas:
            if area.start >= end or start >= area.end:
                areas.append(area)
                continue
            within = area.part(start, end)
            within.flags = flags
            around = area.part(area.start, start), area.part(end, area.end)
            areas += [part for part in (around[0], within, around[1]) if part.start < part.end]
        self.areas = areas

    def shown(self, start: int, end: int, letters: frozenset[str]) -> Shown:
        """A mapping that is seen here, under the name of what is known to be mapped."""
        area = self.find(start)
        return Shown(end - start, letters, *((area.mapping.name, start - area.mapping.base) if area else ("", 0)))

    def add(self, area: Area) -> None:
        """Something is mapped."""
        self.cuts = {cut for cut in self.cuts if not area.start <= cut <= area.end}
        self.remove(area.start, area.end)
        self.areas.append(area)
        self.ever.append((area.start, area.end))
        self.areas.sort(key=lambda one: one.start)

    def remove(self, start: int, end: int) -> None:
        """Nothing is mapped in [start, end) any more."""
        kept = []
        for area in self.areas:
            if area.start >= end or start >= area.end:
                kept.append(area)
                continue
            kept += [part for part in (area.part(area.start, start), area.part(end, area.end)) if part.start < part.end]
        self.areas = kept


class Spaces:
    """Address spaces by number and by task."""

    def __init__(self) -> None:
        self.by_mm: dict[int, Space] = {}
        self.by_pid: dict[int, Space] = {}

    def forget(self) -> None:
        """What is seen from now on is new."""
        self.by_mm.clear()
        self.by_pid.clear()

    def lost(self) -> None:
        """Events are missing: what is mapped where is not sure."""
        for space in {id(space): space for space in (*self.by_mm.values(), *self.by_pid.values())}.values():
            for area in space.areas:
                area.offset = None

    def get(self, mm: int, pid: int) -> Space | None:
        """The address space with this number, or of this task where the number was not seen yet."""
        if mm in self.by_mm:
            return self.by_mm[mm]
        space = self.by_pid.get(pid)
        if space is None or (mm and space.mm) or space.ending is not None:
            return None
        if mm:
            space.mm = mm
            self.by_mm[mm] = space
        return space

    def add(self, space: Space, mm: int, pid: int) -> Space:
        """A new address space of a task."""
        self.by_pid[pid] = space
        if mm:
            space.mm = mm
            self.by_mm[mm] = space
        return space

    def shared(self, space: Space, area: Area) -> bool:
        """Whether another address space has a part of the same mapping, since a fork."""
        return any(
            other is not space and any(one.mapping is area.mapping for one in other.areas)
            for other in (*self.by_mm.values(), *self.by_pid.values())
        )

    def end(self, space: Space, ending: Op) -> None:
        """An address space goes, and what is mapped with it."""
        space.ending = ending
        space.past, space.areas = space.areas, []
        if self.by_mm.get(space.mm) is space:
            del self.by_mm[space.mm]
