"""tracking-unmap-window."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class UnmapWindow(FactRule):
    """A range is reserved with another type while its old entries are still there.

    ## Why it matters
    Up to 6.15 the reservation is freed before the entries are cleared and the TLB is flushed. Whoever reserves in
    between gets the range with any type, while another processor still uses the old one.
    """

    severity = Severity.WARNING
    invariants = (54,)
    facts = frozenset(("reserved-in-window",))
    help = "keep other users of the range away until munmap has returned"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, wc
app: remap_pfn_range v, fb, 16K
app: munmap v {
  drv: memtype_reserve fb, 16K, uc-       #! tracking-unmap-window@!pfnmap-ctx memtype-downgrade@pfnmap-ctx
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, wc
app: remap_pfn_range v, fb, 16K
app: munmap v {
  drv: memtype_reserve fb, 16K, wc
}
"""
