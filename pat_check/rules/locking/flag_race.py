"""locking-flag-race."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class FlagRace(FactRule):
    """A zap rewrites the flags of a mapping while another task changes it.

    ## Why it matters
    Up to 6.15 every zap of a tracked mapping clears VM_PAT, with whatever lock the caller has: unmap_mapping_range()
    has no mmap lock at all. What mprotect or a driver sets at the same moment may be lost.
    """

    severity = Severity.WARNING
    invariants = (156,)
    facts = frozenset(("zap-flag-race",))
    help = "zap tracked mappings under the mmap write lock, or insert from the fault handler and do not remap"
    violating = """
bar fb = 0xfd000000 size 64K
file card
process app
driver drv
app: v = mmap 16K, card
app: remap_pfn_range v, fb, 16K
app: mmap_write_lock {
  drv: unmap_mapping_range card           #! locking-flag-race@vm-pat*
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
file card
process app
driver drv
app: v = mmap 16K, card, pfnmap
app: vmf_insert_pfn v, fb
app: mmap_write_lock {
  drv: unmap_mapping_range card
}
"""
