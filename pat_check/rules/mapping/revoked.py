"""mapping-revoked."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class Revoked(FactRule):
    """Memory of a device that is switched off is mapped.

    ## Why it matters
    A read of it returns all ones or raises a machine check. A driver zaps every mapping before it clears the memory
    enable bit, and its fault handler inserts nothing until the bit is set again.
    """

    severity = Severity.ERROR
    invariants = (96,)
    facts = frozenset(("mapped-while-disabled",))
    help = "take the driver's own lock in the fault handler, and look whether the device is on"
    violating = """
bar fb = 0xfd000000 size 64K
file card
process app
driver drv
app: v = mmap 16K, card, pfnmap
app: vmf_insert_pfn v, fb
drv: unmap_mapping_range card
drv: memory_disable fb
app: fault v {
  vmf_insert_pfn v, fb                    #! mapping-revoked
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
file card
process app
driver drv
app: v = mmap 16K, card, pfnmap
app: vmf_insert_pfn v, fb
drv: unmap_mapping_range card
drv: memory_disable fb
drv: memory_enable fb
app: fault v {
  vmf_insert_pfn v, fb
}
"""
