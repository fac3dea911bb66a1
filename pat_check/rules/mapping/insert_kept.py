"""mapping-insert-kept."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class InsertKept(FactRule):
    """A frame is inserted where another is mapped, and the old one stays.

    ## Why it matters
    `vmf_insert_pfn()` returns VM_FAULT_NOPAGE as if it had worked. The process goes on using the old frame.
    """

    severity = Severity.ERROR
    invariants = (81,)
    facts = frozenset(("insert-kept-old",))
    help = "zap the old entry before its replacement can fault in"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: vmf_insert_pfn v, fb + 32K           #! mapping-insert-kept
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
drv: zap_vma_ptes v
app: vmf_insert_pfn v, fb + 32K
"""
