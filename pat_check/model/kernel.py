"""Kernel: the operations of mm/ on address spaces, mappings and page tables, one method per operation.

Each returns what the kernel function returns: 0, -errno, or what it made. Facts worth a rule go to `note`.
The tracking layer is called through its hooks only.
"""

from __future__ import annotations

import errno
from collections.abc import Callable

from pat_check.cachemode import UC, WB, WC, WP, WT
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE
from pat_check.model.page_table import PMD_SIZE, PUD_SIZE, Pte
from pat_check.model.tracking import PfnmapTracking
from pat_check.model.vma import (
    VM_DONTCOPY,
    VM_DONTDUMP,
    VM_DONTEXPAND,
    VM_IO,
    VM_MIXEDMAP,
    VM_PFNMAP,
    VM_WRITE,
    Mm,
    Vma,
)

Note = Callable[[str, int, int, int, str, "list[tuple[int, str]]"], None]
"""(what, start, end, pfn, detail, story) of a fact about a mapping."""

REMAP_FLAGS: int = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP
BUG: int = -1000
"""The result of an operation at which the kernel stops with BUG()."""
SIGBUS: int = -1001
NOPAGE: int = 0x100
_HUGE_MODE: dict[int, int] = {WT: UC, WP: WC}
"""What the processor sees of a huge leaf whose mode needs the PAT bit: bit 7 is PSE there."""


class Kernel:
    """mm/ of one kernel, with the hooks of one era."""

    __slots__ = ("flags_before_track", "machine", "note", "pud_looks_up", "tracking")

    def __init__(
        self, machine: Machine, tracking: PfnmapTracking, note: Note, *, pud_looks_up: bool, flags_before_track: bool
    ) -> None:
        self.machine, self.tracking, self.note = machine, tracking, note
        self.pud_looks_up, self.flags_before_track = pud_looks_up, flags_before_track

    # --- address spaces -----------------------------------------------------------------------------------------

    def new_mm(self, mm_id: int) -> Mm:
        """An empty address space."""
        mm = self.machine.mms[mm_id] = Mm(mm_id, self.machine.now)
        return mm

    def fork(self, mm: Mm, child_id: int) -> tuple[int, Mm | None]:
        """``dup_mmap()``: 0 and the child's address space, or -ENOMEM."""
        child = self.new_mm(child_id)
        for vma in mm.vmas:
            if vma.flags & VM_DONTCOPY:
                continue
            copy = vma.dup(child, self.machine.now)
            self.tracking.dup(vma, copy)
            child.add(copy)
            ret = self.tracking.copy(vma, copy)
            if ret:
                first = mm.page_table.get(vma.start)
                why = "its first page was copied" if first is not None and first.anon else "its first entry is gone"
                self.note("fork-failed", vma.start, vma.end, -1, why, [(vma.born, "mapped here")])
                self.exit_mmap(child)
                return -errno.ENOMEM, None
            self._copy_entries(vma, copy)
        return 0, child

    def _copy_entries(self, src: Vma, dst: Vma) -> None:
        if not src.flags & (VM_PFNMAP | VM_MIXEDMAP) and not src.is_cow():
            return  # refaulted by the child
        for start, end, pte in src.mm.page_table.walk(src.start, src.end):
            write = pte.write and not (src.is_cow() and pte.anon)
            dst.mm.page_table.install(start, end, pte.like(write=write))

    def exit_mmap(self, mm: Mm) -> None:
        """The last user of an address space is gone: unmap everything, ascending, then free the mappings."""
        vmas = list(mm.vmas)
        self._unmap_vmas(vmas)
        mm.vmas.clear()
        for vma in vmas:
            self.tracking.free(vma)
        self.machine.mms.pop(mm.id, None)

    # --- mappings -------------------------------------------------------------------------------------------------

    def mmap(self, mm: Mm, start: int, end: int, flags: int, pgoff: int, cachemode: int, file: str) -> Vma:
        """A mapping of [start, end); what was there is unmapped first (MAP_FIXED)."""
        self.munmap(mm, start, end)
        vma = Vma(mm, start, end, flags, pgoff, cachemode, file, self.machine.now)
        mm.add(vma)
        return vma

    def munmap(self, mm: Mm, start: int, end: int) -> int:
        """``do_vmi_munmap()``: split at both ends, unmap, then free."""
        for edge in (start, end):
            vma = mm.find(edge)
            if vma is not None and vma.start < edge and self.split(vma, edge) == BUG:
                return BUG
        gone = list(mm.overlapping(start, end))
        for vma in gone:
            mm.remove(vma)
        self._unmap_vmas(gone)
        for vma in gone:
            self.tracking.free(vma)
        return 0

    def _unmap_vmas(self, vmas: list[Vma]) -> None:
        for vma in vmas:
            self.tracking.unmap(vma)
            self._unmap_single_vma(vma, vma.start, vma.end)

    def _unmap_single_vma(self, vma: Vma, start: int, end: int, *, even_cows: bool = True) -> None:
        self.tracking.zap(vma)
        table = vma.mm.page_table
        gone = table.clear(start, end) if even_cows else table.clear_special(start, end)
        lost = [(low, high) for low, high, _ in gone if low < start or high > end]
        if lost:
            detail = "a huge leaf is cleared whole: what it maps beyond must fault again"
            self.note("huge-split-cleared", lost[0][0], lost[-1][1], -1, detail, [])

    def split(self, vma: Vma, addr: int) -> int:
        """``__split_vma()``: the upper part becomes a new mapping."""
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
                vma.mm.page_table.clear(*span)
                self.note(
                    "huge-split-cleared", *span, -1, "a huge leaf is cleared at the split", [(pte.at, "made here")]
                )
        upper = vma.dup(vma.mm, self.machine.now)
        self.tracking.dup(vma, upper)
        upper.start, upper.pgoff = addr, vma.pgoff + (addr - vma.start) // PAGE
        vma.end = addr
        vma.mm.add(upper)
        return 0

    def split_around(self, mm: Mm, start: int, end: int) -> list[Vma]:
        """Cut mappings at both ends of [start, end), as mprotect and madvise do; the mappings inside."""
        for edge in (start, end):
            vma = mm.find(edge)
            if vma is not None and vma.start < edge and self.split(vma, edge) == BUG:
                return []
        return list(mm.overlapping(start, end))

    def mprotect(self, mm: Mm, start: int, end: int, *, write: bool) -> int:
        """Change the write permission of [start, end); cache bits, pfn and special stay."""
        for vma in self.split_around(mm, start, end):
            vma.flags = vma.flags | VM_WRITE if write else vma.flags & ~VM_WRITE
            for low, high, pte in mm.page_table.walk(vma.start, vma.end):
                mm.page_table.install(low, high, pte.like(write=write and (pte.write or not vma.is_cow())))
        return 0

    def madvise_flag(self, mm: Mm, start: int, end: int, flag: int, *, on: bool) -> int:
        """madvise(MADV_DONTFORK and the like): a flag on a part splits."""
        for vma in self.split_around(mm, start, end):
            vma.flags = vma.flags | flag if on else vma.flags & ~flag
        return 0

    def mremap(self, mm: Mm, start: int, old: int, new: int, to: int | None) -> int:
        """mremap(start, old, new) in place or to another address; bytes. The new address, or -errno."""
        vma = mm.find(start)
        if vma is None:
            return -errno.EFAULT
        special = vma.flags & (VM_DONTEXPAND | VM_PFNMAP)
        if special and (new > old or old == 0):
            return -errno.EFAULT
        if new < old:
            self.munmap(mm, start + new, start + old)
            old = new
        if to is None:
            return start
        vma = mm.find(start)
        assert vma is not None
        self.munmap(mm, to, to + new)
        moved = vma.dup(mm, self.machine.now)
        self.tracking.dup(vma, moved)
        moved.start, moved.end, moved.pgoff = to, to + old, vma.pgoff + (start - vma.start) // PAGE
        mm.add(moved)
        for low, high, pte in mm.page_table.clear(start, start + old):
            if pte.leaf == PAGE or (to - start) % pte.leaf == 0:
                mm.page_table.install(low + to - start, high + to - start, pte.moved(to - start))
        self.tracking.moved(vma, moved)
        self.munmap(mm, start, start + old)
        return to

    # --- making PFN mappings -----------------------------------------------------------------------------------

    def remap_pfn_range(self, vma: Vma, addr: int, pfn: int, size: int, mode: int) -> int:
        """Map [addr, addr+size) onto consecutive frames; 0, -EINVAL, or BUG over present entries."""
        size = -(-size // PAGE) * PAGE
        if self.flags_before_track and (ret := self._prepare(vma, addr, pfn, size)):
            return ret
        second = vma.ctx is not None and self.tracking.is_full(vma, addr, size)
        ret, mode = self.tracking.remap(vma, addr, pfn, size, mode)
        if ret:
            self._remap_refused(vma, addr, pfn, size, second=second)
            return -errno.EINVAL
        if not self.flags_before_track and (ret := self._prepare(vma, addr, pfn, size)):
            self.tracking.remap_failed(vma, addr, pfn, size)
            return ret
        present = vma.mm.page_table.walk(addr, addr + size)
        if present:
            detail = "remap_pfn_range over entries that are present"
            self.note("remap-over-populated", addr, addr + size, pfn, detail, [(present[0][2].at, "filled here")])
            return BUG
        if self.tracking.is_full(vma, addr, size):
            vma.full_pfn = pfn
        write = bool(vma.flags & VM_WRITE) and not vma.is_cow()
        pte = Pte(pfn * PAGE - addr, mode, at=self.machine.now, write=write)
        vma.mm.page_table.install(addr, addr + size, pte)
        return 0

    def _remap_refused(self, vma: Vma, addr: int, pfn: int, size: int, *, second: bool) -> None:
        story = [(vma.born, f"{vma} was mapped here")]
        if second:
            self.note("second-full-remap", addr, addr + size, pfn, "the mapping has a context already", story)
        elif not self.tracking.is_full(vma, addr, size):
            detail = "its pages look up to different types: -EINVAL without a message"
            self.note("partial-mixed-types", addr, addr + size, pfn, detail, story)

    def _prepare(self, vma: Vma, addr: int, pfn: int, size: int) -> int:
        if vma.is_cow():
            if not self.tracking.is_full(vma, addr, size):
                self.note("cow-partial-remap", addr, addr + size, pfn, "a private mapping must be remapped whole", [])
                return -errno.EINVAL
            vma.pgoff = pfn
        vma.flags |= REMAP_FLAGS
        return 0

    def vmf_insert_pfn(self, vma: Vma, addr: int, pfn: int, leaf: int = PAGE) -> int:
        """Install one entry from a fault handler: NOPAGE, SIGBUS or BUG. An entry that is there stays."""
        kinds = vma.flags & (VM_PFNMAP | VM_MIXEDMAP)
        if not kinds:
            return self._bug("insert-needs-pfnmap", vma, addr, pfn, "neither VM_PFNMAP nor VM_MIXEDMAP is set")
        if kinds == VM_PFNMAP | VM_MIXEDMAP:
            return self._bug("pfnmap-and-mixedmap", vma, addr, pfn, "VM_PFNMAP and VM_MIXEDMAP are both set")
        if kinds == VM_PFNMAP and vma.is_cow():
            return self._bug("insert-in-cow", vma, addr, pfn, "the mapping is private and may be written")
        if kinds == VM_MIXEDMAP and self.machine.ram.test(pfn * PAGE, pfn * PAGE + PAGE) > 0:
            return self._bug("mixedmap-struct-page", vma, addr, pfn, "the page has a struct page")
        if not vma.start <= addr < vma.end:
            return SIGBUS
        return self._insert(vma, addr, pfn, leaf)

    def vmf_insert_mixed(self, vma: Vma, addr: int, pfn: int) -> int:
        """``vmf_insert_mixed()``: wants VM_MIXEDMAP."""
        if not vma.flags & VM_MIXEDMAP:
            return self._bug("insert-needs-pfnmap", vma, addr, pfn, "VM_MIXEDMAP is not set")
        return self._insert(vma, addr, pfn, PAGE) if vma.start <= addr < vma.end else SIGBUS

    def _insert(self, vma: Vma, addr: int, pfn: int, leaf: int) -> int:
        start = addr & ~(leaf - 1)
        first = pfn & ~(leaf // PAGE - 1)
        table = vma.mm.page_table
        if leaf > PAGE:
            self._huge(vma, start, pfn, first, leaf)
        present = table.get(addr) if leaf == PAGE else next(iter(table.walk(start, start + leaf)), (0, 0, None))[2]
        if present is not None:
            if present.paddr(addr) != pfn * PAGE:
                detail = f"pfn {present.paddr(addr) // PAGE:#x} stays where {pfn:#x} is inserted"
                self.note("insert-kept-old", addr, addr + leaf, pfn, detail, [(present.at, "installed here")])
            return NOPAGE
        mode = self.tracking.lookup(vma, pfn, vma.cachemode)
        if leaf == PUD_SIZE and not self.pud_looks_up:
            if mode != vma.cachemode:
                detail = "the PUD gets vm_page_prot, not the type that was looked up"
                self.note("pud-prot-lookup", start, start + leaf, pfn, detail, [(vma.born, "mapped here")])
            mode = vma.cachemode
        if leaf > PAGE:
            mode = _HUGE_MODE.get(mode, mode)
        pte = Pte(first * PAGE - start, mode, leaf, at=self.machine.now, write=bool(vma.flags & VM_WRITE))
        table.install(start, start + leaf, pte)
        return NOPAGE

    def _huge(self, vma: Vma, start: int, pfn: int, first: int, leaf: int) -> None:
        if pfn != first:
            detail = f"pfn {pfn:#x} is not aligned: the leaf maps {first:#x}"
            self.note("huge-unaligned", start, start + leaf, pfn, detail, [])
        if start < vma.start or start + leaf > vma.end:
            self.note("huge-unaligned", start, start + leaf, pfn, f"the leaf reaches beyond {vma}", [])
        ret, _ = self.tracking.setup_cachemode(first, leaf, vma.cachemode)
        if ret:
            detail = "its pages look up to different types; the leaf takes that of the first"
            self.note("huge-mixed-types", start, start + leaf, first, detail, [])
        mode = self.tracking.lookup(vma, first, vma.cachemode)
        if mode in _HUGE_MODE:
            self.note("huge-pat-bit", start, start + leaf, first, "WT and WP need the PAT bit, which is PSE here", [])

    def _bug(self, what: str, vma: Vma, addr: int, pfn: int, detail: str) -> int:
        self.note(what, addr, addr + PAGE, pfn, detail, [(vma.born, f"{vma} was mapped here")])
        return BUG

    # --- removing entries -----------------------------------------------------------------------------------------

    def zap(self, vma: Vma, start: int, end: int, *, even_cows: bool = True) -> None:
        """``zap_page_range_single()``, ``zap_vma_ptes()``: clear the entries of a part of a mapping."""
        self._unmap_single_vma(vma, start, end, even_cows=even_cows)

    def unmap_mapping_range(self, file: str, start: int, end: int, *, even_cows: bool = True) -> None:
        """Zap [start, end) of a file, bytes, in every mapping of it; end 0 is the end of the file."""
        for mm in list(self.machine.mms.values()):
            for vma in list(mm.vmas):
                if vma.file != file:
                    continue
                first = vma.pgoff * PAGE
                low = max(start, first)
                high = min(end or first + vma.size, first + vma.size)
                if low < high:
                    self.zap(vma, vma.start + low - first, vma.start + high - first, even_cows=even_cows)

    def write(self, vma: Vma, addr: int) -> int:
        """A user write: copies a page of a private PFN mapping; SIGBUS where nothing is mapped."""
        table = vma.mm.page_table
        pte = table.get(addr)
        if pte is None:
            return SIGBUS if vma.flags & VM_PFNMAP else 0
        if vma.is_cow() and pte.special:
            page = addr & ~(PAGE - 1)
            if vma.cachemode != WB:
                detail = "the copied page is RAM mapped with vm_page_prot, while the direct map is write-back"
                self.note("cow-anon-mode", page, page + PAGE, -1, detail, [(vma.born, "mapped here")])
            table.clear(page, page + PAGE)
            anon = Pte(0, vma.cachemode, at=self.machine.now, special=False, anon=True, tracked=False)
            table.install(page, page + PAGE, anon)
        return 0
