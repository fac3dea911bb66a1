"""mapping-not-linear."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class NotLinear(FactRule):
    """A private PFN mapping has frames that do not follow from vm_pgoff.

    ## Why it matters
    `vm_pgoff` of such a mapping is its first frame, and the only way to tell an original entry from a copied page where
    the entry itself does not say it. A driver that overwrites it afterwards makes the kernel free the wrong range.
    """

    severity = Severity.ERROR
    invariants = (76,)
    facts = frozenset(("cow-not-linear",))
    help = "leave vm_pgoff of a private mapping alone after remap_pfn_range()"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, private
app: remap_pfn_range v, fb, 16K
app: mmap_write_lock {
  vm_pgoff v, fb + 32K                    #! mapping-not-linear
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, private
app: remap_pfn_range v, fb, 16K
app: munmap v + 4K, 4K                    #! memtype-invalid-free@!pfnmap-ctx
"""
