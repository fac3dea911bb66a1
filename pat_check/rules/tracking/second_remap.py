"""tracking-second-remap."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import Depth, FactRule


class SecondRemap(FactRule):
    """A mapping is remapped whole a second time.

    ## Why it matters
    Since 6.16 a mapping has one context for its life: the second full `remap_pfn_range()` returns -EINVAL, also from a
    fault handler after a zap (the process gets SIGBUS), and also when a driver edits vm_start and vm_end to map
    piece by piece.
    """

    severity = Severity.ERROR
    invariants = (34, 56)
    depth = Depth.FAILURE
    facts = frozenset(("second-full-remap",))
    help = "remap once in ->mmap; refill with vmf_insert_pfn() from the fault handler"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 16K
drv: zap_vma_ptes v
app: remap_pfn_range v, fb + 32K, 16K    #! tracking-second-remap@pfnmap-ctx memtype-leak@unmap-region
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K
app: remap_pfn_range v, fb, 8K
app: remap_pfn_range v + 8K, fb + 8K, 8K
"""
