"""locking-zap."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Zap(FactRule):
    """A mapping is zapped while no lock keeps it alive.

    ## Why it matters
    The mapping may be freed meanwhile.
    """

    severity = Severity.ERROR
    invariants = (155,)
    facts = frozenset(("zap-needs-stable-vma",))
    help = "hold mmap_lock, or call unmap_mapping_range(), which takes the lock of the file"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 8K
drv: spin_lock {
  zap_vma_ptes v                           #! locking-zap
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 8K
drv: mmap_read_lock {
  zap_vma_ptes v
}
"""
