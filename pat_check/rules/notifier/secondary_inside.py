"""notifier-secondary-inside."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class SecondaryInside(FactRule):
    """A secondary entry is made in a range that is being invalidated.

    ## Why it matters
    The invalidation has passed it already: the entry stays although the page goes. The secondary fault must be tried
    again after the end of the range.
    """

    severity = Severity.WARNING
    invariants = (138,)
    facts = frozenset(("mn-secondary-inside",))
    help = "check mmu_invalidate_retry() under the lock that maps"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: register_notifier app
app: mmap_read_lock {
  p = follow_pfnmap_start v
  invalidate_range_start v, 16K
  secondary_map v, p                      #! notifier-secondary-inside
  invalidate_range_end v, 16K
  follow_pfnmap_end p
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: register_notifier app
app: mmap_read_lock {
  p = follow_pfnmap_start v
  invalidate_range_start v, 16K
  secondary_map v, p, retry
  invalidate_range_end v, 16K
  follow_pfnmap_end p
  q = follow_pfnmap_start v
  secondary_map v, q, retry
  follow_pfnmap_end q
}
"""
