"""mapping-type-changed."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class TypeChanged(FactRule):
    """A present entry gets another type for the frame that it maps.

    ## Why it matters
    The reservation and every other mapping of the frame keep the old type: from then on there are two. mprotect, fork and
    mremap keep frame, type and special bit, and change only permissions; so must whoever changes entries himself.
    """

    severity = Severity.WARNING
    invariants = (91,)
    facts = frozenset(("entry-type-changed",))
    help = "change permissions with pte_modify(), which keeps the type; for another type zap, and reserve it first"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: arch_io_reserve_memtype_wc fb, 16K
app: v = mmap 16K, pfnmap, wc
app: vmf_insert_pfn v, fb
drv: mmap_write_lock {
  invalidate_range_start v, 4K
  apply_to_page_range v, 4K, fb, wb       #! mapping-type-changed
  flush_tlb_range v, 4K
  invalidate_range_end v, 4K
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: arch_io_reserve_memtype_wc fb, 16K
app: v = mmap 16K, pfnmap, wc
app: vmf_insert_pfn v, fb
drv: mmap_write_lock {
  invalidate_range_start v, 4K
  apply_to_page_range v, 4K, ro
  flush_tlb_range v, 4K
  invalidate_range_end v, 4K
}
app: mprotect v, ro
expect pte v = fb wc
"""
