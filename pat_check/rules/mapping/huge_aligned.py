"""mapping-huge-aligned."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class HugeAligned(FactRule):
    """A huge entry is inserted that is not aligned, or reaches beyond its mapping.

    ## Why it matters
    The kernel masks the frame down without a word, so other pages appear than the driver meant; a leaf beyond the end maps
    what the process never asked for.
    """

    severity = Severity.ERROR
    invariants = (82,)
    facts = frozenset(("huge-unaligned",))
    help = "return VM_FAULT_FALLBACK unless address and pfn are aligned and the leaf lies inside the mapping"
    violating = """
bar fb = 0x100000000 size 4G
process app
driver drv
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, fb + 12K       #! mapping-huge-aligned@!vm-pat
"""
    clean = """
bar fb = 0x100000000 size 4G
process app
driver drv
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, fb
"""
