"""walker-apply-flush."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class ApplyFlush(FactRule):
    """apply_to_page_range() changes entries, and its caller does not flush the TLB before it ends the bracket.

    ## Why it matters
    apply_to_page_range() flushes nothing. Processors go on with the old entries, and once the bracket is closed KVM and
    devices may fault them in again.
    """

    severity = Severity.ERROR
    invariants = (115,)
    facts = frozenset(("apply-without-flush",))
    help = "call flush_tlb_range() over what was changed, before invalidate_range_end"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
drv: mmap_read_lock {
  invalidate_range_start v, 4K
  apply_to_page_range v, 4K, ro
  invalidate_range_end v, 4K              #! walker-apply-flush
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
drv: mmap_read_lock {
  invalidate_range_start v, 16K
  apply_to_page_range v + 4K, 12K, fb + 4K
  invalidate_range_end v, 16K
  invalidate_range_start v, 4K
  apply_to_page_range v, 4K, ro
  flush_tlb_range v, 4K
  invalidate_range_end v, 4K
}
"""
