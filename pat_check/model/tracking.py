"""The PFN-mapping tracking layer as the rest of mm/ sees it: the hooks that an era fills.

The hooks are called where mm/memory.c, mm/mmap.c, mm/mremap.c and kernel/fork.c call them. Every one is a no-op here;
results are 0 or -errno.
"""

from __future__ import annotations

from typing import Protocol

from pat_check.model import operations
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE
from pat_check.model.vma import Vma


class MemtypeLayer(Protocol):
    """memtype_reserve() and memtype_free() as the tracking layer calls them."""

    def memtype_reserve(self, start: int, end: int, req: int, vma: Vma | None) -> tuple[int, int]:
        """Reserve [start, end) for a mapping; 0 or -errno, and the type that was granted."""
        ...

    def memtype_free(self, start: int, end: int, api: str, vma: Vma | None) -> int:
        """Free [start, end)."""
        ...

    def message(self, number: int, start: int, end: int, want: int, have: int) -> None:
        """The kernel says row `number` of memtype.md section 13 about a mapping."""
        ...

    def warn(self, function: str, vma: Vma) -> None:
        """WARN_ON_ONCE() in a function that works on a mapping."""
        ...


class PfnmapTracking:
    """What an era does at each hook."""

    __slots__ = ("layer", "machine")

    def __init__(self, machine: Machine, layer: MemtypeLayer) -> None:
        self.machine, self.layer = machine, layer

    # --- hooks ------------------------------------------------------------------------------------------------

    def remap(self, vma: Vma, addr: int, pfn: int, size: int, mode: int) -> tuple[int, int]:
        """remap_pfn_range() is about to fill [addr, addr+size): 0 or -errno, and the type to use."""
        return 0, mode

    def remap_failed(self, vma: Vma, addr: int, pfn: int, size: int) -> None:
        """Filling failed after `remap` succeeded."""

    def lookup(self, vma: Vma, pfn: int, mode: int) -> int:
        """The type for a fault insert of one entry."""
        return operations.lookup_memtype(self.machine, pfn * PAGE) if self.machine.pat_enabled else mode

    def dup(self, src: Vma, dst: Vma) -> None:
        """vm_area_dup(): split, fork, mremap."""

    def copy(self, src: Vma, dst: Vma) -> int:
        """fork copies the page tables of a PFN mapping."""
        return 0

    def copy_failed(self, src: Vma, dst: Vma) -> None:
        """copy_page_range() failed after `copy` succeeded; what was copied of `dst` so far is still there."""

    def moved(self, src: Vma, dst: Vma) -> None:
        """mremap has moved the page tables from `src` to `dst`."""

    def unmap(self, vma: Vma) -> None:
        """unmap_vmas() is at this mapping, before any entry is cleared."""

    def zap(self, vma: Vma) -> None:
        """unmap_single_vma() is at this mapping, for whatever part of it, before any entry is cleared."""

    def free(self, vma: Vma) -> None:
        """vm_area_free(): entries and page tables are gone."""

    # --- mechanics that no era disputes --------------------------------------------------------------------------

    def reserve_pfn_range(self, vma: Vma | None, paddr: int, size: int, mode: int, *, strict: bool) -> tuple[int, int]:
        """``reserve_pfn_range()``: RAM is only compared, everything else reserved. 0 or -errno, and the type."""
        machine = self.machine
        if machine.ram.test(paddr, paddr + size):
            if not machine.pat_enabled:
                return 0, mode
            have = operations.lookup_memtype(machine, paddr)
            if have != mode:
                self.layer.message(12, paddr, paddr + size, mode, have)
            return 0, have
        ret, got = self.layer.memtype_reserve(paddr, paddr + size, mode, vma)
        if ret:
            return ret, mode
        if got != mode and (strict or not operations.is_new_memtype_allowed(paddr, paddr + size, mode, got)):
            self.layer.memtype_free(paddr, paddr + size, "reserve_pfn_range", vma)
            self.layer.message(11, paddr, paddr + size, mode, got)
            return -22, mode
        return 0, got

    def free_pfn_range(self, vma: Vma | None, paddr: int, size: int, api: str) -> None:
        """``free_pfn_range()``: only what tests as not RAM."""
        if self.machine.ram.test(paddr, paddr + size) == 0:
            self.layer.memtype_free(paddr, paddr + size, api, vma)

    def setup_cachemode(self, pfn: int, size: int, mode: int) -> tuple[int, int]:
        """A partial mapping takes the type that every page of it looks up to; -EINVAL when they differ."""
        if not self.machine.pat_enabled:
            return 0, mode
        start, end = pfn * PAGE, pfn * PAGE + size
        found = operations.lookup_memtype(self.machine, start)
        for at in self._boundaries(start, end):
            if operations.lookup_memtype(self.machine, at) != found:
                return -22, mode
        return 0, found

    def _boundaries(self, start: int, end: int) -> list[int]:
        """The pages of [start, end) where the looked-up type can change: edges of entries, RAM and the ISA hole."""
        edges = {0xA0000, 0x100000}
        for node in self.machine.memtypes.overlapping(start, end):
            edges.update((node.start, node.end))
        for first, last, _ in self.machine.ram.types.overlapping(start // PAGE, -(-end // PAGE)):
            edges.update((first * PAGE, last * PAGE))
        edges.update(self.machine.ram.edges(start, end))
        pages = {(edge + around) & ~(PAGE - 1) for edge in edges for around in (-1, 0, PAGE - 1)}
        return sorted(page for page in pages if start <= page < end)

    @staticmethod
    def is_full(vma: Vma, addr: int, size: int) -> bool:
        """Whether a remap covers the mapping as it is now."""
        return addr == vma.start and size == vma.end - vma.start
