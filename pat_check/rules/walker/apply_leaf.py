"""walker-apply-leaf."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class ApplyLeaf(FactRule):
    """apply_to_page_range() runs into a huge entry.

    ## Why it matters
    It knows small entries only: it warns and returns -EINVAL, and for some tables of tables it stops with BUG().
    """

    severity = Severity.ERROR
    invariants = (114,)
    facts = frozenset(("apply-huge-leaf",))
    help = "zap the range first, or fault it in with small entries"
    violating = """
bar fb = 0x100000000 size 4M
process app
driver drv
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, fb
drv: apply_to_page_range v, 16K           #! walker-apply-leaf@!vm-pat
expect ret = -EINVAL                      @!vm-pat
"""
    clean = """
bar fb = 0x100000000 size 4M
process app
driver drv
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn v, fb
drv: apply_to_page_range v, 16K
expect ret = 0
"""
