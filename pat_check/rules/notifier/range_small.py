"""notifier-range-small."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class RangeSmall(FactRule):
    """Entries are changed beyond the range that was started.

    ## Why it matters
    Secondary MMUs keep access to the rest. A larger range is fine.
    """

    severity = Severity.WARNING
    invariants = (137,)
    facts = frozenset(("mn-range-small",))
    help = "start the whole range that is changed, or more"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: vmf_insert_pfn v + 4K, fb + 4K
app: mmap_read_lock {
  invalidate_range_start v, 4K
  ptep_get_and_clear v, 8K                #! notifier-range-small
  flush_tlb_range v, 8K
  invalidate_range_end v, 4K
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 16K
  ptep_get_and_clear v, 8K
  flush_tlb_range v, 8K
  invalidate_range_end v, 16K
}
"""
