"""Page tables as runs: consecutive entries that differ only in their pfn are one object.

Memory grows with what differs, not with what is mapped: a 64 GiB BAR mapped whole is one run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pat_check.cachemode import UC, UC_MINUS, WB, WC, WP, WT
from pat_check.model.memory import PAGE
from pat_check.model.ranges import RangeMap

PMD_SIZE: Final = 1 << 21
PUD_SIZE: Final = 1 << 30
P4D_SIZE: Final = 1 << 39
LEVELS: Final[dict[int, str]] = {PAGE: "pte", PMD_SIZE: "pmd", PUD_SIZE: "pud"}
"""The levels at which an entry can be a leaf."""

_ENTRIES: Final = 512

_AS_HUGE: Final[dict[int, int]] = {WB: WB, WC: WP, UC_MINUS: UC_MINUS, UC: WT}


class Paging:
    """How deep page tables are: `spans` is the bytes of one entry at each level, from the leaves up.

    With four levels P4D is folded: what lies above a PUD is the PGD. User space is the lower half of the PGD, but for
    one page at its end (``TASK_SIZE_MAX``); `user_end` is exclusive.
    """

    __slots__ = ("spans", "user_end")

    def __init__(self, levels: int) -> None:
        spans = {**{level: leaf for leaf, level in LEVELS.items()}, "p4d": P4D_SIZE, "pgd": P4D_SIZE * _ENTRIES}
        if levels == 4:
            del spans["p4d"]
            spans["pgd"] = P4D_SIZE
        self.spans: dict[str, int] = spans
        self.user_end: int = spans["pgd"] * _ENTRIES // 2 - PAGE


FOUR_LEVELS: Final[Paging] = Paging(4)
FIVE_LEVELS: Final[Paging] = Paging(5)
MAP_WINDOW: Final = FOUR_LEVELS.user_end
"""``DEFAULT_MAP_WINDOW``: above this, exclusive, is mapped only where an address asks for it."""


class Pte:
    """A run of leaf entries: virtual + `offset` is the physical address of each.

    `leaf` is the bytes that one entry spans, `cachemode` the type in its bits as the processor sees it. `special`
    entries are raw pfns; an `anon` one is a page of RAM that copy-on-write made, whose pfn nobody records.
    """

    __slots__ = ("anon", "at", "cachemode", "leaf", "offset", "special", "tracked", "write")

    def __init__(
        self,
        offset: int,
        cachemode: int,
        leaf: int = PAGE,
        *,
        at: int = 0,
        write: bool = True,
        special: bool = True,
        anon: bool = False,
        tracked: bool = True,
    ) -> None:
        self.offset, self.cachemode, self.leaf, self.at = offset, cachemode, leaf, at
        self.write, self.special, self.anon = write, special, anon
        self.tracked = tracked  # its type came from the tracking layer

    def paddr(self, addr: int) -> int:
        """The physical address that a virtual one maps to."""
        return addr + self.offset

    def decoded(self) -> int:
        """The type as ``pgprot2cachemode()`` reads it: of a huge leaf it takes PSE for the PAT bit."""
        return self.cachemode if self.leaf == PAGE else _AS_HUGE.get(self.cachemode, self.cachemode)

    def maps_as(self, other: Pte) -> bool:
        """Whether both map the same frames where both are."""
        return self.offset == other.offset

    def is_same(self, other: Pte) -> bool:
        """Whether both say the same of an address, write permission taken as more or equal."""
        return self.maps_as(other) and self.cachemode == other.cachemode and not (self.write and not other.write)

    def moved(self, by: int) -> Pte:
        """The same entries, `by` bytes higher in the address space."""
        return self.like(offset=self.offset - by)

    def like(self, *, offset: int | None = None, write: bool | None = None) -> Pte:
        """A copy with what changed."""
        return Pte(
            self.offset if offset is None else offset,
            self.cachemode,
            self.leaf,
            at=self.at,
            write=self.write if write is None else write,
            special=self.special,
            anon=self.anon,
            tracked=self.tracked,
        )


class PageTable:
    """The present entries of one address space. `tell` is called with every range that changes."""

    __slots__ = ("_runs", "_tell")

    def __init__(self, tell: Callable[[int, int], None] | None = None) -> None:
        self._runs: RangeMap[Pte] = RangeMap()
        self._tell = tell

    def __iter__(self) -> Iterator[tuple[int, int, Pte]]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    def walk(self, start: int, end: int) -> list[tuple[int, int, Pte]]:
        """The runs that intersect [start, end), clipped to it."""
        return self._runs.overlapping(start, end)

    def runs(self, start: int, end: int) -> list[tuple[int, int, Pte]]:
        """The runs that intersect [start, end), whole."""
        return self._runs.touching(start, end)

    def get(self, addr: int) -> Pte | None:
        """The entry of one address."""
        runs = self._runs.overlapping(addr, addr + 1)
        return runs[0][2] if runs else None

    def install(self, start: int, end: int, pte: Pte) -> None:
        """Fill [start, end); what was there must be gone already."""
        self._runs.set(start, end, pte)
        if self._tell is not None:
            self._tell(start, end)

    def leaf_span(self, addr: int) -> tuple[int, int] | None:
        """The virtual range of the leaf that holds an address."""
        pte = self.get(addr)
        if pte is None:
            return None
        start = addr & ~(pte.leaf - 1)
        return start, start + pte.leaf

    def clear(self, start: int, end: int) -> list[tuple[int, int, Pte]]:
        """Clear [start, end) and every huge leaf that reaches into it; gives back what was cleared.

        A huge special leaf cannot be cut: it is cleared whole, and what it mapped beyond refaults.
        """
        first = self.leaf_span(start)
        last = self.leaf_span(end - 1)
        start = min(start, first[0]) if first is not None else start
        end = max(end, last[1]) if last is not None else end
        gone = self._runs.overlapping(start, end)
        self._runs.clear(start, end)
        if gone and self._tell is not None:
            self._tell(start, end)
        return gone

    def clear_special(self, start: int, end: int) -> list[tuple[int, int, Pte]]:
        """As `clear`, but anon pages stay (``even_cows`` false)."""
        gone = self.clear(start, end)
        for low, high, pte in gone:
            if pte.anon:
                self._runs.set(low, high, pte)
        return [run for run in gone if not run[2].anon]
