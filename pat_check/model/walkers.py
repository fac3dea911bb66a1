"""Walkers of page tables: what each sees of a PFN mapping, and what it refuses. See page-tables.md section 7."""

from __future__ import annotations

import errno

from pat_check.model.address_space import AddressSpaces
from pat_check.model.memory import PAGE
from pat_check.model.page_table import Pte
from pat_check.model.vma import VM_IO, VM_MIXEDMAP, VM_PFNMAP, Mm, Vma

FOLIO: int = 0
"""folio_walk_start() found a folio."""

NULL: int = -1002
"""The null pointer as a result."""


class Walkers:
    """The walkers of one kernel. Results are 0, -errno or a count of pages."""

    __slots__ = ("follows_leaves", "kernel", "walk_vma_skips")

    def __init__(self, kernel: AddressSpaces, *, follows_leaves: bool, walk_vma_skips: bool) -> None:
        self.kernel, self.follows_leaves, self.walk_vma_skips = kernel, follows_leaves, walk_vma_skips

    # --- get_user_pages -----------------------------------------------------------------------------------------

    def gup(self, mm: Mm, start: int, end: int) -> int:
        """``get_user_pages()``: pages pinned, or -EFAULT; of a VM_IO or VM_PFNMAP mapping not even an anon page."""
        pinned = 0
        addr = start
        while addr < end:
            vma = mm.find(addr)
            if vma is None or vma.flags & (VM_IO | VM_PFNMAP):
                break
            stop = min(end, vma.end)
            special = [
                low for low, high, pte in mm.page_table.walk(addr, stop) if not self._normal(vma, low, high, pte)
            ]
            stop = min([stop, *special])
            pinned += (stop - addr) // PAGE
            addr = stop
            if special:
                break
        return pinned or -errno.EFAULT

    def gup_fast(self, mm: Mm, start: int, end: int) -> int:
        """``get_user_pages_fast()``: looks at entries only and stops at a special one; the slow walk goes on there."""
        addr = start
        for low, high, pte in mm.page_table.walk(start, end):
            if low != addr or pte.special:
                break
            addr = high
        pinned = (addr - start) // PAGE
        rest = self.gup(mm, addr, end) if addr < end else 0
        return pinned + rest if rest >= 0 else pinned or rest

    def _normal(self, vma: Vma, start: int, end: int, pte: Pte) -> bool:
        return self.kernel.vm_normal_page(vma, start, end, pte)

    # --- walk_page_range ----------------------------------------------------------------------------------------

    def walk_page_range(self, mm: Mm, start: int, end: int, *, test_walk: bool) -> int:
        """The present entries that ``pte_entry`` is called for: none of a VM_PFNMAP mapping, unless asked first."""
        return sum(
            self._entries(vma, start, end) for vma in mm.overlapping(start, end) if test_walk or not _is_skipped(vma)
        )

    def walk_page_vma(self, vma: Vma, *, test_walk: bool) -> int:
        """The same for one mapping; whether VM_PFNMAP is skipped depends on the kernel."""
        skipped = self.walk_vma_skips and _is_skipped(vma) and not test_walk
        return 0 if skipped else self._entries(vma, vma.start, vma.end)

    def walk_page_range_vma(self, vma: Vma, start: int, end: int) -> int:
        """The same for a part of one mapping, whatever it is."""
        return self._entries(vma, start, end)

    @staticmethod
    def _entries(vma: Vma, start: int, end: int) -> int:
        walk = vma.mm.page_table.walk(max(start, vma.start), min(end, vma.end))
        return sum(-(-(high - low) // pte.leaf) for low, high, pte in walk)

    def folio_walk(self, vma: Vma, addr: int) -> int:
        """``folio_walk_start()``: a folio, or NULL for what is special or none, at any level."""
        page = addr & ~(PAGE - 1)
        pte = vma.mm.page_table.get(addr)
        return FOLIO if pte is not None and self._normal(vma, page, page + PAGE, pte) else NULL

    # --- following raw frames -------------------------------------------------------------------------------------

    def follow(self, vma: Vma, addr: int) -> Pte | None:
        """``follow_pfnmap_start()``, before it ``follow_pte()``: the entry of a raw frame; None is -EINVAL."""
        if not vma.flags & (VM_IO | VM_PFNMAP):
            return None
        pte = vma.mm.page_table.get(addr)
        return pte if pte is not None and (pte.leaf == PAGE or self.follows_leaves) else None

    # --- apply_to_page_range ----------------------------------------------------------------------------------------

    def apply(self, task: int, mm: Mm, start: int, end: int, change: Pte | None, *, readonly: bool) -> int:
        """``apply_to_page_range()`` with a callback that installs `change`, restricts to reading, or only looks.

        It looks at no mapping, brackets and flushes nothing: that is the caller's.
        """
        note = self.kernel.note
        if start >= end:
            return -errno.EINVAL
        for vma in mm.overlapping(start, end):
            if not vma.flags & (VM_PFNMAP | VM_MIXEDMAP | VM_IO):
                detail = f"{vma} is no mapping of raw frames: its entries are not the caller's to change"
                note(
                    "apply-foreign-vma", max(start, vma.start), min(end, vma.end), -1, detail, [(vma.born, "made here")]
                )
        for low, high, pte in mm.page_table.walk(start, end):
            if pte.leaf > PAGE:
                detail = "the range holds a huge entry: -EINVAL with a warning"
                note("apply-huge-leaf", low, high, -1, detail, [(pte.at, "the entry was made here")])
                return -errno.EINVAL
        first = mm.find(start)
        notifiers, changed = self.kernel.notifiers, False
        if first is not None and change is not None:
            changed = notifiers.set(task, first, start, end, change, "apply-without-bracket")
        elif first is not None and readonly:
            changed = notifiers.wrprotect(task, first, start, end, "apply-without-bracket")
        if changed:
            notifiers.cached(task, mm, start, end)
        return 0


def _is_skipped(vma: Vma) -> bool:
    return bool(vma.flags & VM_PFNMAP)
