"""The reverse map: which entries of all page tables map a physical range."""

from __future__ import annotations

from pat_check.model.page_table import Pte
from pat_check.model.ranges import Marked, RangeList, RangeMap
from pat_check.model.vma import Changes, Mm


class Run:
    """A run of entries that map physical bytes [start, end)."""

    __slots__ = ("end", "high", "low", "mm", "pte", "start")

    def __init__(self, mm: Mm, low: int, high: int, pte: Pte) -> None:
        self.mm, self.low, self.high, self.pte = mm, low, high, pte
        self.start, self.end = pte.paddr(low), pte.paddr(high)


class Reverse:
    """Follows page tables by what their address spaces say has changed. Anonymous pages are nowhere."""

    __slots__ = ("_changes", "_done", "_physical", "_virtual")

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._done = 0  # how many of the changed ranges are followed already
        self._physical: RangeList[Marked[Run]] = RangeList()
        self._virtual: dict[Mm, RangeMap[Marked[Run]]] = {}

    def mapping(self, start: int, end: int) -> list[Run]:
        """What maps [start, end): in the order of address spaces, then of addresses."""
        self._follow()
        runs = [one.value for one in self._physical.overlapping(start, end)]
        return sorted(runs, key=lambda run: (run.mm.id, run.low))

    def forget(self) -> None:
        """What has changed so far is of no interest to anybody any more."""
        self._follow()
        self._changes.entries.clear()
        self._changes.vmas.clear()
        self._done = 0

    def _follow(self) -> None:
        entries = self._changes.entries
        while self._done < len(entries):
            mm, start, end = entries[self._done]
            self._done += 1
            self._follow_range(mm, start, end)

    def _follow_range(self, mm: Mm, start: int, end: int) -> None:
        known = self._virtual.setdefault(mm, RangeMap())
        before = (0, 0)
        while before != (start, end):  # until no run of then or now reaches beyond
            before = (start, end)
            old, new = known.touching(start, end), mm.page_table.runs(start, end)
            start = min([start, *(run[0] for run in old[:1]), *(run[0] for run in new[:1])])
            end = max([end, *(run[1] for run in old[-1:]), *(run[1] for run in new[-1:])])
        for _, _, gone in old:
            self._physical.remove(gone)
        known.clear(start, end)
        for low, high, pte in new:
            if not pte.anon:
                run = Run(mm, low, high, pte)
                marked = Marked(run.start, run.end, run)
                self._physical.add(marked)
                known.set(low, high, marked)
        if not len(known):
            del self._virtual[mm]
