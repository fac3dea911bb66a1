"""VM_PAT as in 6.12: the first page table entry may be a huge leaf, and flag changes want the write lock."""

from __future__ import annotations

from pat_check.eras import vm_pat
from pat_check.eras.base import Change, Era
from pat_check.model.page_table import Pte


class VmPat612Tracking(vm_pat.VmPatTracking):
    """``follow_pfnmap_start()`` reads leaves of every level, and wants the special bit."""

    __slots__ = ()

    def is_usable(self, pte: Pte) -> bool:
        """A special entry of any level."""
        return pte.special


OLDER: frozenset[str] = frozenset(
    (
        "__vma_adjust",
        "do_mas_align_munmap",
        "do_mas_munmap",
        "vma_merge",
        "vmf_insert_pfn_pmd_prot",
        "vmf_insert_pfn_pud_prot",
    )
)
"""Functions that were gone when Linux 6.12 came."""

ERA: Era = vm_pat.ERA.derive(
    name="vm-pat-6.12",
    kernels="6.12 to 6.15",
    summary=__doc__,
    pfnmap=VmPat612Tracking,
    locks_checked=True,
    flags_checked=True,
    mixed_bugs=False,
    huge_pfnmap=True,
    pud_looks_up=False,
    folio_walk=True,
    walk_vma_skips=False,
    end_invalidates=False,
    flush_invalidates=True,
    change_pte=False,
    lacks=vm_pat.ERA.lacks - {"vms_gather_munmap_vmas"} | OLDER,
    hides=frozenset(),
    inlined=frozenset(),
    changes=(
        Change(
            "arch/x86/mm/pat/memtype.c and mm/memory.c of Linux 6.12.117",
            "PMD and PUD leaves have a special bit and get_pat_info() follows them; flag setters want the write lock.",
        ),
        Change(
            "the functions that Linux 6.1.192 and 6.12.107 have for probes",
            "do_mas_munmap(), __vma_adjust(), vma_merge() and the huge inserts with a protection are gone.",
            witness="""
app-7 [000] 1.0: do_mas_munmap: mm=0x1 start=0x7000 len=0x1000
app-7 [000] 2.0: vma_merge: mm=0x1 addr=0x8000 end=0x9000
app-7 [000] 3.0: do_mas_munmap: mm=0x1 start=0x8000 len=0x1000        #! model-era@!vm-pat
""",
        ),
        Change(
            "mm/memory.c of Linux 6.12.117 (page-tables.md sections 1 and 3)",
            "PFN mappings take huge faults, which were for DAX alone; vmf_insert_mixed() of a mapping that is not made "
            "for it returns VM_FAULT_SIGBUS instead of stopping the kernel.",
        ),
        Change(
            "mm/pagewalk.c of Linux 6.12.117 (page-tables.md section 7)",
            "folio_walk_start() is new; walk_page_vma() goes into VM_PFNMAP mappings; follow_pfnmap_start() reads "
            "leaves of every level, follow_pte() only small entries.",
        ),
        Change(
            "include/linux/mmu_notifier.h of Linux 6.12.117 (page-tables.md section 9, N10 and N11)",
            "Flushing the TLB invalidates secondary TLBs, the end of a bracket does not; change_pte is gone.",
        ),
    ),
)
