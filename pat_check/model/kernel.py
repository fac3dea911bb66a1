"""Kernel: mm/memory.c on top of the address spaces: what makes PFN mappings, and what removes their entries."""

from __future__ import annotations

import errno

from pat_check.cachemode import UC, WB, WC, WP, WT
from pat_check.model.address_space import BUG, AddressSpaces, Note
from pat_check.model.machine import Machine
from pat_check.model.memory import PAGE, is_untracked
from pat_check.model.notifiers import Notifiers
from pat_check.model.page_table import PUD_SIZE, Pte
from pat_check.model.tracking import PfnmapTracking
from pat_check.model.vma import BEYOND_VMA, VM_DONTDUMP, VM_DONTEXPAND, VM_IO, VM_MIXEDMAP, VM_PFNMAP, VM_WRITE, Vma

REMAP_FLAGS: int = VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP
SIGBUS: int = -1001
NOPAGE: int = 0x100
FALLBACK: int = 0x800
_HUGE_MODE: dict[int, int] = {WT: UC, WP: WC}
"""What the processor sees of a huge leaf whose mode needs the PAT bit: bit 7 is PSE there."""


class Kernel(AddressSpaces):
    """mm/ of one kernel, with the hooks of one era."""

    __slots__ = ("flags_before_track", "huge_pfnmap", "insert_pages_checked", "mixed_bugs", "pud_looks_up")

    def __init__(
        self,
        machine: Machine,
        tracking: PfnmapTracking,
        note: Note,
        notifiers: Notifiers,
        *,
        pud_looks_up: bool,
        flags_before_track: bool,
        insert_pages_checked: bool,
        huge_pfnmap: bool,
        mixed_bugs: bool,
    ) -> None:
        super().__init__(machine, tracking, note, notifiers)
        self.pud_looks_up, self.flags_before_track = pud_looks_up, flags_before_track
        self.insert_pages_checked = insert_pages_checked
        self.huge_pfnmap, self.mixed_bugs = huge_pfnmap, mixed_bugs

    # --- making PFN mappings -----------------------------------------------------------------------------------

    def remap_pfn_range(self, vma: Vma, addr: int, pfn: int, size: int, mode: int, *, no_memory: bool = False) -> int:
        """Map [addr, addr+size) onto consecutive frames; 0, -EINVAL, or BUG over present entries.

        With `no_memory` there is none for the first page table: -ENOMEM, and all is taken back.
        """
        size = -(-size // PAGE) * PAGE
        if self.flags_before_track and (ret := self._prepare(vma, addr, pfn, size)):
            return ret
        second = vma.ctx is not None and self.tracking.is_full(vma, addr, size)
        reserved = self.machine.memtypes.first_overlap(pfn * PAGE, pfn * PAGE + size) is not None
        ret, mode = self.tracking.remap(vma, addr, pfn, size, mode)
        if ret:
            self._remap_refused(vma, addr, pfn, size, second=second)
            return -errno.EINVAL
        if not self.flags_before_track and (ret := self._prepare(vma, addr, pfn, size)):
            self.tracking.remap_failed(vma, addr, pfn, size)
            return ret
        if no_memory:
            self.tracking.remap_failed(vma, addr, pfn, size)
            return -errno.ENOMEM
        if mode == WB and not reserved and not self._is_memory(pfn * PAGE):
            detail = "device memory is mapped write-back, and no driver reserved it so"
            self.note("mmio-cached", addr, addr + size, pfn, detail, [(vma.born, f"{vma} was mapped here")])
        present = vma.mm.page_table.walk(addr, addr + size)
        if present:
            detail = "remap_pfn_range over entries that are present"
            self.note("remap-over-populated", addr, addr + size, pfn, detail, [(present[0][2].at, "filled here")])
            return BUG
        if addr < vma.start or vma.end < addr + size:
            story = [(vma.born, f"{vma} was mapped here")]
            self.note("remap-beyond-vma", addr, addr + size, pfn, BEYOND_VMA, story)
        if self.tracking.is_full(vma, addr, size):
            vma.full_pfn, vma.full_mode = pfn, mode
        write = bool(vma.flags & VM_WRITE) and not vma.is_cow()
        pte = Pte(pfn * PAGE - addr, mode, at=self.machine.now, write=write)
        vma.mm.page_table.install(addr, addr + size, pte)
        return 0

    def _is_memory(self, paddr: int) -> bool:
        return is_untracked(paddr, paddr + PAGE) or self.machine.ram.test(paddr, paddr + PAGE) != 0

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
        """Install one entry from a fault handler: NOPAGE, SIGBUS or BUG. An entry that is there stays.

        FALLBACK where kernels ask only DAX for huge faults: the handler is asked again for a small entry.
        """
        kinds = vma.flags & (VM_PFNMAP | VM_MIXEDMAP)
        if not kinds:
            return self._bug("insert-needs-pfnmap", vma, addr, pfn, "neither VM_PFNMAP nor VM_MIXEDMAP is set")
        if leaf > PAGE and not self.huge_pfnmap:
            return FALLBACK
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
        """``vmf_insert_mixed()``: wants VM_MIXEDMAP: without, BUG or SIGBUS."""
        if not vma.flags & VM_MIXEDMAP:
            what, ret = ("insert-needs-pfnmap", BUG) if self.mixed_bugs else ("mixed-needs-mixedmap", SIGBUS)
            self._bug(what, vma, addr, pfn, "VM_MIXEDMAP is not set")
            return ret
        return self._insert(vma, addr, pfn, PAGE) if vma.start <= addr < vma.end else SIGBUS

    def vm_insert_page(self, vma: Vma, addr: int, pfn: int, size: int, *, write_locked: bool, many: bool) -> int:
        """``vm_insert_page()``, ``vm_insert_pages()`` (`many`): pages with a struct page. No tracking, no look-up."""
        end = addr + size
        if not vma.start <= addr < end <= vma.end:
            return -errno.EFAULT
        if self.machine.ram.test(pfn * PAGE, pfn * PAGE + size) <= 0:
            return -errno.EINVAL
        if not vma.flags & VM_MIXEDMAP:
            wrong = self._misused(vma, addr, pfn, write_locked=write_locked)
            if wrong and (self.insert_pages_checked or not many):
                return BUG
            vma.flags |= VM_MIXEDMAP
        if vma.mm.page_table.walk(addr, end):
            return -errno.EBUSY
        self.install_page(vma, addr, pfn, size)
        return 0

    def _misused(self, vma: Vma, addr: int, pfn: int, *, write_locked: bool) -> bool:
        """Whether a mapping must not become VM_MIXEDMAP by its first page."""
        if not write_locked:
            detail = "the first page of a mapping without VM_MIXEDMAP, and mmap_lock is not held for writing"
            self._bug("insert-page-first-use", vma, addr, pfn, detail)
        elif vma.flags & VM_PFNMAP:
            detail = "a page with a struct page is inserted into a VM_PFNMAP mapping"
            self._bug("pfnmap-and-mixedmap", vma, addr, pfn, detail)
        return not write_locked or bool(vma.flags & VM_PFNMAP)

    def install_page(self, vma: Vma, addr: int, pfn: int, size: int = PAGE) -> None:
        """Entries of pages that are counted, with ``vm_page_prot``."""
        write = bool(vma.flags & VM_WRITE)
        pte = Pte(pfn * PAGE - addr, vma.cachemode, at=self.machine.now, write=write, special=False, tracked=False)
        vma.mm.page_table.install(addr, addr + size, pte)

    def finish_fault(self, vma: Vma, addr: int, pfn: int) -> int:
        """The fault handler returned a page: its entry is installed unless something is there."""
        addr &= ~(PAGE - 1)
        if vma.flags & VM_PFNMAP:
            detail = "the fault handler returns a page for a mapping of raw frames"
            self.note("normal-page-in-pfnmap", addr, addr + PAGE, pfn, detail, [(vma.born, f"{vma} was mapped here")])
        if vma.mm.page_table.get(addr) is None:
            self.install_page(vma, addr, pfn)
        return 0

    def _insert(self, vma: Vma, addr: int, pfn: int, leaf: int) -> int:
        start = addr & ~(leaf - 1)
        first = pfn & ~(leaf // PAGE - 1)
        table = vma.mm.page_table
        if start < vma.start:
            detail = f"the leaf begins before {vma}: SIGBUS"
            self.note("huge-unaligned", start, start + leaf, pfn, detail, [(vma.born, "mapped here")])
            return SIGBUS
        present = table.get(addr) if leaf == PAGE else next(iter(table.walk(start, start + leaf)), (0, 0, None))[2]
        if present is not None:
            if present.paddr(start) != first * PAGE:
                detail = f"pfn {present.paddr(start) // PAGE:#x} stays where {pfn:#x} is inserted"
                self.note("insert-kept-old", start, start + leaf, pfn, detail, [(present.at, "installed here")])
            return NOPAGE
        if leaf > PAGE:
            self._huge(vma, start, pfn, first, leaf)
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
        if start + leaf > vma.end:
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
        self.notifiers.around(vma.mm, "CLEAR", start, end)
        self._unmap_single_vma(vma, start, end, even_cows=even_cows)

    def unmap_mapping_range(self, file: str, start: int, end: int, *, even_cows: bool = True) -> None:
        """Zap [start, end) of a file, bytes, in every mapping of it; end 0 is the end of the file."""
        for mm in list(self.machine.mms.values()):
            for vma in [vma for vma in mm.every() if vma.file == file]:
                low, high = _within(start, end, vma.pgoff * PAGE, vma.size)
                if low < high:
                    first = vma.start - vma.pgoff * PAGE
                    self.zap(vma, first + low, first + high, even_cows=even_cows)
                self._missed(vma, start, end, even_cows=even_cows)

    def _missed(self, vma: Vma, start: int, end: int, *, even_cows: bool) -> None:
        """Tell of entries that unmap_mapping_range() has not found, since a driver or a remap overwrote vm_pgoff."""
        low, high = _within(start, end, vma.file_pgoff * PAGE, vma.size)
        first = vma.start - vma.file_pgoff * PAGE
        left = vma.mm.page_table.walk(first + low, first + high) if vma.pgoff != vma.file_pgoff else []
        left = [piece for piece in left if even_cows or not piece[2].anon]
        if left:
            detail = f"unmap_mapping_range() misses {vma}: vm_pgoff is {vma.pgoff:#x}, a frame number"
            self.note("vm-pgoff-overwritten", left[0][0], left[-1][1], -1, detail, [(left[0][2].at, "mapped here")])

    def touch(self, vma: Vma, addr: int) -> int:
        """A user access where nothing is mapped, and no fault handler is played: SIGBUS in a PFN mapping."""
        if vma.mm.page_table.get(addr) is not None or not vma.flags & VM_PFNMAP:
            return 0
        if vma.zapped_at:
            page = addr & ~(PAGE - 1)
            detail = "the entry was zapped and no fault handler brings it back: SIGBUS"
            self.note("sigbus-after-zap", page, page + PAGE, -1, detail, [(vma.zapped_at, "zapped here")])
        return SIGBUS

    def write(self, vma: Vma, addr: int) -> int:
        """A user write: copies a page of a private PFN mapping; SIGBUS where nothing is mapped."""
        table = vma.mm.page_table
        pte = table.get(addr)
        if pte is None:
            return self.touch(vma, addr)
        page = addr & ~(PAGE - 1)
        if vma.is_cow() and not self.vm_normal_page(vma, page, page + PAGE, pte):
            if vma.cachemode != WB:
                detail = "the copied page is RAM mapped with vm_page_prot, while the direct map is write-back"
                self.note("cow-anon-mode", page, page + PAGE, -1, detail, [(vma.born, "mapped here")])
            self.notifiers.around(vma.mm, "CLEAR", page, page + PAGE)
            table.clear(page, page + PAGE)
            anon = Pte(0, vma.cachemode, at=self.machine.now, special=False, anon=True, tracked=False)
            table.install(page, page + PAGE, anon)
        return 0


def _within(start: int, end: int, first: int, size: int) -> tuple[int, int]:
    """What [start, end) of a file, to its end where `end` is 0, and `size` bytes from `first` have in common."""
    return max(start, first), min(end or first + size, first + size)
