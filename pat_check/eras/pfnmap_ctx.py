"""A refcounted pfnmap_track_ctx, shared by VMAs, owns the reservation."""

from __future__ import annotations

from pat_check.eras import vm_pat_6_12
from pat_check.eras.base import Change, Era
from pat_check.model.memory import PAGE
from pat_check.model.operations import FIND_EXACT
from pat_check.model.tracking import PfnmapTracking
from pat_check.model.vma import PfnmapTrackCtx, Vma


class CtxTracking(PfnmapTracking):
    """``pfnmap_track_ctx``: the reservation lives exactly as long as the mappings that share it."""

    __slots__ = ()

    def remap(self, vma: Vma, addr: int, pfn: int, size: int, mode: int) -> tuple[int, int]:
        """``remap_pfn_range_track()``: a full remap of a mapping that has a context already is refused."""
        if not self.is_full(vma, addr, size):
            return self.setup_cachemode(pfn, size, mode)
        if vma.ctx is not None:
            return -22, mode
        ret, mode = self.reserve_pfn_range(vma, pfn * PAGE, size, mode, strict=False)
        if ret:
            return -22, mode
        vma.ctx = PfnmapTrackCtx(pfn, size, self.machine.now)
        return 0, mode

    def remap_failed(self, vma: Vma, addr: int, pfn: int, size: int) -> None:
        """The new context is dropped."""
        if self.is_full(vma, addr, size):
            self.free(vma)

    def dup(self, src: Vma, dst: Vma) -> None:
        """``vm_area_dup()`` takes a reference."""
        if src.ctx is not None:
            dst.ctx = src.ctx.get()

    def free(self, vma: Vma) -> None:
        """``vm_area_free()`` drops it; the last one frees the bounds that were reserved."""
        ctx, vma.ctx = vma.ctx, None
        if ctx is not None and ctx.put():
            self.free_pfn_range(vma, ctx.pfn * PAGE, ctx.size, "pfnmap_track_ctx_release")


ERA: Era = vm_pat_6_12.ERA.derive(
    name="pfnmap-ctx",
    kernels="6.16 and later",
    summary=__doc__,
    find_victim=FIND_EXACT,
    fork_shares=True,
    pfnmap=CtxTracking,
    zap_untracks=False,
    lacks=frozenset(
        (
            *vm_pat_6_12.OLDER,
            "get_pat_info",
            "track_pfn_copy",
            "track_pfn_insert",
            "track_pfn_remap",
            "untrack_pfn",
            "untrack_pfn_clear",
            "untrack_pfn_copy",
        )
    ),
    inlined=frozenset(("remap_pfn_range_track", "reserve_pfn_range", "unmap_single_vma")),
    locks_checked=False,
    pud_looks_up=True,
    prot_replaces=True,
    flags_before_track=True,
    insert_pages_checked=False,
    changes=(
        Change(
            "arch/x86/mm/pat/memtype_interval.c of Linux 7.2.13",
            "memtype_erase() matches start and end exactly; the end-match rule is gone.",
            witness="""
app-7 [000] 1.0: memtype_reserve: start=0xfd000000 end=0xfd008000 req=2
app-7 [000] 2.0: memtype_free: start=0xfd004000 end=0xfd008000        #! memtype-invalid-free@pfnmap-ctx
app-7 [000] 3.0: memtype_free: start=0xfd000000 end=0xfd008000        #! memtype-invalid-free@!pfnmap-ctx
""",
        ),
        Change(
            'f8e97613fed2 ("mm: convert VM_PFNMAP tracking to pfnmap_track() + pfnmap_untrack()")',
            "fork shares the parent's reservation instead of making another one for the child.",
        ),
        Change(
            "arch/x86/include/asm/pgtable_types.h and mm/memory.c of Linux 7.2.13 (page-tables.md section 3)",
            "pgprot_writecombine() replaces the cache bits; vm_insert_pages() only warns, in debug builds.",
        ),
    ),
)
