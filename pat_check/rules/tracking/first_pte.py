"""tracking-first-pte."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class FirstPte(FactRule):
    """The first entry of a tracked mapping is gone when its range must be found.

    ## Why it matters
    VM_PAT keeps no range: `get_pat_info()` reads it from the first page table entry. Without it the kernel warns once
    per boot, frees nothing, and the reservation leaks; a fork fails with ENOMEM.
    """

    severity = Severity.ERROR
    invariants = (40,)
    depth = Depth.FAILURE
    facts = frozenset(("first-pte-gone",))
    help = "do not zap the beginning of a mapping that is munmapped before it is touched again"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: munmap v                          #! tracking-first-pte@unmap-region
app: exit                               #! memtype-leak@unmap-region
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_page_range_single v + 12K, 4K    #! tracking-partial-zap@vm-pat*
app: munmap v
"""
