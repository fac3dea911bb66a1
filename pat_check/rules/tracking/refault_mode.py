"""tracking-refault-mode."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class RefaultMode(FactRule):
    """A frame comes back with another type after a zap.

    ## Why it matters
    Up to 6.15 every zap gives the reservation back. The fault that follows only looks the type up, so write-combining
    silently becomes UC-: the same page of the same mapping, slower after the first reset of the device.
    """

    severity = Severity.ERROR
    invariants = (38,)
    depth = Depth.FAILURE
    facts = frozenset(("refault-other-mode",))
    help = "hold a reservation of the driver's own over the range: ioremap_wc() or arch_io_reserve_memtype_wc()"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, wc
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: vmf_insert_pfn v, fb                 #! tracking-refault-mode@vm-pat*
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: p = ioremap_wc fb, 16K
app: v = mmap 16K, wc
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: vmf_insert_pfn v, fb
"""
