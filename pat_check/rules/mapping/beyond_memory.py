"""mapping-beyond-memory."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class BeyondMemory(FactRule):
    """More is mapped than the BAR or the RAM that is named has.

    ## Why it matters
    Size and offset of an mmap() come from the user. A handler that does not compare them with the length of its BAR
    maps what lies behind it, or before it: other devices, or the kernel's memory. remap_pfn_range() does not know what a
    BAR is.
    """

    severity = Severity.ERROR
    facts = frozenset(("beyond-memory",))
    help = "compare vm_pgoff and the size with the length of the BAR, or use vm_iomap_memory(), which does"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, offset 56K
app: remap_pfn_range v, fb + 56K          #! mapping-beyond-memory
app: w = mmap 16K, pfnmap
app: fault w {
  vmf_insert_pfn w, fb + 64K              #! mapping-beyond-memory
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, offset 48K
app: remap_pfn_range v, fb + 48K
app: w = mmap 16K, pfnmap
app: fault w {
  vmf_insert_pfn w, fb + 60K
}
"""
