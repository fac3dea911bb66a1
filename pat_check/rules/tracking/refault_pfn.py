"""tracking-refault-pfn."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class RefaultPfn(FactRule):
    """A mapping that was made of one frame is refaulted with another.

    ## Why it matters
    Nothing reserves the second frame. With `unmap-region` munmap frees what it finds in the page table, so the first
    frame leaks and somebody else's reservation may be hit. Since 6.16 nothing leaks, but the second frame has no
    protection, and the first stays reserved.
    """

    severity = Severity.ERROR
    invariants = (33, 39)
    facts = frozenset(("refault-other-pfn",))
    help = "let the driver reserve every frame that its fault handler may insert"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: vmf_insert_pfn v, fb + 32K       #! tracking-refault-pfn@pfnmap-ctx tracking-refault-pfn@unmap-region
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: vmf_insert_pfn v, fb
"""
