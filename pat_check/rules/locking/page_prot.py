"""locking-page-prot."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class PageProt(FactRule):
    """vm_page_prot changes without the mmap lock held for writing.

    ## Why it matters
    Other faults and mprotect read it at the same time. A fault handler that picks the type of each page so makes the
    whole mapping flicker between types.
    """

    severity = Severity.WARNING
    invariants = (99,)
    facts = frozenset(("prot-needs-write-lock",))
    help = "set vm_page_prot in ->mmap"
    violating = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: fault v {
  vm_page_prot v, wc                      #! locking-page-prot
}
"""
    clean = """
bar fb = 0xfd000000 size 64K
process app
driver drv
app: v = mmap 16K, pfnmap
app: mmap_write_lock {
  vm_page_prot v, wc
}
"""
