"""mapping-huge-cleared."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class HugeCleared(FactRule):
    """Cutting a huge entry clears all of it.

    ## Why it matters
    A special leaf cannot be split: when a part is unmapped or the mapping is cut inside it, the rest must fault again.
    Correct, but a process that does it in a loop pays for it.
    """

    severity = Severity.INFO
    invariants = (86,)
    facts = frozenset(("huge-split-cleared",))
    help = "unmap and protect at leaf boundaries"
    violating = """
bar fb = 0x100000000 size 4G
process app
driver drv
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, fb
app: munmap v + 1M, 1M                     #! mapping-huge-cleared@!vm-pat
"""
    clean = """
bar fb = 0x100000000 size 4G
process app
driver drv
app: v = mmap 4M, pfnmap
app: vmf_insert_pfn_pmd v, fb
app: munmap v + 2M, 2M
"""
