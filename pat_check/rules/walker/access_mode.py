"""walker-access-mode."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class AccessMode(FactRule):
    """A debugger reads a huge entry with another type than it is mapped with.

    ## Why it matters
    `generic_access_phys()` maps the frame for a moment with the protection of the entry, and reads the size bit of a
    huge entry as the PAT bit: write-combining becomes WP, and UC becomes WT.
    """

    severity = Severity.WARNING
    invariants = (118,)
    facts = frozenset(("access-phys-mode",))
    help = "give the mapping an ->access operation of its own"
    violating = """
bar fb = 0x100000000 size 4M
process app
driver drv
drv: p = ioremap_wc fb
app: v = mmap 4M, pfnmap, wc
app: vmf_insert_pfn_pmd v, fb
app: generic_access_phys v, 8             #! walker-access-mode@!vm-pat memtype-downgrade@!vm-pat
app: munmap v
drv: iounmap p
"""
    clean = """
bar fb = 0x100000000 size 4M
process app
driver drv
drv: p = ioremap_wc fb
app: v = mmap 4M, pfnmap, wc
app: vmf_insert_pfn v, fb
app: generic_access_phys v, 8
app: munmap v
drv: iounmap p
"""
