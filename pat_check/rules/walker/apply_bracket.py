"""walker-apply-bracket."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class ApplyBracket(FactRule):
    """apply_to_page_range() changes entries, and its caller has told no notifier.

    ## Why it matters
    The callback runs under the page table lock, where no notifier may be called: bracketing the walk and flushing the
    TLB is the caller's work. Without it KVM and devices go on using the old entries.
    """

    severity = Severity.ERROR
    invariants = (115,)
    facts = frozenset(("apply-without-bracket",))
    help = "call invalidate_range_start before the walk, flush and call invalidate_range_end after it"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
drv: mmap_read_lock {
  apply_to_page_range v, 4K, fb + 32K     #! walker-apply-bracket
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
drv: mmap_read_lock {
  apply_to_page_range v, 16K, fb
  invalidate_range_start v, 16K
  apply_to_page_range v, 16K, ro
  flush_tlb_range v, 16K
  invalidate_range_end v, 16K
}
"""
