"""notifier-not-covered."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class NotCovered(FactRule):
    """An entry is cleared or restricted outside any bracket.

    ## Why it matters
    Nobody tells KVM or a device: they keep access to a page that the process has lost.
    """

    severity = Severity.ERROR
    invariants = (132,)
    facts = frozenset(("mn-not-covered",))
    help = "call invalidate_range_start for the range first"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_read_lock {
  ptep_get_and_clear v                    #! notifier-not-covered
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: mmap_read_lock {
  set_pte_at v, fb
}
"""
