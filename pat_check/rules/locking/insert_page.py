"""locking-insert-page."""

from __future__ import annotations

from pat_check.findings import Severity
from pat_check.rules.base import FactRule


class InsertPage(FactRule):
    """The first page is inserted into a mapping without the mmap lock held for writing.

    ## Why it matters
    `vm_insert_page()` makes the mapping VM_MIXEDMAP, which needs the lock: it stops with BUG(). A fault handler may
    call it only where ->mmap has set the flag.
    """

    severity = Severity.FATAL
    invariants = (154,)
    facts = frozenset(("insert-page-first-use",))
    help = "set VM_MIXEDMAP in ->mmap"
    violating = """
ram buf = 0x1000000 size 64K
process app
app: v = mmap 16K, wb
app: fault v {
  vm_insert_page v, buf                   #! locking-insert-page
}
"""
    clean = """
ram buf = 0x1000000 size 64K
process app
app: v = mmap 16K, wb, mixedmap
app: fault v {
  vm_insert_page v, buf
}
app: w = mmap 16K, wb
app: mmap_write_lock {
  vm_insert_page w, buf
}
"""
