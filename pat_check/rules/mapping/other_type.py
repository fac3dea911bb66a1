"""mapping-other-type."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class OtherType(FactRule):
    """An entry gets another type than the mapping asks for, for the range is reserved otherwise.

    ## Why it matters
    `vm_page_prot` is only a wish: fault inserts and partial remaps take what is reserved. A frame buffer that wanted
    write-combining is slow, and nothing says so.
    """

    severity = Severity.INFO
    invariants = (92,)
    depth = Depth.CONSEQUENCE
    facts = frozenset(("reserved-otherwise",))
    help = "reserve the range with the type that the mappings want"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: p = ioremap fb
app: v = mmap 16K, pfnmap, wc
app: vmf_insert_pfn v, fb                 #! mapping-other-type
app: munmap v
drv: iounmap p
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: p = ioremap_wc fb
app: v = mmap 16K, pfnmap, wc
app: vmf_insert_pfn v, fb
app: munmap v
drv: iounmap p
"""
