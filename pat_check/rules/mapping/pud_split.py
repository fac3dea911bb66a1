"""mapping-pud-split."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class PudSplit(FactRule):
    """A mapping is cut inside a 1 GiB entry at an address that is not 2 MiB aligned.

    ## Why it matters
    The split path does not expect a leaf at this level.
    """

    severity = Severity.FATAL
    invariants = (87,)
    facts = frozenset(("pud-leaf-unaligned-split",))
    help = "refuse such cuts in ->may_split, or offer smaller entries"
    violating = """
bar fb = 0x100000000 size 4G
process app
driver drv
app: v = mmap 1G, pfnmap
app: vmf_insert_pfn_pud v, fb
app: munmap v + 12K, 4K                    #! mapping-pud-split@!vm-pat
"""
    clean = """
bar fb = 0x100000000 size 4G
process app
driver drv
app: v = mmap 1G, pfnmap
app: vmf_insert_pfn_pud v, fb
app: munmap v, 1G
"""
