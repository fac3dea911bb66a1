"""mapping-bad-page-map."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class BadPageMap(FactRule):
    """A special entry is found in a mapping that may not have any.

    ## Why it matters
    The kernel reports `BUG: Bad page map` and taints itself. The usual cause is a driver that sets VM_PFNMAP on a copy
    of the mapping, or clears it: the entries then look like pages that must be counted.
    """

    severity = Severity.ERROR
    invariants = (77, 78, 119)
    facts = frozenset(("bad-page-map",))
    help = "remap the mapping that was passed to ->mmap, and leave its flags alone"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K, copy
app: munmap v                             #! mapping-bad-page-map
app: exit                                 #! memtype-leak
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
app: munmap v
app: exit
"""
