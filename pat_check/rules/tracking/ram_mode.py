"""tracking-ram-mode."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class RamMode(FactRule):
    """RAM is mapped with another type than its pages have.

    ## Why it matters
    RAM is never reserved by a mapping: the kernel rewrites the wish to the type of the pages and prints
    `map pfn RAM range req`. A driver that wanted UC- gets a cached mapping.
    """

    severity = Severity.WARNING
    invariants = (59,)
    facts = frozenset(("ram-remap-mode",))
    help = "call set_memory_uc() or set_memory_wc() on the pages first"
    violating = """
ram buf = 0x1000000 size 64K
process app
app: v = mmap 8K
app: remap_pfn_range v, buf, 8K, uc-      #! tracking-ram-mode
"""
    clean = """
ram buf = 0x1000000 size 64K
process app
driver drv
drv: set_memory_uc buf, 8K
app: v = mmap 8K
app: remap_pfn_range v, buf, 8K, uc-
app: munmap v
drv: set_memory_wb buf, 8K
"""
