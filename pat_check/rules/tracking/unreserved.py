"""tracking-unreserved."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class Unreserved(FactRule):
    """A mapping wants another type than UC-, and nothing reserves its range.

    ## Why it matters
    A partial `remap_pfn_range()` and every fault insert only look the type up. Where nobody reserved it, that is UC-: a
    frame buffer that wanted write-combining is silently slow.
    """

    severity = Severity.WARNING
    invariants = (57,)
    depth = Depth.FAILURE
    facts = frozenset(("partial-without-reservation",))
    help = "reserve the range first: ioremap_wc() or arch_io_reserve_memtype_wc() over the BAR"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K
app: remap_pfn_range v, fb, 8K, wc       #! tracking-unreserved
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
drv: arch_io_reserve_memtype_wc fb, 64K
app: remap_pfn_range v, fb, 8K, wc
drv: arch_io_free_memtype_wc fb, 64K     #! memtype-changed-under-mapping
"""
