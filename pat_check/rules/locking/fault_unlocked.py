"""locking-fault-unlocked."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class FaultUnlocked(FactRule):
    """A process inserts a frame into its own mapping, and holds no lock of it.

    ## Why it matters
    A fault holds mmap_lock for reading, or the lock of the mapping in a huge_fault and where the driver has map_pages. A
    story in which a task fills its mapping with neither has left out a lock: what it says of races cannot be trusted.
    """

    severity = Severity.WARNING
    invariants = (157,)
    facts = frozenset(("fault-without-lock",))
    help = "put the insert into a fault block, or say which lock the task holds"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, pfnmap
app: page_table_lock {
  vmf_insert_pfn v, fb                      #! locking-fault-unlocked
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, pfnmap
app: vma_read_lock {
  vmf_insert_pfn v, fb
}
app: mmap_read_lock {
  vmf_insert_pfn v + 4K, fb + 4K
}
"""
