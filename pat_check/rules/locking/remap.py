"""locking-remap."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Remap(FactRule):
    """remap_pfn_range() runs without the mmap lock held for writing.

    ## Why it matters
    It changes the flags of the mapping. 6.12 warns (`rwsem.h`), 6.1 and 7.2 do not: there it is a silent data race.
    """

    severity = Severity.ERROR
    invariants = (150, 151)
    facts = frozenset(("remap-needs-write-lock",))
    help = "call it from ->mmap"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K
app: mmap_read_lock {
  remap_pfn_range v, fb, 16K               #! locking-remap
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K
app: mmap_write_lock {
  remap_pfn_range v, fb, 16K
}
"""
