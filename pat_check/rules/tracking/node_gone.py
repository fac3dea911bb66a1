"""tracking-node-gone."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class NodeGone(FactRule):
    """A tracked mapping has lost its reservation, and its frames are still mapped.

    ## Why it matters
    A free that names another's range, or a driver that edits the bounds of a mapping, leaves a mapping that VM_PAT or
    its context says is reserved, while nothing is. Anybody may take the range with another type, and the free at munmap
    finds nothing. Since 6.16 the free comes after the last entry of all sharers is cleared; before, just before that.
    """

    severity = Severity.ERROR
    invariants = (30, 31, 55, 56)
    depth = Depth.CONSEQUENCE
    facts = frozenset(("tracked-without-node",))
    help = "free only what was reserved by the same owner"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: memtype_free fb, 16K                 #! tracking-node-gone
app: munmap v                             #! memtype-double-free
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
drv: memtype_reserve fb, 16K
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: memtype_free fb, 16K
app: munmap v
"""
