"""The followed VMAs: by their address in the kernel, by their place in an address space, and by what they map."""

from __future__ import annotations

from typing import Final

from pat_check.events import FreePfnRange
from pat_check.model.vma import VM_PAT
from pat_check.replay.mapped import OVER, UNSURE, Mapped

_LIMIT: Final = 200_000
_EVERYTHING: Final = (1 << 64) - 1


class Book:
    """Who changes where a VMA lies, or what it surely maps, does so here, so that it is found again.

    What maps a physical range is noted only from the first question on, for most recordings never ask.
    """

    __slots__ = ("_mapping", "_placed", "of", "untracked")

    def __init__(self) -> None:
        self.of: dict[int, Mapped] = {}  # by its address in the kernel
        self.untracked: tuple[int, int] = (0, UNSURE)  # the last VMA whose tracking went, and its offset then
        self._placed: dict[int, list[Mapped]] = {}  # by address space: ascending by start, then by VMA
        self._mapping: dict[int, set[int]] | None = None  # by `_key` of a physical range: the VMAs that map all of it

    def put(self, vma: int, area: Mapped) -> None:
        """A VMA is followed from now on, whatever had its address before; too many are not."""
        before = self.of.get(vma)
        if before is None and len(self.of) >= _LIMIT:
            return
        area.vma = vma
        self.of[vma] = area
        if before is not None:
            self._disclaim(before)
            self._displace(before)
        self._place(area)
        self._claim(area)

    def drop(self, vma: int) -> None:
        """A VMA is followed no more."""
        area = self.of.pop(vma, None)
        if area is not None:
            self._displace(area)
            self._disclaim(area)

    def resize(self, area: Mapped, start: int, end: int) -> None:
        """A VMA now reaches from `start` to `end`."""
        self._disclaim(area)
        self._displace(area)
        area.start, area.end = start, end
        self._place(area)
        self._claim(area)

    def map(self, area: Mapped, offset: int) -> None:
        """Every page of a VMA is mapped with this offset of its physical address; `UNSURE` is not known."""
        if area.offset != offset:
            self._disclaim(area)
            area.offset = offset
            self._claim(area)

    def give(self, area: Mapped, mm: int) -> None:
        """A VMA is of another address space."""
        if area.mm != mm:
            self._displace(area)
            area.mm = mm
            self._place(area)

    def rename(self, old: int, new: int) -> None:
        """An address space has got another number."""
        placed = self._placed.get(old)
        if placed is not None:
            del self._placed[old]
            for area in placed:
                area.mm = new
                self._place(area)

    def end(self, mm: int) -> list[int]:
        """An address space is torn down: its VMAs, whose end may still be recorded."""
        placed = self._placed.get(mm)
        if placed is None:
            return []
        del self._placed[mm]
        for area in placed:
            area.mm = OVER
        return [area.vma for area in placed]

    def within(self, mm: int) -> list[Mapped]:
        """The VMAs of an address space, ascending."""
        return list(self._placed.get(mm, ()))

    def spaces(self) -> list[int]:
        """The address spaces that have any."""
        return list(self._placed)

    def inside(self, mm: int, start: int, end: int) -> list[Mapped]:
        """The VMAs of an address space that lie in [start, end), ascending."""
        placed = self._placed.get(mm)
        if placed is None:
            return []
        if start == 0 and end >= _EVERYTHING:
            return [area for area in placed if area.start < area.end]
        found: list[Mapped] = []
        for place in range(_place_from(placed, start), len(placed)):
            area = placed[place]
            if area.start >= end:
                break
            if area.start < area.end <= end:
                found.append(area)
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
        found = 0
        for vma in self._claims().get(_key(start, end), ()):
            area = self.of[vma]
            if area.mm != mm or not _maps(area, start, end):
                continue
            if area.start < last and first < area.end:
                return 0
            found += area.flags & VM_PAT != 0 and not area.going
        if found and not inside:
            for area in self._placed.get(mm, ()):
                if area.start > first:
                    break
                if last <= area.end and area.offset == freed - first:
                    return found
        return found if inside else 0

    def freed(self, start: int, end: int) -> None:
        """A physical range is freed: no VMA surely maps all of it any more."""
        key, claims = _key(start, end), self._claims()
        vmas = claims.get(key)
        if vmas is None:
            return
        del claims[key]
        for vma in vmas:
            area = self.of[vma]
            if _maps(area, start, end):
                area.offset = UNSURE
            else:
                self._claim(area)

    def frees_unheard(self) -> None:
        """Nobody tells of frees any more."""
        self._mapping = None

    def clear(self) -> None:
        """Nothing is known any more."""
        self.of.clear()
        self._placed.clear()
        self._mapping = None

    def _place(self, area: Mapped) -> None:
        if area.mm == OVER:
            return
        placed = self._placed.get(area.mm)
        if placed is None:
            self._placed[area.mm] = [area]
        elif placed[-1].start < area.start:
            placed.append(area)
        else:
            placed.insert(_place_of(placed, area), area)

    def _displace(self, area: Mapped) -> None:
        if area.mm == OVER:
            return
        placed = self._placed[area.mm]
        if len(placed) == 1:
            del self._placed[area.mm]
        else:
            placed.pop(_place_of(placed, area))

    def _claims(self) -> dict[int, set[int]]:
        if self._mapping is None:
            self._mapping = {}
            for area in self.of.values():
                self._claim(area)
        return self._mapping

    def _claim(self, area: Mapped) -> None:
        if self._mapping is None or area.offset == UNSURE:
            return
        key = _key(area.start + area.offset, area.end + area.offset)
        vmas = self._mapping.get(key)
        if vmas is None:
            self._mapping[key] = {area.vma}
        else:
            vmas.add(area.vma)

    def _disclaim(self, area: Mapped) -> None:
        if self._mapping is None or area.offset == UNSURE:
            return
        key = _key(area.start + area.offset, area.end + area.offset)
        vmas = self._mapping[key]
        if len(vmas) == 1:
            del self._mapping[key]
        else:
            vmas.discard(area.vma)


def _key(start: int, end: int) -> int:
    """One number for a physical range, for that is looked up sooner than two; other ranges may have the same."""
    return start + (end << 8)


def _maps(area: Mapped, start: int, end: int) -> bool:
    """Whether a VMA surely maps just this physical range."""
    return area.start + area.offset == start and area.end + area.offset == end


def _place_of(areas: list[Mapped], area: Mapped) -> int:
    """Where a VMA is in such a list, or belongs."""
    low, high, start = 0, len(areas), area.start
    while low < high:
        middle = (low + high) >> 1
        other = areas[middle]
        if other is area:
            return middle
        if other.start < start or (other.start == start and other.vma < area.vma):
            low = middle + 1
        else:
            high = middle
    return low


def _place_from(areas: list[Mapped], start: int) -> int:
    """Where in such a list the first VMA is that begins at an address or above it."""
    low, high = 0, len(areas)
    while low < high:
        middle = (low + high) >> 1
        if areas[middle].start < start:
            low = middle + 1
        else:
            high = middle
    return low
