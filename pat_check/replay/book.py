"""The followed VMAs: by their address in the kernel, by their place in an address space, and by what they map."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

from pat_check.events import FreePfnRange
from pat_check.model.vma import VM_PAT
from pat_check.replay.mapped import OVER, Mapped

_LIMIT: Final = 200_000


class Book:
    """Who changes where a VMA lies, or what it surely maps, does so here, so that it is found again."""

    __slots__ = ("_mapping", "_placed", "of", "untracked")

    def __init__(self) -> None:
        self.of: dict[int, Mapped] = {}  # by its address in the kernel
        self.untracked: tuple[int, int | None] = (0, None)  # the last VMA whose tracking went, and its offset then
        self._placed: dict[int, list[tuple[int, int]]] = {}  # by address space: (start, VMA), ascending
        self._mapping: dict[tuple[int, int], set[int]] = {}  # by physical start and end: the VMAs that map all of it

    def put(self, vma: int, area: Mapped) -> None:
        """A VMA is followed from now on, whatever had its address before; too many are not."""
        self.drop(vma)
        if len(self.of) < _LIMIT:
            self.of[vma] = area
            self._place(vma, area)
            self._claim(vma, area)

    def drop(self, vma: int) -> None:
        """A VMA is followed no more."""
        area = self.of.pop(vma, None)
        if area is not None:
            self._displace(vma, area)
            self._disclaim(vma, area)

    def resize(self, vma: int, area: Mapped, start: int, end: int) -> None:
        """A VMA now reaches from `start` to `end`."""
        self._displace(vma, area)
        self._disclaim(vma, area)
        area.start, area.end = start, end
        self._place(vma, area)
        self._claim(vma, area)

    def map(self, vma: int, area: Mapped, offset: int | None) -> None:
        """Every page of a VMA is mapped with this offset of its physical address; None is not known."""
        if area.offset != offset:
            self._disclaim(vma, area)
            area.offset = offset
            self._claim(vma, area)

    def give(self, vma: int, area: Mapped, mm: int) -> None:
        """A VMA is of another address space."""
        if area.mm != mm:
            self._displace(vma, area)
            area.mm = mm
            self._place(vma, area)

    def rename(self, old: int, new: int) -> None:
        """An address space has got another number."""
        for _, vma in self._placed.pop(old, ()):
            area = self.of[vma]
            area.mm = new
            self._place(vma, area)

    def end(self, mm: int) -> list[int]:
        """An address space is torn down: its VMAs, whose end may still be recorded."""
        ended = [vma for _, vma in self._placed.pop(mm, ())]
        for vma in ended:
            self.of[vma].mm = OVER
        return ended

    def within(self, mm: int) -> list[Mapped]:
        """The VMAs of an address space, ascending."""
        return [self.of[vma] for _, vma in self._placed.get(mm, ())]

    def spaces(self) -> list[int]:
        """The address spaces that have any."""
        return list(self._placed)

    def inside(self, mm: int, start: int, end: int) -> list[tuple[int, Mapped]]:
        """The VMAs of an address space that lie in [start, end), ascending."""
        placed = self._placed.get(mm)
        found: list[tuple[int, Mapped]] = []
        if placed is None:
            return found
        at = bisect_left(placed, (start, 0))
        while at < len(placed) and placed[at][0] < end:
            vma = placed[at][1]
            area = self.of[vma]
            if area.start < area.end <= end:
                found.append((vma, area))
            at += 1
        return found

    def tracked(self, mm: int, start: int, end: int, untracked: FreePfnRange, freed: int) -> int:
        """How many VMAs of an address space surely map all of a physical range, and have it reserved.

        None unless the VMA that is untracked surely mapped the physical address `freed`, and is no part of them: they
        may have been split unseen.
        """
        first, last = untracked.vm_start, untracked.vm_end
        if first < 0 or last <= first:
            return 0
        vma, offset = self.untracked
        inside = vma == untracked.vma and offset == freed - first
        areas = [self.of[vma] for vma in self._mapping.get((start, end), ())]
        found = 0
        for area in areas:
            if area.mm == mm and area.start < last and first < area.end:
                return 0
            found += area.mm == mm and area.flags & VM_PAT != 0 and not area.going
        if found and not inside:
            whole = (self.of[vma] for at, vma in self._placed.get(mm, ()) if at <= first)
            inside = any(last <= area.end and area.offset == freed - first for area in whole)
        return found if inside else 0

    def freed(self, start: int, end: int) -> None:
        """A physical range is freed: no VMA surely maps all of it any more."""
        for vma in self._mapping.pop((start, end), ()):
            self.of[vma].offset = None

    def clear(self) -> None:
        """Nothing is known any more."""
        self.of.clear()
        self._placed.clear()
        self._mapping.clear()

    def _place(self, vma: int, area: Mapped) -> None:
        if area.mm == OVER:
            return
        placed = self._placed.get(area.mm)
        if placed is None:
            self._placed[area.mm] = [(area.start, vma)]
        else:
            insort(placed, (area.start, vma))

    def _displace(self, vma: int, area: Mapped) -> None:
        if area.mm == OVER:
            return
        placed = self._placed[area.mm]
        del placed[bisect_left(placed, (area.start, vma))]
        if not placed:
            del self._placed[area.mm]

    def _claim(self, vma: int, area: Mapped) -> None:
        if area.offset is not None:
            self._mapping.setdefault((area.start + area.offset, area.end + area.offset), set()).add(vma)

    def _disclaim(self, vma: int, area: Mapped) -> None:
        if area.offset is None:
            return
        key = area.start + area.offset, area.end + area.offset
        vmas = self._mapping[key]
        vmas.discard(vma)
        if not vmas:
            del self._mapping[key]
