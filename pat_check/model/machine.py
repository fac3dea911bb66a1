"""Machine: everything the model knows about one kernel."""

from __future__ import annotations

from typing import Final

from pat_check.model.memory import Mtrr, Ram
from pat_check.model.memtype import Memtype
from pat_check.model.owner import Owner
from pat_check.model.page_table import FOUR_LEVELS, Paging
from pat_check.model.tree import MemtypeTree
from pat_check.model.vma import Mm

_REMEMBERED: Final = 20_000


class Iomap:
    """One ioremap of a driver.

    Born: __ioremap_caller() returns an address. Dies: iounmap() of that address, which frees exactly the
    page-aligned range that was reserved.
    """

    __slots__ = ("addr", "born", "end", "node", "owner", "phys", "start")

    def __init__(
        self, addr: int, phys: int, start: int, end: int, node: Memtype | None, owner: Owner, born: int
    ) -> None:
        self.addr, self.phys, self.start, self.end = addr, phys, start, end
        self.node, self.owner, self.born = node, owner, born


class Freed:
    """A range that was freed: the lines where it was reserved, and where it was freed."""

    __slots__ = ("at", "born", "end", "start")

    def __init__(self, start: int, end: int, born: int, at: int) -> None:
        self.start, self.end, self.born, self.at = start, end, born, at


class Machine:
    """The memtype layer of one kernel: the tree, the page types of RAM, what drivers have mapped."""

    __slots__ = (
        "_freed",
        "_latest",
        "_oldest",
        "iomaps",
        "memtypes",
        "mms",
        "mtrr",
        "now",
        "origin_known",
        "paging",
        "pat_enabled",
        "ram",
        "unmapped",
    )

    def __init__(self, ram: Ram | None = None, mtrr: Mtrr | None = None, paging: Paging = FOUR_LEVELS) -> None:
        self.memtypes = MemtypeTree()
        self.ram = ram or Ram()
        self.mtrr = mtrr or Mtrr()
        self.paging = paging
        self.pat_enabled = True
        self.now = 0  # the line of the trace that is being applied
        self.mms: dict[int, Mm] = {}
        self.origin_known = False  # whether the reservations older than the trace are known
        self.iomaps: dict[int, Iomap] = {}  # by page-aligned kernel virtual address
        self.unmapped: dict[int, tuple[int, int]] = {}  # addr -> lines of ioremap, iounmap; the oldest is first
        self._latest: list[Freed] = []  # what was freed since anybody has asked
        self._freed: dict[tuple[int, int], tuple[int, int]] = {}  # the others: range -> lines born, freed
        self._oldest: list[tuple[int, int, int]] = []  # some of these, by line, that of the first is last

    def was_reserved(self, start: int, end: int) -> bool:
        """Whether any of [start, end) is or was in the tree: then it is no RAM."""
        if self.memtypes.first_overlap(start, end) is not None:
            return True
        return any(low < end and start < high for low, high in self.freed)

    def remember_freed(self, start: int, end: int, born: int, at: int) -> None:
        """Keep the line where a range was freed, for a while."""
        self._latest.append(Freed(start, end, born, at))
        if len(self._latest) >= _REMEMBERED:
            self._file()

    @property
    def freed(self) -> dict[tuple[int, int], tuple[int, int]]:
        """The lines where ranges were born and freed last."""
        if self._latest:
            self._file()
        return self._freed

    @freed.setter
    def freed(self, freed: dict[tuple[int, int], tuple[int, int]]) -> None:
        self._freed = freed
        self._latest, self._oldest = [], []

    def _file(self) -> None:
        """Find a place for what was freed since anybody has asked: few ask."""
        for one in self._latest:
            self._freed[one.start, one.end] = (one.born, one.at)
            if len(self._freed) > _REMEMBERED:
                self._forget_oldest()
        self._latest.clear()

    def _forget_oldest(self) -> None:
        """One range less that was freed: that of the first line."""
        while True:
            if not self._oldest:
                self._oldest = [(start, end, at) for (start, end), (_, at) in self._freed.items()]
                self._oldest.sort(key=_line)
                self._oldest.reverse()  # of one line the first is the oldest
            start, end, at = self._oldest.pop()
            if self._freed.get((start, end), (0, -1))[1] == at:  # else it was freed again
                del self._freed[start, end]
                return

    def remember_unmapped(self, iomap: Iomap, at: int) -> None:
        """Keep the line where an address was unmapped, for a while."""
        self.unmapped.pop(iomap.addr, None)
        self.unmapped[iomap.addr] = (iomap.born, at)
        if len(self.unmapped) > _REMEMBERED:
            del self.unmapped[next(iter(self.unmapped))]


def _line(freed: tuple[int, int, int]) -> int:
    return freed[2]
