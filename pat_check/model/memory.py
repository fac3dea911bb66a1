"""What lies at a physical address: System RAM with its page types, the legacy hole, the MTRRs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pat_check.cachemode import WB
from pat_check.model.owner import Owner
from pat_check.model.ranges import RangeMap

PageType = tuple[int, int, Owner]
"""The type of RAM pages, the line that set it, and who did."""

PAGE: Final = 4096
ISA_START: Final = 0xA0000
ISA_END: Final = 0x100000
PHYSICAL_MASK: Final = (1 << 52) - 1
"""``__PHYSICAL_MASK`` of x86-64 without memory encryption: a decoy address has bit 63 set."""


def is_untracked(start: int, end: int) -> bool:
    """``x86_platform.is_untracked_pat_range``: wholly inside the legacy ISA hole."""
    return start >= ISA_START and end <= ISA_END


class Ram:
    """The busy System RAM resources, and the type that struct page keeps for each RAM page.

    `known` is false where no /proc/iomem was given: then nothing is RAM until a recording shows it.
    """

    __slots__ = ("_asked", "_chunks", "known", "types")

    def __init__(self, chunks: Iterable[tuple[int, int]] | None = None) -> None:
        self.known = chunks is not None
        self._chunks: list[tuple[int, int]] = []  # in pages, rounded inwards
        for start, end in sorted(chunks or ()):
            first, last = -(-start // PAGE), end // PAGE
            if first < last:
                self._chunks.append((first, last))
        self._asked = (0, 0, 0)  # the last range that was tested, which is asked for several times, and what it is
        self.types: RangeMap[PageType] = RangeMap()  # of pfn ranges, WB left out

    def test(self, start: int, end: int) -> int:
        """``pat_pagerange_is_ram()``: 1 RAM, 0 not RAM, -1 mixed, with the kernel's own surprises.

        Everything below 1 MiB counts as not RAM, and a hole behind the last RAM page is never seen.
        """
        asked_start, asked_end, known = self._asked
        if start != asked_start or end != asked_end:
            known = self._test(start, end)
            self._asked = (start, end, known)
        return known

    def _test(self, start: int, end: int) -> int:
        cursor = start // PAGE
        last = -(-end // PAGE)
        first = max(cursor, ISA_END // PAGE)
        if first >= last:
            return 0
        ram = hole = False
        for chunk_first, chunk_last in self._chunks:
            if chunk_last <= first:
                continue
            if chunk_first >= last:
                break
            begin = max(chunk_first, first)
            hole = hole or begin > cursor
            ram = True
            cursor = min(chunk_last, last)
            if hole:
                break
        if ram and hole:
            return -1
        return 1 if ram else 0

    def is_busy_ram(self, start: int, end: int) -> bool:
        """Whether any full page of [start, end) is System RAM: what ioremap refuses."""
        first, last = start // PAGE, -(-end // PAGE)
        return any(begin < last and stop > first for begin, stop in self._chunks)

    def edges(self, start: int, end: int) -> list[int]:
        """The byte addresses inside [start, end) where RAM begins or ends."""
        found = [page * PAGE for chunk in self._chunks for page in chunk]
        return [edge for edge in found if start < edge < end]

    def chunks(self) -> list[tuple[int, int]]:
        """The ranges of System RAM, bytes."""
        return [(first * PAGE, last * PAGE) for first, last in self._chunks]

    def first_busy(self, start: int, end: int) -> PageType | None:
        """The type, the line and the owner of the first page of [start, end) that is not WB.

        Here and in `set_type` a page that the range only begins is left out, as the kernel's loops do.
        """
        pieces = self.types.overlapping(start // PAGE, end // PAGE)
        return pieces[0][2] if pieces else None

    def set_type(self, start: int, end: int, type_: int, at: int, owner: Owner) -> None:
        """Give every page of [start, end) a type, on behalf of `owner` at line `at`."""
        first, last = start // PAGE, end // PAGE
        if type_ == WB:
            self.types.clear(first, last)
        else:
            self.types.set(first, last, (type_, at, owner))

    def learn(self, start: int, end: int) -> None:
        """Count [start, end) as RAM from now on: a recording without /proc/iomem showed that it is."""
        self._chunks.append((start // PAGE, -(-end // PAGE)))
        self._chunks.sort()
        self._asked = (0, 0, 0)

    def unlearn(self, start: int, end: int) -> None:
        """Count [start, end) as RAM no more: it came into the tree."""
        first, last = start // PAGE, -(-end // PAGE)
        parts = [
            part
            for begin, stop in self._chunks
            for part in ((begin, min(stop, first)), (max(begin, last), stop))
            if part[0] < part[1]
        ]
        self._chunks = sorted(set(parts))
        self.types.clear(first, last)
        self._asked = (0, 0, 0)


class Mtrr:
    """The memory type range registers, as far as this layer asks: is a whole range write-back?

    /proc/mtrr does not show the default type; it is taken to be write-back when every register says
    uncachable, and uncachable otherwise. Below 1 MiB the fixed registers of a PC are assumed: write-back up to the
    ISA hole, something else in it.
    """

    __slots__ = ("_default", "_ranges", "known")

    def __init__(self, ranges: Iterable[tuple[int, int, str]] | None = None) -> None:
        self.known = ranges is not None
        self._ranges = sorted(ranges or ())
        self._default = bool(self._ranges) and all(kind == "uncachable" for _, _, kind in self._ranges)

    def is_write_back(self, start: int, end: int) -> bool:
        """``mtrr_type_lookup() == MTRR_TYPE_WRBACK`` for [start, end)."""
        if end <= ISA_START:
            return True
        if not self.known or start < ISA_END:
            return False
        covered = start  # up to here by registers that say write-back, side by side or overlapping
        for begin, stop, kind in self._ranges:
            if begin < end and start < stop:
                if kind != "write-back":
                    return False
                if begin <= covered:
                    covered = max(covered, stop)
        return self._default or covered >= end
