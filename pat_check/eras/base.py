"""What an era is: the mechanisms behind the hooks, and why we believe in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pat_check.model.operations import FindVictim
from pat_check.model.tracking import PfnmapTracking


class Change(NamedTuple):
    """One difference from the era before: the commit or source it comes from, and a trace that shows it."""

    source: str
    what: str
    witness: str = ""


@dataclass(frozen=True, slots=True)
class Era:
    """How the kernels of one time behave. Named for behaviour: vendors backport."""

    name: str
    kernels: str
    summary: str
    find_victim: FindVictim  # the search of memtype_erase()
    fork_shares: bool  # whether fork lets the child hold the parent's reservation instead of a copy
    pfnmap: type[PfnmapTracking]  # the hooks of the tracking layer
    zap_untracks: bool = False  # clearing any entry of a tracked mapping frees its reservation, and VM_PAT with it
    lacks: frozenset[str] = frozenset()  # functions of the tracking layer that these kernels do not have
    hides: frozenset[str] = frozenset()  # functions that every known build of these kernels has inlined
    inlined: frozenset[str] = frozenset()  # functions that builds of these kernels do not show: inlined, or gone
    unmap_untracks: bool = False  # unmap_vmas() untracks each mapping itself, before the zap
    locks_checked: bool = False  # remap_pfn_range() warns when mmap_lock is not held for writing
    flags_checked: bool = False  # vm_flags_set() and vm_flags_clear() warn so
    huge_pfnmap: bool = False  # PFN mappings may have PMD and PUD leaves; else only DAX is asked for huge faults
    pud_looks_up: bool = True  # vmf_insert_pfn_pud() uses the type that it looked up
    prot_replaces: bool = False  # pgprot_writecombine() replaces the cache bits instead of adding to them
    flags_before_track: bool = False  # remap_pfn_range() sets the VMA flags before it reserves
    mixed_bugs: bool = False  # vmf_insert_mixed() of a mapping not made for it is a BUG(), else VM_FAULT_SIGBUS
    insert_pages_checked: bool = True  # vm_insert_pages() of a mapping not made for it is a BUG()
    folio_walk: bool = False  # folio_walk_start() exists
    walk_vma_skips: bool = True  # walk_page_vma() leaves VM_PFNMAP mappings out, as walk_page_range() does
    end_invalidates: bool = True  # invalidate_range_end() also invalidates secondary TLBs, unless told "only_end"
    flush_invalidates: bool = False  # flushing the TLB of the processor invalidates secondary TLBs too
    change_pte: bool = True  # notifiers have a change_pte callback
    changes: tuple[Change, ...] = ()
    before: str = ""  # the era it derives from

    def derive(self, **changed: Any) -> Era:
        """This era with what changed."""
        return replace(self, before=self.name, **changed)

    def __str__(self) -> str:
        return self.name
