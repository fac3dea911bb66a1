"""notifier-only-end."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class OnlyEnd(FactRule):
    """A range is closed with the end that skips the secondary invalidate, and nobody has done it.

    ## Why it matters
    In 6.1 the end of a range invalidates secondary TLBs, unless the caller says that it has done so under the lock.
    Later kernels do it where they flush the TLB, and have one end only.
    """

    severity = Severity.ERROR
    invariants = (139,)
    facts = frozenset(("mn-only-end",))
    help = "use invalidate_range_end(), or ptep_clear_flush_notify() under the lock"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 4K
  ptep_set_wrprotect v
  invalidate_range_only_end v, 4K         #! notifier-only-end@vm-pat
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  invalidate_range_start v, 4K
  ptep_clear_flush_notify v
  set_pte_at v, fb + 32K
  invalidate_range_only_end v, 4K
}
"""
