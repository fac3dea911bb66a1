"""notifier-change-pte."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class ChangePte(FactRule):
    """A change_pte callback is seen, which this kernel does not have.

    ## Why it matters
    It went before 6.12. A recording that shows it is of another kernel than its era says.
    """

    severity = Severity.INFO
    invariants = (140,)
    facts = frozenset(("mn-change-pte",))
    help = "replay with the era that fits: --era vm-pat"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: change_pte v, 4K                     #! notifier-change-pte@!vm-pat
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: vmf_insert_pfn v, fb
app: write v
"""
