"""notifier-atomic."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Atomic(FactRule):
    """A notifier is called under a page table lock or a spinlock.

    ## Why it matters
    `invalidate_range_start()` and its end may sleep. Only the secondary invalidate may be called there. A callback of a
    walk runs under that lock, so the caller of the walk brackets it.
    """

    severity = Severity.ERROR
    invariants = (131,)
    facts = frozenset(("mn-under-lock",))
    help = "start before the page table lock is taken, end after it is released"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  page_table_lock v {
    invalidate_range_start v, 4K          #! notifier-atomic
  }
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
  invalidate_range_start v, 4K
  page_table_lock v {
    ptep_get_and_clear v
    invalidate_secondary v, 4K
  }
  invalidate_range_end v, 4K
}
"""
