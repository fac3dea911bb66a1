"""tracking-partial-zap."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class PartialZap(FactRule):
    """A part of a tracked mapping is zapped, and the whole of it loses its reservation.

    ## Why it matters
    Up to 6.15 any zap of any page calls `untrack_pfn()` for the whole VMA. The pages that stay mapped are then
    protected by nobody: another user may take the range with another type.
    """

    severity = Severity.ERROR
    invariants = (37,)
    facts = frozenset(("partial-zap-untracks",))
    help = "zap the whole mapping, or hold a reservation of the driver's own over the range"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v + 8K, 4K              #! tracking-partial-zap@vm-pat*
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
"""
