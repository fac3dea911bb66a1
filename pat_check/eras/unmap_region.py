"""What if: VM_PAT of 6.12 with the unmerged patch of 2024 that untracks at munmap instead of at every zap."""

from __future__ import annotations

from pat_check.eras import vm_pat_6_12
from pat_check.eras.base import Change, Era
from pat_check.model.memory import PAGE
from pat_check.model.vma import VM_PAT, VM_PFNMAP, Vma


class UnmapRegionTracking(vm_pat_6_12.VmPat612Tracking):
    """The reservation survives zaps; at munmap its range must still be found through the first entry."""

    __slots__ = ()

    def zap(self, vma: Vma) -> None:
        """unmap_single_vma() does not untrack any more."""

    def unmap(self, vma: Vma) -> None:
        """``untrack_pfn(vma, 0, 0)`` in the loop of unmap_vmas(), before unmap_single_vma()."""
        if vma.flags & VM_PFNMAP:
            self.untrack(vma)

    def remap_failed(self, vma: Vma, addr: int, pfn: int, size: int) -> None:
        """Only the explicit ``untrack_pfn(vma, pfn, size)`` is left."""
        if vma.flags & VM_PAT:
            self.free_pfn_range(vma, pfn * PAGE, size, "untrack_pfn")
            vma.flags &= ~VM_PAT


ERA: Era = vm_pat_6_12.ERA.derive(
    name="unmap-region",
    kernels="none: never merged",
    summary=__doc__,
    pfnmap=UnmapRegionTracking,
    zap_untracks=False,
    unmap_untracks=True,
    changes=(
        Change(
            "the patch posted as 'mm/x86/pat: Only untrack the pfn range if unmap region' (2024), not merged",
            "untrack_pfn() moves from unmap_single_vma() to unmap_vmas().",
            witness="""
app-7 [000] 1.0: unmap_single_vma: vma=0x10 start=0x7000 end=0x9000
app-7 [000] 1.1: untrack_pfn: vma=0x10 pfn=0x0 size=0x0
app-7 [000] 2.0: unmap_single_vma: vma=0x20 start=0x7000 end=0x9000
app-7 [000] 2.1: untrack_pfn: vma=0x20 pfn=0x0 size=0x0
app-7 [000] 3.0: unmap_single_vma: vma=0x30 start=0x7000 end=0x9000
app-7 [000] 3.1: untrack_pfn: vma=0x30 pfn=0x0 size=0x0  #! model-era@unmap-region model-era@pfnmap-ctx
""",
        ),
    ),
)
