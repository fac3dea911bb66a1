"""notifier-no-lock."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class NoLock(FactRule):
    """A range is invalidated while no lock keeps its page tables.

    ## Why it matters
    The mapping, and the tables that are walked, may be freed meanwhile. mmap_lock or a lock of the reverse map must be
    held.
    """

    severity = Severity.ERROR
    invariants = (136,)
    facts = frozenset(("mn-no-lock",))
    help = "hold mmap_lock, or the i_mmap lock of the file"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: invalidate_range_start v, 4K         #! notifier-no-lock
app: invalidate_range_end v, 4K           #! notifier-no-lock
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
drv: i_mmap_lock {
  invalidate_range_start v, 4K
  invalidate_range_end v, 4K
}
"""
