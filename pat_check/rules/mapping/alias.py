"""mapping-alias."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class Alias(FactRule):
    """One frame is mapped with two types at a time.

    ## Why it matters
    The processor does not define what happens: writes may be lost or come late. UC- and UC count as one type here.
    """

    severity = Severity.ERROR
    invariants = (90,)
    depth = Depth.CONSEQUENCE
    facts = frozenset(("alias-types",))
    help = "unmap the frame everywhere before it is mapped with another type"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: p = ioremap_wc fb
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
drv: iounmap p                            #! memtype-changed-under-mapping
app: w = mmap 16K, pfnmap
app: vmf_insert_pfn w, fb                 #! mapping-alias
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: p = ioremap_wc fb
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: munmap v
drv: iounmap p
app: w = mmap 16K, pfnmap
app: vmf_insert_pfn w, fb
"""
