"""mapping-pgoff-overwritten."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class PgoffOverwritten(FactRule):
    """unmap_mapping_range() misses a mapping whose vm_pgoff was overwritten.

    ## Why it matters
    It looks mappings up by their offset in the file. Where a driver put the frame number into `vm_pgoff`, as vfio did
    in 6.1 and every private remap does, the mapping is not found and stays after a reset.
    """

    severity = Severity.INFO
    invariants = (95,)
    facts = frozenset(("vm-pgoff-overwritten",))
    help = "keep vm_pgoff, or zap such mappings one by one with zap_vma_ptes()"
    violating = """
bar fb = 0xfd000000 size 64K
file card
process app
driver drv
app: v = mmap 16K, card, pfnmap
app: mmap_write_lock {
  vm_pgoff v, fb
}
app: vmf_insert_pfn v, fb
drv: unmap_mapping_range card, 0, 16K     #! mapping-pgoff-overwritten
"""
    clean = """
bar fb = 0xfd000000 size 64K
file card
process app
driver drv
app: v = mmap 16K, card, pfnmap
app: mmap_write_lock {
  vm_pgoff v, fb
}
app: vmf_insert_pfn v, fb
drv: zap_vma_ptes v
"""
