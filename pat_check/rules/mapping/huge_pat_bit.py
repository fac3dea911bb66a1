"""mapping-huge-pat-bit."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class HugePatBit(FactRule):
    """A huge entry needs the PAT bit.

    ## Why it matters
    The bit that means PAT in a 4 KiB entry means page size in a huge one: write-through becomes strong UC, write-protected
    becomes write-combining.
    """

    severity = Severity.ERROR
    invariants = (84, 89)
    facts = frozenset(("huge-pat-bit",))
    help = "use 4 KiB entries for WT and WP"
    violating = """
bar fb = 0x100000000 size 4G
process app
driver drv
drv: memtype_reserve fb, 2M, wt
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, fb              #! mapping-huge-pat-bit@!vm-pat
"""
    clean = """
bar fb = 0x100000000 size 4G
process app
driver drv
drv: memtype_reserve fb, 2M, wt
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn v, fb
"""
