"""Machine: everything the model knows about one kernel."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from pat_check.model.memory import Mtrr, Ram
from pat_check.model.memtype import Memtype, MemtypeTree
from pat_check.model.owner import Owner
from pat_check.model.page_table import FOUR_LEVELS, Paging
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


class Machine:
    """The memtype layer of one kernel: the tree, the page types of RAM, what drivers have mapped."""

    __slots__ = (
        "freed",
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
        self.unmapped: OrderedDict[int, tuple[int, int]] = OrderedDict()  # addr -> lines of ioremap, iounmap
        self.freed: OrderedDict[tuple[int, int], tuple[int, int]] = OrderedDict()  # range -> lines born, freed

    def was_reserved(self, start: int, end: int) -> bool:
        """Whether any of [start, end) is or was in the tree: then it is no RAM."""
        if self.memtypes.first_overlap(start, end) is not None:
            return True
        return any(low < end and start < high for low, high in self.freed)

    def remember_freed(self, start: int, end: int, born: int, at: int) -> None:
        """Keep the line where a range was freed, for a while."""
        self.freed[start, end] = (born, at)
        self.freed.move_to_end((start, end))
        if len(self.freed) > _REMEMBERED:
            self.freed.popitem(last=False)

    def remember_unmapped(self, iomap: Iomap, at: int) -> None:
        """Keep the line where an address was unmapped, for a while."""
        self.unmapped[iomap.addr] = (iomap.born, at)
        self.unmapped.move_to_end(iomap.addr)
        if len(self.unmapped) > _REMEMBERED:
            self.unmapped.popitem(last=False)
