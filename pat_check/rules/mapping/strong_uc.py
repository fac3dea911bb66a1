"""mapping-strong-uc."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class StrongUc(FactRule):
    """Two pgprot helpers, one after the other, make a mapping strong UC.

    ## Why it matters
    `pgprot_noncached()` adds a bit to the protection, and before 7.x `pgprot_writecombine()` does as well: both bits
    together are UC, which no MTRR can relax. The order matters in one kernel and not in the other.
    """

    severity = Severity.WARNING
    invariants = (93,)
    facts = frozenset(("prot-strong-uc",))
    help = "start from vm_get_page_prot() and use one helper"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, wb
app: pgprot_noncached v
app: pgprot_writecombine v                #! mapping-strong-uc@!pfnmap-ctx
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, wb
app: pgprot_writecombine v
app: remap_pfn_range v, fb, 16K
"""
