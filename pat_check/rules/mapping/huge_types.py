"""mapping-huge-types."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class HugeTypes(FactRule):
    """A huge entry covers ranges of different types.

    ## Why it matters
    Only its first page is looked up; the rest of the leaf maps with that type whatever is reserved there.
    """

    severity = Severity.ERROR
    invariants = (83,)
    facts = frozenset(("huge-mixed-types",))
    help = "fall back to smaller entries where the type changes inside the leaf"
    violating = """
bar fb = 0x100000000 size 4G
process app
driver drv
drv: memtype_reserve fb, 1M, wc
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, fb              #! mapping-huge-types@!vm-pat
"""
    clean = """
bar fb = 0x100000000 size 4G
process app
driver drv
drv: memtype_reserve fb, 2M, wc
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, fb
"""
