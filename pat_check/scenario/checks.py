"""What must hold after every operation of a scenario, whatever it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pat_check.cachemode import UC, UC_MINUS, short_name
from pat_check.model.memory import PAGE, is_untracked
from pat_check.model.operations import lookup_memtype
from pat_check.model.ranges import Marked, RangeList
from pat_check.model.vma import VM_PAT, VM_PFNMAP, Mm, Vma
from pat_check.scenario.world import World

_ALL = 1 << 52


class _Mapped(NamedTuple):
    """Something that maps physical bytes [start, end) with a type, since line `at`; 0 always did."""

    start: int
    end: int
    mode: int
    at: int
    who: str | Mm


class Checks:
    """Looks at the state; each thing is told once, at the line after which it is so.

    What nothing has touched since the last look is as it was then. An operation inside another may touch what the outer
    one has at hand: that is looked at until the outer one is over.
    """

    __slots__ = ("_aliases", "_crooked", "_disabled", "_floor", "_gone", "_watched", "_watches", "_world", "freed")

    def __init__(self, world: World) -> None:
        self._world = world
        self._gone: set[tuple[int, int]] = set()  # (mm, line): tracked mappings without their reservation
        self._crooked: set[tuple[int, int]] = set()
        self._disabled: set[tuple[int, int]] = set()  # (mm, line of the entry)
        self._aliases: set[tuple[int, int, int]] = set()  # (line, line, physical address) of two entries
        self._watches: RangeList[Marked[Vma]] = RangeList()  # of mappings, by what reserves physical bytes for them
        self._watched: dict[Vma, list[Marked[Vma]]] = {}
        self._floor = 0  # the last line of which nothing is looked at again
        self.freed: list[tuple[int, int]] = []  # reservations that went

    def after(self) -> None:
        """The operation is over. What a fact of the same line explains is not told again."""
        explained = self._world.told > 0
        for vma in self._due():
            self._reservation(vma.mm, vma)
            self._linear(vma.mm, vma)
        self._disabled_memory()
        self._one_type(explained=explained)

    def forget(self) -> None:
        """The operation is over, and it is no part of another: what follows does not have at hand what it had."""
        self._world.reverse.forget()
        self._floor = self._world.latest

    def _due(self) -> list[Vma]:
        """The mappings about which anything may be other than before, in the order of address spaces and addresses."""
        changes, memtypes = self._world.changes, self._world.machine.memtypes
        due = dict(changes.vmas)
        for mm, low, high in changes.entries:
            due.update(dict.fromkeys(mm.seen(low, high)))
        for start, end in self.freed:
            if memtypes.first_exact(start, end) is None:  # else its double is there
                due.update(dict.fromkeys(watch.value for watch in self._watches.overlapping(start, end)))
        self.freed.clear()
        for vma in due:
            for watch in self._watched.pop(vma, ()):
                self._watches.remove(watch)
        return sorted(filter(self._is_linked, due), key=lambda vma: (vma.mm.id, vma.start))

    def _is_linked(self, vma: Vma) -> bool:
        return self._world.machine.mms.get(vma.mm.id) is vma.mm and vma in vma.mm.seen(vma.start, vma.start + 1)

    def _watch(self, vma: Vma, start: int, end: int) -> None:
        """Look again when a reservation in [start, end) goes."""
        watch = Marked(start, end, vma)
        self._watches.add(watch)
        self._watched.setdefault(vma, []).append(watch)

    def _reservation(self, mm: Mm, vma: Vma) -> None:
        """A tracked mapping has its reservation: of its context, or over the frames that VM_PAT says are reserved."""
        machine = self._world.machine
        if vma.ctx is not None:
            start, end = vma.ctx.pfn * PAGE, vma.ctx.pfn * PAGE + vma.ctx.size
            found = machine.memtypes.first_exact(start, end) is not None
        elif vma.flags & VM_PAT and vma.full_pfn >= 0:
            first = mm.page_table.get(vma.start)  # where the kernel will look for the frames
            start = first.paddr(vma.start) if first is not None and not first.anon else vma.full_pfn * PAGE
            end = start + vma.size
            if start != vma.full_pfn * PAGE:
                self._watch(vma, vma.full_pfn * PAGE, vma.full_pfn * PAGE + vma.size)
            found = self._covered(start, end) or self._covered(vma.full_pfn * PAGE, vma.full_pfn * PAGE + vma.size)
        else:
            return
        self._watch(vma, start, end)
        if found or not machine.pat_enabled or is_untracked(start, end) or machine.ram.test(start, end):
            return
        if (mm.id, vma.born) not in self._gone:
            self._gone.add((mm.id, vma.born))
            detail = f"the mapping is tracked, and nothing reserves [{start:#x}-{end:#x}) any more"
            story = [(vma.born, f"{vma} was mapped here")]
            self._world.note("tracked-without-node", vma.start, vma.end, start // PAGE, detail, story)

    def _covered(self, start: int, end: int) -> bool:
        for node in self._world.machine.memtypes.overlapping(start, end):
            if node.start > start:
                return False
            start = max(start, node.end)
        return start >= end

    def _linear(self, mm: Mm, vma: Vma) -> None:
        """In a private PFN mapping each frame is vm_pgoff plus the page's number."""
        if not vma.is_cow() or not vma.flags & VM_PFNMAP or (mm.id, vma.born) in self._crooked:
            return
        for low, _, pte in mm.page_table.walk(vma.start, vma.end):
            due = vma.pgoff + (low - vma.start) // PAGE
            if pte.special and pte.paddr(low) // PAGE != due:
                self._crooked.add((mm.id, vma.born))
                detail = f"the private mapping has pfn {pte.paddr(low) // PAGE:#x} where vm_pgoff says {due:#x}"
                story = [(pte.at, "the entry was made here")]
                self._world.note("cow-not-linear", low, low + PAGE, pte.paddr(low) // PAGE, detail, story)
                return

    def _disabled_memory(self) -> None:
        """Nobody has memory mapped that its device does not decode."""
        if not len(self._world.disabled):
            return
        for mm in self._world.machine.mms.values():
            for low, high, pte in mm.page_table:
                off = [] if pte.anon else self._world.disabled.overlapping(pte.paddr(low), pte.paddr(high))
                if off and (mm.id, pte.at) not in self._disabled:
                    self._disabled.add((mm.id, pte.at))
                    detail = "memory that the device does not decode is mapped"
                    story = sorted([(pte.at, "mapped here"), (off[0][2], "switched off here")])
                    self._world.note("mapped-while-disabled", low, high, pte.paddr(low) // PAGE, detail, story)

    # --- one type for each frame ----------------------------------------------------------------------------------

    def _one_type(self, *, explained: bool) -> None:
        """What was mapped by this operation agrees with everything else, and RAM with the type of its pages."""
        world = self._world
        for one in list(self._made()):
            for other in list(self._maps(one.start, one.end)):
                self._agree(other, one, explained=explained)
        for start, end in world.machine.ram.chunks():
            for mapped in list(self._maps(start, end)):
                kernel = lookup_memtype(world.machine, mapped.start)
                whose = _Mapped(mapped.start, mapped.start + PAGE, kernel, 0, "the kernel's own map")
                self._agree(whose, mapped, explained=explained)

    def _agree(self, one: _Mapped, two: _Mapped, *, explained: bool) -> None:
        if one.mode == two.mode or {one.mode, two.mode} == {UC, UC_MINUS}:
            return
        old, new = sorted((one, two), key=lambda mapped: (mapped.at, mapped.mode))
        paddr = max(one.start, two.start)
        if (old.at, new.at, paddr) in self._aliases:
            return
        self._aliases.add((old.at, new.at, paddr))
        if explained:
            return
        first, second = short_name(old.mode), short_name(new.mode)
        detail = f"{paddr:#x} is {first} in {self._name(old)} and {second} in {self._name(new)} at the same time"
        story = [(mapped.at, f"mapped {short_name(mapped.mode)} here") for mapped in (old, new) if mapped.at]
        self._world.note("alias-types", -1, -1, paddr // PAGE, detail, story)

    def _made(self) -> Iterator[_Mapped]:
        """What was mapped since the line of now."""
        world = self._world
        if world.at <= self._floor:  # lines that were played before: a handler
            yield from self._maps(0, _ALL, world.at)
            return
        touched = {
            (mm.id, run[0]): (mm, run) for mm, *where in world.changes.entries for run in mm.page_table.runs(*where)
        }
        for _, (mm, (low, high, pte)) in sorted(touched.items(), key=lambda item: item[0]):
            is_there = not pte.anon and world.machine.mms.get(mm.id) is mm
            if is_there and pte.at >= world.at and pte.paddr(low) < _ALL and pte.paddr(high) > 0:
                yield _Mapped(pte.paddr(low), pte.paddr(high), pte.cachemode, pte.at, mm)
        yield from self._ioremaps(0, _ALL, world.at)

    def _maps(self, start: int, end: int, since: int = 0) -> Iterator[_Mapped]:
        """What maps [start, end) since line `since`."""
        for run in self._world.reverse.mapping(start, end):
            if run.pte.at >= since and self._world.machine.mms.get(run.mm.id) is run.mm:
                yield _Mapped(run.start, run.end, run.pte.cachemode, run.pte.at, run.mm)
        yield from self._ioremaps(start, end, since)

    def _name(self, mapped: _Mapped) -> str:
        who, actors = mapped.who, self._world.actors.values()
        return who if isinstance(who, str) else next((actor.name for actor in actors if actor.mm is who), "a process")

    def _ioremaps(self, start: int, end: int, since: int) -> Iterator[_Mapped]:
        for first, last, mode, at in self._world.iomaps.values():
            if at >= since and first < end and start < last:
                yield _Mapped(first, last, mode, at, "an ioremap")
