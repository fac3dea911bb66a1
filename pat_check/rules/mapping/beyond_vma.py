"""mapping-beyond-vma."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class BeyondVma(FactRule):
    """remap_pfn_range() fills entries outside of its mapping.

    ## Why it matters
    remap_pfn_range() does not compare the range with the bounds of the mapping. What lies outside belongs to no
    mapping: the unmap of this one does not clear it, and what is mapped there next has these entries. A range that is
    not the whole mapping is not tracked either, so nothing reserves it.
    """

    severity = Severity.ERROR
    facts = frozenset(("remap-beyond-vma",))
    help = "compare the size with vma->vm_end - vma->vm_start first, or use vm_iomap_memory(), which does"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K
app: remap_pfn_range v, fb, 32K           #! mapping-beyond-vma
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K
app: remap_pfn_range v + 8K, fb, 8K
"""
