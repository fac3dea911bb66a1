"""locking-unmap-mapping."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class UnmapMapping(FactRule):
    """unmap_mapping_range() is called with a lock that it takes itself, or under a page table lock.

    ## Why it matters
    It deadlocks.
    """

    severity = Severity.ERROR
    invariants = (158,)
    facts = frozenset(("umr-lock-order",))
    help = "drop the lock first"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
file card
drv: i_mmap_lock {
  unmap_mapping_range card                 #! locking-unmap-mapping
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
file card
drv: unmap_mapping_range card
"""
