"""mapping-cached-device."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class CachedDevice(FactRule):
    """Device memory is mapped write-back.

    ## Why it matters
    Reads may be stale and writes late. It is right for tables that firmware left in memory, which a driver has mapped
    write-back before, and for nothing else.
    """

    severity = Severity.WARNING
    invariants = (94,)
    facts = frozenset(("mmio-cached",))
    help = "open /dev/mem with O_SYNC, or use pgprot_noncached()"
    violating = """
mtrr 0xfd000000 size 64K write-back
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, wb
app: remap_pfn_range v, fb, 16K           #! mapping-cached-device
"""
    clean = """
mtrr 0xfd000000 size 64K write-back
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: p = ioremap_cache fb
app: v = mmap 16K, wb
app: remap_pfn_range v, fb, 16K
app: munmap v
drv: iounmap p
"""
