"""mapping-populated."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Populated(FactRule):
    """remap_pfn_range() runs over entries that are present.

    ## Why it matters
    The kernel stops with BUG().
    """

    severity = Severity.FATAL
    invariants = (74,)
    facts = frozenset(("remap-over-populated",))
    help = "zap the range first"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K
app: remap_pfn_range v, fb, 8K
app: remap_pfn_range v, fb + 8K, 8K      #! mapping-populated
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 8K
drv: zap_vma_ptes v
app: remap_pfn_range v, fb + 8K, 8K
"""
