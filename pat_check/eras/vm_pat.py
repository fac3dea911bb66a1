"""A VMA flag, VM_PAT, and the page tables are the only memory of what is reserved."""

from __future__ import annotations

from pat_check.eras.base import Change, Era
from pat_check.model.memory import PAGE
from pat_check.model.operations import FIND_EXACT_OR_END
from pat_check.model.page_table import Pte
from pat_check.model.tracking import PfnmapTracking
from pat_check.model.vma import VM_IO, VM_PAT, VM_PFNMAP, Vma

_EINVAL = -22


class VmPatTracking(PfnmapTracking):
    """The first entry of a mapping tells which range to free; every zap of any part untracks the whole."""

    __slots__ = ()

    def remap(self, vma: Vma, addr: int, pfn: int, size: int, mode: int) -> tuple[int, int]:
        """``track_pfn_remap()``."""
        if not self.is_full(vma, addr, size):
            return self.setup_cachemode(pfn, size, mode)
        ret, mode = self.reserve_pfn_range(vma, pfn * PAGE, size, mode, strict=False)
        if ret == 0:
            vma.flags |= VM_PAT
        return ret, mode

    def remap_failed(self, vma: Vma, addr: int, pfn: int, size: int) -> None:
        """The zap of the error path untracks where it finds the first entry, then ``untrack_pfn(vma, pfn, size)``."""
        self.zap(vma)
        if vma.flags & VM_PAT:
            self.free_pfn_range(vma, pfn * PAGE, size, "untrack_pfn")
            vma.flags &= ~VM_PAT

    def copy(self, src: Vma, dst: Vma) -> int:
        """``untrack_pfn_clear()`` of the child's copy, then ``track_pfn_copy()``: another entry for the child."""
        had = src.flags & VM_PAT
        dst.flags &= ~VM_PAT
        if not had:
            return 0
        found = self.pat_info(src, with_mode=True)
        if found is None:
            return _EINVAL
        paddr, mode = found
        ret, _ = self.reserve_pfn_range(dst, paddr, src.size, mode, strict=True)
        if ret == 0:
            dst.flags |= VM_PAT
        return ret

    def copy_failed(self, src: Vma, dst: Vma) -> None:
        """``untrack_pfn_copy()``: the range that `copy` found in the parent, whatever the child has of it."""
        found = self.pat_info(src, with_mode=True) if dst.flags & VM_PAT else None
        if found is not None:
            self.free_pfn_range(dst, found[0], dst.size, "untrack_pfn")
            dst.flags &= ~VM_PAT

    def dup(self, src: Vma, dst: Vma) -> None:
        """The flags are copied, VM_PAT with them: both halves of a split carry it."""

    def moved(self, src: Vma, dst: Vma) -> None:
        """``untrack_pfn_clear()`` of the source, even where only a part of it moved."""
        src.flags &= ~VM_PAT

    def zap(self, vma: Vma) -> None:
        """``untrack_pfn(vma, 0, 0)`` in unmap_single_vma()."""
        if vma.flags & VM_PFNMAP:
            self.untrack(vma)

    def untrack(self, vma: Vma) -> None:
        """``untrack_pfn(vma, 0, 0)``: free the range of this VMA, found through its first entry."""
        if not vma.flags & VM_PAT:
            return
        found = self.pat_info(vma, with_mode=False)
        if found is None:
            return
        self.free_pfn_range(vma, found[0], vma.size, "untrack_pfn")
        vma.flags &= ~VM_PAT

    def pat_info(self, vma: Vma, *, with_mode: bool) -> tuple[int, int] | None:
        """``get_pat_info()``: physical address and type of the first entry; None after a warning or for a COW page."""
        pte = vma.mm.page_table.get(vma.start) if vma.flags & (VM_IO | VM_PFNMAP) else None
        if pte is not None and self.is_usable(pte):
            return pte.paddr(vma.start), pte.decoded()
        if vma.is_cow():
            return None if with_mode else (vma.pgoff * PAGE, 0)
        self.layer.warn("get_pat_info", vma)
        return None

    def is_usable(self, pte: Pte) -> bool:
        """``follow_phys()``: a 4 KiB entry that is no normal page."""
        return not pte.anon and pte.leaf == PAGE


ERA: Era = Era(
    name="vm-pat",
    kernels="up to 6.11",
    summary=__doc__,
    find_victim=FIND_EXACT_OR_END,
    fork_shares=False,
    pfnmap=VmPatTracking,
    mixed_bugs=True,
    zap_untracks=True,
    lacks=frozenset(
        (
            "__zap_vma_range",
            "pfnmap_track",
            "pfnmap_untrack",
            "pfnmap_track_ctx_release",
            "pfnmap_setup_cachemode",
            "remap_pfn_range_complete",
            "remap_pfn_range_track",
            "vms_gather_munmap_vmas",
        )
    ),
    hides=frozenset(("get_pat_info",)),
    inlined=frozenset(("get_pat_info",)),
    changes=(
        Change(
            "arch/x86/mm/pat/memtype_interval.c of Linux 6.1.192",
            "A free that matches no entry exactly shrinks the first entry with the same end.",
            witness="""
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
app-7 [000] 2.0: memtype_free: start=0xfd004000 end=0xfd008000        #! memtype-invalid-free@pfnmap-ctx
app-7 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd004000        #! memtype-invalid-free@pfnmap-ctx
""",
        ),
    ),
)
