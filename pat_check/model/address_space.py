"""Address spaces and their mappings: mmap, munmap, split, mprotect, mremap, fork, exit.

Each method returns what the kernel function returns: 0, -errno, or what it made. Facts worth a rule go to `note`.
The tracking layer is called through its hooks only.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE
from pat_check.model.notifiers import Notifiers
from pat_check.model.page_table import PMD_SIZE, PUD_SIZE, Pte
from pat_check.model.tracking import PfnmapTracking
from pat_check.model.vma import VM_DONTCOPY, VM_DONTEXPAND, VM_IO, VM_MIXEDMAP, VM_PFNMAP, VM_WRITE, Changes, Mm, Vma

Note = Callable[[str, int, int, int, str, "list[tuple[int, str]]"], None]
"""(what, start, end, pfn, detail, story) of a fact about a mapping."""

BUG: int = -1000
"""The result of an operation at which the kernel stops with BUG()."""


class AddressSpaces:
    """The part of mm/ that makes, cuts, copies and ends mappings.

    `meanwhile` is played once, while an unmap is between its tracking hook and the clearing of its entries: what
    another processor does then. `clearing` is the address space and range of that unmap. `changes` is for who wants to
    know what may have changed.
    """

    __slots__ = ("changes", "clearing", "machine", "meanwhile", "note", "notifiers", "tracking")

    def __init__(self, machine: Machine, tracking: PfnmapTracking, note: Note, notifiers: Notifiers) -> None:
        self.machine, self.tracking, self.note, self.notifiers = machine, tracking, note, notifiers
        self.meanwhile: Callable[[], None] | None = None
        self.clearing: tuple[Mm, int, int] | None = None
        self.changes: Changes | None = None

    # --- address spaces -----------------------------------------------------------------------------------------

    def new_mm(self, mm_id: int) -> Mm:
        """An empty address space."""
        mm = self.machine.mms[mm_id] = Mm(mm_id, self.machine.now, self.changes)
        return mm

    def fork(
        self, mm: Mm, child_id: int, no_memory: tuple[int, int] = (0, 0), *, early: bool = False
    ) -> tuple[int, Mm | None]:
        """``dup_mmap()``: 0 and the child's address space, or -ENOMEM.

        There is no memory for the page tables of the addresses `no_memory`, end exclusive; with `early` there is none
        already for their mappings, in ``vm_area_dup()``.
        """
        child = self.new_mm(child_id)
        start, end = no_memory
        for vma in mm.every():
            if vma.flags & VM_DONTCOPY:
                continue
            if early and vma.start < end and start < vma.end:
                self.mmput(child)
                return -errno.ENOMEM, None
            copy = vma.dup(child, self.machine.now)
            self.tracking.dup(vma, copy)
            child.add(copy)
            ret = self.tracking.copy(vma, copy)
            if ret:
                first = mm.page_table.get(vma.start)
                why = "its first page was copied" if first is not None and first.anon else "its first entry is gone"
                self.note("fork-failed", vma.start, vma.end, -1, why, [(vma.born, "mapped here")])
                self.mmput(child)
                return -errno.ENOMEM, None
            if not self._copy_entries(vma, copy, start, end):
                self.tracking.copy_failed(vma, copy)
                self.mmput(child)
                return -errno.ENOMEM, None
        return 0, child

    def _copy_entries(self, src: Vma, dst: Vma, hole: int, hole_end: int) -> bool:
        """``copy_page_range()``; false when it comes to an entry in the hole, for which there is no page table."""
        if not src.flags & (VM_PFNMAP | VM_MIXEDMAP) and not src.is_cow():
            return True  # refaulted by the child
        if src.is_cow():
            self.notifiers.around(src.mm, "PROTECTION_PAGE", src.start, src.end)
        for start, end, pte in src.mm.page_table.walk(src.start, src.end):
            self.vm_normal_page(src, start, end, pte)
            write = pte.write and not (src.is_cow() and pte.anon)
            missing = start < hole_end and hole < end
            stop = max(start, hole & ~(pte.leaf - 1)) if missing else end
            if start < stop:
                dst.mm.page_table.install(start, stop, pte.like(write=write))
            if missing:
                return False
        return True

    def mmget(self, mm: Mm) -> Mm:
        """Another task works on an address space."""
        mm.users += 1
        return mm

    def mmput(self, mm: Mm) -> None:
        """A task lets go of it: after the last one it is torn down."""
        mm.users -= 1
        if not mm.users:
            self.exit_mmap(mm)

    def exit_mmap(self, mm: Mm) -> None:
        """The last user of an address space is gone: unmap everything, ascending, then free the mappings."""
        vmas = mm.every()
        self.notifiers.release(mm)
        self.notifiers.around(mm, "UNMAP", 0, self.machine.paging.user_end)
        self._unmap_vmas(vmas)
        mm.vmas.clear()
        for vma in vmas:
            self.tracking.free(vma)
        self.machine.mms.pop(mm.id, None)

    # --- mappings -------------------------------------------------------------------------------------------------

    def mmap(self, mm: Mm, start: int, end: int, flags: int, pgoff: int, cachemode: int, file: str) -> Vma:
        """A mapping of [start, end), where nothing is."""
        vma = Vma(mm, start, end, flags, pgoff, cachemode, file, self.machine.now)
        mm.add(vma)
        return vma

    def munmap(self, mm: Mm, start: int, end: int) -> int:
        """``do_vmi_munmap()``: split at both ends, unmap, then free."""
        gone = self._gather(mm, start, end)
        if gone is None:
            return BUG
        self._unmap(mm, start, end, gone)
        self.free_vmas(gone)
        return 0

    def make_room(self, mm: Mm, start: int, end: int) -> list[Vma]:
        """``MAP_FIXED``: what is there is unmapped first. It is freed when the new mapping is complete."""
        # In kernels with contexts vms_complete_munmap_vmas() comes last, as recordings of 6.16 and 7.2 show. In those
        # before, no reservation goes with a VMA, but with its entries.
        gone = self._gather(mm, start, end) or []
        self._unmap(mm, start, end, gone)
        return gone

    def free_vmas(self, gone: list[Vma]) -> None:
        """``vm_area_free()`` of mappings that are unmapped."""
        for vma in gone:
            self.tracking.free(vma)

    def _gather(self, mm: Mm, start: int, end: int) -> list[Vma] | None:
        """Split at both ends; the mappings inside, None at a BUG()."""
        for edge in (start, end):
            vma = mm.find(edge)
            if vma is not None and vma.start < edge and self.split(vma, edge, new_below=edge == end) == BUG:
                return None
        return list(mm.overlapping(start, end))

    def _unmap(self, mm: Mm, start: int, end: int, gone: list[Vma]) -> None:
        if gone:
            self.notifiers.around(mm, "UNMAP", start, end)
        for vma in gone:
            mm.remove(vma)
        self._unmap_vmas(gone)

    def _unmap_vmas(self, vmas: list[Vma]) -> None:
        for vma in vmas:
            self.tracking.unmap(vma)
            self._unmap_single_vma(vma, vma.start, vma.end)

    def _unmap_single_vma(self, vma: Vma, start: int, end: int, *, even_cows: bool = True) -> None:
        self.tracking.zap(vma)
        if self.meanwhile is not None:
            play, self.meanwhile = self.meanwhile, None
            self.clearing = (vma.mm, start, end)
            play()
            self.clearing = None
        table = vma.mm.page_table
        gone = table.clear(start, end) if even_cows else table.clear_special(start, end)
        for low, high, pte in gone:
            self.vm_normal_page(vma, low, high, pte)
        if gone:
            vma.zapped_at = self.machine.now
        lost = [(low, high) for low, high, _ in gone if low < start or high > end]
        if lost:
            detail = "a huge leaf is cleared whole: what it maps beyond must fault again"
            self.note("huge-split-cleared", lost[0][0], lost[-1][1], -1, detail, [])

    def vm_normal_page(self, vma: Vma, start: int, end: int, pte: Pte) -> bool:
        """Whether entries of a mapping have a struct page; a special one that must not be there is a bad page map."""
        if not pte.special:
            return True
        if not vma.flags & (VM_PFNMAP | VM_MIXEDMAP):
            detail = "a special entry in a mapping with neither VM_PFNMAP nor VM_MIXEDMAP"
            self.note("bad-page-map", start, end, pte.paddr(start) // PAGE, detail, [(pte.at, "it was made here")])
        return False

    def split(self, vma: Vma, addr: int, *, new_below: bool = False) -> int:
        """``__split_vma()``: the upper part becomes a new mapping. Parts never merge again: they are special.

        The driver's open callback gets the part that is new to the kernel, the lower one with `new_below`, while the
        other is still whole.
        """
        span = vma.mm.page_table.leaf_span(addr)
        pte = vma.mm.page_table.get(addr)
        if span is not None and pte is not None and span[0] < addr:
            if pte.leaf == PUD_SIZE and addr & (PMD_SIZE - 1):
                detail = f"a 1 GiB leaf is split at {addr:#x}, which is not 2 MiB aligned"
                self.note(
                    "pud-leaf-unaligned-split", vma.start, vma.end, -1, detail, [(pte.at, "the leaf was made here")]
                )
                return BUG
            if pte.leaf == PMD_SIZE:
                self.notifiers.around(vma.mm, "CLEAR", *span)
                vma.mm.page_table.clear(*span)
                self.note(
                    "huge-split-cleared", *span, -1, "a huge leaf is cleared at the split", [(pte.at, "made here")]
                )
        upper = vma.dup(vma.mm, self.machine.now)
        self.tracking.dup(vma, upper)
        upper.cut(addr, vma.end)
        if vma.zaps_on_open and new_below:
            end, vma.end = vma.end, addr
            self._opened(vma)
            vma.end = end
        else:
            self._opened(upper)
        vma.end = addr
        vma.mm.add(upper)
        return 0

    def _opened(self, vma: Vma) -> None:
        """``vm_ops->open()`` of a new mapping. Of a fork it comes before there is anything to zap, or to untrack."""
        if vma.zaps_on_open:
            self.notifiers.around(vma.mm, "CLEAR", vma.start, vma.end)
            self._unmap_single_vma(vma, vma.start, vma.end)

    def split_around(self, mm: Mm, start: int, end: int) -> list[Vma]:
        """Cut mappings at both ends of [start, end), as mprotect and madvise do; the mappings inside."""
        for edge in (start, end):
            vma = mm.find(edge)
            if vma is not None and vma.start < edge and self.split(vma, edge, new_below=edge == start) == BUG:
                return []
        return list(mm.overlapping(start, end))

    def mprotect(self, mm: Mm, start: int, end: int, *, write: bool) -> int:
        """Change the write permission of [start, end); cache bits, pfn and special stay.

        ``mprotect_fixup()`` splits nothing off a mapping whose permission is that already.
        """
        for changed in [vma for vma in mm.overlapping(start, end) if bool(vma.flags & VM_WRITE) != write]:
            for vma in self.split_around(mm, max(start, changed.start), min(end, changed.end)):
                vma.flags = vma.flags | VM_WRITE if write else vma.flags & ~VM_WRITE
                entries = mm.page_table.walk(vma.start, vma.end)
                if entries:
                    self.notifiers.around(mm, "PROTECTION_VMA", entries[0][0], vma.end)
                for low, high, pte in entries:
                    mm.page_table.install(low, high, pte.like(write=write and (pte.write or not vma.is_cow())))
        return 0

    def madvise_flag(self, mm: Mm, start: int, end: int, flag: int, *, on: bool) -> int:
        """madvise(MADV_DONTFORK and MADV_DOFORK) of [start, end): splits where the flag changes.

        What is I/O is never given to children again, and refusing that comes before splitting; holes come last.
        """
        ret, reached = 0, start
        for vma in list(mm.overlapping(start, end)):
            ret = -errno.ENOMEM if vma.start > reached else ret
            reached = vma.end
            if not on and vma.flags & VM_IO:
                return -errno.EINVAL
            if bool(vma.flags & flag) != on:
                for part in self.split_around(mm, max(start, vma.start), min(end, vma.end)):
                    part.flags ^= flag
        return ret if reached >= end else -errno.ENOMEM

    def mremap(self, mm: Mm, start: int, old: int, new: int, to: int | None, *, dontunmap: bool = False) -> int:
        """mremap(start, old, new) in place or to another address; bytes. The new address, or -errno."""
        vma = mm.find(start)
        if vma is None:
            return -errno.EFAULT
        special = vma.flags & (VM_DONTEXPAND | VM_PFNMAP)
        if dontunmap and (special or new != old):
            return -errno.EINVAL
        if special and (new > old or old == 0):
            return -errno.EFAULT
        if new < old:
            self.munmap(mm, start + new, start + old)
            old = new
        if to is None:
            beyond = start + new > self.machine.paging.user_end
            if new > old and (beyond or any(mm.overlapping(start + old, start + new))):
                return -errno.ENOMEM
            vma.end = max(vma.end, start + new)
            return start
        self.munmap(mm, to, to + new)
        vma = mm.find(start)
        if vma is None or start + old > vma.end:  # across mappings, which only 6.17 and later move, one by one
            return -errno.EFAULT
        self.notifiers.around(mm, "UNMAP", start, start + old)
        moved = vma.dup(mm, self.machine.now)
        self.tracking.dup(vma, moved)
        moved.cut(start, start + new)
        moved.start, moved.end = to, to + new
        mm.add(moved)
        self._opened(moved)
        for low, high, pte in mm.page_table.clear(start, start + old):
            if pte.leaf == PAGE or (to - start) % pte.leaf == 0:
                mm.page_table.install(low + to - start, high + to - start, pte.moved(to - start))
        self.tracking.moved(vma, moved)
        if not dontunmap:
            self.munmap(mm, start, start + old)
        return to
