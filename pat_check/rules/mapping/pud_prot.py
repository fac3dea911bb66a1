"""mapping-pud-prot."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class PudProt(FactRule):
    """A 1 GiB entry gets vm_page_prot instead of the reserved type.

    ## Why it matters
    `vmf_insert_pfn_pud()` of 6.12 computes the type and then inserts with the other one: two types for one range.
    """

    severity = Severity.ERROR
    invariants = (85, 89)
    facts = frozenset(("pud-prot-lookup",))
    help = "set vm_page_prot to the reserved type, or use 2 MiB entries on these kernels"
    violating = """
bar fb = 0x100000000 size 4G
process app
driver drv
drv: memtype_reserve fb, 1G, wc
app: v = mmap 1G, pfnmap
app: vmf_insert_pfn_pud v, fb              #! mapping-pud-prot@vm-pat-6.12 mapping-pud-prot@unmap-region
"""
    clean = """
bar fb = 0x100000000 size 4G
process app
driver drv
drv: memtype_reserve fb, 1G, wc
app: v = mmap 1G, pfnmap
app: vmf_insert_pfn_pmd v, fb
"""
