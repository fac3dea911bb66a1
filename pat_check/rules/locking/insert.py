"""locking-insert."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Insert(FactRule):
    """A driver inserts a frame from outside of any fault, with no lock held.

    ## Why it matters
    `vmf_insert_pfn()` is made for fault handlers, which hold the mapping alive. In a work item or a timer nothing does.
    """

    severity = Severity.INFO
    invariants = (153,)
    facts = frozenset(("insert-outside-fault",))
    help = "insert from the fault handler"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
drv: spin_lock {
  vmf_insert_pfn v, fb                      #! locking-insert
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
drv: mmap_write_lock {
  vmf_insert_pfn v, fb
}
"""
