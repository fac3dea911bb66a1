"""mapping-cow-mode."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class CowMode(FactRule):
    """A copied page of a private PFN mapping is RAM with the type of the device.

    ## Why it matters
    Copy-on-write takes the protection of the mapping: a page of RAM is mapped UC- or WC in the process while the direct
    map has it write-back.
    """

    severity = Severity.WARNING
    invariants = (88,)
    facts = frozenset(("cow-anon-mode",))
    help = "map it shared, or refuse private mappings in ->mmap"
    violating = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, private, uc-
app: remap_pfn_range v, fb, 16K
app: write v + 4K                           #! mapping-cow-mode
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
app: v = mmap 16K, shared, uc-
app: remap_pfn_range v, fb, 16K
app: write v + 4K
"""
